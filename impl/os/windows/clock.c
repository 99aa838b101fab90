#include "os/clock.h"

#include <windows.h>

/* GetTickCount64 moves in steps of 16 ms only. */
static uint64_t now(uint64_t units_per_second)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    uint64_t per_second = (uint64_t)frequency.QuadPart;
    uint64_t count = (uint64_t)ticks.QuadPart;
    /* Seconds and the rest apart: the product would overflow after some months. */
    return count / per_second * units_per_second + count % per_second * units_per_second / per_second;
}

uint64_t icn_os_clock_ms(void)
{
    return now(1000);
}

uint64_t icn_os_clock_us(void)
{
    return now(1000000);
}
