/* The simulator itself: it repeats itself, and it finds and shrinks what is wrong. */
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <set>
#include <string>

#include "campaign.hpp"
#include "child.hpp"
#include "choice_file.hpp"
#include "invariants.hpp"
#include "shrink.hpp"

extern "C" {
#include "net/test_hooks.h"
}

namespace sim_test
{

namespace
{

SeriesResult run_seeds(uint64_t first, uint64_t count)
{
    Series series;
    series.first_seed = first;
    series.count = count;
    return run_child(series);
}

SeriesResult run_bytes(const std::vector<uint8_t> &bytes)
{
    static const uint8_t nothing[1] = {};
    Series series;
    series.bytes = bytes.empty() ? nothing : bytes.data();
    series.size = bytes.size();
    return run_child(series);
}

/* In the children that are made while it lives, a session never learns that its first receive has ended. */
class ForgottenOperation
{
public:
    ForgottenOperation() { icn_test_forget_operation_completions(1); }
    ForgottenOperation(const ForgottenOperation &) = delete;
    ForgottenOperation &operator=(const ForgottenOperation &) = delete;
    ~ForgottenOperation() { icn_test_forget_operation_completions(0); }
};

/* Steps and life cycles say that two runs were the same; hashes are mixed with their seeds. */
void expect_same_run(const SeriesResult &one, const SeriesResult &other)
{
    EXPECT_EQ(one.steps, other.steps);
    EXPECT_EQ(one.life_cycles, other.life_cycles);
    EXPECT_EQ(one.preemptions, other.preemptions);
}

} // namespace

TEST(Simulation, TheSameSeedMakesTheSameRun)
{
    const SeriesResult one = run_seeds(1, 40);
    const SeriesResult again = run_seeds(1, 40);
    EXPECT_FALSE(one.violated) << one.invariant << ": " << one.text;
    EXPECT_EQ(one.hash, again.hash);
    expect_same_run(one, again);
}

TEST(Simulation, AnotherSeedMakesAnotherRun)
{
    EXPECT_NE(run_seeds(1, 1).steps, run_seeds(2, 1).steps);
}

TEST(Simulation, ARunDoesNotDependOnThoseBefore)
{
    constexpr uint64_t count = 60;
    uint64_t hash = 0;
    uint64_t steps = 0;
    for (uint64_t seed = 1; seed <= count; seed++) {
        const SeriesResult alone = run_seeds(seed, 1);
        hash += alone.hash;
        steps += alone.steps;
    }
    const SeriesResult together = run_seeds(1, count);
    EXPECT_EQ(together.hash, hash);
    EXPECT_EQ(together.steps, steps);
}

TEST(Simulation, RecordedChoicesMakeTheRunOfTheirSeed)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        SCOPED_TRACE(seed);
        expect_same_run(run_seeds(seed, 1), run_bytes(record_choices(seed)));
    }
}

TEST(Simulation, TheCampaignIsTheSumOfItsRunsInAnyNumberOfProcesses)
{
    Campaign campaign;
    campaign.runs = 700;
    const SeriesResult alone = run_campaign(campaign);
    campaign.jobs = 2;
    const SeriesResult two = run_campaign(campaign);
    EXPECT_EQ(alone.runs, 700u);
    EXPECT_EQ(alone.hash, two.hash);
    expect_same_run(alone, two);
}

TEST(Simulation, NoChoicesAtAllMakeAPlainRun)
{
    const SeriesResult plain = run_bytes({});
    EXPECT_FALSE(plain.violated) << plain.invariant << ": " << plain.text;
    EXPECT_EQ(plain.preemptions, 0u);
    EXPECT_GE(plain.life_cycles, 20u);
}

/* The first one whose run finds what is planted; what a seed means changes with the library. */
uint64_t seed_of_a_violation()
{
    uint64_t seed = 1;
    while (seed < 20 && !run_seeds(seed, 1).violated) {
        seed++;
    }
    return seed;
}

TEST(Violation, AForgottenOperationIsFound)
{
    const ForgottenOperation planted;
    const SeriesResult result = run_seeds(seed_of_a_violation(), 1);
    EXPECT_TRUE(result.violated);
    EXPECT_GT(result.violation_steps, 0u);
}

TEST(Violation, ShrinksToFewerStepsOfTheSameInvariant)
{
    const ForgottenOperation planted;
    const uint64_t seed = seed_of_a_violation();
    const SeriesResult found = run_seeds(seed, 1);
    const std::vector<uint8_t> choices = record_choices(seed);
    const Shrunk shrunk = shrink(choices, found.invariant, 20);
    EXPECT_STREQ(found.invariant, shrunk.result.invariant);
    EXPECT_LT(shrunk.choices.size(), choices.size() / 2);
    EXPECT_LT(shrunk.result.violation_steps, found.violation_steps / 2);
    const SeriesResult replayed = run_bytes(shrunk.choices);
    EXPECT_STREQ(found.invariant, replayed.invariant);
    EXPECT_EQ(shrunk.result.violation_steps, replayed.violation_steps);
}

TEST(Violation, TooManyStepsAreOneOfProgress)
{
    Series series;
    series.steps_max = 50;
    const SeriesResult result = run_child(series);
    EXPECT_TRUE(result.violated);
    EXPECT_STREQ(invariant::progress, result.invariant);
}

TEST(Invariants, HaveNamesOfTheirOwn)
{
    size_t count;
    const Invariant *table = all_invariants(&count);
    std::set<std::string> names;
    for (size_t i = 0; i < count; i++) {
        EXPECT_TRUE(names.insert(table[i].name).second) << table[i].name;
        EXPECT_GT(std::strlen(table[i].rule), 0u);
    }
}

TEST(ChoiceFile, GivesBackWhatWasWritten)
{
    const std::string path = testing::TempDir() + "iocpnet-sim-" +
                             std::to_string(testing::UnitTest::GetInstance()->random_seed()) + ".choices";
    std::vector<uint8_t> written(70);
    for (size_t i = 0; i < written.size(); i++) {
        written[i] = static_cast<uint8_t>(i * 7);
    }
    std::vector<uint8_t> read;
    ASSERT_TRUE(write_choices(path, "a remark", written));
    EXPECT_TRUE(read_choices(path, read));
    EXPECT_EQ(written, read);
    std::remove(path.c_str());
    EXPECT_FALSE(read_choices(path, read));
}

} // namespace sim_test
