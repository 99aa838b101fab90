#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "net/latest_entry.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

class LatestEntry : public ::testing::Test
{
protected:
    void SetUp() override { icn_latest_pool_init(&pool); }
    void TearDown() override
    {
        icn_latest_pool_fini(&pool);
        EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 0U);
    }

    static void write(icn_latest_entry *entry, const std::string &text)
    {
        iocpnet_iovec piece = {};
        piece.data = text.data();
        piece.size = text.size();
        icn_latest_entry_write(entry, &piece, 1, static_cast<uint32_t>(text.size()));
    }

    static std::string bound(icn_latest_entry *entry)
    {
        icn_latest_entry_bind(entry);
        return std::string(reinterpret_cast<const char *>(entry->chunk.data), entry->chunk.end);
    }

    icn_latest_pool pool = {};
};

TEST_F(LatestEntry, IsOneBlockForAShortMessageAndTwoForALongOne)
{
    icn_latest_entry *small = icn_latest_entry_acquire(&pool, ICN_LATEST_OWN_BYTES);
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 1U);
    icn_latest_entry *large = icn_latest_entry_acquire(&pool, ICN_LATEST_OWN_BYTES + 1);
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 3U);
    icn_latest_entry_recycle(small);
    icn_latest_entry_recycle(large);
}

/* In the steady state no memory is asked for. */
TEST_F(LatestEntry, ThatIsDoneWithIsUsedAgain)
{
    icn_latest_entry *first = icn_latest_entry_acquire(&pool, 500);
    write(first, std::string(500, 'x'));
    icn_latest_entry_bind(first);
    icn_latest_entry_recycle(first);
    icn_latest_entry *second = icn_latest_entry_acquire(&pool, 400);
    EXPECT_EQ(first, second);
    EXPECT_TRUE(icn_latest_is_unbound(&second->chunk));
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 2U);
    icn_latest_entry_recycle(second);
}

TEST_F(LatestEntry, LargeStorageIsNotKept)
{
    icn_latest_entry_recycle(icn_latest_entry_acquire(&pool, ICN_LATEST_STORAGE_KEPT + 1));
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 1U);
}

TEST_F(LatestEntry, NoMoreAreKeptThanTheLimit)
{
    std::vector<icn_latest_entry *> entries;
    for (uint32_t i = 0; i < ICN_LATEST_SPARES_MAX + 10; i++) {
        entries.push_back(icn_latest_entry_acquire(&pool, 1));
    }
    for (icn_latest_entry *entry : entries) {
        icn_latest_entry_recycle(entry);
    }
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), uint64_t{ICN_LATEST_SPARES_MAX});
}

TEST_F(LatestEntry, FitsWhatIsNeitherTooLongNorFarTooShort)
{
    icn_latest_entry *entry = icn_latest_entry_acquire(&pool, 10000);
    EXPECT_TRUE(icn_latest_entry_fits(entry, 10000));
    EXPECT_FALSE(icn_latest_entry_fits(entry, 10001));
    EXPECT_TRUE(icn_latest_entry_fits(entry, 5000));
    EXPECT_FALSE(icn_latest_entry_fits(entry, 4999));
    icn_latest_entry_recycle(entry);
}

TEST_F(LatestEntry, StorageGoesFromOneToTheOtherAndBack)
{
    icn_latest_entry *small = icn_latest_entry_acquire(&pool, 10);
    icn_latest_entry *large = icn_latest_entry_acquire(&pool, 2000);
    icn_latest_entry_exchange_storage(small, large);
    EXPECT_TRUE(icn_latest_entry_fits(small, 2000));
    EXPECT_FALSE(icn_latest_entry_fits(large, 2000));
    write(small, std::string(2000, 's'));
    write(large, "own");
    EXPECT_EQ(bound(small), std::string(2000, 's'));
    EXPECT_EQ(bound(large), "own");
    icn_latest_entry_recycle(small);
    icn_latest_entry_recycle(large);
}

} // namespace

} // namespace unit_test
