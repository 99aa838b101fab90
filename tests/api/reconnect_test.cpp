/* Reconnecting: which session follows, when, and for how long. */
#include <algorithm>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

std::string port_of(const std::string &address)
{
    return address.substr(address.rfind(':'));
}

/* Nobody listens there any more. */
std::string deserted()
{
    const Socket listener = Socket::listen();
    return listener.address();
}

class Reconnect : public ModeTest
{
protected:
    static iocpnet_connect_options quick()
    {
        iocpnet_connect_options options;
        iocpnet_connect_options_init(&options, sizeof options);
        options.reconnect.initial_delay_ms = 1;
        options.reconnect.delay_max_ms = 4;
        options.reconnect.jitter_percent = 0;
        return options;
    }
    static iocpnet_session connect(Host &host, const std::string &address, const iocpnet_connect_options &options)
    {
        iocpnet_session session = 0;
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), address.c_str(), &options, &session));
        return session;
    }
    static iocpnet_event end_of(Host &host, iocpnet_session session)
    {
        EXPECT_TRUE(host.wait([=](const Records &r) {
            const auto found = r.sessions.find(session);
            return found != r.sessions.end() && found->second.ended;
        }));
        return host.recorder().session(session).last.fields;
    }
};
API_TEST_IN_EVERY_MODE(Reconnect);

TEST_P(Reconnect, LocalhostIsAName)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect("localhost" + port_of(address));
    ASSERT_TRUE(host.wait_connected(2));
    EXPECT_EQ(address, session_address(iocpnet_session_remote_address, session));
    EXPECT_EQ(0u, host.stats().connects_failed);
}

TEST_P(Reconnect, SessionsFollowWithTheirDelaysUntilTheMaximum)
{
    int user = 0;
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_connect_options options = quick();
    options.reconnect.attempts_max = 5;
    options.user = &user;
    iocpnet_session session = connect(host, deserted(), options);
    for (const uint64_t delay_ms : {1u, 2u, 4u, 4u, 4u}) {
        const iocpnet_event end = end_of(host, session);
        EXPECT_EQ(IOCPNET_E_CONNECTION_REFUSED, end.status);
        EXPECT_EQ(&user, end.user);
        EXPECT_EQ(delay_ms, end.size);
        ASSERT_NE(0u, end.next_session);
        ASSERT_NE(session, end.next_session);
        session = end.next_session;
    }
    const iocpnet_event last = end_of(host, session);
    EXPECT_EQ(0u, last.next_session);
    EXPECT_EQ(0u, last.size);
    EXPECT_EQ(6u, host.stats().connects_failed);
    EXPECT_EQ(6u, host.recorder().session_count());
}

TEST_P(Reconnect, NothingFollowsWithoutThePolicy)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    EXPECT_EQ(0u, end_of(host, host.connect(deserted())).next_session);
}

TEST_P(Reconnect, DisconnectingTheOneThatWaitsEndsTheRow)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_connect_options options = quick();
    options.reconnect.initial_delay_ms = 3600000;
    options.reconnect.delay_max_ms = 3600000;
    const iocpnet_session waits = end_of(host, connect(host, deserted(), options)).next_session;
    ASSERT_NE(0u, waits);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CONNECTING), session_details(waits).state);
    ASSERT_EQ(IOCPNET_OK, disconnect(waits, IOCPNET_DISCONNECT_GRACEFUL, 0, 5));
    const iocpnet_event end = end_of(host, waits);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_EVENT_CONNECT_FAILED), end.kind);
    EXPECT_EQ(5, end.close_code);
    EXPECT_EQ(0u, end.next_session);
}

TEST_P(Reconnect, StopEndsTheOneThatWaits)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_connect_options options = quick();
    options.reconnect.initial_delay_ms = 3600000;
    options.reconnect.delay_max_ms = 3600000;
    const iocpnet_session waits = end_of(host, connect(host, deserted(), options)).next_session;
    host.stop(1000);
    const iocpnet_event end = host.recorder().session(waits).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SERVICE_STOPPED), end.close_reason);
    EXPECT_EQ(0u, end.next_session);
}

TEST_P(Reconnect, OwnDisconnectOfAnOpenSessionIsTheEnd)
{
    Socket target = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, target.address(), quick());
    const Socket peer = target.accept();
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    EXPECT_EQ(0u, end_of(host, session).next_session);
}

TEST_P(Reconnect, SessionThatThePeerEndsIsFollowedByOneThatIsOpen)
{
    Socket target = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_session session = connect(host, target.address(), quick());
    for (uint64_t i = 1; i <= 3; i++) {
        Socket peer = target.accept();
        ASSERT_TRUE(host.wait_connected(i));
        ASSERT_TRUE(peer.send("hello"));
        ASSERT_TRUE(host.wait_received(session, 5));
        peer.close();
        const iocpnet_event end = end_of(host, session);
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_EVENT_DISCONNECTED), end.kind);
        ASSERT_NE(0u, end.next_session);
        session = end.next_session;
    }
    host.stop(0);
}

TEST_P(Reconnect, ConnectionThatLastedBeginsANewRow)
{
    for (const uint32_t lasted_ms : {0u, 3600000u}) {
        Socket target = Socket::listen();
        Host host(GetParam());
        ASSERT_EQ(IOCPNET_OK, host.start());
        iocpnet_connect_options options = quick();
        options.reconnect.lasted_ms = lasted_ms;
        iocpnet_session session = connect(host, target.address(), options);
        for (const uint64_t delay_ms : {1u, 2u, 4u}) {
            Socket peer = target.accept();
            peer.close();
            const iocpnet_event end = end_of(host, session);
            EXPECT_EQ(lasted_ms == 0 ? 1 : delay_ms, end.size);
            session = end.next_session;
        }
        host.stop(0);
    }
}

TEST_P(Reconnect, OptionsAreThoseOfTheFirst)
{
    Socket target = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_DELIMITER));
    iocpnet_connect_options options = quick();
    options.framing = &framing;
    options.limits.idle_timeout_ms = 3600000;
    options.local_address = "127.0.0.1:0";
    const iocpnet_session first = connect(host, target.address(), options);
    framing.delimiter[0] = '!';
    target.accept().close();
    const iocpnet_session second = end_of(host, first).next_session;
    Socket peer = target.accept();
    ASSERT_TRUE(host.wait_connected(2));
    ASSERT_TRUE(peer.send("one\ntwo\nthree"));
    ASSERT_TRUE(host.wait_received(second, 6));
    EXPECT_EQ("onetwo", host.recorder().session(second).received);
    host.stop(0);
}

/* Clients of a server that goes away and comes back. */
TEST_P(Reconnect, StormIsSpreadByTheJitterAndAllComeBack)
{
    const uint32_t count = scaled(1000);
    const uint32_t initial_ms = 400;
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_connect_options options = quick();
    options.reconnect.initial_delay_ms = initial_ms;
    options.reconnect.delay_max_ms = initial_ms;
    options.reconnect.jitter_percent = 100;
    options.timeout_ms = 0;
    {
        Host server({GetParam().port, IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
        const std::string address = server.listen();
        ASSERT_EQ(IOCPNET_OK, server.start());
        for (uint32_t i = 0; i < count; i++) {
            connect(host, address, options);
        }
        ASSERT_TRUE(host.wait_connected(count));
        server.stop(0);
        ASSERT_TRUE(host.wait_disconnected(count));
        /* By the planned delays: none of 20 parts of the time gets three times its share. */
        std::vector<uint32_t> parts(20);
        const Records records = host.recorder().copy();
        for (const auto &[session, record] : records.sessions) {
            if (record.connected && record.ended) {
                ASSERT_NE(0u, record.last.fields.next_session);
                ASSERT_TRUE(record.last.fields.size >= 1 && record.last.fields.size <= initial_ms);
                parts[(record.last.fields.size - 1) * parts.size() / initial_ms]++;
            }
        }
        EXPECT_LE(*std::max_element(parts.begin(), parts.end()), count * 3 / parts.size() + 10);
        Host again({GetParam().port, IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
        iocpnet_listener listener = 0;
        ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(again.service(), address.c_str(), nullptr, &listener));
        ASSERT_EQ(IOCPNET_OK, again.start());
        /* Some may have found the old one for a moment more. */
        ASSERT_TRUE(again.wait_connected(count));
        ASSERT_TRUE(host.wait_connected(2 * count));
        EXPECT_GE(host.stats().connects, 2 * count);
        host.stop(0);
    }
}

} // namespace
