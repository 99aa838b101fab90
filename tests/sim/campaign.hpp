/* Many runs, in several processes. */
#pragma once

#include <cstdint>

#include "child.hpp"

namespace sim_test
{

struct Campaign {
    uint64_t first_seed = 1;
    uint64_t runs = 0;        /* 0: as many as it takes for the life cycles */
    uint64_t life_cycles = 0; /* at least */
    uint32_t jobs = 1;
};

/* Ends with the first violation. */
SeriesResult run_campaign(const Campaign &campaign);

} // namespace sim_test
