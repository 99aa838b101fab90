#if defined(__linux__)

#include "support/fault_clock.hpp"

#include <atomic>
#include <ctime>

namespace fault_test
{

namespace
{

std::atomic<uint64_t> monotonic{0};
std::atomic<uint64_t> other{0};
std::atomic<int64_t> ahead{0};

} // namespace

uint64_t monotonic_readings()
{
    return monotonic;
}

uint64_t other_readings()
{
    return other;
}

void set_wall_clock_ahead(int64_t seconds)
{
    ahead = seconds;
}

extern "C" int observed_clock_gettime(clockid_t clock, timespec *now);

int observed_clock_gettime(clockid_t clock, timespec *now)
{
    const int result = clock_gettime(clock, now);
    if (clock == CLOCK_MONOTONIC) {
        monotonic++;
    } else {
        other++;
        now->tv_sec += ahead;
    }
    return result;
}

} // namespace fault_test

#endif
