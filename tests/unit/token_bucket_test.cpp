#include "support/unit_support.hpp"

extern "C" {
#include "util/token_bucket.h"
}

namespace unit_test
{

namespace
{

constexpr uint64_t start = 1000003;

TEST(TokenBucket, GivesItsBurstAtOnceAndThenItsRate)
{
    const icn_bucket_limit limit = {10, 3};
    icn_bucket bucket;
    icn_bucket_init(&bucket, &limit, start);
    for (int i = 0; i < 3; i++) {
        EXPECT_TRUE(icn_bucket_take(&bucket, &limit, start)) << i;
    }
    EXPECT_FALSE(icn_bucket_take(&bucket, &limit, start));
    EXPECT_FALSE(icn_bucket_take(&bucket, &limit, start + 99));
    EXPECT_TRUE(icn_bucket_take(&bucket, &limit, start + 100));
    EXPECT_FALSE(icn_bucket_take(&bucket, &limit, start + 199));
    EXPECT_TRUE(icn_bucket_take(&bucket, &limit, start + 200));
}

TEST(TokenBucket, NeverHoldsMoreThanItsBurst)
{
    const icn_bucket_limit limit = {10, 3};
    icn_bucket bucket;
    icn_bucket_init(&bucket, &limit, 0);
    for (const uint64_t later : {UINT64_C(10000), UINT64_MAX / 2, UINT64_MAX}) {
        EXPECT_TRUE(icn_bucket_take(&bucket, &limit, later));
        EXPECT_TRUE(icn_bucket_take(&bucket, &limit, later));
        EXPECT_TRUE(icn_bucket_take(&bucket, &limit, later));
        EXPECT_FALSE(icn_bucket_take(&bucket, &limit, later));
    }
}

TEST(TokenBucket, ADebtIsPaidAtTheRate)
{
    const icn_bucket_limit limit = {1000, 1000};
    icn_bucket bucket;
    icn_bucket_init(&bucket, &limit, start);
    EXPECT_EQ(0u, icn_bucket_charge(&bucket, &limit, start, 1000));
    EXPECT_EQ(5000u, icn_bucket_charge(&bucket, &limit, start, 5000));
    EXPECT_EQ(4000u, icn_bucket_charge(&bucket, &limit, start + 1000, 0));
    EXPECT_EQ(1u, icn_bucket_charge(&bucket, &limit, start + 5000, 1));
    EXPECT_EQ(0u, icn_bucket_charge(&bucket, &limit, start + 5001, 0));
}

TEST(TokenBucket, AClockThatGoesBackGivesNothing)
{
    const icn_bucket_limit limit = {1000, 1};
    icn_bucket bucket;
    icn_bucket_init(&bucket, &limit, start);
    EXPECT_TRUE(icn_bucket_take(&bucket, &limit, start));
    EXPECT_FALSE(icn_bucket_take(&bucket, &limit, start - 1000));
    EXPECT_FALSE(icn_bucket_take(&bucket, &limit, start));
    EXPECT_TRUE(icn_bucket_take(&bucket, &limit, start + 1));
}

TEST(TokenBucket, TheLargestLimitsDoNotOverflow)
{
    const icn_bucket_limit limit = {ICN_BUCKET_MAX, ICN_BUCKET_MAX};
    icn_bucket bucket;
    icn_bucket_init(&bucket, &limit, 0);
    for (uint32_t i = 0; i < 256; i++) {
        EXPECT_EQ(0u, icn_bucket_charge(&bucket, &limit, 0, UINT32_MAX));
    }
    EXPECT_EQ(0u, icn_bucket_charge(&bucket, &limit, 0, 256));
    EXPECT_EQ(1u, icn_bucket_charge(&bucket, &limit, 0, 1));
    EXPECT_FALSE(icn_bucket_is_full(&bucket, &limit, 1000));
    EXPECT_TRUE(icn_bucket_is_full(&bucket, &limit, 1001));
}

} // namespace

} // namespace unit_test
