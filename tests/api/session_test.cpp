/* What can be asked of services, listeners and sessions, and smaller rules of theirs, on every port. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Session : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Session);

class Listener : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Listener);

class Service : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Service);

TEST_P(Session, AddressesAreThoseOfTheSocket)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(address, session_address(iocpnet_session_local_address, session));
    EXPECT_EQ(peer.address(), session_address(iocpnet_session_remote_address, session));
}

TEST_P(Session, AddressOfAClosingSessionsPeerIsStillKnown)
{
    std::string remote;
    Host host(callbacks());
    host.on(IOCPNET_EVENT_DISCONNECTED, [&](const iocpnet_event &event) {
        remote = session_address(iocpnet_session_remote_address, event.session);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const std::string own = peer.address();
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(own, remote);
}

TEST_P(Session, OwnAddressOfAnEndedSessionIsGoneWithItsSocket)
{
    int32_t status = IOCPNET_OK;
    Host host(callbacks());
    host.on(IOCPNET_EVENT_DISCONNECTED, [&](const iocpnet_event &event) {
        char text[64];
        status = iocpnet_session_local_address(event.session, text, sizeof text);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(IOCPNET_E_CLOSED, status);
}

TEST_P(Session, AddressThatDoesNotFitTellsItsLengthAndStoresNothing)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const auto length = static_cast<int32_t>(address.size());
    EXPECT_EQ(length, iocpnet_session_local_address(session, nullptr, 0));
    for (uint32_t capacity = 0; capacity <= address.size(); capacity++) {
        char text[64] = "untouched";
        EXPECT_EQ(length, iocpnet_session_local_address(session, text, capacity));
        EXPECT_STREQ("untouched", text);
    }
    char text[64] = "untouched";
    EXPECT_EQ(length, iocpnet_session_local_address(session, text, static_cast<uint32_t>(address.size()) + 1));
    EXPECT_EQ(address, text);
}

TEST_P(Session, Ipv4PeerOfADualStackListenerIsPrintedAsIpv4)
{
    if (!has_ipv6()) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    Host host(callbacks());
    iocpnet_listener listener = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), "[::]:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string bound = session_address(iocpnet_listener_address, listener);
    EXPECT_EQ("[::]:", bound.substr(0, 5));
    Socket v4 = Socket::connect("127.0.0.1:" + bound.substr(5));
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_EQ(v4.address(), session_address(iocpnet_session_remote_address, host.recorder().nth(0)));
    EXPECT_EQ("127.0.0.1:" + bound.substr(5), session_address(iocpnet_session_local_address, host.recorder().nth(0)));
    Socket v6 = Socket::connect("[::1]:" + bound.substr(5));
    ASSERT_TRUE(host.wait_connected(2));
    EXPECT_EQ(v6.address(), session_address(iocpnet_session_remote_address, host.recorder().nth(1)));
}

TEST_P(Session, Ipv6OnlyListenerRefusesIpv4)
{
    if (!has_ipv6()) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    Host host(callbacks());
    iocpnet_listener listener = 0;
    iocpnet_listener_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.ipv6_only = 1;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), "[::]:0", &options, &listener));
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string port = session_address(iocpnet_listener_address, listener).substr(5);
    EXPECT_FALSE(Socket::connect("127.0.0.1:" + port).is_open());
    EXPECT_TRUE(Socket::connect("[::1]:" + port).is_open());
}

TEST_P(Session, DetailsCountTheBytesAndTellTheState)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("12345"));
    EXPECT_EQ("12345", peer.receive(5));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_TRUE(wait_until([&] { return session_details(session).bytes_sent == 5; }));
    const iocpnet_session_details details = session_details(session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_OPEN), details.state);
    EXPECT_EQ(host.service(), details.service);
    EXPECT_EQ(host.listener(), details.listener);
    EXPECT_EQ(5u, details.bytes_received);
    EXPECT_EQ(0u, details.send_queue_bytes);
    EXPECT_EQ(0u, details.receive_paused);
}

TEST_P(Session, DisconnectMakesItClosingAndSendsAreRefused)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_disconnect(session, nullptr));
    EXPECT_EQ(IOCPNET_E_CLOSED, host.send(session, "late"));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CLOSING), session_details(session).state);
    EXPECT_EQ("", peer.receive_all());
}

TEST_P(Session, AbortCutsAGracefulCloseShort)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket silent = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 0, 1, "first"));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT, 0, 2, "second"));
    ASSERT_TRUE(host.wait_disconnected(1));
    const Event end = host.recorder().session(session).last;
    EXPECT_EQ(1, end.fields.close_code);
    EXPECT_EQ("first", end.close_text);
}

TEST_P(Session, CloseTextIsCutAfterItsLimit)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const std::string text(300, 't');
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_ABORT, 0, 0, text.c_str()));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(std::string(IOCPNET_CLOSE_TEXT_MAX, 't'),
              host.recorder().session(host.recorder().nth(0)).last.close_text);
}

TEST_P(Session, UrgentBytesAreOrdinaryBytesOfTheStream)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("a"));
    EXPECT_EQ("a", peer.receive(1));
    ASSERT_TRUE(peer.send_urgent('!'));
    ASSERT_TRUE(peer.send("b"));
    EXPECT_EQ("!b", peer.receive(2));
}

TEST_P(Session, BothEndsMayCloseAtOnce)
{
    Host host(callbacks());
    host.on(IOCPNET_EVENT_CONNECTED,
            [](const iocpnet_event &event) { iocpnet_session_disconnect(event.session, nullptr); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint32_t rounds = scaled(100);
    for (uint32_t i = 0; i < rounds; i++) {
        Socket::connect(address).close();
    }
    ASSERT_TRUE(host.wait([=](const Records &r) { return r.disconnected() == rounds; }));
}

TEST_P(Session, ResetsBeforeAndAfterAcceptLeaveNothingBehind)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t i = 0; i < scaled(300); i++) {
        Socket peer = Socket::connect(address);
        peer.send_some("x");
        peer.reset();
    }
    Socket good = Socket::connect(address);
    ASSERT_TRUE(good.send("still there"));
    EXPECT_EQ("still there", good.receive(11));
    EXPECT_TRUE(wait_until([] { return live_objects().sessions == 1; }));
    const Records records = host.recorder().copy();
    EXPECT_EQ(records.connected(), records.disconnected() + 1);
}

TEST_P(Listener, ClosingItLeavesItsSessionsAliveAndFreesTheAddress)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host.listener()));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_listener_close(host.listener()));
    ASSERT_TRUE(peer.send("alive"));
    EXPECT_EQ("alive", peer.receive(5));
    iocpnet_listener again = 0;
    EXPECT_TRUE(wait_until(
        [&] { return iocpnet_listener_open(host.service(), address.c_str(), nullptr, &again) == IOCPNET_OK; }));
    EXPECT_TRUE(Socket::connect(address).is_open());
}

TEST_P(Listener, AddressInUseIsSaidSo)
{
    Host host(callbacks());
    const std::string address = host.listen();
    iocpnet_listener second = 77;
    EXPECT_EQ(IOCPNET_E_ADDRESS_IN_USE, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &second));
    EXPECT_NE(0, iocpnet_last_os_error());
    EXPECT_EQ(77u, second);
}

TEST_P(Listener, AddressOfAnotherMachineIsNotAvailable)
{
    Host host(callbacks());
    iocpnet_listener listener = 77;
    EXPECT_EQ(IOCPNET_E_ADDRESS_NOT_AVAILABLE,
              iocpnet_listener_open(host.service(), "192.0.2.1:0", nullptr, &listener));
    EXPECT_EQ(77u, listener);
}

TEST_P(Listener, ManyListenersServeOneService)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 3; });
    host.echo();
    std::vector<std::string> addresses;
    for (uint32_t i = 0; i < scaled(20); i++) {
        addresses.push_back(host.listen());
    }
    ASSERT_EQ(IOCPNET_OK, host.start());
    addresses.push_back(host.listen()); /* one more, while it runs */
    for (const std::string &address : addresses) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send(address));
        EXPECT_EQ(address, peer.receive(address.size()));
    }
}

TEST_P(Listener, OptionsChooseTheDispatcher)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 3; });
    iocpnet_connect_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&options, sizeof options));
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t i = 0; i < 3; i++) {
        iocpnet_session session = 0;
        options.dispatcher = i;
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), address.c_str(), &options, &session));
        ASSERT_TRUE(host.wait_connected(2 * (i + 1)));
        EXPECT_EQ(i, host.recorder().session(session).first.fields.dispatcher);
        EXPECT_EQ(i, session_details(session).dispatcher);
    }
}

TEST_P(Service, SessionsAreSpreadOverTheDispatchers)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 2; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < 16; i++) {
        peers.push_back(Socket::connect(address));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    uint32_t on_first = 0;
    for (uint32_t i = 0; i < 16; i++) {
        on_first += host.recorder().session(host.recorder().nth(i)).first.fields.dispatcher == 0 ? 1 : 0;
    }
    EXPECT_GE(on_first, 4u);
    EXPECT_LE(on_first, 12u);
}

TEST_P(Service, SessionsOverTheLimitAreRefusedAndCounted)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_max = 2; });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket first = Socket::connect(address);
    Socket second = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(2));
    Socket third = Socket::connect(address);
    EXPECT_EQ("", third.receive_all());
    EXPECT_TRUE(wait_until([&] { return host.stats().accepts_refused == 1; }));
    iocpnet_session session = 0;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_session_connect(host.service(), address.c_str(), nullptr, &session));
    first.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_TRUE(wait_until([&] {
        Socket later = Socket::connect(address);
        return later.send("in") && later.receive(2) == "in";
    }));
    EXPECT_EQ(2u, host.stats().sessions_peak);
}

TEST_P(Service, StatisticsAddUp)
{
    Host host(callbacks());
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &event) {
        if (event.listener != 0) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(address);
    ASSERT_TRUE(host.wait_connected(2));
    ASSERT_EQ(IOCPNET_OK, host.send(session, "1234567"));
    ASSERT_TRUE(host.wait_received(session, 7));
    EXPECT_EQ(2u, host.stats().sessions_live);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_disconnect(session, nullptr));
    ASSERT_TRUE(host.wait_disconnected(2));
    EXPECT_TRUE(wait_until([&] { return host.stats().sessions_live == 0; }));
    const iocpnet_service_statistics s = host.stats();
    EXPECT_EQ(1u, s.accepts);
    EXPECT_EQ(1u, s.connects);
    EXPECT_EQ(2u, s.disconnects);
    EXPECT_EQ(1u, s.disconnects_by_reason[IOCPNET_CLOSE_REQUESTED]);
    EXPECT_EQ(1u, s.disconnects_by_reason[IOCPNET_CLOSE_PEER_CLOSED]);
    EXPECT_EQ(14u, s.bytes_received);
    EXPECT_EQ(14u, s.bytes_sent);
    EXPECT_EQ(2u, s.sends);
    EXPECT_EQ(0u, s.send_queue_bytes);
    EXPECT_EQ(2u, s.sessions_peak);
    EXPECT_GE(s.events, 6u);
}

TEST_P(Service, FailedConnectsAreCountedByThemselves)
{
    const std::string nobody = Socket::listen().address();
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    host.connect(nobody);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.counts[IOCPNET_EVENT_CONNECT_FAILED] == 1; }));
    EXPECT_TRUE(wait_until([&] { return host.stats().connects_failed == 1; }));
    EXPECT_EQ(0u, host.stats().disconnects);
    EXPECT_EQ(0u, host.stats().connects);
}

TEST_P(Service, InfoFollowsTheStates)
{
    Host host(batches(), [](iocpnet_service_options &o) { o.dispatcher_count = 2; });
    iocpnet_service_details details = {};
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_info(host.service(), &details, sizeof details));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SERVICE_CREATED), details.state);
    EXPECT_EQ(GetParam(), details.port);
    EXPECT_EQ(2u, details.dispatcher_count);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_DRIVING_LIBRARY), details.driving);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_DELIVERY_BATCHES), details.delivery);
    ASSERT_EQ(IOCPNET_OK, host.start());
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_info(host.service(), &details, sizeof details));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SERVICE_RUNNING), details.state);
    host.stop(0);
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_info(host.service(), &details, sizeof details));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SERVICE_STOPPED), details.state);
}

TEST_P(Service, StartsOnceAndTakesCallbacksOnlyBefore)
{
    Host host(callbacks());
    iocpnet_session session = 0;
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_connect(host.service(), "127.0.0.1:1", nullptr, &session));
    ASSERT_EQ(IOCPNET_OK, host.start());
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_service_start(host.service()));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE,
              iocpnet_service_set_callback(host.service(), IOCPNET_EVENT_CONNECTED, nullptr, nullptr));
    host.stop(0);
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_service_start(host.service()));
    iocpnet_listener listener = 0;
    EXPECT_EQ(IOCPNET_E_CLOSED, iocpnet_listener_open(host.service(), "127.0.0.1:0", nullptr, &listener));
    EXPECT_EQ(IOCPNET_E_CLOSED, iocpnet_session_connect(host.service(), "127.0.0.1:1", nullptr, &session));
}

TEST(ServiceAuto, TakesAPortThatWorksAndSaysWhichOne)
{
    iocpnet_service service = 0;
    iocpnet_service_details details = {};
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_create(nullptr, &service));
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_info(service, &details, sizeof details));
    EXPECT_NE(static_cast<uint32_t>(IOCPNET_PORT_AUTO), details.port);
    EXPECT_TRUE(port_works(details.port));
    if (details.port == IOCPNET_PORT_EPOLL && !port_works(IOCPNET_PORT_IO_URING)) {
        EXPECT_LT(details.fallback_status, 0);
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
    expect_nothing_alive();
}

} // namespace
