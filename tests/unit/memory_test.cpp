#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/unit_support.hpp"

extern "C" {
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

class Memory : public testing::Test
{
protected:
    void TearDown() override
    {
        icn_memory_fail(0, 0);
        for (int tag = ICN_MEMORY_SERVICE; tag < ICN_MEMORY_TAG_COUNT; tag++) {
            EXPECT_EQ(0u, icn_memory_blocks(static_cast<icn_memory_tag>(tag)));
            EXPECT_EQ(0u, icn_memory_bytes(static_cast<icn_memory_tag>(tag)));
        }
    }

    CheckRecorder checks_;
};

bool all_bytes_are(const void *memory, size_t size, int value)
{
    const auto *bytes = static_cast<const unsigned char *>(memory);
    return std::all_of(bytes, bytes + size, [value](unsigned char byte) { return byte == value; });
}

} // namespace

TEST_F(Memory, BlockIsCountedUnderItsTagUntilItIsReleased)
{
    void *first = icn_memory_allocate(100, ICN_MEMORY_PORT);
    void *second = icn_memory_allocate(20, ICN_MEMORY_PORT);
    EXPECT_EQ(2u, icn_memory_blocks(ICN_MEMORY_PORT));
    EXPECT_EQ(120u, icn_memory_bytes(ICN_MEMORY_PORT));
    EXPECT_EQ(0u, icn_memory_blocks(ICN_MEMORY_SESSION));
    icn_memory_release(first, 100, ICN_MEMORY_PORT);
    EXPECT_EQ(1u, icn_memory_blocks(ICN_MEMORY_PORT));
    EXPECT_EQ(20u, icn_memory_bytes(ICN_MEMORY_PORT));
    icn_memory_release(second, 20, ICN_MEMORY_PORT);
}

TEST_F(Memory, BlockIsAlignedAsMallocAligns)
{
    for (size_t size = 1; size < 300; size++) {
        void *block = icn_memory_allocate(size, ICN_MEMORY_TEXT);
        EXPECT_EQ(0u, reinterpret_cast<uintptr_t>(block) % (2 * sizeof(void *))) << size;
        icn_memory_release(block, size, ICN_MEMORY_TEXT);
    }
}

TEST_F(Memory, NewBlockIsFilledWithAPattern)
{
    void *block = icn_memory_allocate(1000, ICN_MEMORY_TEXT);
    EXPECT_TRUE(all_bytes_are(block, 1000, 0xCD));
    icn_memory_release(block, 1000, ICN_MEMORY_TEXT);
}

TEST_F(Memory, ZeroedBlockIsZero)
{
    void *block = icn_memory_allocate_zeroed(1000, ICN_MEMORY_TEXT);
    EXPECT_TRUE(all_bytes_are(block, 1000, 0));
    icn_memory_release(block, 1000, ICN_MEMORY_TEXT);
}

TEST_F(Memory, ReleaseOfNullDoesNothing)
{
    icn_memory_release(nullptr, 10, ICN_MEMORY_TEXT);
    EXPECT_EQ(0u, icn_memory_blocks(ICN_MEMORY_TEXT));
}

TEST_F(Memory, SizeThatNoAddressSpaceHoldsGivesNull)
{
    EXPECT_EQ(nullptr, icn_memory_allocate(SIZE_MAX, ICN_MEMORY_TEXT));
    EXPECT_EQ(nullptr, icn_memory_allocate(SIZE_MAX - 15, ICN_MEMORY_TEXT));
}

TEST_F(Memory, ReleaseWithAnotherSizeFiresACheckAndLeavesTheBlock)
{
    void *block = icn_memory_allocate(100, ICN_MEMORY_TEXT);
    icn_memory_release(block, 99, ICN_MEMORY_TEXT);
    EXPECT_EQ("size_matches", checks_.take());
    EXPECT_EQ(100u, icn_memory_bytes(ICN_MEMORY_TEXT));
    icn_memory_release(block, 100, ICN_MEMORY_TEXT);
}

TEST_F(Memory, ReleaseWithAnotherTagFiresACheckAndLeavesTheBlock)
{
    void *block = icn_memory_allocate(100, ICN_MEMORY_TEXT);
    icn_memory_release(block, 100, ICN_MEMORY_PORT);
    EXPECT_EQ("tag_matches", checks_.take());
    icn_memory_release(block, 100, ICN_MEMORY_TEXT);
}

TEST_F(Memory, ReleaseOfWhatIsNoBlockFiresACheck)
{
    alignas(16) char forged[64] = {};
    icn_memory_release(forged + 16, 0, ICN_MEMORY_HANDLES);
    EXPECT_EQ("live", checks_.take());
}

TEST_F(Memory, EmptyBlockFiresACheck)
{
    void *block = icn_memory_allocate(0, ICN_MEMORY_TEXT);
    EXPECT_EQ("size != 0", checks_.take());
    icn_memory_release(block, 0, ICN_MEMORY_TEXT);
}

TEST_F(Memory, ChosenAllocationFailsOnce)
{
    icn_memory_fail(3, 0);
    for (int number = 1; number <= 5; number++) {
        void *block = icn_memory_allocate(8, ICN_MEMORY_TEXT);
        EXPECT_EQ(number == 3, block == nullptr) << number;
        icn_memory_release(block, 8, ICN_MEMORY_TEXT);
    }
}

TEST_F(Memory, ChosenAllocationAndAllAfterItFail)
{
    icn_memory_fail(3, 1);
    for (int number = 1; number <= 5; number++) {
        void *block = icn_memory_allocate_zeroed(8, ICN_MEMORY_TEXT);
        EXPECT_EQ(number >= 3, block == nullptr) << number;
        icn_memory_release(block, 8, ICN_MEMORY_TEXT);
    }
}

TEST_F(Memory, AttemptsAreCountedWhetherTheyFailOrNot)
{
    icn_memory_fail(1, 0);
    EXPECT_EQ(0u, icn_memory_attempts());
    icn_memory_release(icn_memory_allocate(8, ICN_MEMORY_TEXT), 8, ICN_MEMORY_TEXT);
    icn_memory_release(icn_memory_allocate(8, ICN_MEMORY_TEXT), 8, ICN_MEMORY_TEXT);
    EXPECT_EQ(2u, icn_memory_attempts());
}

TEST_F(Memory, ManyThreadsLoseNoCount)
{
    Random random;
    std::vector<uint64_t> seeds(8);
    std::generate(seeds.begin(), seeds.end(), [&] { return random.any(); });
    run_together(8, [&](uint32_t thread) {
        std::mt19937_64 engine(seeds[thread]);
        for (uint32_t i = 0; i < scaled(20000); i++) {
            const size_t size = 1 + engine() % 500;
            icn_memory_release(icn_memory_allocate(size, ICN_MEMORY_SESSION), size, ICN_MEMORY_SESSION);
        }
    });
}

} // namespace unit_test
