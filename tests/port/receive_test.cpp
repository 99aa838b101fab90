/* The contract of receiving. */
#include <string>

#include "support/port_rig.hpp"

namespace
{

using port_test::Link;
using port_test::Operation;
using port_test::Socket;

class PortReceive : public port_test::PortTest
{
protected:
    /* The end that a reset may show: wine reports it as an orderly end when no receive was pending. */
    static bool is_reset(const port_test::Completion &completion, bool receive_was_pending)
    {
#if defined(_WIN32)
        if (!receive_was_pending && completion.status == IOCPNET_OK && completion.size == 0) {
            return true;
        }
#else
        static_cast<void>(receive_was_pending);
#endif
        return completion.status == IOCPNET_E_CONNECTION_RESET;
    }

    bool finishes(const Operation &operation)
    {
        return rig->run_until([&] { return !operation.in_flight(); });
    }
};

PORT_SUITE(PortReceive);

TEST_P(PortReceive, GetsWhatThePeerSent)
{
    Link &link = rig->connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("hello"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "hello"; }));
    EXPECT_TRUE(link.reader.in_flight());
}

TEST_P(PortReceive, GoesOnAfterEachPiece)
{
    Link &link = rig->connected_link();
    link.receive();
    for (size_t i = 1; i <= 20; ++i) {
        ASSERT_TRUE(link.peer.send("x"));
        ASSERT_TRUE(rig->run_until([&] { return link.reader.data().size() == i; }));
    }
    EXPECT_EQ(link.reader.finished(), 0u);
}

TEST_P(PortReceive, DataThatCameBeforeTheStartIsDelivered)
{
    Link &link = rig->connected_link();
    ASSERT_TRUE(link.peer.send("early"));
    rig->run_dry(); /* the port may learn of it, with nobody to tell */
    link.receive();
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "early"; }));
}

TEST_P(PortReceive, PieceIsNeverLongerThanTheBuffer)
{
    open(1000);
    Link &link = rig->connected_link();
    const std::string sent(50000, 'x');
    ASSERT_TRUE(link.peer.send(sent));
    link.receive();
    ASSERT_TRUE(rig->run_until([&] { return link.reader.data().size() == sent.size(); }));
    for (const auto &completion : link.reader.completions()) {
        EXPECT_LE(completion.size, 1000u);
    }
}

TEST_P(PortReceive, EndIsReportedAfterAllData)
{
    open(1000);
    Link &link = rig->connected_link();
    const std::string sent = api_test::Random().bytes(100000);
    link.receive();
    ASSERT_TRUE(link.peer.send(sent));
    link.peer.shutdown_send();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_EQ(link.reader.last().size, 0u);
    EXPECT_TRUE(link.reader.data() == sent);
}

TEST_P(PortReceive, EndThatCameBeforeTheStartIsReportedAfterTheData)
{
    Link &link = rig->connected_link();
    ASSERT_TRUE(link.peer.send("last words"));
    link.peer.close();
    rig->run_dry();
    link.receive();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.data(), "last words");
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_EQ(link.reader.last().size, 0u);
}

TEST_P(PortReceive, EndIsReportedWhileTheReceiveWaits)
{
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    link.peer.close();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_EQ(link.reader.finished(), 1u);
}

TEST_P(PortReceive, EndIsFoundAgainByAnotherReceive)
{
    Link &link = rig->connected_link();
    link.receive();
    link.peer.close();
    ASSERT_TRUE(finishes(link.reader));
    link.receive();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_EQ(link.reader.finished(), 2u);
}

TEST_P(PortReceive, ResetIsReportedWhileTheReceiveWaits)
{
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    link.peer.reset();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_TRUE(is_reset(link.reader.last(), true)) << link.reader.last().status;
    EXPECT_EQ(link.reader.finished(), 1u);
}

TEST_P(PortReceive, ResetThatCameBeforeTheStartIsReported)
{
    Link &link = rig->connected_link();
    link.peer.reset();
    rig->run_dry();
    link.receive();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_TRUE(is_reset(link.reader.last(), false)) << link.reader.last().status;
}

TEST_P(PortReceive, ResetThatASendMetFirstIsNotTakenForAnOrderlyEnd)
{
    Link &link = rig->connected_link();
    Link &other = rig->connected_link();
    bool send_failed = false;
    bool told_of_the_reset = false;
    link.receive();
    other.receive();
    rig->run_dry();
    /* The other link's data comes first; in its completion the first link sends into the reset that is waiting. */
    other.reader.hook = [&](const icn_completion &) { link.send("into the reset"); };
    link.writer.hook = [&](const icn_completion &completion) { send_failed = completion.status != IOCPNET_OK; };
    link.reader.hook = [&](const icn_completion &completion) {
        told_of_the_reset = send_failed || is_reset({completion.status, 0, false, completion.size}, true);
    };
    ASSERT_TRUE(other.peer.send("now"));
    link.peer.reset();
    ASSERT_TRUE(rig->run_until([&] { return !link.reader.in_flight() && link.writer.finished() == 2; }));
    EXPECT_TRUE(told_of_the_reset) << link.reader.last().status;
    link.writer.hook = nullptr;
    link.reader.hook = nullptr;
}

TEST_P(PortReceive, ResetThatASendMetBetweenTwoPiecesIsNotTakenForAnOrderlyEnd)
{
    Link &link = rig->connected_link();
    bool send_failed = false;
    bool told_of_the_reset = false;
    /* A whole buffer: more is looked for without another event, which could tell of the reset. */
    ASSERT_TRUE(link.peer.send(std::string(port_test::default_buffer, 'x')));
    link.writer.hook = [&](const icn_completion &completion) { send_failed = completion.status != IOCPNET_OK; };
    link.reader.hook = [&](const icn_completion &completion) {
        if (!completion.more) {
            told_of_the_reset = send_failed || is_reset({completion.status, 0, false, completion.size}, true);
        } else if (link.reader.data().size() == port_test::default_buffer) {
            link.peer.reset();
            link.send("into the reset");
        }
    };
    link.receive();
    ASSERT_TRUE(rig->run_until([&] { return !link.reader.in_flight() && link.writer.finished() == 2; }));
    EXPECT_TRUE(told_of_the_reset) << link.reader.last().status;
    link.writer.hook = nullptr;
    link.reader.hook = nullptr;
}

TEST_P(PortReceive, EndBesideASendThatSucceededIsOrderly)
{
    Link &link = rig->connected_link();
    Link &other = rig->connected_link();
    link.receive();
    other.receive();
    rig->run_dry();
    other.reader.hook = [&](const icn_completion &) { link.send("taken"); };
    ASSERT_TRUE(other.peer.send("now"));
    link.peer.shutdown_send();
    ASSERT_TRUE(rig->run_until([&] { return !link.reader.in_flight() && link.writer.finished() == 2; }));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK);
}

TEST_P(PortReceive, EndBesideASendThatWasCancelledIsOrderly)
{
    const std::string more_than_buffers(size_t{24} << 20, 'x');
    Link &link = rig->connected_link();
    Link &other = rig->connected_link();
    link.send_all(more_than_buffers);
    link.receive();
    other.receive();
    rig->run_dry();
    ASSERT_TRUE(link.writer.in_flight());
    link.writer.hook = nullptr;
    other.reader.hook = [&](const icn_completion &) { icn_port_cancel(rig->port, link.writer.raw()); };
    ASSERT_TRUE(other.peer.send("now"));
    link.peer.shutdown_send();
    ASSERT_TRUE(rig->run_until([&] { return !link.in_flight(); }));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    if (link.writer.last().status != IOCPNET_OK) {
        /* Under wine the end makes a send whose cancel is under way a success, of a part. */
        EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    }
}

TEST_P(PortReceive, UrgentBytesArePartOfTheStream)
{
    Link &link = rig->connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("before"));
    ASSERT_TRUE(link.peer.send_urgent('!'));
    ASSERT_TRUE(link.peer.send("between"));
    ASSERT_TRUE(link.peer.send_urgent('?'));
    ASSERT_TRUE(link.peer.send("after"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "before!between?after"; })) << link.reader.data();
}

/* A receive of the system stops at the urgent byte, and nothing comes later that would tell of what is behind it. */
TEST_P(PortReceive, UrgentByteThatCameBeforeTheStartHidesNoEndBehindIt)
{
    Link &link = rig->connected_link();
    const std::string many(150000, 'a');
    ASSERT_TRUE(link.peer.send(many));
    ASSERT_TRUE(link.peer.send_urgent('!'));
    ASSERT_TRUE(link.peer.send(many));
    link.peer.shutdown_send();
    rig->run_dry();
    link.receive();
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_OK);
    EXPECT_TRUE(link.reader.data() == many + "!" + many) << link.reader.data().size();
}

TEST_P(PortReceive, UrgentByteToAnAcceptedSocketIsPartOfTheStream)
{
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept();
    Socket client = Socket::connect(port_test::text_of(address));
    ASSERT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == 1; }));
    Link &link = rig->make_link();
    link.attach(listener.reader.accepted().front());
    listener.reader.accepted().pop_front();
    link.receive();
    ASSERT_TRUE(client.send_urgent('!'));
    ASSERT_TRUE(client.send("after"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "!after"; })) << link.reader.data();
}

TEST_P(PortReceive, CancelledReceiveStillCompletesExactlyOnce)
{
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    icn_port_cancel(rig->port, link.reader.raw());
    icn_port_cancel(rig->port, link.reader.raw());
    ASSERT_TRUE(finishes(link.reader));
    rig->run_dry();
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(link.reader.completions().size(), 1u);
}

TEST_P(PortReceive, CancelBeforeTheFirstRunCompletesExactlyOnce)
{
    Link &link = rig->connected_link();
    link.receive();
    icn_port_cancel(rig->port, link.reader.raw());
    EXPECT_TRUE(link.reader.in_flight());
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(link.reader.finished(), 1u);
}

TEST_P(PortReceive, CancelOfAnIdleOperationDoesNothing)
{
    Link &link = rig->connected_link();
    icn_port_cancel(rig->port, link.reader.raw());
    rig->run_dry();
    EXPECT_TRUE(link.reader.completions().empty());
}

TEST_P(PortReceive, CancelThatLosesToTheEndCompletesExactlyOnce)
{
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    link.peer.close();
    icn_port_cancel(rig->port, link.reader.raw());
    ASSERT_TRUE(finishes(link.reader));
    rig->run_dry();
    EXPECT_TRUE(link.reader.last().status == IOCPNET_E_CANCELLED || link.reader.last().status == IOCPNET_OK);
    EXPECT_EQ(link.reader.finished(), 1u);
}

TEST_P(PortReceive, NoByteIsLostByCancelAndRestart)
{
    open(512);
    Link &link = rig->connected_link();
    const std::string sent = api_test::Random().bytes(200000);
    size_t offset = 0;
    link.receive();
    while (link.reader.data().size() < sent.size()) {
        offset += link.peer.send_some(std::string_view(sent).substr(offset, 1777));
        rig->run(0, 2);
        icn_port_cancel(rig->port, link.reader.raw());
        ASSERT_TRUE(finishes(link.reader));
        ASSERT_EQ(link.reader.last().status, IOCPNET_E_CANCELLED);
        link.receive();
        rig->run(1, 2);
    }
    EXPECT_TRUE(link.reader.data() == sent);
}

TEST_P(PortReceive, CancelInsideItsOwnCompletionEndsItOnceAndLosesNothing)
{
    open(512);
    Link &link = rig->connected_link();
    const std::string sent = api_test::Random().bytes(20000);
    link.reader.hook = [&](const icn_completion &completion) {
        if (completion.more) {
            icn_port_cancel(rig->port, link.reader.raw());
        } else {
            link.receive();
        }
    };
    ASSERT_TRUE(link.peer.send(sent));
    link.receive();
    ASSERT_TRUE(rig->run_until([&] { return link.reader.data().size() == sent.size(); }));
    EXPECT_TRUE(link.reader.data() == sent);
    EXPECT_GE(link.reader.finished(), 1u);
}

TEST_P(PortReceive, CancelInsideTheCompletionOfAnotherLinkCompletesExactlyOnce)
{
    Link &first = rig->connected_link();
    Link &second = rig->connected_link();
    const auto cancel_both = [&](const icn_completion &) {
        icn_port_cancel(rig->port, first.reader.raw());
        icn_port_cancel(rig->port, second.reader.raw());
    };
    first.reader.hook = cancel_both;
    second.reader.hook = cancel_both;
    first.receive();
    second.receive();
    rig->run_dry();
    ASSERT_TRUE(first.peer.send("one"));
    ASSERT_TRUE(second.peer.send("two"));
    ASSERT_TRUE(rig->run_until([&] { return !first.reader.in_flight() && !second.reader.in_flight(); }));
    rig->run_dry();
    EXPECT_EQ(first.reader.finished(), 1u);
    EXPECT_EQ(second.reader.finished(), 1u);
}

TEST_P(PortReceive, MayBeStartedAgainInsideItsLastCompletion)
{
    Link &link = rig->connected_link();
    link.reader.hook = [&](const icn_completion &completion) {
        if (!completion.more && link.reader.started() < 100) {
            link.receive();
            icn_port_cancel(rig->port, link.reader.raw());
        }
    };
    link.receive();
    icn_port_cancel(rig->port, link.reader.raw());
    ASSERT_TRUE(rig->run_until([&] { return link.reader.finished() == 100; }));
    link.reader.hook = nullptr;
    link.receive();
    ASSERT_TRUE(link.peer.send("still here"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "still here"; }));
}

TEST_P(PortReceive, BusyEndpointDoesNotStarveAnother)
{
    open(1024);
    Link &busy = rig->connected_link();
    Link &quiet = rig->connected_link();
    const std::string flood(1 << 16, 'x');
    size_t received_before = 0;
    busy.receive();
    quiet.receive();
    rig->run_dry();
    while (busy.peer.send_some(flood) > 0) {
    }
    ASSERT_TRUE(quiet.peer.send("me too"));
    while (quiet.reader.data().empty() && received_before < (1 << 18)) {
        rig->run(5, 4);
        busy.peer.send_some(flood);
        received_before = busy.reader.data().size();
    }
    EXPECT_EQ(quiet.reader.data(), "me too");
}

} // namespace
