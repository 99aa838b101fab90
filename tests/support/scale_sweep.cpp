#include "support/scale_sweep.hpp"

#include <cstdio>

#include "support/api_fixture.hpp"
#include "support/scale_process.hpp"

extern "C" {
#include "util/memory.h"
}

namespace scale_test
{

using api_test::Mode;

const Injector library_injector = {icn_memory_fail, icn_memory_attempts};

namespace
{

/* A sweep that comes this far does not end. */
constexpr uint64_t allocations_max = 3000;

struct Outcome {
    uint64_t allocations;
    bool was_short;
};

std::string describe(const Scenario &scenario, const Mode &mode, const Shortage &shortage)
{
    return std::string(scenario.name) + " on " + api_test::mode_name(mode) + ", allocation " +
           std::to_string(shortage.first) + (shortage.for_ever ? " and all after it" : "") +
           (shortage.relieved ? " until the scenario is over" : "");
}

Outcome run(const Scenario &scenario, const Mode &mode, const Injector &injector, const Shortage &shortage)
{
    SCOPED_TRACE(describe(scenario, mode, shortage));
    Outcome outcome = {};
    const uint64_t descriptors = holdings().descriptors;
    {
        Trial trial(mode, injector, shortage);
        scenario.play(trial);
        for (const std::string &complaint : trial.finish()) {
            ADD_FAILURE() << complaint;
        }
        outcome = {trial.allocations(), trial.was_short()};
    }
    api_test::wait_for_nothing_alive();
    EXPECT_TRUE(api_test::wait_until([] { return api_test::live_objects().threads == 0; }));
    iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr);
    if (!api_test::on_windows) {
        /* Fewer at times: the system closes a ring of before a moment later. On Windows they come and go with threads. */
        EXPECT_TRUE(api_test::wait_until([=] { return holdings().descriptors <= descriptors; }));
    }
    return outcome;
}

/* Up to the first run in which no allocation was left to fail; the number of runs in which one did. */
uint64_t run_all(const Scenario &scenario, const Mode &mode, const Injector &injector, Shortage shortage)
{
    uint64_t runs = 0;
    for (shortage.first = 1; shortage.first < allocations_max; shortage.first++) {
        const Outcome outcome = run(scenario, mode, injector, shortage);
        if (!outcome.was_short || testing::Test::HasFailure()) {
            return runs;
        }
        runs++;
    }
    ADD_FAILURE() << describe(scenario, mode, shortage) << ": no end";
    return runs;
}

} // namespace

bool fits(const Scenario &scenario, const Mode &mode)
{
    const bool batches = mode.delivery == IOCPNET_DELIVERY_BATCHES;
    return batches ? !scenario.callbacks_only : !scenario.batches_only;
}

std::vector<Scenario> all_scenarios()
{
    std::vector<Scenario> all = service_scenarios();
    for (const auto &more : {session_scenarios(), queue_scenarios(), feature_scenarios()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

void sweep(Tally &tally, const Scenario &scenario, const Mode &mode, const Injector &injector)
{
    tally.scenarios++;
    tally.points += run(scenario, mode, injector, {}).allocations;
    for (const Shortage &shortage : {Shortage{0, false, false}, Shortage{0, true, false}, Shortage{0, true, true}}) {
        if (!testing::Test::HasFailure()) {
            tally.runs += run_all(scenario, mode, injector, shortage);
        }
    }
}

void print(const Tally &tally, const char *what)
{
    std::printf("total: scenarios of %s = %llu\ntotal: allocation points of %s = %llu\n"
                "total: runs with failures of %s = %llu\n",
                what, static_cast<unsigned long long>(tally.scenarios), what,
                static_cast<unsigned long long>(tally.points), what, static_cast<unsigned long long>(tally.runs));
}

} // namespace scale_test
