#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "net/inbox.h"
#include "util/handle.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

class Inbox : public ::testing::Test
{
protected:
    struct Put {
        int32_t status;
        bool begun;
    };

    void SetUp() override { icn_inbox_init(&inbox); }

    void TearDown() override
    {
        (void)taken();
        icn_inbox_fini(&inbox);
        icn_send_pool_fini(&pool);
        EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 0U);
    }

    Put put(icn_send_queue &queue, const std::string &text)
    {
        iocpnet_iovec piece = {};
        piece.data = text.data();
        piece.size = text.size();
        bool begun = false;
        const int32_t status = icn_inbox_put(&inbox, &queue, &piece, 1, piece.size, &begun);
        return {status, begun};
    }

    /* What was put for each queue since the last time. */
    std::map<icn_send_queue *, std::string> taken()
    {
        std::map<icn_send_queue *, std::string> all;
        icn_inbox_block *block = icn_inbox_take(&inbox);
        icn_inbox_record record = {};
        uint32_t offset = 0;
        records = 0;
        while (icn_inbox_next(&inbox, &block, &offset, &record)) {
            records++;
            all[record.queue] += text_of(record);
        }
        icn_inbox_shared_out(&inbox);
        return all;
    }

    std::string text_of(const icn_inbox_record &record)
    {
        if (record.kind == ICN_INBOX_BYTES) {
            return {reinterpret_cast<const char *>(record.bytes), record.size};
        }
        if (record.kind == ICN_INBOX_CHUNK) {
            return text_of_chunk(record.chunk);
        }
        icn_buffer *buffer = record.kind == ICN_INBOX_BUFFER ? record.buffer : record.broadcast.buffer;
        std::string text(reinterpret_cast<const char *>(buffer->data), buffer->size);
        icn_buffer_drop(buffer);
        return text;
    }

    std::string text_of_chunk(icn_send_chunk *chunk)
    {
        icn_send_queue queue = {};
        iocpnet_iovec piece = {};
        icn_send_queue_append_chunk(&queue, chunk);
        EXPECT_EQ(icn_send_queue_gather(&queue, &piece, 1), 1U);
        std::string text(static_cast<const char *>(piece.data), static_cast<size_t>(piece.size));
        EXPECT_TRUE(icn_send_queue_reserve(&queue, text.size(), text.size()));
        EXPECT_EQ(icn_send_queue_close(&queue, &pool), text.size());
        return text;
    }

    icn_inbox inbox = {};
    icn_send_pool pool = {};
    icn_send_queue one = {};
    icn_send_queue two = {};
    uint32_t records = 0;
};

TEST_F(Inbox, OnlyTheFirstOfAFillingTellsTheOwner)
{
    EXPECT_TRUE(put(one, "a").begun);
    EXPECT_FALSE(put(one, "b").begun);
    EXPECT_TRUE(icn_inbox_is_filled(&inbox));
    EXPECT_EQ(taken()[&one], "ab");
    EXPECT_FALSE(icn_inbox_is_filled(&inbox));
    EXPECT_TRUE(put(one, "c").begun);
}

TEST_F(Inbox, EachQueueGetsItsOwnInOrder)
{
    for (const char *text : {"1", "22", "333"}) {
        ASSERT_EQ(put(one, text).status, IOCPNET_OK);
        ASSERT_EQ(put(two, std::string("x") + text).status, IOCPNET_OK);
    }
    std::map<icn_send_queue *, std::string> all = taken();
    EXPECT_EQ(all[&one], "122333");
    EXPECT_EQ(all[&two], "x1x22x333");
}

TEST_F(Inbox, SendsOfOneQueueThatFollowEachOtherAreOneRecord)
{
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(put(one, "x").status, IOCPNET_OK);
    }
    EXPECT_EQ(taken()[&one], std::string(100, 'x'));
    EXPECT_EQ(records, 1U);
}

TEST_F(Inbox, ALargeSendHasAChunkOfItsOwnBetweenTheOthers)
{
    const std::string large(ICN_INBOX_BLOCK_BYTES * 2, 'L');
    ASSERT_EQ(put(one, "before ").status, IOCPNET_OK);
    ASSERT_EQ(put(one, large).status, IOCPNET_OK);
    ASSERT_EQ(put(one, " behind").status, IOCPNET_OK);
    EXPECT_EQ(taken()[&one], "before " + large + " behind");
}

TEST_F(Inbox, RecordsGoOnInTheNextBlock)
{
    std::string all;
    for (int i = 0; i < 50; i++) {
        const std::string part(ICN_INBOX_BLOCK_BYTES / 4 - static_cast<uint32_t>(i), static_cast<char>('a' + i % 26));
        ASSERT_EQ(put(i % 2 == 0 ? one : two, part).status, IOCPNET_OK);
        all += i % 2 == 0 ? part : "";
    }
    EXPECT_EQ(taken()[&one], all);
}

/* 1 byte at a time for two queues in turn: the worst case, a header for each. */
TEST_F(Inbox, OneByteCostsNoMoreThanAnotherTen)
{
    constexpr uint64_t sends = 200000;
    for (uint64_t i = 0; i < sends; i++) {
        ASSERT_EQ(put(i % 2 == 0 ? one : two, "x").status, IOCPNET_OK);
    }
    EXPECT_LE(icn_memory_bytes(ICN_MEMORY_SEND_BUFFER), sends * 11 + 2 * ICN_INBOX_BLOCK_BYTES);
}

TEST_F(Inbox, InTheSteadyStateNothingIsAllocated)
{
    for (int round = 0; round < 20; round++) {
        if (round == 3) {
            icn_memory_fail(0, 0);
        }
        for (int i = 0; i < 5000; i++) {
            ASSERT_EQ(put(i % 2 == 0 ? one : two, "message").status, IOCPNET_OK);
        }
        (void)taken();
    }
    EXPECT_EQ(icn_memory_attempts(), 0U);
}

TEST_F(Inbox, AfterABurstOnlyAFewBlocksAreKept)
{
    const std::string part(ICN_INBOX_BLOCK_BYTES / 32, 'x');
    for (int i = 0; i < 1600; i++) {
        ASSERT_EQ(put(one, part).status, IOCPNET_OK);
    }
    (void)taken();
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), static_cast<uint64_t>(ICN_INBOX_SPARES_MAX));
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(put(one, "x").status, IOCPNET_OK);
        (void)taken();
    }
    EXPECT_LE(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 2U) << "blocks are kept that no filling used";
}

/* Each would fit three times into a block, with a quarter of it left empty. */
TEST_F(Inbox, WhatWaitsTakesHardlyMoreThanItsBytes)
{
    constexpr uint64_t count = 200;
    const std::string part(ICN_INBOX_BLOCK_BYTES / 4, 'x');
    for (uint64_t i = 0; i < count; i++) {
        ASSERT_EQ(put(i % 2 == 0 ? one : two, part).status, IOCPNET_OK);
    }
    EXPECT_LE(icn_memory_bytes(ICN_MEMORY_SEND_BUFFER), count * (part.size() + 64) + 2 * ICN_INBOX_BLOCK_BYTES);
    (void)taken();
    ASSERT_EQ(put(one, "x").status, IOCPNET_OK);
    ASSERT_EQ(put(one, std::string(ICN_INBOX_BLOCK_BYTES / 16, 'x')).status, IOCPNET_OK); /* the record grows */
    icn_memory_fail(1, 1);
    while (put(one, part).status == IOCPNET_OK) {
    }
    icn_memory_fail(0, 0);
    (void)taken();
}

TEST_F(Inbox, NothingIsPutForAClosedQueue)
{
    ASSERT_EQ(put(one, "early").status, IOCPNET_OK);
    icn_inbox_close(&inbox, &one);
    EXPECT_EQ(put(one, "late").status, IOCPNET_E_CLOSED);
    EXPECT_EQ(put(one, std::string(ICN_INBOX_BLOCK_BYTES, 'l')).status, IOCPNET_E_CLOSED);
    EXPECT_EQ(put(two, "other").status, IOCPNET_OK);
    std::map<icn_send_queue *, std::string> all = taken();
    EXPECT_EQ(all[&one], "early");
    EXPECT_EQ(all[&two], "other");
}

TEST_F(Inbox, WithoutMemoryASendIsRefusedWhole)
{
    icn_memory_fail(1, 1);
    EXPECT_EQ(put(one, "abc").status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(put(one, std::string(ICN_INBOX_BLOCK_BYTES, 'l')).status, IOCPNET_E_NO_MEMORY);
    icn_memory_fail(0, 0);
    EXPECT_FALSE(icn_inbox_is_filled(&inbox));
    EXPECT_TRUE(put(one, "abc").begun);
}

/* Holds a buffer for a test. */
class Shared
{
public:
    explicit Shared(const std::string &text)
    {
        uint64_t handle = 0;
        EXPECT_EQ(icn_buffer_create(text.data(), static_cast<uint32_t>(text.size()), &handle), IOCPNET_OK);
        buffer_ = static_cast<icn_buffer *>(icn_handle_pin(handle, ICN_HANDLE_BUFFER));
    }
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;
    ~Shared()
    {
        const uint64_t handle = buffer_->handle;
        EXPECT_EQ(icn_buffer_release(buffer_), IOCPNET_OK);
        icn_handle_unpin(handle);
    }
    icn_buffer *get() const { return buffer_; }

private:
    icn_buffer *buffer_;
};

TEST_F(Inbox, ASharedBufferIsHeldUntilItsOwnerDropsIt)
{
    bool begun = false;
    {
        const Shared shared(std::string(1000, 's'));
        ASSERT_EQ(put(one, "before ").status, IOCPNET_OK);
        ASSERT_EQ(icn_inbox_put_buffer(&inbox, &one, shared.get(), &begun), IOCPNET_OK);
        ASSERT_EQ(put(one, " behind").status, IOCPNET_OK);
    }
    EXPECT_EQ(taken()[&one], "before " + std::string(1000, 's') + " behind");
}

TEST_F(Inbox, ASharedBufferForAClosedQueueIsNotHeld)
{
    const Shared shared(std::string(1000, 's'));
    bool begun = false;
    icn_inbox_close(&inbox, &one);
    EXPECT_EQ(icn_inbox_put_buffer(&inbox, &one, shared.get(), &begun), IOCPNET_E_CLOSED);
    EXPECT_FALSE(begun);
    EXPECT_EQ(icn_u64_load(&shared.get()->references), 1U);
}

TEST_F(Inbox, APromisedBroadcastNeedsNoMemoryAnyMore)
{
    const Shared shared("for all");
    const icn_broadcast broadcast = {shared.get(), nullptr, 0, 0};
    ASSERT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1000), IOCPNET_OK);
    while (put(one, std::string(1000, 'x')).status == IOCPNET_OK) {
        icn_memory_fail(1, 1); /* what fits into the first block */
    }
    EXPECT_TRUE(!icn_inbox_put_broadcast(&inbox, &broadcast));
    icn_memory_fail(0, 0);
    EXPECT_EQ(taken()[nullptr], "for all");
}

TEST_F(Inbox, WithoutMemoryABroadcastIsNotPromised)
{
    const Shared shared("for all");
    const icn_broadcast broadcast = {shared.get(), nullptr, 0, 0};
    icn_memory_fail(1, 1);
    EXPECT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1000), IOCPNET_E_NO_MEMORY);
    icn_memory_fail(0, 0);
    EXPECT_EQ(inbox.promised, 0U);
    EXPECT_EQ(inbox.broadcast_bytes, 0U);
}

TEST_F(Inbox, BroadcastsThatWaitHaveALimitButOne)
{
    const Shared shared(std::string(500, 'b'));
    const icn_broadcast broadcast = {shared.get(), nullptr, 0, 0};
    ASSERT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 100), IOCPNET_OK) << "one always may wait";
    EXPECT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1000), IOCPNET_E_WOULD_BLOCK);
    ASSERT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1200), IOCPNET_OK);
    icn_inbox_forget_promise(&inbox, &broadcast);
    EXPECT_TRUE(icn_inbox_put_broadcast(&inbox, &broadcast));
    EXPECT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1000), IOCPNET_E_WOULD_BLOCK);
    EXPECT_EQ(taken()[nullptr].size(), 500U);
    ASSERT_EQ(icn_inbox_promise_broadcast(&inbox, &broadcast, 1000), IOCPNET_OK);
    icn_inbox_forget_promise(&inbox, &broadcast);
}

TEST_F(Inbox, BroadcastsThatNobodyTookAreDropped)
{
    const Shared shared("late");
    const icn_broadcast broadcast = {shared.get(), nullptr, 0, 0};
    icn_inbox late = {};
    icn_inbox_init(&late);
    ASSERT_EQ(icn_inbox_promise_broadcast(&late, &broadcast, 1000), IOCPNET_OK);
    EXPECT_TRUE(icn_inbox_put_broadcast(&late, &broadcast));
    icn_inbox_fini(&late);
    EXPECT_EQ(icn_u64_load(&shared.get()->references), 1U);
}

/* Each thread puts its letter with a running digit; the owner takes meanwhile. */
TEST_F(Inbox, PutsOfOneThreadKeepTheirOrderAmongOthers)
{
    constexpr int thread_count = 4;
    constexpr int puts = 20000;
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int i = 0; i < thread_count; i++) {
        threads.emplace_back([this, i, &failed] {
            for (int k = 0; k < puts; k++) {
                const char text[] = {static_cast<char>('a' + i), static_cast<char>('0' + k % 10)};
                failed += put(k % 3 == 0 ? one : two, std::string(text, 2)).status != IOCPNET_OK ? 1 : 0;
            }
        });
    }
    std::map<icn_send_queue *, std::string> all;
    while (all[&one].size() + all[&two].size() < static_cast<size_t>(2 * thread_count * puts)) {
        for (const auto &part : taken()) {
            all[part.first] += part.second;
        }
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failed, 0);
    for (int i = 0; i < thread_count; i++) {
        std::map<icn_send_queue *, size_t> at;
        for (int k = 0; k < puts; k++) {
            icn_send_queue *queue = k % 3 == 0 ? &one : &two;
            size_t &next = at[queue];
            while (all[queue][next] != static_cast<char>('a' + i)) {
                next += 2;
            }
            ASSERT_EQ(all[queue][next + 1], static_cast<char>('0' + k % 10)) << "thread " << i << ", put " << k;
            next += 2;
        }
    }
}

} // namespace

} // namespace unit_test
