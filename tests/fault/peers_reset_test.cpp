/* Peers that reset the connection, at each moment of a session's life: it ends exactly once, as reset. */
#include <future>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class PeerReset : public ModeTest
{
protected:
    /* wine reads a reset that arrives while no receive is pending as a clean end. */
    static bool is_reset(uint32_t reason)
    {
        return reason == IOCPNET_CLOSE_RESET || (on_windows && reason == IOCPNET_CLOSE_PEER_CLOSED);
    }

    /* The one session has ended, and for that reason. */
    static void expect_reset_once(Host &host)
    {
        ASSERT_TRUE(host.wait_disconnected(1));
        host.stop(0);
        const Records records = host.recorder().copy();
        ASSERT_EQ(1u, records.sessions.size());
        const iocpnet_event end = records.sessions.begin()->second.last.fields;
        EXPECT_EQ(1u, records.disconnected());
        EXPECT_TRUE(is_reset(end.close_reason)) << iocpnet_close_reason_name(end.close_reason);
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), end.close_origin);
    }

    /* The peer resets while the first event of a kind is being handled; `after` runs inside that event as well. */
    static void reset_inside(uint32_t kind, const std::function<void(iocpnet_session)> &after)
    {
        std::promise<void> is_there;
        Socket peer;
        bool first = true;
        Host host(GetParam());
        host.on(kind, [&](const iocpnet_event &event) {
            if (first) {
                is_there.get_future().wait();
                peer.reset();
                after(event.session);
            }
            first = false;
        });
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        peer = Socket::connect(address);
        peer.send("x");
        is_there.set_value();
        expect_reset_once(host);
    }
};
API_TEST_IN_EVERY_MODE(PeerReset);

void do_nothing(iocpnet_session)
{
}

/* It meets the reset before the receive does. */
void send_something(iocpnet_session session)
{
    iocpnet_session_send(session, "answer", 6);
}

TEST_P(PeerReset, InsideConnectedEndsItOnce)
{
    reset_inside(IOCPNET_EVENT_CONNECTED, do_nothing);
}

TEST_P(PeerReset, InsideConnectedBeforeASendEndsItOnce)
{
    reset_inside(IOCPNET_EVENT_CONNECTED, send_something);
}

TEST_P(PeerReset, InsideReceivedEndsItOnce)
{
    reset_inside(IOCPNET_EVENT_RECEIVED, do_nothing);
}

TEST_P(PeerReset, InsideReceivedBeforeASendEndsItOnce)
{
    reset_inside(IOCPNET_EVENT_RECEIVED, send_something);
}

TEST_P(PeerReset, BeforeItIsAcceptedEndsEachSessionOnce)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    for (uint32_t i = 0; i < 20; i++) {
        Socket peer = Socket::connect(address);
        peer.send_some(std::string(i % 2, 'x'));
        peer.reset();
    }
    Socket good = Socket::connect(address);
    ASSERT_EQ(IOCPNET_OK, host.start());
    ASSERT_TRUE(good.send("still there"));
    EXPECT_EQ("still there", good.receive(11));
    ASSERT_TRUE(host.wait([](const Records &r) { return r.disconnected() + 1 == r.connected(); }));
    for (const auto &entry : host.recorder().copy().sessions) {
        const uint32_t reason = entry.second.last.fields.close_reason;
        EXPECT_TRUE(!entry.second.ended || is_reset(reason)) << iocpnet_close_reason_name(reason);
    }
}

TEST_P(PeerReset, WithSendsQueuedEndsItOnceAndCountsWhatIsLost)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const uint64_t accepted = host.fill_to_the_brim(host.recorder().nth(0), 50000).size();
    peer.reset();
    expect_reset_once(host);
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_GT(record.last.fields.bytes_unsent, 0u);
    EXPECT_EQ(accepted, record.sent_bytes + record.last.fields.bytes_unsent);
}

TEST_P(PeerReset, WhileReceivingIsPausedIsSeenWhenItResumes)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED,
            [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(event.session)); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    peer.reset();
    iocpnet_session_resume_receive(host.recorder().nth(0)); /* in batches it may have ended before it was paused */
    expect_reset_once(host);
}

TEST_P(PeerReset, DuringAGracefulCloseCutsItAndKeepsItsReason)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_GRACEFUL));
    EXPECT_EQ("", peer.receive_all());
    peer.reset();
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event end = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
    EXPECT_TRUE(end.status == IOCPNET_E_CONNECTION_RESET || (on_windows && end.status == IOCPNET_OK)) << end.status;
}

TEST_P(PeerReset, OfAnOutboundSessionEndsItOnceWhicheverComesFirst)
{
    Socket listener = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint32_t rounds = scaled(40);
    for (uint32_t i = 0; i < rounds; i++) {
        host.connect(listener.address());
        listener.accept().reset();
    }
    ASSERT_TRUE(host.wait(
        [=](const Records &r) { return r.disconnected() + r.counts[IOCPNET_EVENT_CONNECT_FAILED] == rounds; }));
    host.stop(0);
    const Records records = host.recorder().copy();
    EXPECT_EQ(rounds, records.disconnected() + records.counts[IOCPNET_EVENT_CONNECT_FAILED]);
    EXPECT_EQ(records.connected(), records.disconnected());
    for (const auto &entry : records.sessions) {
        const uint32_t reason = entry.second.last.fields.close_reason;
        EXPECT_TRUE(is_reset(reason)) << iocpnet_close_reason_name(reason);
    }
}

} // namespace
