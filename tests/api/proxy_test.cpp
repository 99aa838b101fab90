/* The PROXY protocol: who is believed, when a session begins, and where the host learns that it is from. */
#include <atomic>
#include <mutex>
#include <set>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using std::string_literals::operator""s;

class Proxied : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Proxied);

class ProxiedPort : public PortTest
{
};
API_TEST_ON_EVERY_PORT(ProxiedPort);

iocpnet_listener_options behind_a_proxy(const char *trusted = "127.0.0.0/8")
{
    iocpnet_listener_options options;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.proxy_protocol = IOCPNET_PROXY_REQUIRED;
    options.proxy_trusted = trusted;
    return options;
}

std::string text_header(const std::string &ip, const std::string &port)
{
    const bool ipv6 = ip.find(':') != std::string::npos;
    return "PROXY "s + (ipv6 ? "TCP6 " : "TCP4 ") + ip + (ipv6 ? " ::1 " : " 127.0.0.1 ") + port + " 80\r\n";
}

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string local_header = signature + "\x20\x00\x00\x00"s;
/* [2001:db8::7]:4000, and an extension. */
const std::string binary_header = signature + "\x21\x21\x00\x28"s + "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07"s +
                                  std::string(16, '\x02') + "\x0F\xA0\x00\x50"s + "\x04\x00\x01x"s;

std::string remote_of(iocpnet_session session)
{
    return session_address(iocpnet_session_remote_address, session);
}

/* Reset, or ended where a reset is not told. */
bool is_refused(Socket &peer)
{
    return !peer.is_open() || (peer.receive_all().empty() && peer.end() != Socket::End::none);
}

void expect_no_session(Host &host, uint64_t iocpnet_service_statistics::*cause)
{
    const iocpnet_service_statistics stats = host.stats();
    EXPECT_EQ(1u, stats.*cause);
    EXPECT_EQ(1u, stats.accepts_refused);
    EXPECT_EQ(0u, stats.accepts);
    EXPECT_EQ(0u, stats.disconnects);
    EXPECT_EQ(0u, host.recorder().session_count());
}

TEST_P(Proxied, TheSessionIsWhereTheHeaderSaysAndReceivesWhatIsBehindIt)
{
    std::string in_event;
    std::mutex mutex;
    Host host(GetParam());
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    host.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        const std::lock_guard<std::mutex> lock(mutex);
        in_event = remote_of(event.session);
    });
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const auto &[header, remote] : {std::pair(text_header("192.0.2.7", "4000"), "192.0.2.7:4000"),
                                         std::pair(text_header("2001:db8::9", "9"), "[2001:db8::9]:9"),
                                         std::pair(binary_header, "[2001:db8::7]:4000")}) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send(header + "behind"));
        EXPECT_EQ("behind", peer.receive(6));
        ASSERT_TRUE(peer.send("more"));
        EXPECT_EQ("more", peer.receive(4));
        const iocpnet_session session = host.recorder().nth(host.recorder().session_count() - 1);
        EXPECT_EQ("behindmore", host.recorder().session(session).received);
        const std::lock_guard<std::mutex> lock(mutex);
        EXPECT_EQ(remote, in_event);
        EXPECT_EQ(remote, remote_of(session));
    }
    EXPECT_EQ(3u, host.stats().accepts);
    EXPECT_EQ(30u, host.stats().bytes_received);
}

TEST_P(Proxied, AHeaderMayComeByteByByte)
{
    Host host(GetParam());
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const auto &[header, remote] : {std::pair(text_header("192.0.2.7", "4000"), "192.0.2.7:4000"),
                                         std::pair(binary_header, "[2001:db8::7]:4000")}) {
        Socket peer = Socket::connect(address);
        for (const char byte : header) {
            ASSERT_TRUE(peer.send(std::string(1, byte)));
            pause_briefly();
        }
        ASSERT_TRUE(peer.send("behind"));
        EXPECT_EQ("behind", peer.receive(6));
        EXPECT_EQ(remote, remote_of(host.recorder().nth(host.recorder().session_count() - 1)));
    }
}

/* The rest of a header comes with what is behind it. */
TEST_P(Proxied, WhatComesWithTheLastPieceOfAHeaderIsReceived)
{
    Host host(GetParam());
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string stream = text_header("192.0.2.7", "4000") + "behind";
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(stream.substr(0, 20)));
    wait_until([&] { return host.stats().sessions_live == 1; });
    pause_briefly();
    ASSERT_TRUE(peer.send(stream.substr(20)));
    EXPECT_EQ("behind", peer.receive(6));
    EXPECT_EQ("192.0.2.7:4000", remote_of(host.recorder().nth(0)));
}

TEST_P(Proxied, MessagesBehindTheHeaderAreFramed)
{
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_DELIMITER));
    framing.delimiter_bytes = 1;
    framing.delimiter[0] = '\n';
    std::mutex mutex;
    std::vector<std::string> messages;
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        const std::lock_guard<std::mutex> lock(mutex);
        messages.emplace_back(static_cast<const char *>(event.data), event.size);
    });
    iocpnet_listener_options options = behind_a_proxy();
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(text_header("192.0.2.7", "4000") + "one\ntwo\nthr"));
    ASSERT_TRUE(host.wait([&](const Records &records) { return records.received_bytes() == 6; }));
    ASSERT_TRUE(peer.send("ee\n"));
    ASSERT_TRUE(host.wait([&](const Records &records) { return records.received_bytes() == 11; }));
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_EQ((std::vector<std::string>{"one", "two", "three"}), messages);
}

TEST_P(Proxied, AHeaderWithoutAddressLeavesThatOfTheConnection)
{
    Host host(GetParam());
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const std::string &header : {local_header, "PROXY UNKNOWN\r\n"s}) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send(header + "x"));
        EXPECT_EQ("x", peer.receive(1));
        EXPECT_EQ(peer.address(), remote_of(host.recorder().nth(host.recorder().session_count() - 1)));
    }
}

TEST_P(Proxied, ABadHeaderIsRefusedAndNobodyHearsOfIt)
{
    Host host(GetParam());
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_TRUE(is_refused(peer));
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_header);
    wait_until([&] { return host.stats().sessions_live == 0; });
}

TEST_P(Proxied, AStreamThatEndsBeforeItsHeaderDoesIsRefused)
{
    Host host(GetParam());
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("PROXY TCP4"));
    peer.shutdown_send();
    EXPECT_TRUE(is_refused(peer));
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_header);
}

TEST_P(Proxied, AConnectionThatIsResetBeforeItsHeaderIsWholeIsCounted)
{
    Host host(GetParam());
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("PROXY TCP4"));
    wait_until([&] { return host.stats().sessions_live == 1; });
    peer.reset();
    wait_until([&] { return host.stats().accepts_refused != 0 && host.stats().sessions_live == 0; });
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_header);
}

TEST_P(Proxied, AHeaderThatIsNotWholeInTimeIsRefusedButNotEarly)
{
    Host host(GetParam());
    iocpnet_listener_options options = behind_a_proxy();
    options.limits.first_bytes_timeout_ms = 100;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("PROXY TCP4 192.0.2.7"));
    EXPECT_TRUE(is_refused(peer));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(100));
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_header_timeout);
}

TEST_P(Proxied, TheDeadlineOfTheFirstBytesBeginsAgainBehindTheHeader)
{
    Host host(GetParam());
    iocpnet_listener_options options = behind_a_proxy();
    options.limits.first_bytes_timeout_ms = 100;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(text_header("192.0.2.7", "4000")));
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event last = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT), last.close_reason);
    EXPECT_EQ(0u, host.stats().accepts_refused);
}

TEST_P(Proxied, WhoDisconnectsWhenConnectedReceivesNothing)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED,
            [](const iocpnet_event &event) { disconnect(event.session, IOCPNET_DISCONNECT_ABORT); });
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    /* With batches what came with the header is an event before the host can say so. */
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(text_header("192.0.2.7", "4000") + "behind"));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_TRUE(host.polls() || host.recorder().received_bytes() == 0);
}

TEST_P(Proxied, WhatComesWithTheHeaderIsChargedOnce)
{
    Host host(GetParam());
    iocpnet_listener_options options = behind_a_proxy();
    options.limits.receive_bytes_per_s = 1000;
    options.limits.receive_policy = IOCPNET_RECEIVE_DISCONNECT;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    /* The loop looks at what is received only once it has had such a session. */
    for (uint32_t n = 1; n <= 2; n++) {
        Socket within = Socket::connect(address);
        ASSERT_TRUE(within.send(text_header("192.0.2.7", "4000") + std::string(600, 'x')));
        ASSERT_TRUE(host.wait([&](const Records &records) { return records.received_bytes() == 600u * n; }));
        within.close();
        ASSERT_TRUE(host.wait_disconnected(n));
    }
    EXPECT_EQ(2u, host.stats().disconnects_by_reason[IOCPNET_CLOSE_PEER_CLOSED]);
    Socket above = Socket::connect(address);
    ASSERT_TRUE(above.send(text_header("192.0.2.7", "4000") + std::string(1500, 'x')));
    ASSERT_TRUE(host.wait_disconnected(3));
    EXPECT_EQ(1u, host.stats().disconnects_by_reason[IOCPNET_CLOSE_RECEIVE_OVERFLOW]);
}

/* ---- who is believed, and let in ---- */

TEST_P(ProxiedPort, WhoIsNoTrustedProxyIsRefusedAndNotBelieved)
{
    Host host(callbacks());
    const iocpnet_listener_options options = behind_a_proxy("10.0.0.0/8, 192.0.2.7");
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    peer.send(text_header("192.0.2.7", "4000") + "behind");
    EXPECT_TRUE(is_refused(peer));
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_trust);
}

TEST_P(ProxiedPort, AnEmptyListTrustsNobody)
{
    Host host(callbacks());
    const iocpnet_listener_options options = behind_a_proxy("");
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(is_refused(peer));
    expect_no_session(host, &iocpnet_service_statistics::accepts_refused_by_trust);
}

TEST_P(ProxiedPort, ListsAreForTheAddressInTheHeader)
{
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = behind_a_proxy();
    options.allow = "192.0.2.0/24";
    options.deny = "192.0.2.8 127.0.0.0/8";
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket allowed = Socket::connect(address);
    ASSERT_TRUE(allowed.send(text_header("192.0.2.7", "4000") + "x"));
    EXPECT_EQ("x", allowed.receive(1));
    for (const char *denied : {"192.0.2.8", "198.51.100.1", "2001:db8::1"}) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send(text_header(denied, "4000")));
        EXPECT_TRUE(is_refused(peer)) << denied;
    }
    EXPECT_EQ(3u, host.stats().accepts_refused_by_list);
    EXPECT_EQ(3u, host.stats().accepts_refused);
    EXPECT_EQ(1u, host.stats().accepts);
}

struct Asked {
    std::mutex mutex;
    std::vector<std::string> remotes;
    std::string local;
};

/* Whoever has port 1 is not wanted. */
int32_t IOCPNET_CALL ask(const iocpnet_accept_request *request, void *user)
{
    auto *asked = static_cast<Asked *>(user);
    const std::lock_guard<std::mutex> lock(asked->mutex);
    asked->remotes.emplace_back(request->remote);
    asked->local = request->local;
    EXPECT_EQ(4u, request->family);
    EXPECT_EQ(192, request->remote_ip[0]);
    return request->remote != "192.0.2.7:1"s;
}

TEST_P(ProxiedPort, TheFilterIsAskedAboutTheAddressInTheHeader)
{
    Asked asked;
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_per_address_max = 2; });
    host.echo();
    iocpnet_listener_options options = behind_a_proxy();
    options.accept_filter = ask;
    options.accept_filter_user = &asked;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (int i = 0; i < 3; i++) {
        /* Who was refused is not counted among the sessions of its address. */
        Socket refused = Socket::connect(address);
        ASSERT_TRUE(refused.send(text_header("192.0.2.7", "1")));
        EXPECT_TRUE(is_refused(refused));
    }
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(text_header("192.0.2.7", "4000") + "x"));
    EXPECT_EQ("x", peer.receive(1));
    EXPECT_EQ(3u, host.stats().accepts_refused_by_filter);
    const std::lock_guard<std::mutex> lock(asked.mutex);
    EXPECT_EQ(4u, asked.remotes.size());
    EXPECT_EQ("192.0.2.7:4000", asked.remotes.back());
    EXPECT_EQ(address, asked.local);
}

TEST_P(ProxiedPort, LimitsAreOfTheAddressInTheHeader)
{
    Host host(callbacks(), [](iocpnet_service_options &o) {
        o.sessions_per_address_max = 2;
        o.dispatcher_count = 2;
    });
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto connect_as = [&](const std::string &ip) {
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(peer.send(text_header(ip, "4000") + "x"));
        return peer;
    };
    std::vector<Socket> peers;
    for (const char *ip : {"192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.8"}) {
        peers.push_back(connect_as(ip));
        EXPECT_EQ("x", peers.back().receive(1));
    }
    Socket third = connect_as("192.0.2.7");
    EXPECT_TRUE(is_refused(third));
    EXPECT_EQ(1u, host.stats().accepts_refused_by_sessions);
    peers.front().close();
    ASSERT_TRUE(host.wait_disconnected(1));
    Socket again = connect_as("192.0.2.7");
    EXPECT_EQ("x", again.receive(1));
}

TEST_P(ProxiedPort, SessionsThatAwaitTheirHeaderCountAmongThoseOfTheService)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_max = 1; });
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket first = Socket::connect(address);
    wait_until([&] { return host.stats().sessions_live == 1; });
    Socket second = Socket::connect(address);
    EXPECT_TRUE(is_refused(second));
    ASSERT_TRUE(first.send(text_header("192.0.2.7", "4000")));
    ASSERT_TRUE(host.wait_connected(1));
}

TEST_P(ProxiedPort, EachOfManySessionsHasItsOwnAddress)
{
    const uint32_t count = scaled(200);
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 3; });
    host.echo();
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    std::set<std::string> wanted;
    for (uint32_t i = 0; i < count; i++) {
        peers.push_back(Socket::connect(address));
        const std::string port = std::to_string(1000 + i);
        ASSERT_TRUE(peers.back().send(text_header("192.0.2.7", port)));
        wanted.insert("192.0.2.7:" + port);
    }
    ASSERT_TRUE(host.wait_connected(count));
    std::set<std::string> seen;
    for (uint32_t i = 0; i < count; i++) {
        seen.insert(remote_of(host.recorder().nth(i)));
    }
    EXPECT_EQ(wanted, seen);
}

/* ---- ends ---- */

TEST_P(ProxiedPort, AListenerThatClosesStillServesWhomItHasAccepted)
{
    Asked asked;
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = behind_a_proxy();
    options.accept_filter = ask;
    options.accept_filter_user = &asked;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    wait_until([&] { return host.stats().sessions_live == 1; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_close(host.listener()));
    ASSERT_TRUE(peer.send(text_header("192.0.2.7", "4000") + "x"));
    EXPECT_EQ("x", peer.receive(1));
    EXPECT_EQ("192.0.2.7:4000", remote_of(host.recorder().nth(0)));
}

TEST_P(Proxied, AServiceThatStopsDoesNotWaitForHeaders)
{
    Host host(GetParam());
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket silent = Socket::connect(address);
    Socket begun = Socket::connect(address);
    ASSERT_TRUE(begun.send("PROXY TCP4"));
    wait_until([&] { return host.stats().sessions_live == 2; });
    const iocpnet_stop_result result = host.stop(60000);
    EXPECT_EQ(0u, result.sessions_drained);
    EXPECT_EQ(0u, result.sessions_aborted);
    EXPECT_TRUE(is_refused(silent));
    EXPECT_TRUE(is_refused(begun));
    EXPECT_EQ(0u, host.recorder().session_count());
}

TEST_P(Proxied, AServiceIsDestroyedWhileHeadersAreAwaited)
{
    Host host(GetParam());
    const iocpnet_listener_options options = behind_a_proxy();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("PROXY TCP4"));
    wait_until([&] { return host.stats().sessions_live == 1; });
    host.destroy();
    EXPECT_TRUE(is_refused(peer));
    EXPECT_EQ(0u, host.recorder().session_count());
}

TEST_P(ProxiedPort, WhileTheEventQueueIsFullAHeaderIsNotLate)
{
    Host host(batches(), [](iocpnet_service_options &o) { o.event_queue_bytes_max = 64 * 1024; });
    host.drive_by_hand();
    iocpnet_listener_options options = behind_a_proxy();
    options.limits.first_bytes_timeout_ms = 100;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket flood = Socket::connect(address);
    ASSERT_TRUE(flood.send(text_header("192.0.2.7", "4000") + "x"));
    const std::string piece(16 * 1024, 'x');
    wait_until([&] {
        flood.send_some(piece);
        return host.stats().event_queue_bytes > 64u * 1024;
    });
    Socket late = Socket::connect(address);
    ASSERT_TRUE(late.send(text_header("192.0.2.8", "4000") + "late"));
    wait_until([&] { return host.stats().sessions_live == 2; });
    /* Long enough for the deadline; a slow machine makes the test weaker, not wrong. */
    EXPECT_FALSE(late.readable_within(400));
    EXPECT_EQ(0u, host.stats().accepts_refused);
    EXPECT_EQ(1u, host.stats().accepts);
    wait_until([&] {
        host.drive_once(0, 10);
        return host.recorder().copy().connected() == 2;
    });
    EXPECT_EQ("192.0.2.8:4000", remote_of(host.recorder().nth(1)));
}

} // namespace
