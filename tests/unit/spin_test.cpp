/* How long a loop looks for work before it sleeps. */
#include <gtest/gtest.h>

extern "C" {
#include "net/spin.h"
}

namespace
{

icn_spin made(uint32_t max_us)
{
    icn_spin spin = {};
    icn_spin_init(&spin, max_us);
    return spin;
}

TEST(Spin, BeginsWithTheWholeTime)
{
    EXPECT_EQ(100u, made(100).now_us);
}

TEST(Spin, StaysWholeWhileWaitsAreShort)
{
    icn_spin spin = made(100);
    for (const uint64_t waited : {0u, 1u, 99u, 100u}) {
        icn_spin_learn(&spin, waited);
        EXPECT_EQ(100u, spin.now_us);
    }
}

TEST(Spin, EndsAfterSomeLongWaits)
{
    icn_spin spin = made(1000);
    uint64_t spent = 0;
    for (int i = 0; i < 10; i++) {
        spent += spin.now_us;
        icn_spin_learn(&spin, 1001);
    }
    EXPECT_EQ(0u, spin.now_us);
    EXPECT_LT(spent, 2000u);
}

TEST(Spin, ComesBackAfterOneShortWait)
{
    icn_spin spin = made(64);
    for (int i = 0; i < 10; i++) {
        icn_spin_learn(&spin, 1000000);
    }
    icn_spin_learn(&spin, 64);
    EXPECT_EQ(64u, spin.now_us);
}

TEST(Spin, OfNothingStaysNothing)
{
    icn_spin spin = made(0);
    icn_spin_learn(&spin, 0);
    icn_spin_learn(&spin, 5);
    EXPECT_EQ(0u, spin.now_us);
}

} // namespace
