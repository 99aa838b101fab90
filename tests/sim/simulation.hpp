/* One simulated run, from its choices to its result. A process makes one after another, until one is violated. */
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
#include "os/sim/scheduler.h"
}

namespace sim_test
{

/* Where the choices of a run come from: a seed, or bytes that are followed by zeros. */
struct Choices {
    uint64_t seed = 0;
    const uint8_t *bytes = nullptr;
    size_t size = 0;

    static Choices from_seed(uint64_t seed) { return {seed, nullptr, 0}; }
    /* They stay the caller's. NULL counts as none. */
    static Choices from_bytes(const uint8_t *bytes, size_t size);
};

struct RunLimits {
    uint64_t steps_max = 400000;
    bool trace = false; /* prints each step */
};

struct RunResult {
    icn_sim_result core;  /* violated, which invariant, steps, preemptions, hash */
    uint64_t life_cycles; /* sessions that have ended */
};

/* After a violation the process is of no more use for runs. */
RunResult run_simulation(const Choices &choices, const RunLimits &limits);

} // namespace sim_test
