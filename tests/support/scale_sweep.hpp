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
std::vector<Scenario> all_scenarios();

bool fits(const Scenario &scenario, const api_test::Mode &mode);

/* The hook of icn_memory_fail. */
extern const Injector library_injector;

/* Prints what it has done. Stops at the first allocation whose failure does harm, and says which. */
void sweep(const Scenario &scenario, const api_test::Mode &mode, const Injector &injector = library_injector);

} // namespace scale_test
