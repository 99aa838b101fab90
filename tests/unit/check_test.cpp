#include "support/unit_support.hpp"

extern "C" {
#include "base/check.h"
}

namespace unit_test
{

TEST(Check, ConditionThatHoldsDoesNothing)
{
    CheckRecorder recorder;
    ICN_CHECK(1 + 1 == 2);
    EXPECT_EQ("", recorder.take());
}

TEST(Check, ConditionThatFailsReachesTheHandler)
{
    CheckRecorder recorder;
    ICN_CHECK(1 + 1 == 3);
    EXPECT_EQ("1 + 1 == 3", recorder.take());
}

TEST(Check, SetHandlerReturnsThePreviousOne)
{
    icn_check_handler *const handler = [](const char *, int, const char *) {};
    EXPECT_EQ(nullptr, icn_check_set_handler(handler));
    EXPECT_EQ(handler, icn_check_set_handler(nullptr));
}

TEST(CheckDeathTest, DefaultHandlerPrintsPlaceAndConditionAndAborts)
{
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(ICN_CHECK(1 + 1 == 3), "check_test.cpp:.*: check failed: 1 .* 1 == 3");
}

} // namespace unit_test
