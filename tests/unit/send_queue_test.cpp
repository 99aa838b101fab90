#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "net/buffer.h"
#include "net/send_queue.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

class SendQueue : public ::testing::Test
{
protected:
    static constexpr uint64_t limit = 1 << 20;

    void TearDown() override
    {
        if (!closed_) {
            icn_send_queue_close(&queue, &pool);
        }
        icn_send_pool_fini(&pool);
        EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 0U);
        EXPECT_EQ(icn_u32_load(&queue.bytes), 0U);
    }

    static iocpnet_iovec piece_of(const std::string &text)
    {
        iocpnet_iovec piece = {};
        piece.data = text.data();
        piece.size = text.size();
        return piece;
    }

    bool append(const std::string &text)
    {
        const iocpnet_iovec piece = piece_of(text);
        return icn_send_queue_reserve(&queue, piece.size, limit) &&
               icn_send_queue_append(&queue, &pool, &piece, 1, piece.size);
    }

    /* As what came through the inbox. */
    void share_out(const std::string &text)
    {
        EXPECT_TRUE(icn_send_queue_reserve(&queue, text.size(), limit));
        icn_send_queue_append_bytes(&queue, &pool, reinterpret_cast<const uint8_t *>(text.data()),
                                    static_cast<uint32_t>(text.size()));
    }

    std::string queued() const
    {
        std::vector<iocpnet_iovec> pieces(1024);
        const uint32_t count = icn_send_queue_gather(&queue, pieces.data(), 1024);
        std::string bytes;
        for (uint32_t i = 0; i < count; i++) {
            bytes.append(static_cast<const char *>(pieces[i].data), static_cast<size_t>(pieces[i].size));
        }
        return bytes;
    }

    uint64_t close()
    {
        closed_ = true;
        return icn_send_queue_close(&queue, &pool);
    }

    icn_send_queue queue = {};
    icn_send_pool pool = {};

private:
    bool closed_ = false;
};

TEST_F(SendQueue, NoMorePiecesAreGatheredThanFit)
{
    for (int i = 0; i < 3; i++) {
        ASSERT_TRUE(append(std::string(5000, 'x'))); /* in a chunk of its own */
    }
    std::vector<iocpnet_iovec> pieces(4);
    EXPECT_EQ(icn_send_queue_gather(&queue, pieces.data(), 0), 0U);
    EXPECT_EQ(icn_send_queue_gather(&queue, pieces.data(), 2), 2U);
    EXPECT_EQ(icn_send_queue_gather(&queue, pieces.data(), 4), 3U);
}

TEST_F(SendQueue, BytesLeaveInTheOrderOfTheirSends)
{
    ASSERT_TRUE(append("one "));
    ASSERT_TRUE(append("two "));
    ASSERT_TRUE(append(std::string(10000, '3')));
    EXPECT_EQ(queued(), "one two " + std::string(10000, '3'));
}

TEST_F(SendQueue, SmallSendsShareAChunk)
{
    for (int i = 0; i < 40; i++) {
        ASSERT_TRUE(append(std::string(100, 'x')));
    }
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 2U) << "a small one, and one of the usual size";
}

TEST_F(SendQueue, NoRoomIsLeftUnusedBetweenSends)
{
    std::string all;
    for (int i = 0; i < 100; i++) {
        const std::string part(2100, static_cast<char>('a' + i % 26));
        ASSERT_TRUE(append(part));
        all += part;
    }
    EXPECT_EQ(queued(), all);
    EXPECT_LE(icn_memory_bytes(ICN_MEMORY_SEND_BUFFER), all.size() + all.size() / 50 + 4096);
}

TEST_F(SendQueue, PiecesAreGatheredAcrossChunks)
{
    const std::string one(3000, '1');
    const std::string two(3000, '2');
    const iocpnet_iovec pieces[] = {piece_of(one), piece_of(""), piece_of(two)};
    ASSERT_TRUE(append("before "));
    ASSERT_TRUE(icn_send_queue_reserve(&queue, 6000, limit));
    ASSERT_TRUE(icn_send_queue_append(&queue, &pool, pieces, 3, 6000));
    EXPECT_EQ(queued(), "before " + one + two);
}

TEST_F(SendQueue, ReservingPastTheLimitFailsAndChangesNothing)
{
    ASSERT_TRUE(icn_send_queue_reserve(&queue, 60, 100));
    EXPECT_FALSE(icn_send_queue_reserve(&queue, 41, 100));
    EXPECT_EQ(icn_u32_load(&queue.bytes), 60U);
    EXPECT_TRUE(icn_send_queue_reserve(&queue, 40, 100));
    icn_send_queue_unreserve(&queue, 100);
}

TEST_F(SendQueue, ConsumingPartOfAChunkKeepsTheRest)
{
    ASSERT_TRUE(append("0123456789"));
    icn_send_queue_consume(&queue, &pool, 4);
    EXPECT_EQ(queued(), "456789");
    EXPECT_EQ(icn_u32_load(&queue.bytes), 6U);
}

TEST_F(SendQueue, ConsumingSeveralChunksStopsInsideTheLast)
{
    ASSERT_TRUE(append(std::string(5000, 'a')));
    ASSERT_TRUE(append(std::string(5000, 'b')));
    icn_send_queue_consume(&queue, &pool, 9998);
    EXPECT_EQ(queued(), "bb");
}

TEST_F(SendQueue, AnEmptiedQueueKeepsNoChunkButThePool)
{
    ASSERT_TRUE(append("abc"));
    icn_send_queue_consume(&queue, &pool, 3);
    EXPECT_TRUE(icn_send_queue_is_empty(&queue));
    EXPECT_EQ(pool.count[ICN_SEND_CHUNK_SMALL], 1U);
    ASSERT_TRUE(append("def"));
    EXPECT_EQ(pool.count[ICN_SEND_CHUNK_SMALL], 0U) << "the chunk was not used again";
    EXPECT_EQ(queued(), "def");
}

TEST_F(SendQueue, ThePoolKeepsNoMoreChunksThanItsLimit)
{
    const std::string text(ICN_SEND_CHUNK_BYTES / 2, 'x');
    for (int i = 0; i < 4 * ICN_SEND_POOL_USUAL_MAX; i++) {
        ASSERT_TRUE(append(text));
    }
    EXPECT_EQ(close(), 4 * ICN_SEND_POOL_USUAL_MAX * text.size());
    EXPECT_EQ(pool.count[ICN_SEND_CHUNK_USUAL], static_cast<uint32_t>(ICN_SEND_POOL_USUAL_MAX));
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), static_cast<uint64_t>(ICN_SEND_POOL_USUAL_MAX));
}

TEST_F(SendQueue, WithoutMemoryASendIsRefusedWhole)
{
    icn_memory_fail(1, 1);
    const iocpnet_iovec piece = piece_of("abc");
    ASSERT_TRUE(icn_send_queue_reserve(&queue, 3, limit));
    EXPECT_FALSE(icn_send_queue_append(&queue, &pool, &piece, 1, 3));
    EXPECT_EQ(icn_send_chunk_copy(&piece, 1, 3), nullptr);
    icn_memory_fail(0, 0);
    EXPECT_TRUE(icn_send_queue_is_empty(&queue));
    icn_send_queue_unreserve(&queue, 3);
}

TEST_F(SendQueue, AChunkOfItsOwnIsQueuedAsItIs)
{
    const std::string text(20000, 'c');
    const iocpnet_iovec piece = piece_of(text);
    ASSERT_TRUE(append("before "));
    ASSERT_TRUE(icn_send_queue_reserve(&queue, text.size(), limit));
    icn_send_chunk *chunk = icn_send_chunk_copy(&piece, 1, piece.size);
    ASSERT_NE(chunk, nullptr);
    icn_send_queue_append_chunk(&queue, chunk);
    EXPECT_EQ(queued(), "before " + text);
}

TEST_F(SendQueue, WithoutMemoryForWhatWasAcceptedTheRestIsLostAndCounted)
{
    share_out("sent");
    icn_memory_fail(1, 1);
    share_out(std::string(5000, 'x'));
    icn_memory_fail(0, 0);
    share_out("behind the gap");
    EXPECT_EQ(queued(), "sent");
    EXPECT_EQ(close(), 4U + 5000U + 14U);
}

/* On the stack, never dropped for the last time. */
struct Shared {
    explicit Shared(std::string text) : bytes(std::move(text))
    {
        icn_u64_store(&buffer.references, 1);
        buffer.size = static_cast<uint32_t>(bytes.size());
        buffer.data = reinterpret_cast<uint8_t *>(bytes.data());
    }
    std::string bytes;
    icn_buffer buffer = {};
};

TEST_F(SendQueue, SharedBufferIsHeldWhereACopyWouldNeedRoomOfItsOwn)
{
    Shared middle(std::string(ICN_SEND_COPY_MAX, 'm'));
    ASSERT_TRUE(icn_send_queue_reserve(&queue, middle.bytes.size(), limit));
    ASSERT_TRUE(icn_send_queue_append_buffer(&queue, &pool, &middle.buffer));
    EXPECT_EQ(icn_u64_load(&middle.buffer.references), 2U);
    close();
    EXPECT_EQ(icn_u64_load(&middle.buffer.references), 1U);
}

TEST_F(SendQueue, SharedBufferIsCopiedBehindWhatIsQueuedUnlessItIsLarge)
{
    Shared middle(std::string(ICN_SEND_COPY_MAX, 'm'));
    Shared large(std::string(ICN_SEND_COPY_MAX + 1, 'l'));
    share_out("first");
    for (Shared *shared : {&middle, &large}) {
        ASSERT_TRUE(icn_send_queue_reserve(&queue, shared->bytes.size(), limit));
        ASSERT_TRUE(icn_send_queue_append_buffer(&queue, &pool, &shared->buffer));
    }
    EXPECT_EQ(queued(), "first" + middle.bytes + large.bytes);
    EXPECT_EQ(icn_u64_load(&middle.buffer.references), 1U);
    EXPECT_EQ(icn_u64_load(&large.buffer.references), 2U);
    close();
    EXPECT_EQ(icn_u64_load(&large.buffer.references), 1U);
}

TEST_F(SendQueue, WithoutMemoryASharedBufferIsRefusedAndNotHeld)
{
    Shared shared(std::string(5000, 's'));
    icn_memory_fail(1, 1);
    EXPECT_FALSE(icn_send_queue_append_buffer(&queue, &pool, &shared.buffer));
    icn_memory_fail(0, 0);
    EXPECT_TRUE(icn_send_queue_is_empty(&queue));
    EXPECT_EQ(icn_u64_load(&shared.buffer.references), 1U);
}

TEST_F(SendQueue, WithoutMemoryForASharedBufferThatWasAcceptedTheRestIsLostAndCounted)
{
    Shared shared(std::string(5000, 's'));
    share_out("sent");
    ASSERT_TRUE(icn_send_queue_reserve(&queue, 2 * 5000, limit));
    icn_memory_fail(1, 1);
    icn_send_queue_append_accepted(&queue, &pool, &shared.buffer);
    icn_memory_fail(0, 0);
    icn_send_queue_append_accepted(&queue, &pool, &shared.buffer);
    EXPECT_EQ(queued(), "sent");
    EXPECT_EQ(icn_u64_load(&shared.buffer.references), 1U);
    EXPECT_EQ(close(), 4U + 5000U + 5000U);
}

} // namespace

} // namespace unit_test
