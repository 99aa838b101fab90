/* Time that never jumps. Any thread. */
#ifndef ICN_OS_CLOCK_H
#define ICN_OS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some point in the past; a change of the wall clock does not move it. */
uint64_t icn_os_clock_ms(void);

/* The first time of this clock when `after_ms` have passed whole: part of this millisecond has passed already. */
static inline uint64_t icn_os_deadline_ms(uint64_t after_ms)
{
    return icn_os_clock_ms() + after_ms + (after_ms != 0 ? 1 : 0);
}

/* The same clock in microseconds. */
uint64_t icn_os_clock_us(void);

#endif
