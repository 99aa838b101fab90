#ifndef BENCH_LOAD_CLOCK_HPP
#define BENCH_LOAD_CLOCK_HPP

#include <cstdint>
#include <ctime>

namespace bench
{

constexpr uint64_t ns_per_ms = 1000000;
constexpr uint64_t ns_per_second = 1000000000;

inline uint64_t read_clock(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * ns_per_second + static_cast<uint64_t>(time.tv_nsec);
}

inline uint64_t now_ns()
{
    return read_clock(CLOCK_MONOTONIC);
}

} // namespace bench

#endif
