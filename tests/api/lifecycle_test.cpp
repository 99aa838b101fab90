/* The life of a session, in every mode. The recorder checks the order of the events in each of these tests. */
#include <numeric>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Lifecycle : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Lifecycle);

std::vector<uint32_t> kinds(std::initializer_list<uint32_t> list)
{
    return list;
}

/* A peer that sends random pieces and reads what comes back, without either side waiting for the other. */
std::string play_echo_client(const std::string &address, const std::string &bytes, Random &random)
{
    Socket peer = Socket::connect(address);
    std::string echoed;
    size_t sent = 0;
    while (sent < bytes.size()) {
        const auto piece = static_cast<size_t>(1 + random.below(20000));
        sent += peer.send_some(std::string_view(bytes).substr(sent, piece));
        while (peer.readable_within(0)) {
            const std::string some = peer.receive_some(1 << 16);
            if (some.empty()) {
                return echoed;
            }
            echoed += some;
        }
    }
    return echoed + peer.receive(bytes.size() - echoed.size());
}

TEST_P(Lifecycle, BytesOfRandomPiecesComeBackExactAndInOrder)
{
    Random random;
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string bytes = random.bytes(scaled(2000000) + random.below(1000));
    EXPECT_TRUE(bytes == play_echo_client(address, bytes, random));
    ASSERT_TRUE(host.wait_disconnected(1));
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_TRUE(bytes == record.received);
    EXPECT_EQ(bytes.size(), record.sent_bytes);
}

TEST_P(Lifecycle, ServerSessionIsConnectedFirstAndDisconnectedLast)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("hello"));
    EXPECT_EQ("hello", peer.receive(5));
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_EQ(kinds({IOCPNET_EVENT_CONNECTED, IOCPNET_EVENT_DISCONNECTED}), record.kinds);
    EXPECT_EQ(host.listener(), record.first.fields.listener);
}

TEST_P(Lifecycle, OutboundSessionIsConnectedAndHasNoListener)
{
    Socket listener = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(listener.address());
    Socket peer = listener.accept();
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_EQ(session, host.recorder().nth(0));
    EXPECT_EQ(0u, host.recorder().session(session).first.fields.listener);
    EXPECT_EQ(IOCPNET_OK, host.send(session, "from the library"));
    EXPECT_EQ("from the library", peer.receive(16));
    ASSERT_TRUE(peer.send("from the peer"));
    EXPECT_TRUE(host.wait_received(session, 13));
    EXPECT_EQ("from the peer", host.recorder().session(session).received);
}

TEST_P(Lifecycle, PeerThatClosesEndsTheSessionAsPeerClosed)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event end = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), end.close_origin);
    EXPECT_EQ(IOCPNET_OK, end.status);
    EXPECT_EQ(0u, end.bytes_unsent);
}

TEST_P(Lifecycle, PeerThatResetsEndsTheSessionAsReset)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    peer.reset();
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event end = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), end.close_origin);
    /* wine reads a reset that arrives while no receive is pending as a clean end. */
    if (!on_windows || end.close_reason != IOCPNET_CLOSE_PEER_CLOSED) {
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RESET), end.close_reason);
        EXPECT_EQ(IOCPNET_E_CONNECTION_RESET, end.status);
        EXPECT_NE(0, end.os_error);
    }
}

TEST_P(Lifecycle, GracefulDisconnectFlushesAndCarriesTheHostsCodeAndText)
{
    Random random;
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const std::string bytes = random.bytes(700000);
    ASSERT_EQ(IOCPNET_OK, host.send(session, bytes));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 0, -7, "kicked"));
    EXPECT_TRUE(bytes == peer.receive_all());
    EXPECT_EQ(Socket::End::closed, peer.end());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const Event end = host.recorder().session(session).last;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.fields.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LOCAL), end.fields.close_origin);
    EXPECT_EQ(-7, end.fields.close_code);
    EXPECT_EQ("kicked", end.close_text);
    EXPECT_EQ(0u, end.fields.bytes_unsent);
}

TEST_P(Lifecycle, DisconnectWithoutOptionsHasNoCodeAndNoText)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_disconnect(host.recorder().nth(0), nullptr));
    EXPECT_EQ("", peer.receive_all());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const Event end = host.recorder().session(host.recorder().nth(0)).last;
    EXPECT_EQ(0, end.fields.close_code);
    EXPECT_FALSE(end.has_close_text);
}

TEST_P(Lifecycle, AbortiveDisconnectResetsThePeer)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_ABORT));
    EXPECT_EQ("", peer.receive_all());
    /* wine reads a reset that arrives while no receive is pending as a clean end. */
    EXPECT_TRUE(peer.end() == Socket::End::reset || (on_windows && peer.end() == Socket::End::closed));
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event end = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LOCAL), end.close_origin);
}

TEST_P(Lifecycle, GracefulDisconnectOfASilentPeerEndsAtItsDeadline)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const auto begin = Clock::now();
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_GRACEFUL, 60));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(50));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(Lifecycle, ServiceStopEndsSessionsAsServiceStopped)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    host.stop(0);
    EXPECT_EQ(1u, host.recorder().copy().disconnected());
    const iocpnet_event end = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SERVICE_STOPPED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LOCAL), end.close_origin);
}

TEST_P(Lifecycle, RefusedConnectFailsOnceAndWasNeverConnected)
{
    const std::string nobody = Socket::listen().address();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(nobody, &host);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.counts[IOCPNET_EVENT_CONNECT_FAILED] == 1; }));
    host.stop(0);
    const SessionRecord record = host.recorder().session(session);
    EXPECT_EQ(kinds({IOCPNET_EVENT_CONNECT_FAILED}), record.kinds);
    EXPECT_EQ(IOCPNET_E_CONNECTION_REFUSED, record.last.fields.status);
    EXPECT_NE(0, record.last.fields.os_error);
    EXPECT_EQ(&host, record.last.fields.user);
}

TEST_P(Lifecycle, DisconnectOfAConnectingSessionGivesOneEndOfTheRightKind)
{
    Socket listener = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(listener.address());
    EXPECT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host.wait([=](const Records &r) {
        const auto found = r.sessions.find(session);
        return found != r.sessions.end() && found->second.ended;
    }));
    host.stop(0);
    const SessionRecord record = host.recorder().session(session);
    if (record.connected) {
        EXPECT_EQ(kinds({IOCPNET_EVENT_CONNECTED, IOCPNET_EVENT_DISCONNECTED}), record.kinds);
    } else {
        EXPECT_EQ(kinds({IOCPNET_EVENT_CONNECT_FAILED}), record.kinds);
    }
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), record.last.fields.close_reason);
}

TEST_P(Lifecycle, HandleIsStaleAfterTheLastEvent)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_TRUE(wait_until([&] { return iocpnet_session_send(session, "x", 1) == IOCPNET_E_INVALID_HANDLE; }));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_session_disconnect(session, nullptr));
}

TEST_P(Lifecycle, HandleIsValidAndClosedInsideTheLastEvent)
{
    std::atomic<uint32_t> state{0};
    std::atomic<int32_t> sent{0};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_DISCONNECTED, [&](const iocpnet_event &event) {
        state = session_details(event.session).state;
        sent = iocpnet_session_send(event.session, "x", 1);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CLOSED), state);
    EXPECT_EQ(IOCPNET_E_CLOSED, sent);
}

TEST_P(Lifecycle, BytesBeforeTheEndOfTheStreamAllArrive)
{
    Random random;
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const std::string bytes = random.bytes(scaled(1000000));
    ASSERT_TRUE(peer.send(bytes));
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_TRUE(bytes == host.recorder().session(host.recorder().nth(0)).received);
}

TEST_P(Lifecycle, HalfClosedPeerGetsEverythingThatWasSentBeforeItsEnd)
{
    Random random;
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const std::string bytes = random.bytes(500000);
    ASSERT_TRUE(peer.send(bytes));
    peer.shutdown_send();
    EXPECT_TRUE(bytes == peer.receive_all());
    EXPECT_EQ(Socket::End::closed, peer.end());
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(Lifecycle, OneByteFragmentsAndOnePieceAreTheSameStream)
{
    Random random;
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket slow = Socket::connect(address);
    const std::string bytes = random.bytes(scaled(3000));
    for (const char byte : bytes) {
        ASSERT_TRUE(slow.send(std::string_view(&byte, 1)));
    }
    slow.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_TRUE(bytes == host.recorder().session(host.recorder().nth(0)).received);
}

TEST_P(Lifecycle, ReceivedEventsAreNeverLargerThanTheOptionSays)
{
    std::atomic<uint64_t> largest{0};
    Host host(GetParam(), [](iocpnet_service_options &o) { o.receive_buffer_bytes = 1024; });
    host.on(IOCPNET_EVENT_RECEIVED,
            [&](const iocpnet_event &event) { largest = std::max(largest.load(), event.size); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(std::string(100000, 'x')));
    ASSERT_TRUE(host.wait([](const Records &r) { return r.received_bytes() == 100000; }));
    EXPECT_LE(largest, 1024u);
}

TEST_P(Lifecycle, SendCopiesBeforeItReturns)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    std::string buffer(200000, 'a');
    std::string sent;
    for (const char letter : {'a', 'b', 'c'}) {
        buffer.assign(buffer.size(), letter);
        ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), buffer));
        sent += buffer;
        buffer.assign(buffer.size(), 'X');
    }
    EXPECT_TRUE(sent == peer.receive(sent.size()));
}

TEST_P(Lifecycle, GatheredPiecesLeaveOneAfterAnother)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    std::string letters(IOCPNET_IOVEC_MAX, '\0');
    std::iota(letters.begin(), letters.end(), '\1');
    std::vector<iocpnet_iovec> pieces;
    for (const char &letter : letters) {
        iocpnet_iovec piece = {};
        piece.size = 1;
        piece.data = &letter;
        pieces.push_back(piece);
    }
    pieces[1].size = 0;
    pieces[1].data = nullptr;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_sendv(host.recorder().nth(0), pieces.data(), IOCPNET_IOVEC_MAX));
    const std::string expected = letters.substr(0, 1) + letters.substr(2);
    EXPECT_TRUE(expected == peer.receive(expected.size()));
}

TEST_P(Lifecycle, SendingNothingIsFineAndSendsNothing)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(session, "x", 0));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_sendv(session, nullptr, 0));
    EXPECT_EQ(IOCPNET_OK, host.send(session, "end"));
    EXPECT_EQ("end", peer.receive(3));
    ASSERT_TRUE(host.wait([=](const Records &r) { return r.sessions.at(session).sent_bytes == 3; }));
}

TEST_P(Lifecycle, UserValueOfAConnectComesWithEveryEvent)
{
    Socket listener = Socket::listen();
    std::atomic<uint64_t> strange{0};
    Host host(GetParam());
    for (const uint32_t kind :
         {IOCPNET_EVENT_CONNECTED, IOCPNET_EVENT_RECEIVED, IOCPNET_EVENT_SENT, IOCPNET_EVENT_DISCONNECTED}) {
        host.on(kind, [&](const iocpnet_event &event) { strange += event.user != &listener ? 1 : 0; });
    }
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(listener.address(), &listener);
    Socket peer = listener.accept();
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, host.send(session, "x"));
    EXPECT_EQ("x", peer.receive(1));
    ASSERT_TRUE(peer.send("y"));
    ASSERT_TRUE(host.wait_received(session, 1));
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(0u, strange);
}

TEST_P(Lifecycle, UserValueSetInConnectedComesWithLaterEvents)
{
    int mine = 0;
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        void *user = &host;
        EXPECT_EQ(nullptr, event.user);
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_user(event.session, &mine));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_get_user(event.session, &user));
        EXPECT_EQ(&mine, user);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(&mine, host.recorder().session(host.recorder().nth(0)).last.fields.user);
}

TEST_P(Lifecycle, ServiceConnectsToItself)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    host.on(IOCPNET_EVENT_CONNECTED, [](const iocpnet_event &event) {
        if (event.listener == 0) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "ping", 4));
        }
    });
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(address);
    ASSERT_TRUE(host.wait_received(session, 4));
    EXPECT_EQ("ping", host.recorder().session(session).received.substr(0, 4));
}

} // namespace
