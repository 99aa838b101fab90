/* The contract of sending. */
#include <algorithm>
#include <string>
#include <vector>

#include "support/port_rig.hpp"

namespace
{

using port_test::drain;
using port_test::Link;
using port_test::piece;

/* More than the buffers of both ends can take. */
constexpr size_t more_than_buffers = size_t{24} << 20;

class PortSend : public port_test::PortTest
{
protected:
    bool finishes(const port_test::Operation &operation)
    {
        return rig->run_until([&] { return !operation.in_flight(); });
    }

    /* Sends until the port can hand no more to the system: a send is left in flight. */
    void fill(Link &link, const std::string &bytes)
    {
        link.send_all(bytes);
        rig->run_dry();
        ASSERT_TRUE(link.writer.in_flight());
    }
};

PORT_SUITE(PortSend);

TEST_P(PortSend, ArrivesAtThePeer)
{
    Link &link = rig->connected_link();
    link.send("hello");
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK);
    EXPECT_EQ(link.writer.last().size, 5u);
    EXPECT_EQ(link.peer.receive(5), "hello");
}

TEST_P(PortSend, LeavesWithoutAnotherRunAfterSubmit)
{
    Link &link = rig->connected_link();
    link.send("now");
    ASSERT_EQ(icn_port_submit(rig->port).status, IOCPNET_OK);
    EXPECT_EQ(link.peer.receive(3), "now");
}

TEST_P(PortSend, GatherKeepsTheOrderOfThePieces)
{
    Link &link = rig->connected_link();
    link.send({piece("one", 3), piece("", 0), piece("two", 3), piece("three", 5)});
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().size, 11u);
    EXPECT_EQ(link.peer.receive(11), "onetwothree");
}

TEST_P(PortSend, ArrayOfPiecesIsReadDuringTheCallOnly)
{
    Link &link = rig->connected_link();
    std::vector<iocpnet_iovec> pieces = {piece("first", 5), piece("second", 6)};
    link.writer.start([&] { icn_port_send(rig->port, &link.endpoint, pieces.data(), 2); });
    pieces.assign(2, piece("XXXXXX", 6));
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.peer.receive(11), "firstsecond");
}

TEST_P(PortSend, TakesUpToTheMostPieces)
{
    Link &link = rig->connected_link();
    std::string sent;
    for (int i = 0; i < ICN_PORT_PIECES_MAX; ++i) {
        sent += static_cast<char>('A' + i % 26);
    }
    std::vector<iocpnet_iovec> pieces;
    for (const char &letter : sent) {
        pieces.push_back(piece(&letter, 1));
    }
    link.send(pieces);
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().size, sent.size());
    EXPECT_EQ(link.peer.receive(sent.size()), sent);
}

TEST_P(PortSend, TakesAPartOfMorePiecesThanTheMost)
{
    Link &link = rig->connected_link();
    const std::string letters(ICN_PORT_PIECES_MAX * 3, 'x');
    std::vector<iocpnet_iovec> pieces;
    for (const char &letter : letters) {
        pieces.push_back(piece(&letter, 1));
    }
    link.send(pieces);
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK);
    EXPECT_GT(link.writer.last().size, 0u);
    EXPECT_LE(link.writer.last().size, letters.size());
    EXPECT_EQ(link.peer.receive(link.writer.last().size).size(), link.writer.last().size);
}

TEST_P(PortSend, NowSendsAllOrNothingOfAFewBytesWithoutACompletion)
{
    Link &link = rig->connected_link();
    const iocpnet_iovec pieces[] = {piece("hel", 3), piece("lo", 2)};
    const size_t completions = link.writer.completions().size();
    const uint32_t taken = icn_port_send_now(rig->port, &link.endpoint, pieces, 2);
    rig->run_dry();
    EXPECT_TRUE(taken == 0 || taken == 5) << taken;
    EXPECT_EQ(link.writer.completions().size(), completions);
    EXPECT_EQ(link.peer.receive(taken), std::string("hello").substr(0, taken));
    EXPECT_FALSE(link.peer.readable_within(0));
}

TEST_P(PortSend, NowTakesNothingOfAFullSocketAndLosesNothing)
{
    Link &link = rig->connected_link();
    const std::string sent = api_test::Random().bytes(more_than_buffers);
    std::string received;
    size_t taken = 0;
    uint32_t last;
    do {
        const iocpnet_iovec rest = piece(sent.data() + taken, std::min<size_t>(sent.size() - taken, 1 << 20));
        last = icn_port_send_now(rig->port, &link.endpoint, &rest, 1);
        taken += last;
    } while (last != 0 && taken < sent.size());
    ASSERT_LT(taken, sent.size());
    const std::string rest = sent.substr(taken);
    link.send_all(rest);
    ASSERT_TRUE(rig->run_until([&] {
        drain(link.peer, received);
        return received.size() == sent.size();
    }));
    EXPECT_TRUE(received == sent);
}

TEST_P(PortSend, NowTakesNothingAfterAReset)
{
    Link &link = rig->connected_link();
    link.receive();
    link.peer.reset();
    ASSERT_TRUE(finishes(link.reader));
    const iocpnet_iovec one = piece("x", 1);
    EXPECT_EQ(icn_port_send_now(rig->port, &link.endpoint, &one, 1), 0u);
}

TEST_P(PortSend, MayBeStartedAgainInsideItsCompletion)
{
    Link &link = rig->connected_link();
    std::string received;
    link.writer.hook = [&](const icn_completion &) {
        if (link.writer.started() < 1001) {
            link.send("x");
        }
    };
    link.send("x");
    ASSERT_TRUE(rig->run_until([&] {
        drain(link.peer, received);
        return link.writer.finished() == 1001; /* the connect was the first */
    }));
    EXPECT_EQ((received + link.peer.receive(1000 - received.size())).size(), 1000u);
}

TEST_P(PortSend, EndlessSendingDoesNotStarveAnotherEndpoint)
{
    Link &sender = rig->connected_link();
    Link &other = rig->connected_link();
    std::string received;
    sender.writer.hook = [&](const icn_completion &) { sender.send("x"); };
    other.receive();
    sender.send("x");
    rig->run(0);
    ASSERT_TRUE(other.peer.send("me too"));
    EXPECT_TRUE(rig->run_until([&] {
        drain(sender.peer, received);
        return other.reader.data() == "me too";
    }));
}

TEST_P(PortSend, WaitsForAPeerThatDoesNotReadThenGoesOn)
{
    Link &link = rig->connected_link();
    const std::string sent = api_test::Random().bytes(more_than_buffers);
    std::string received;
    fill(link, sent);
    EXPECT_GT(link.unsent(), 0u);
    ASSERT_TRUE(rig->run_until([&] {
        drain(link.peer, received);
        return received.size() == sent.size();
    }));
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.unsent(), 0u);
    EXPECT_TRUE(received == sent);
}

TEST_P(PortSend, PeerThatDoesNotReadHoldsUpNobodyElse)
{
    Link &stuck = rig->connected_link();
    Link &other = rig->connected_link();
    fill(stuck, std::string(more_than_buffers, 'x'));
    other.send("hello");
    ASSERT_TRUE(finishes(other.writer));
    EXPECT_EQ(other.peer.receive(5), "hello");
}

TEST_P(PortSend, CancelledSendCompletesExactlyOnce)
{
    Link &link = rig->connected_link();
    const std::string sent(more_than_buffers, 'x');
    fill(link, sent);
    const uint32_t finished = link.writer.finished();
    link.writer.hook = nullptr;
    icn_port_cancel(rig->port, link.writer.raw());
    ASSERT_TRUE(finishes(link.writer));
    rig->run_dry();
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(link.writer.finished(), finished + 1);
}

TEST_P(PortSend, CancelThatLosesToSuccessReportsTheSuccessOrTheCancelOnce)
{
    Link &link = rig->connected_link();
    link.send("hello");
    icn_port_cancel(rig->port, link.writer.raw());
    ASSERT_TRUE(finishes(link.writer));
    rig->run_dry();
    EXPECT_EQ(link.writer.finished(), 2u); /* the connect was the first */
    if (link.writer.last().status == IOCPNET_OK) {
        EXPECT_EQ(link.peer.receive(link.writer.last().size), std::string("hello").substr(0, link.writer.last().size));
    } else {
        EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    }
}

TEST_P(PortSend, FailsAfterAReset)
{
    Link &link = rig->connected_link();
    link.peer.reset();
    const auto failed = [&] { return link.writer.last().status != IOCPNET_OK; };
    link.writer.hook = [&](const icn_completion &) {
        if (!failed()) {
            link.send("into the void");
        }
    };
    link.send("into the void");
    ASSERT_TRUE(rig->run_until(failed));
    EXPECT_TRUE(link.writer.last().status == IOCPNET_E_CONNECTION_RESET ||
                link.writer.last().status == IOCPNET_E_CONNECTION_ABORTED)
        << link.writer.last().status;
}

TEST_P(PortSend, WaitingSendEndsWithAReset)
{
    Link &link = rig->connected_link();
    const std::string sent(more_than_buffers, 'x');
    fill(link, sent);
    link.peer.reset();
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_TRUE(link.writer.last().status == IOCPNET_E_CONNECTION_RESET ||
                link.writer.last().status == IOCPNET_E_CONNECTION_ABORTED)
        << link.writer.last().status;
}

TEST_P(PortSend, FailureAtOnceIsACompletionLikeEachOther)
{
    Link &link = rig->make_link();
    link.open(); /* not connected */
    link.send("nowhere");
    EXPECT_TRUE(link.writer.in_flight());
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_LT(link.writer.last().status, 0);
    EXPECT_EQ(link.writer.finished(), 1u);
}

TEST_P(PortSend, PeerMayHalfCloseAndStillBeSentTo)
{
    Link &link = rig->connected_link();
    link.receive();
    link.peer.shutdown_send();
    ASSERT_TRUE(finishes(link.reader));
    link.send("answer");
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK);
    EXPECT_EQ(link.peer.receive(6), "answer");
}

TEST_P(PortSend, HalfCloseLeavesReceivingAlive)
{
    Link &link = rig->connected_link();
    link.receive();
    icn_os_socket_shutdown_send(link.endpoint.socket);
    EXPECT_EQ(link.peer.receive_all(), "");
    EXPECT_EQ(link.peer.end(), api_test::Socket::End::closed);
    ASSERT_TRUE(link.peer.send("still talking"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "still talking"; }));
}

TEST_P(PortSend, ManyEndpointsTransferBothWaysWithoutAWrongByte)
{
    const uint32_t links = api_test::scaled(24);
    const size_t each = size_t{1} << 20;
    api_test::Random random;
    struct Transfer {
        Link *link;
        std::string out;
        std::string in;
        size_t offset;
        std::string peer_received;
    };
    std::vector<Transfer> transfers;
    for (uint32_t i = 0; i < links; ++i) {
        transfers.push_back({&rig->connected_link(), random.bytes(each), random.bytes(each), 0, {}});
    }
    for (Transfer &transfer : transfers) {
        transfer.link->receive();
        transfer.link->send_all(transfer.out);
    }
    const auto step = [&](Transfer &transfer) {
        const auto rest = std::string_view(transfer.in).substr(transfer.offset);
        transfer.offset += transfer.link->peer.send_some(rest.substr(0, 1 + random.below(60000)));
        drain(transfer.link->peer, transfer.peer_received);
        return transfer.peer_received.size() == each && transfer.link->reader.data().size() == each;
    };
    ASSERT_TRUE(rig->run_until([&] {
        bool done = true;
        for (Transfer &transfer : transfers) {
            done = step(transfer) && done;
        }
        return done;
    }));
    for (Transfer &transfer : transfers) {
        EXPECT_TRUE(transfer.peer_received == transfer.out);
        EXPECT_TRUE(transfer.link->reader.data() == transfer.in);
    }
}

} // namespace
