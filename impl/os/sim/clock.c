#include "os/clock.h"

#include "os/sim/scheduler.h"

uint64_t icn_os_clock_ms(void)
{
    icn_interleave();
    return icn_sim_now_ms();
}

uint64_t icn_os_clock_us(void)
{
    icn_interleave();
    return icn_sim_look_us();
}
