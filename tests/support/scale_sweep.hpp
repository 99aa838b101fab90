/* The sweep: a scenario again and again, with every one of its allocations failing in turn. None is left out. */
#pragma once

#include <functional>

#include "support/scale_trial.hpp"

namespace scale_test
{

struct Scenario {
    const char *name;
    std::function<void(Trial &)> play;
    bool callbacks_only = false;
    bool batches_only = false;
};

/* Those of a file, by what they are about. */
std::vector<Scenario> service_scenarios();
std::vector<Scenario> session_scenarios();
std::vector<Scenario> queue_scenarios();
std::vector<Scenario> feature_scenarios();
std::vector<Scenario> all_scenarios();

bool fits(const Scenario &scenario, const api_test::Mode &mode);

/* The hook of icn_memory_fail. */
extern const Injector library_injector;

struct Tally {
    uint64_t scenarios = 0;
    uint64_t points = 0; /* allocations of a run in which none fails, over all scenarios */
    uint64_t runs = 0;   /* in which one failed, or more */
};

/* Adds to the tally. Stops at the first allocation whose failure does harm, and says which. */
void sweep(Tally &tally, const Scenario &scenario, const api_test::Mode &mode, const Injector &injector);
void print(const Tally &tally, const char *what);

} // namespace scale_test
