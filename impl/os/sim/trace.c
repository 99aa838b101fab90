#include "os/sim/trace.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t hash;
static uint64_t steps;
static bool printing;

void icn_sim_trace_begin(bool print)
{
    hash = UINT64_C(0xCBF29CE484222325);
    steps = 0;
    printing = print;
}

static void mix(uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 29;
}

void icn_sim_trace(const char *what, uint64_t first, uint64_t second)
{
    uint64_t word = 0;

    for (const char *letter = what; *letter != '\0'; letter++) {
        word = word * 31 + (uint8_t)*letter;
    }
    mix(word);
    mix(first);
    mix(second);
    steps++;
    if (printing) {
        fprintf(stderr, "%8" PRIu64 " %-20s %" PRIu64 " %" PRIu64 "\n", steps, what, first, second);
    }
}

uint64_t icn_sim_trace_hash(void)
{
    return hash;
}

uint64_t icn_sim_trace_steps(void)
{
    return steps;
}
