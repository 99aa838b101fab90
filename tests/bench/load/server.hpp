#ifndef BENCH_LOAD_SERVER_HPP
#define BENCH_LOAD_SERVER_HPP

#include <cstdint>
#include <ctime>

namespace bench
{

/* The process that is measured, seen from outside. */
class Server
{
public:
    explicit Server(int pid);

    /* CPU time of all its threads. */
    uint64_t cpu_ns() const;

    /* VmRSS of its /proc/PID/status. */
    uint64_t resident_kb() const;

private:
    int pid_;
    clockid_t clock_ = 0;
};

} // namespace bench

#endif
