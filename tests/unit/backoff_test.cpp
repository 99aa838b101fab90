/* Exponential back-off with jitter: the delays, and how far they are spread. */
#include <vector>

#include "support/unit_support.hpp"

extern "C" {
#include "net/backoff.h"
}

namespace unit_test
{

namespace
{

icn_backoff plain()
{
    icn_backoff backoff = {};
    backoff.initial_ms = 100;
    backoff.max_ms = 1000;
    backoff.factor_percent = 200;
    return backoff;
}

TEST(Backoff, DelaysGrowByTheFactorUpToTheMaximum)
{
    const icn_backoff backoff = plain();
    const std::vector<uint32_t> wanted = {100, 200, 400, 800, 1000, 1000};
    for (uint32_t i = 0; i < wanted.size(); i++) {
        EXPECT_EQ(wanted[i], icn_backoff_delay_ms(&backoff, i + 1, UINT64_MAX)) << i;
    }
    EXPECT_EQ(1000u, icn_backoff_delay_ms(&backoff, UINT32_MAX, 5));
}

TEST(Backoff, SmallFactorStillGrows)
{
    icn_backoff backoff = plain();
    backoff.initial_ms = 1;
    backoff.factor_percent = 101;
    EXPECT_EQ(1u, icn_backoff_delay_ms(&backoff, 1, 0));
    EXPECT_EQ(2u, icn_backoff_delay_ms(&backoff, 2, 0));
    EXPECT_EQ(1000u, icn_backoff_delay_ms(&backoff, UINT32_MAX, 0));
}

TEST(Backoff, FactorOfOneNeverGrows)
{
    icn_backoff backoff = plain();
    backoff.factor_percent = 100;
    EXPECT_EQ(100u, icn_backoff_delay_ms(&backoff, UINT32_MAX, 0));
}

TEST(Backoff, LargestNumbersDoNotOverflow)
{
    icn_backoff backoff = plain();
    backoff.initial_ms = UINT32_MAX;
    backoff.max_ms = UINT32_MAX;
    backoff.factor_percent = 10000;
    backoff.jitter_percent = 100;
    for (const uint64_t random : {UINT64_C(0), UINT64_C(0xFFFFFFFF), UINT64_MAX}) {
        EXPECT_GE(icn_backoff_delay_ms(&backoff, UINT32_MAX, random), 1u);
    }
}

TEST(Backoff, JitterTakesOffUpToItsShareAndNeverAll)
{
    icn_backoff backoff = plain();
    backoff.jitter_percent = 30;
    EXPECT_EQ(100u, icn_backoff_delay_ms(&backoff, 1, 0));
    EXPECT_EQ(70u, icn_backoff_delay_ms(&backoff, 1, 30));
    for (uint64_t random = 0; random < 1000; random++) {
        const uint32_t delay_ms = icn_backoff_delay_ms(&backoff, 1, random);
        EXPECT_TRUE(delay_ms >= 70 && delay_ms <= 100) << delay_ms;
    }
    backoff.jitter_percent = 100;
    EXPECT_EQ(1u, icn_backoff_delay_ms(&backoff, 1, 100));
}

/* A thousand clients of one server: no hundredth of the time gets more than three times its share. */
TEST(Backoff, ClientsAreSpreadEvenly)
{
    icn_backoff backoff = plain();
    backoff.initial_ms = 10000;
    backoff.max_ms = 10000;
    backoff.jitter_percent = 100;
    icn_atomic_u64 state;
    icn_u64_store(&state, 4711);
    std::vector<uint32_t> buckets(101);
    for (int i = 0; i < 100000; i++) {
        buckets[icn_backoff_delay_ms(&backoff, 1, icn_backoff_random(&state)) / 100]++;
    }
    for (size_t i = 0; i < 100; i++) {
        EXPECT_TRUE(buckets[i] > 800 && buckets[i] < 1200) << i << ": " << buckets[i];
    }
}

TEST(Backoff, AttemptsAreCountedToTheirMaximum)
{
    icn_backoff backoff = plain();
    EXPECT_TRUE(icn_backoff_allows(&backoff, UINT32_MAX));
    backoff.attempts_max = 2;
    EXPECT_TRUE(icn_backoff_allows(&backoff, 2));
    EXPECT_FALSE(icn_backoff_allows(&backoff, 3));
    backoff.initial_ms = 0;
    EXPECT_FALSE(icn_backoff_allows(&backoff, 1));
}

} // namespace

} // namespace unit_test
