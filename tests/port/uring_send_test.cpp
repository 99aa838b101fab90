/* Sends of the io_uring port that find the socket full: what they cost while they wait, and how they end. */
#if defined(__linux__)

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/uring_rig.hpp"

namespace
{

using port_test::Link;
using port_test::piece;

/* One piece and several are sent by different calls. */
constexpr size_t piece_counts[] = {1, 3};

class UringSend : public uring_test::UringTest
{
protected:
    /* A send of `bytes` that waits for a peer which reads nothing; after `pieces` of them in each send. */
    Link &waiting_link(const std::string &bytes, size_t pieces)
    {
        Link &link = rig->connected_link();
        sent = 0;
        link.writer.hook = [this, &link, &bytes, pieces](const icn_completion &completion) {
            sent += completion.size;
            if (completion.status == IOCPNET_OK && sent < bytes.size()) {
                send_rest(link, bytes, pieces);
            }
        };
        send_rest(link, bytes, pieces);
        rig->run_dry();
        EXPECT_TRUE(link.writer.in_flight());
        return link;
    }

    void send_rest(Link &link, const std::string &bytes, size_t pieces)
    {
        const size_t size = (bytes.size() - sent) / pieces;
        std::vector<iocpnet_iovec> offered;
        for (size_t i = 0; i + 1 < pieces; ++i) {
            offered.push_back(piece(bytes.data() + sent + i * size, size));
        }
        const size_t last = sent + (pieces - 1) * size;
        offered.push_back(piece(bytes.data() + last, bytes.size() - last));
        link.send(offered);
    }

    /* Has the end of the peer's stream arrive. */
    void half_close(Link &link)
    {
        link.receive();
        link.peer.shutdown_send();
        ASSERT_TRUE(rig->run_until([&] { return !link.reader.in_flight(); }));
    }

    bool finishes(const port_test::Operation &operation)
    {
        return rig->run_until([&] { return !operation.in_flight(); });
    }

    size_t sent = 0;
    const std::string payload = api_test::Random().bytes(size_t{24} << 20); /* more than both ends hold */
};

URING_SUITE(UringSend, false, true);

TEST_P(UringSend, PeerThatEndsItsStreamWithoutReadingCostsNoTurns)
{
    for (size_t pieces : piece_counts) {
        Link &link = waiting_link(payload, pieces);
        half_close(link);
        const uint32_t finished = link.writer.finished();
        const uint32_t completions = ring().reaped;
        for (int i = 0; i < 20; ++i) {
            rig->run(10);
        }
        EXPECT_LE(link.writer.finished() - finished, 2u) << pieces;
        EXPECT_LE(ring().reaped - completions, 10u) << pieces;
        EXPECT_TRUE(link.writer.in_flight());
        rig->drop(link);
    }
}

TEST_P(UringSend, PeerThatEndedItsStreamBeforeTheSendCostsNoTurns)
{
    for (size_t pieces : piece_counts) {
        const Pair pair = paired_links(1).front();
        Link &link = *pair.link;
        shutdown(pair.peer, SHUT_WR);
        fill(pair);
        const uint32_t completions = ring().reaped;
        link.send(std::vector<iocpnet_iovec>(pieces, piece("x", 1)));
        for (int i = 0; i < 20; ++i) {
            rig->run(10);
        }
        EXPECT_LE(ring().reaped - completions, 10u) << pieces;
        EXPECT_TRUE(link.writer.in_flight());
        rig->drop(link);
        close(pair.peer);
    }
}

TEST_P(UringSend, WaitOccupiesNoThreadOfTheKernel)
{
    const auto threads = [] {
        const std::filesystem::directory_iterator all("/proc/self/task");
        return std::distance(begin(all), end(all));
    };
    const auto before = threads();
    for (size_t pieces : piece_counts) {
        Link &link = waiting_link(payload, pieces);
        half_close(link);
        rig->run(10);
        rig->drop(link);
    }
    EXPECT_LE(threads(), before);
}

TEST_P(UringSend, AllArrivesWhenAPeerThatEndedItsStreamReadsAgain)
{
    for (size_t pieces : piece_counts) {
        std::string received;
        Link &link = waiting_link(payload, pieces);
        half_close(link);
        EXPECT_TRUE(rig->run_until([&] {
            port_test::drain(link.peer, received);
            return received.size() == payload.size() && !link.writer.in_flight();
        }));
        EXPECT_TRUE(received == payload);
    }
}

TEST_P(UringSend, PeerThatEndedItsStreamAndResetsEndsTheWait)
{
    Link &link = waiting_link(payload, 1);
    half_close(link);
    link.peer.reset();
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CONNECTION_RESET);
}

TEST_P(UringSend, WaitForAPeerThatEndedItsStreamCanBeCancelled)
{
    Link &link = waiting_link(payload, 1);
    half_close(link);
    const uint32_t finished = link.writer.finished();
    icn_port_cancel(rig->port, link.writer.raw());
    ASSERT_TRUE(finishes(link.writer));
    rig->run_dry();
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(link.writer.finished(), finished + 1);
}

TEST_P(UringSend, CancelThatMeetsTheEndOfTheWaitCompletesTheSendOnce)
{
    for (bool room_first : {true, false}) {
        Link &link = waiting_link(payload, 1);
        Link &other = rig->connected_link();
        const uint32_t finished = link.writer.finished();
        link.writer.hook = nullptr;
        other.receive();
        other.reader.hook = [&](const icn_completion &) { icn_port_cancel(rig->port, link.writer.raw()); };
        rig->run_dry();
        const auto make_room = [&] {
            std::string received;
            port_test::drain(link.peer, received);
        };
        if (room_first) {
            make_room();
        }
        ASSERT_TRUE(other.peer.send("now"));
        if (!room_first) {
            make_room();
        }
        ASSERT_TRUE(finishes(link.writer));
        rig->run_dry();
        EXPECT_EQ(link.writer.finished(), finished + 1);
        EXPECT_TRUE(link.writer.last().status == IOCPNET_OK || link.writer.last().status == IOCPNET_E_CANCELLED);
        EXPECT_EQ(link.writer.last().size, 0u);
        other.reader.hook = nullptr;
    }
}

TEST_P(UringSend, RoomMadeBeforeTheWaitBeginsIsSeen)
{
    const Pair pair = paired_links(1).front();
    fill(pair);
    rig->run(0);
    pair.link->send("x");
    empty(pair); /* before the kernel is told to wait */
    ASSERT_TRUE(finishes(pair.link->writer));
    EXPECT_EQ(pair.link->writer.last().status, IOCPNET_OK);
    EXPECT_EQ(pair.link->writer.last().size, 0u);
    close(pair.peer);
}

TEST_P(UringSend, MoreWaitsThanSubmissionsFitAllEnd)
{
    const std::vector<Pair> pairs = paired_links(300);
    const std::string one = "x";
    for (const Pair &pair : pairs) {
        fill(pair);
        pair.link->send_all(one);
    }
    rig->run_dry();
    for (const Pair &pair : pairs) {
        EXPECT_TRUE(pair.link->writer.in_flight());
        empty(pair);
    }
    EXPECT_TRUE(all_finish(pairs));
    for (const Pair &pair : pairs) {
        EXPECT_EQ(pair.link->unsent(), 0u);
        close(pair.peer);
    }
}

/* A ring that no thread has enabled, so that the kernel leaves it alone and the test says what is completed, and when. */
class UringScript : public uring_test::UringTest
{
protected:
    void SetUp() override
    {
        UringTest::SetUp();
        if (!IsSkipped()) {
            pair = paired_links(1).front();
            fill(pair);
            pair.link->send("x");
        }
    }
    void TearDown() override
    {
        close(pair.peer);
        UringTest::TearDown();
    }

    void completed(int32_t result, uint32_t flags, uint64_t kind = 0)
    {
        const uint32_t tail = icn_u32_load(ring().completion_tail);
        io_uring_cqe &completion = ring().completions[tail & ring().completion_mask];
        completion.user_data = reinterpret_cast<uintptr_t>(pair.link->writer.raw()) | kind;
        completion.res = result;
        completion.flags = flags;
        icn_u32_store(ring().completion_tail, tail + 1);
        deliver();
    }
    void deliver()
    {
        rig->moment.running = true;
        icn_uring_deliver(icn_uring_port_of(rig->port), 1);
        rig->moment.running = false;
    }
    void cancel_completed(int32_t result) { completed(result, 0, ICN_URING_CANCEL_BIT); }
    void wait_meets_room() { completed(POLLOUT, IORING_CQE_F_MORE); }

    Pair pair = {nullptr, -1};
};

URING_SUITE(UringScript, true);

TEST_P(UringScript, WaitIsCancelledOnceHoweverOftenThereIsRoom)
{
    wait_meets_room();
    const uint32_t written = ring().written;
    completed(POLLOUT, IORING_CQE_F_MORE);
    completed(POLLOUT, IORING_CQE_F_MORE);
    EXPECT_EQ(ring().written, written);
    cancel_completed(0);
    EXPECT_TRUE(pair.link->in_flight());
    completed(-ECANCELED, 0);
    EXPECT_EQ(pair.link->writer.last().status, IOCPNET_OK);
    EXPECT_EQ(pair.link->writer.last().size, 0u);
}

TEST_P(UringScript, EndOfThePeersStreamDoesNotEndTheWait)
{
    const uint32_t written = ring().written;
    completed(POLLRDHUP | POLLIN, IORING_CQE_F_MORE);
    EXPECT_EQ(ring().written, written);
    completed(POLLERR, IORING_CQE_F_MORE);
    EXPECT_EQ(ring().written, written + 1);
    cancel_completed(0);
    completed(-ECANCELED, 0);
}

TEST_P(UringScript, SendIsThePortsUntilTheCancelOfItsWaitHasCompletedToo)
{
    wait_meets_room();
    completed(-ECANCELED, 0);
    EXPECT_TRUE(pair.link->in_flight());
    icn_port_cancel(rig->port, pair.link->writer.raw());
    deliver();
    EXPECT_TRUE(pair.link->in_flight());
    cancel_completed(-ENOENT);
    EXPECT_EQ(pair.link->writer.finished(), 1u);
}

TEST_P(UringScript, WaitThatItsCancelDidNotFindIsCancelledAgain)
{
    wait_meets_room();
    cancel_completed(-ENOENT);
    const uint32_t written = ring().written;
    icn_uring_write_waiting(icn_uring_port_of(rig->port));
    EXPECT_EQ(ring().written, written + 2); /* the cancel, and the poll of the wake */
    completed(-ECANCELED, 0);
    cancel_completed(0);
    EXPECT_EQ(pair.link->writer.finished(), 1u);
}

TEST_P(UringScript, CancelOfASendWhoseWaitEndsCompletesItAsCancelled)
{
    wait_meets_room();
    icn_port_cancel(rig->port, pair.link->writer.raw());
    cancel_completed(0);
    completed(-ECANCELED, 0);
    EXPECT_EQ(pair.link->writer.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(pair.link->writer.finished(), 1u);
}

} // namespace

#endif
