#ifndef BENCH_LOAD_LOOP_HPP
#define BENCH_LOAD_LOOP_HPP

#include <array>
#include <cstdint>

#include <sys/epoll.h>

#include "load/clock.hpp"

namespace bench
{

/*
 * An epoll descriptor; each socket is added once, edge triggered, and leaves by being closed. Waits without end are the
 * cheapest: a timeout of each wait would be programmed into the clock each time. A timer that runs on ends them.
 */
class Loop
{
public:
    static constexpr uint32_t timer_index = UINT32_MAX;
    static constexpr uint64_t timer_ns = 20 * ns_per_ms;
    static constexpr uint64_t forever = UINT64_MAX;

    Loop();
    ~Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    void add(int descriptor, uint32_t index);

    /* While it runs, there is an event with `timer_index` every `timer_ns`. */
    void run_timer(bool on);
    void take_timer();

    /* The events of one wait. They are the loop's memory, until the next wait. */
    const epoll_event *wait(uint64_t timeout_ns, uint32_t &count);

    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
    int timer_;
    std::array<epoll_event, 256> events_{};
};

} // namespace bench

#endif
