#include "os/clock.h"

#include <windows.h>

/* GetTickCount64 moves in steps of 16 ms only. */
uint64_t icn_os_clock_ms(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    uint64_t per_second = (uint64_t)frequency.QuadPart;
    uint64_t count = (uint64_t)ticks.QuadPart;
    /* Seconds and the rest apart: the product would overflow after some months. */
    return count / per_second * 1000 + count % per_second * 1000 / per_second;
}
