/* Lanes: when a conditioner lets bytes go on. */
#include <vector>

#include "support/unit_support.hpp"

extern "C" {
#include "net/lane.h"
}

namespace unit_test
{

namespace
{

constexpr uint64_t start = 1000000007;

struct Gone {
    uint64_t at_us;
    uint32_t bytes;
};

/* Lets everything go on as soon as it may. */
std::vector<Gone> drain(icn_lane &lane, const icn_lane_rules &rules)
{
    std::vector<Gone> gone;
    while (lane.count != 0) {
        const uint64_t at_us = icn_lane_next_us(&lane, &rules);
        const uint32_t bytes = icn_lane_due(&lane, &rules, at_us);
        EXPECT_NE(0u, bytes) << "nothing is due when it should be";
        if (bytes == 0) {
            break;
        }
        icn_lane_take(&lane, &rules, bytes);
        gone.push_back({at_us, bytes});
    }
    return gone;
}

class Lane : public testing::Test
{
protected:
    void SetUp() override { icn_lane_init(&lane, 42); }
    bool accept(uint64_t after_us, uint32_t bytes) { return icn_lane_accept(&lane, &rules, start + after_us, bytes); }

    icn_lane lane;
    icn_lane_rules rules = {};
};

TEST_F(Lane, WithoutRulesEverythingGoesOnAtOnce)
{
    EXPECT_EQ(ICN_LANE_NEVER, icn_lane_next_us(&lane, &rules));
    EXPECT_TRUE(accept(0, 100));
    EXPECT_EQ(100u, icn_lane_due(&lane, &rules, start));
    EXPECT_EQ(start, icn_lane_next_us(&lane, &rules));
}

TEST_F(Lane, PiecesOfManyBytesAreNotJoined)
{
    EXPECT_TRUE(accept(0, UINT32_MAX));
    EXPECT_TRUE(accept(0, 1));
    EXPECT_EQ(2u, lane.count);
    EXPECT_EQ(UINT32_MAX, icn_lane_due(&lane, &rules, start));
    icn_lane_take(&lane, &rules, UINT32_MAX);
    EXPECT_EQ(1u, icn_lane_due(&lane, &rules, start));
}

TEST_F(Lane, NothingGoesOnBeforeItsDelay)
{
    rules.delay_us = 5000;
    accept(0, 10);
    accept(1000, 20);
    EXPECT_EQ(0u, icn_lane_due(&lane, &rules, start + 4999));
    EXPECT_EQ(10u, icn_lane_due(&lane, &rules, start + 5000));
    EXPECT_EQ(10u, icn_lane_due(&lane, &rules, start + 5999));
    EXPECT_EQ(30u, icn_lane_due(&lane, &rules, start + 6000));
}

TEST_F(Lane, TheSameSeedAndInputGiveTheSameDecisions)
{
    rules = {100000, 5000, 20000, 200000, 30000, 100, 7, 0};
    std::vector<Gone> runs[3];
    for (uint32_t run = 0; run < 3; run++) {
        icn_lane_init(&lane, run < 2 ? 7 : 8);
        for (uint32_t i = 0; i < 50; i++) {
            accept(i * 3000, 10 + i);
        }
        runs[run] = drain(lane, rules);
    }
    auto equal = [](const std::vector<Gone> &a, const std::vector<Gone> &b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](const Gone &x, const Gone &y) { return x.at_us == y.at_us && x.bytes == y.bytes; });
    };
    EXPECT_TRUE(equal(runs[0], runs[1]));
    EXPECT_FALSE(equal(runs[0], runs[2]));
}

TEST_F(Lane, OneOptionDoesNotChangeWhatTheOthersDraw)
{
    rules.jitter_us = 1000000;
    std::vector<uint64_t> due[2];
    for (uint32_t run = 0; run < 2; run++) {
        icn_lane_init(&lane, 3);
        rules.reset_ppm = run == 0 ? 0 : ICN_LANE_PPM;
        for (uint32_t i = 0; i < 20; i++) {
            icn_lane_clear(&lane);
            lane.due_us = 0;
            EXPECT_EQ(run == 0, accept(0, 1));
            due[run].push_back(lane.due_us);
        }
    }
    EXPECT_EQ(due[0], due[1]);
}

TEST_F(Lane, JitterIsBetweenNothingAndAllOfIt)
{
    rules.delay_us = 1000;
    rules.jitter_us = 9;
    bool least = false;
    bool most = false;
    for (uint32_t i = 0; i < 1000; i++) {
        lane.due_us = 0;
        icn_lane_clear(&lane);
        accept(0, 1);
        ASSERT_LE(start + 1000, lane.due_us);
        ASSERT_GE(start + 1009, lane.due_us);
        least = least || lane.due_us == start + 1000;
        most = most || lane.due_us == start + 1009;
    }
    EXPECT_TRUE(least && most);
}

TEST_F(Lane, NothingOvertakes)
{
    rules.jitter_us = 50000;
    uint64_t last = 0;
    for (uint32_t i = 0; i < 500; i++) {
        accept(i * 10, 1);
        EXPECT_LE(last, lane.due_us);
        last = lane.due_us;
    }
    EXPECT_EQ(500u, lane.bytes);
}

TEST_F(Lane, AStallHoldsUpAllThatFollows)
{
    rules.stall_ppm = ICN_LANE_PPM;
    rules.stall_us = 70000;
    accept(0, 1);
    EXPECT_EQ(start + 70000, lane.due_us);
    rules.stall_ppm = 0;
    accept(10, 1);
    EXPECT_EQ(start + 70000, lane.due_us);
}

TEST_F(Lane, ChancesAreAsLikelyAsAskedFor)
{
    rules.reset_ppm = 250000;
    uint32_t resets = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        icn_lane_clear(&lane);
        resets += accept(i, 1) ? 0 : 1;
    }
    EXPECT_NEAR(2500, resets, 250);
}

TEST_F(Lane, CoalescedBytesGoOnTogether)
{
    rules.coalesce_us = 10000;
    rules.delay_us = 500;
    accept(0, 1);
    accept(4000, 2);
    accept(9999, 3);
    accept(10000, 4);
    EXPECT_EQ(0u, icn_lane_due(&lane, &rules, start + 10499));
    EXPECT_EQ(6u, icn_lane_due(&lane, &rules, start + 10500));
    icn_lane_take(&lane, &rules, 6);
    EXPECT_EQ(start + 20500, icn_lane_next_us(&lane, &rules));
}

TEST_F(Lane, FragmentsAreOfAtMostSoManyBytes)
{
    rules.fragment_bytes = 3;
    accept(0, 8);
    const std::vector<Gone> gone = drain(lane, rules);
    ASSERT_EQ(3u, gone.size());
    EXPECT_EQ(3u, gone[0].bytes);
    EXPECT_EQ(3u, gone[1].bytes);
    EXPECT_EQ(2u, gone[2].bytes);
}

TEST_F(Lane, BytesTakeAtLeastTheirTimeAtTheCapAndNotMore)
{
    for (const uint64_t rate : {UINT64_C(1), UINT64_C(7), UINT64_C(1000), UINT64_C(3000001), ICN_LANE_RATE_MAX}) {
        icn_lane_init(&lane, 1);
        rules.bytes_per_s = rate;
        const uint32_t bytes = rate < 1000 ? 20 : 100000;
        accept(0, bytes);
        uint64_t sum = 0;
        uint64_t last = start;
        for (const Gone &each : drain(lane, rules)) {
            sum += each.bytes;
            /* sum / rate seconds, in whole microseconds */
            EXPECT_LE(sum * 1000000 / rate, each.at_us - start) << rate;
            last = each.at_us;
        }
        EXPECT_EQ(bytes, sum);
        EXPECT_GE(bytes * UINT64_C(1000000) / rate + 2, last - start) << rate;
    }
}

TEST_F(Lane, IdleTimeGivesNoCapacityForLater)
{
    rules.bytes_per_s = 1000;
    accept(0, 10);
    EXPECT_EQ(10u, icn_lane_due(&lane, &rules, start + 10000));
    icn_lane_take(&lane, &rules, 10);
    accept(5000000, 100);
    EXPECT_EQ(0u, icn_lane_due(&lane, &rules, start + 5000999));
    EXPECT_EQ(1u, icn_lane_due(&lane, &rules, start + 5001000));
    EXPECT_EQ(50u, icn_lane_due(&lane, &rules, start + 5050000));
}

TEST_F(Lane, ManyPiecesNeedNoMoreRoomAndAreNotLateByMuch)
{
    rules.delay_us = 960000;
    for (uint32_t i = 0; i < 10000; i++) {
        accept(i * 90, 1);
    }
    EXPECT_EQ(10000u, lane.bytes);
    EXPECT_GT(static_cast<uint32_t>(ICN_LANE_PIECES), lane.count);
    uint64_t sum = 0;
    for (const Gone &each : drain(lane, rules)) {
        /* The first of its bytes came at so much after the start. */
        EXPECT_LE(start + (sum + each.bytes - 1) * 90 + 960000, each.at_us);
        EXPECT_GE(start + sum * 90 + 960000 + 960000 / 48, each.at_us);
        sum += each.bytes;
    }
}

TEST_F(Lane, WhatIsHeldForLongIsOnePieceInTheEnd)
{
    rules.delay_us = 1;
    for (uint32_t i = 0; i < 1000; i++) {
        accept(i * 1000, 1);
    }
    EXPECT_EQ(static_cast<uint32_t>(ICN_LANE_PIECES), lane.count);
    EXPECT_EQ(63u, icn_lane_due(&lane, &rules, start + 999000));
    EXPECT_EQ(1000u, icn_lane_due(&lane, &rules, start + 999001));
}

TEST_F(Lane, TheEndOfAStreamComesBehindItsBytes)
{
    rules.delay_us = 100;
    EXPECT_EQ(start + 100, icn_lane_end_us(&lane, &rules, start));
    rules.stall_ppm = ICN_LANE_PPM;
    rules.stall_us = 5000;
    accept(0, 1);
    EXPECT_EQ(start + 5100, icn_lane_end_us(&lane, &rules, start + 1));
}

TEST_F(Lane, WhatIsReleasedHoldsUpNothing)
{
    rules.delay_us = 1000000;
    rules.coalesce_us = 1000000;
    accept(0, 5);
    icn_lane_release(&lane);
    rules = {};
    accept(1, 6);
    EXPECT_EQ(11u, icn_lane_due(&lane, &rules, start + 1));
}

TEST_F(Lane, MoreMayBeTakenThanIsDue)
{
    rules.delay_us = 1000;
    accept(0, 5);
    accept(500, 5);
    icn_lane_take(&lane, &rules, 7);
    EXPECT_EQ(3u, lane.bytes);
    EXPECT_EQ(start + 1500, icn_lane_next_us(&lane, &rules));
}

} // namespace

} // namespace unit_test
