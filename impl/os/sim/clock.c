#include "os/clock.h"

#include "os/sim/scheduler.h"

uint64_t icn_os_clock_ms(void)
{
    icn_interleave();
    return icn_sim_now_ms();
}

/* Each look takes a microsecond, so that whoever looks again and again comes to an end; the simulated time does not move. */
uint64_t icn_os_clock_us(void)
{
    static uint64_t looks;
    icn_interleave();
    return icn_sim_now_ms() * 1000 + ++looks;
}
