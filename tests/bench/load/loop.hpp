#ifndef BENCH_LOAD_LOOP_HPP
#define BENCH_LOAD_LOOP_HPP

#include <array>
#include <cstdint>

#include <sys/epoll.h>

namespace bench
{

/* An epoll descriptor; each socket is added once, edge triggered, and leaves by being closed. */
class Loop
{
public:
    Loop();
    ~Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    void add(int descriptor, uint32_t index);

    /* The events of one wait. They are the loop's memory, until the next wait. */
    const epoll_event *wait(uint64_t timeout_ns, uint32_t &count);

    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
    std::array<epoll_event, 256> events_{};
};

} // namespace bench

#endif
