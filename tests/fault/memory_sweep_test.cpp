/*
 * Every allocation of every scenario fails: once; with all after it; and with all after it until memory comes back. Each
 * time the outcome is an error code or a close reason, nothing leaks, and the service serves on or refuses.
 */
#include "support/api_fixture.hpp"
#include "support/scale_sweep.hpp"

using namespace api_test;
using scale_test::Scenario;

namespace
{

struct Case {
    Scenario scenario;
    Mode mode;
};

void PrintTo(const Case &which, std::ostream *out)
{
    *out << which.scenario.name << " on " << mode_name(which.mode);
}

std::vector<Case> all_cases()
{
    std::vector<Case> cases;
    for (const Scenario &scenario : scale_test::all_scenarios()) {
        for (const Mode &mode : all_modes()) {
            if (scale_test::fits(scenario, mode)) {
                cases.push_back({scenario, mode});
            }
        }
    }
    return cases;
}

class MemorySweep : public testing::TestWithParam<Case>
{
protected:
    void SetUp() override
    {
        if (!port_works(GetParam().mode.port)) {
            GTEST_SKIP() << "this system has no " << port_name(GetParam().mode.port);
        }
    }
};
INSTANTIATE_TEST_SUITE_P(, MemorySweep, testing::ValuesIn(all_cases()),
                         [](const auto &test) { return mode_name(test.param.mode) + "_" + test.param.scenario.name; });

TEST_P(MemorySweep, EveryAllocationFailsWithoutHarm)
{
    scale_test::Tally tally;
    scale_test::sweep(tally, GetParam().scenario, GetParam().mode, scale_test::library_injector);
    scale_test::print(tally, "the allocation sweep");
}

} // namespace
