#include "support/unit_support.hpp"

extern "C" {
#include "util/live.h"
}

namespace unit_test
{

TEST(Live, EachKindIsCountedByItself)
{
    for (int kind = 0; kind < ICN_LIVE_KIND_COUNT; kind++) {
        icn_live_add(static_cast<icn_live_kind>(kind));
        for (int other = 0; other < ICN_LIVE_KIND_COUNT; other++) {
            EXPECT_EQ(other == kind ? 1u : 0u, icn_live_count(static_cast<icn_live_kind>(other)));
        }
        icn_live_remove(static_cast<icn_live_kind>(kind));
    }
}

TEST(Live, RemovingMoreThanWasAddedFiresACheck)
{
    CheckRecorder recorder;
    icn_live_remove(ICN_LIVE_SESSIONS);
    EXPECT_EQ("before != 0", recorder.take());
    icn_live_add(ICN_LIVE_SESSIONS);
    EXPECT_EQ(0u, icn_live_count(ICN_LIVE_SESSIONS));
}

TEST(Live, ManyThreadsLoseNoCount)
{
    run_together(8, [](uint32_t thread) {
        for (uint32_t i = 0; i < scaled(20000); i++) {
            icn_live_add(ICN_LIVE_OPERATIONS);
            if (i != thread) {
                icn_live_remove(ICN_LIVE_OPERATIONS);
            }
        }
    });
    EXPECT_EQ(8u, icn_live_count(ICN_LIVE_OPERATIONS));
    for (int i = 0; i < 8; i++) {
        icn_live_remove(ICN_LIVE_OPERATIONS);
    }
}

} // namespace unit_test
