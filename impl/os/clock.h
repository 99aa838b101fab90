/* Time that never jumps. Any thread. */
#ifndef ICN_OS_CLOCK_H
#define ICN_OS_CLOCK_H

#include <stdint.h>

/* Milliseconds since some point in the past; a change of the wall clock does not move it. */
uint64_t icn_os_clock_ms(void);

/* The same clock in microseconds. */
uint64_t icn_os_clock_us(void);

#endif
