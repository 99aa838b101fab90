/* The buffers that the io_uring port lends to the kernel: they run out, grow in number and shrink. */
#if defined(__linux__)

#include <algorithm>
#include <string>
#include <vector>

#include "support/uring_rig.hpp"

extern "C" {
#include "util/memory.h"
}

namespace
{

using port_test::Link;

class UringBuffers : public uring_test::UringTest
{
protected:
    void TearDown() override
    {
        icn_memory_fail(0, 0);
        UringTest::TearDown();
    }

    static uint64_t port_memory() { return icn_memory_bytes(ICN_MEMORY_PORT); }

    /* Links that receive from now on what their peers have sent. */
    std::vector<Link *> receiving_links(uint32_t count)
    {
        const std::vector<Link *> links = connected_links(count);
        for (Link *link : links) {
            EXPECT_TRUE(link->peer.send(sent));
            link->receive();
        }
        return links;
    }

    void turn(int times)
    {
        for (int i = 0; i < times; ++i) {
            rig->run(0);
        }
    }

    const std::string sent = std::string(20000, 'x'); /* 20 buffers of the smallest size */
};

URING_SUITE(UringBuffers, false, true);

TEST_P(UringBuffers, ReceivesThatFindNoneGoOnWhenThereIsOne)
{
    open(1024);
    const std::vector<Link *> links = receiving_links(40);
    EXPECT_TRUE(all_received(links, sent));
    for (Link *link : links) {
        EXPECT_EQ(link->reader.data(), sent);
        EXPECT_EQ(link->reader.finished(), 0u);
    }
}

TEST_P(UringBuffers, AreAddedWhenSomeAreMissing)
{
    open(1024);
    const uint64_t before = port_memory();
    const std::vector<Link *> links = receiving_links(20);
    EXPECT_TRUE(all_received(links, sent));
    EXPECT_GT(port_memory(), before);
}

TEST_P(UringBuffers, AreNotAddedForLargePieces)
{
    open(1 << 16);
    const std::vector<Link *> links = connected_links(20);
    const std::string large(60000, 'x'); /* one piece: it fits the receiver's window */
    for (Link *link : links) {
        EXPECT_TRUE(link->peer.send(large));
    }
    const uint64_t before = port_memory();
    for (Link *link : links) {
        link->receive();
    }
    EXPECT_TRUE(all_received(links, large));
    EXPECT_EQ(port_memory(), before);
}

TEST_P(UringBuffers, AreBounded)
{
    open(1 << 20);
    const uint64_t bound = port_memory() * 9; /* it opens with 2 of at most 16 */
    const std::vector<Link *> links = receiving_links(60);
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(all_received(links, sent));
        for (Link *link : links) {
            link->reader.data().clear();
            ASSERT_TRUE(link->peer.send(sent));
        }
    }
    EXPECT_LT(port_memory(), bound);
}

TEST_P(UringBuffers, FewAreEnoughWhenThereIsNoMemoryForMore)
{
    open(1024);
    const uint64_t before = port_memory();
    icn_memory_fail(1, 1);
    const std::vector<Link *> links = receiving_links(20);
    EXPECT_TRUE(all_received(links, sent));
    for (Link *link : links) {
        EXPECT_EQ(link->reader.data(), sent);
        EXPECT_EQ(link->reader.finished(), 0u);
    }
    EXPECT_EQ(port_memory(), before);
}

TEST_P(UringBuffers, OfABurstAreFreedWhenFewAreUsed)
{
    open(1024);
    const uint64_t before = port_memory();
    const std::vector<Link *> links = receiving_links(20);
    ASSERT_TRUE(all_received(links, sent));
    ASSERT_GT(port_memory(), before);
    Link &link = *links.front();
    for (uint32_t i = 0; i < 20000 && port_memory() > before; ++i) {
        link.reader.data().clear();
        ASSERT_TRUE(link.peer.send("x"));
        ASSERT_TRUE(all_received({&link}, "x"));
    }
    EXPECT_EQ(port_memory(), before);
}

TEST_P(UringBuffers, OfABurstAreFreedWhenPiecesAreLarge)
{
    open(1 << 16);
    const uint64_t before = port_memory();
    const std::vector<Link *> links = receiving_links(7);
    ASSERT_TRUE(all_received(links, sent));
    ASSERT_GT(port_memory(), before);
    const std::string large(60000, 'x');
    for (int round = 0; round < 100 && port_memory() > before; ++round) {
        for (Link *link : links) {
            link->reader.data().clear();
            ASSERT_TRUE(link->peer.send(large));
        }
        ASSERT_TRUE(all_received(links, large));
        turn(200);
    }
    EXPECT_EQ(port_memory(), before);
    turn(2000);
    EXPECT_EQ(port_memory(), before);
}

TEST_P(UringBuffers, ReceiveCancelledWithoutOneCompletesExactlyOnce)
{
    open(1024);
    icn_memory_fail(1, 1);
    const std::vector<Link *> links = receiving_links(20);
    rig->run(0, 1); /* most have found none by now */
    for (Link *link : links) {
        link->cancel();
    }
    EXPECT_TRUE(rig->run_until(
        [&] { return std::none_of(links.begin(), links.end(), [](Link *link) { return link->in_flight(); }); }));
    for (Link *link : links) {
        EXPECT_EQ(link->reader.finished(), 1u);
        EXPECT_EQ(link->reader.last().status, IOCPNET_E_CANCELLED);
    }
}

} // namespace

#endif
