/* The atomics for Microsoft's compiler; mingw-w64 knows the same intrinsics, but for two, so that they can be tried here. */
#if defined(_WIN32)

#include <vector>

#include <intrin.h>

#include "support/unit_support.hpp"

#if defined(__GNUC__)
/* Those for one byte it lacks. */
static char _InterlockedExchange8(volatile char *target, char value)
{
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

static char _InterlockedCompareExchange8(volatile char *target, char value, char expected)
{
    __atomic_compare_exchange_n(target, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}
#endif

extern "C" {
#include "base/atomic_msvc.h"
}

namespace unit_test
{

TEST(AtomicMsvc, StoreIsWhatLoadGives)
{
    icn_atomic_u32 narrow = {0};
    icn_atomic_u64 wide = {0};
    icn_atomic_pointer pointer = {nullptr};
    icn_u32_store(&narrow, 0xFFFFFFFFu);
    icn_u64_store_relaxed(&wide, 0xFFFFFFFF00000001u);
    icn_pointer_store(&pointer, &narrow);
    EXPECT_EQ(icn_u32_load_relaxed(&narrow), 0xFFFFFFFFu);
    EXPECT_EQ(icn_u64_load(&wide), 0xFFFFFFFF00000001u);
    EXPECT_EQ(icn_pointer_load_relaxed(&pointer), &narrow);
}

TEST(AtomicMsvc, ExchangeAddAndSubtractGiveTheValueBefore)
{
    icn_atomic_u32 narrow = {5};
    icn_atomic_u64 wide = {0xFFFFFFFFFFFFFFFFu};
    int object = 0;
    icn_atomic_pointer pointer = {&object};
    EXPECT_EQ(icn_u32_exchange(&narrow, 7), 5u);
    EXPECT_EQ(icn_u32_subtract(&narrow, 8), 7u);
    EXPECT_EQ(icn_u32_load(&narrow), 0xFFFFFFFFu);
    EXPECT_EQ(icn_u64_add(&wide, 2), 0xFFFFFFFFFFFFFFFFu);
    EXPECT_EQ(icn_u64_exchange(&wide, 3), 1u);
    EXPECT_EQ(icn_pointer_exchange(&pointer, nullptr), &object);
    icn_u64_count(&wide, 4);
    EXPECT_EQ(icn_u64_load(&wide), 7u);
}

TEST(AtomicMsvc, ReplaceStoresOnlyOverWhatWasExpected)
{
    icn_atomic_u64 wide = {10};
    uint64_t expected = 11;
    EXPECT_FALSE(icn_u64_replace(&wide, &expected, 12));
    EXPECT_EQ(expected, 10u);
    EXPECT_TRUE(icn_u64_replace(&wide, &expected, 12));
    EXPECT_EQ(expected, 10u);
    EXPECT_EQ(icn_u64_load(&wide), 12u);
}

TEST(AtomicMsvc, NoAdditionIsLostBetweenThreads)
{
    constexpr uint32_t threads = 4;
    constexpr uint32_t additions = 20000;
    icn_atomic_u32 narrow = {0};
    icn_atomic_u64 wide = {0};
    run_together(threads, [&](uint32_t) {
        for (uint32_t i = 0; i < additions; ++i) {
            icn_u32_add(&narrow, 1);
            icn_u64_add(&wide, 0x100000001u);
        }
    });
    EXPECT_EQ(icn_u32_load(&narrow), threads * additions);
    EXPECT_EQ(icn_u64_load(&wide), uint64_t{threads} * additions * 0x100000001u);
}

/* Each of two threads raises its flag of a pair, then looks at the other's: both may see it, one must. */
TEST(AtomicMsvc, FenceLetsOneOfTwoThreadsSeeTheOther)
{
    struct Pair {
        icn_atomic_u32 flags[2];
        uint32_t seen[2];
    };
    for (uint32_t round = 0; round < 60; ++round) {
        std::vector<Pair> pairs(20000);
        run_together(2, [&](uint32_t own) {
            for (Pair &pair : pairs) {
                icn_u32_store_relaxed(&pair.flags[own], 1);
                icn_fence();
                pair.seen[own] = icn_u32_load_relaxed(&pair.flags[1 - own]);
            }
        });
        for (const Pair &pair : pairs) {
            ASSERT_GE(pair.seen[0] + pair.seen[1], 1u);
        }
    }
}

} // namespace unit_test

#endif
