/* A round: some hosts, some peers and some faults for about a second, and then the reckoning. */
#pragma once

#include <cstdint>
#include <vector>

#include "stress/watchdog.hpp"

namespace stress
{

struct RoundPlan {
    uint64_t seed;
    std::vector<uint32_t> ports;
    bool memory_faults;
    bool descriptor_faults;
};

/* What rounds did, summed up. */
struct Figures {
    uint64_t rounds = 0;
    uint64_t hosts = 0;
    uint64_t sessions = 0;
    uint64_t connects_failed = 0;
    uint64_t peers = 0;
    uint64_t bytes = 0;
    uint64_t events = 0;
    uint64_t faults = 0;
    uint64_t pairs = 0;
};

/* Runs it and adds to the figures. What is wrong is a violation. */
void run_round(const RoundPlan &plan, Watchdog &watchdog, Figures &figures);

} // namespace stress
