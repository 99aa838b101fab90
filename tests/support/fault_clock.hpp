/* The clocks that the library reads: its calls of clock_gettime come here (see fault/redirected_calls.txt). Linux. */
#pragma once

#include <cstdint>

namespace fault_test
{

/* Readings of the library so far: of the monotonic clock, and of any other one. */
uint64_t monotonic_readings();
uint64_t other_readings();

/* From now on the wall clock is that much ahead, in the eyes of the library. */
void set_wall_clock_ahead(int64_t seconds);

} // namespace fault_test
