/* Admission: lists, the filter, limits of addresses. Deadlines and limits of sessions. */
#include <atomic>
#include <chrono>
#include <mutex>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Clock = std::chrono::steady_clock;

int64_t since_ms(Clock::time_point begin)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
}

iocpnet_listener_options defaults()
{
    iocpnet_listener_options options;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    return options;
}

class Admission : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Admission);

class Deadlines : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Deadlines);

class ReceiveLimits : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(ReceiveLimits);

/* A connection that is refused may be reset even before the peer has learnt that it was made. */
bool is_refused(const std::string &address)
{
    Socket peer = Socket::connect(address);
    return !peer.is_open() || (peer.receive_all().empty() && peer.end() != Socket::End::none);
}

bool echoes(Socket &peer)
{
    return peer.send("echo") && peer.receive(4) == "echo";
}

TEST_P(Admission, WhoIsInTheDenyListIsResetAndSeenByNobody)
{
    Host host(callbacks());
    iocpnet_listener_options options = defaults();
    options.deny = "127.0.0.0/8";
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    EXPECT_TRUE(is_refused(address));
    EXPECT_EQ(1u, host.stats().accepts_refused_by_list);
    EXPECT_EQ(1u, host.stats().accepts_refused);
    EXPECT_EQ(0u, host.stats().accepts);
}

TEST_P(Admission, WhoIsInTheAllowListIsServed)
{
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.allow = "127.0.0.1";
    options.deny = "0.0.0.0/0";
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(echoes(peer));
    EXPECT_EQ(0u, host.stats().accepts_refused);
}

/* What the filter was asked last, and what it answers. */
struct Question {
    uint32_t number = 0; /* from 1 */
    std::string remote;
    std::string local;
    iocpnet_accept_request request = {};
};

class Asked
{
public:
    std::atomic<int32_t> answer{1};

    void set(const iocpnet_accept_request &request)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        last_.number++;
        last_.remote = request.remote;
        last_.local = request.local;
        last_.request = request;
    }

    Question last() const
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return last_;
    }

private:
    mutable std::mutex mutex_;
    Question last_;
};

int32_t IOCPNET_CALL ask(const iocpnet_accept_request *request, void *user)
{
    auto *asked = static_cast<Asked *>(user);
    asked->set(*request);
    return asked->answer;
}

TEST_P(Admission, TheFilterDecidesByTheAddresses)
{
    Asked asked;
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.accept_filter = ask;
    options.accept_filter_user = &asked;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(echoes(peer));
    const Question question = asked.last();
    EXPECT_EQ(1u, question.number);
    EXPECT_EQ(peer.address(), question.remote);
    EXPECT_EQ(address, question.local);
    EXPECT_EQ(host.listener(), question.request.listener);
    EXPECT_EQ(host.service(), question.request.service);
    EXPECT_EQ(4u, question.request.family);
    EXPECT_EQ(127, question.request.remote_ip[0]);
    EXPECT_EQ(1, question.request.remote_ip[3]);
    asked.answer = 0;
    EXPECT_TRUE(is_refused(address));
    EXPECT_EQ(1u, host.stats().accepts_refused_by_filter);
    EXPECT_TRUE(echoes(peer));
}

TEST_P(Admission, TheFilterIsToldOfIpv6PeersAndOfIpv4PeersAsSuch)
{
    Asked asked;
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.accept_filter = ask;
    options.accept_filter_user = &asked;
    const std::string any = host.listen(&options, "[::]:0");
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string port = any.substr(any.rfind(':'));
    Socket six = Socket::connect("[::1]" + port);
    EXPECT_TRUE(echoes(six));
    const Question about_six = asked.last();
    EXPECT_EQ(1u, about_six.number);
    EXPECT_EQ(6u, about_six.request.family);
    EXPECT_EQ(six.address(), about_six.remote);
    EXPECT_EQ(1, about_six.request.remote_ip[15]);
    Socket four = Socket::connect("127.0.0.1" + port);
    EXPECT_TRUE(echoes(four));
    const Question about_four = asked.last();
    EXPECT_EQ(2u, about_four.number);
    EXPECT_EQ(4u, about_four.request.family);
    EXPECT_EQ(127, about_four.request.remote_ip[0]);
    EXPECT_EQ(0, about_four.request.remote_ip[15]);
}

int32_t IOCPNET_CALL close_listener(const iocpnet_accept_request *request, void *user)
{
    static_cast<std::atomic<int32_t> *>(user)->store(iocpnet_listener_close(request->listener));
    return 1;
}

TEST_P(Admission, TheFilterMayCloseItsListener)
{
    std::atomic<int32_t> status{77};
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.accept_filter = close_listener;
    options.accept_filter_user = &status;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(echoes(peer));
    EXPECT_EQ(IOCPNET_OK, status);
}

int32_t IOCPNET_CALL destroy_service(const iocpnet_accept_request *request, void *user)
{
    static_cast<std::atomic<int32_t> *>(user)->store(iocpnet_service_destroy(request->service));
    return 1;
}

TEST_P(Admission, InTheFilterDestroyIsPending)
{
    std::atomic<int32_t> status{77};
    Host host(callbacks());
    iocpnet_listener_options options = defaults();
    options.accept_filter = destroy_service;
    options.accept_filter_user = &status;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    wait_until([&] { return status != 77; });
    EXPECT_EQ(IOCPNET_PENDING, status);
    host.forget();
    wait_until([] { return live_objects().services == 0; });
}

TEST_P(Admission, AnAddressHasAtMostSoManySessions)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_per_address_max = 2; });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket first = Socket::connect(address);
    Socket second = Socket::connect(address);
    EXPECT_TRUE(echoes(first));
    EXPECT_TRUE(echoes(second));
    EXPECT_TRUE(is_refused(address));
    EXPECT_EQ(1u, host.stats().accepts_refused_by_sessions);
    first.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    Socket third = Socket::connect(address);
    EXPECT_TRUE(echoes(third));
}

TEST_P(Admission, WhoIsRefusedForTheServiceIsNotCountedForItsAddress)
{
    Host host(callbacks(), [](iocpnet_service_options &o) {
        o.sessions_max = 1;
        o.sessions_per_address_max = 2;
    });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket first = Socket::connect(address);
    EXPECT_TRUE(echoes(first));
    for (int i = 0; i < 3; i++) {
        EXPECT_TRUE(is_refused(address));
    }
    first.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    Socket second = Socket::connect(address);
    EXPECT_TRUE(echoes(second));
    EXPECT_EQ(3u, host.stats().accepts_refused);
    EXPECT_EQ(0u, host.stats().accepts_refused_by_sessions);
}

TEST_P(Admission, WhoIsRefusedByTheFilterIsNotCountedForItsAddress)
{
    Asked asked;
    asked.answer = 0;
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_per_address_max = 1; });
    host.echo();
    iocpnet_listener_options options = defaults();
    options.accept_filter = ask;
    options.accept_filter_user = &asked;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    EXPECT_TRUE(is_refused(address));
    EXPECT_TRUE(is_refused(address));
    EXPECT_EQ(2u, host.stats().accepts_refused_by_filter);
    asked.answer = 1;
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(echoes(peer));
}

TEST_P(Admission, AStormOfReconnectsFromOneAddressIsBounded)
{
    constexpr uint32_t storm = 200;
    Host host(callbacks(), [](iocpnet_service_options &o) {
        o.accepts_per_address_per_s = 1;
        o.accepts_per_address_burst = 10;
        o.dispatcher_count = 2;
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    for (uint32_t i = 0; i < storm; i++) {
        Socket::connect(address).close();
    }
    wait_until([&] { return host.stats().accepts + host.stats().accepts_refused >= storm; });
    const auto most = static_cast<uint64_t>(10 + since_ms(begin) / 1000 + 1);
    EXPECT_LE(host.stats().accepts, most);
    EXPECT_GE(host.stats().accepts_refused_by_rate, storm - most);
}

TEST_P(Admission, SilentConnectionsAreClosedWhileOthersEcho)
{
    constexpr uint32_t silent = 1000;
    Host host(callbacks());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.limits.first_bytes_timeout_ms = 500;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket lively = Socket::connect(address);
    ASSERT_TRUE(echoes(lively));
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < silent; i++) {
        peers.push_back(Socket::connect(address));
    }
    wait_until([&] {
        EXPECT_TRUE(echoes(lively));
        return host.stats().disconnects_by_reason[IOCPNET_CLOSE_HANDSHAKE_TIMEOUT] == silent;
    });
    EXPECT_EQ(1u, host.stats().sessions_live);
    EXPECT_TRUE(echoes(lively));
}

/* Warnings of the library with a text in them. */
class Warnings
{
public:
    explicit Warnings(std::string part) : part_(std::move(part))
    {
        EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(take, IOCPNET_LOG_WARNING, this));
    }
    Warnings(const Warnings &) = delete;
    Warnings &operator=(const Warnings &) = delete;
    ~Warnings() { EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr)); }

    bool came()
    {
        return wait_until([this] { return count_ != 0; });
    }
    int64_t count() const { return count_; }

private:
    static void IOCPNET_CALL take(int32_t, const char *, const char *text, void *user)
    {
        auto *warnings = static_cast<Warnings *>(user);
        warnings->count_ += std::string(text).find(warnings->part_) != std::string::npos ? 1 : 0;
    }

    const std::string part_;
    std::atomic<int64_t> count_{0};
};

TEST_P(Admission, WhoIsRefusedForTheServiceIsLogged)
{
    Warnings warnings("as many sessions as it may");
    Host host(callbacks(), [](iocpnet_service_options &o) { o.sessions_max = 1; });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(echoes(peer));
    EXPECT_TRUE(is_refused(address));
    EXPECT_TRUE(warnings.came());
}

TEST_P(Admission, WhoIsCutOffIsLoggedAtMostOnceASecond)
{
    constexpr uint32_t count = 20;
    const auto begin = Clock::now();
    Warnings warnings("was cut off: handshake timeout");
    Host host(callbacks());
    iocpnet_listener_options options = defaults();
    options.limits.first_bytes_timeout_ms = 50;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < count; i++) {
        peers.push_back(Socket::connect(address));
    }
    ASSERT_TRUE(host.wait_disconnected(count));
    EXPECT_TRUE(warnings.came());
    /* More of them come, until it is time for another line. */
    EXPECT_TRUE(wait_until([&] {
        peers.push_back(Socket::connect(address));
        return host.wait_disconnected(peers.size()) && warnings.count() >= 2;
    }));
    EXPECT_LE(warnings.count(), 1 + since_ms(begin) / 1000);
}

TEST_P(Deadlines, WithoutFirstBytesASessionIsAborted)
{
    Host host(GetParam());
    iocpnet_listener_options options = defaults();
    options.limits.first_bytes_timeout_ms = 100;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_GE(since_ms(begin), 100);
    const iocpnet_event last = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT), last.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), last.close_origin);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, last.status);
    EXPECT_EQ("", peer.receive_all());
    /* Under wine a reset that comes while no receive is pending reads as the end of the stream. */
    EXPECT_TRUE(peer.end() == Socket::End::reset || (on_windows && peer.end() == Socket::End::closed));
}

TEST_P(Deadlines, AnIdleSessionIsClosedGracefullyNeitherEarlyNorMuchLater)
{
    Host host(GetParam());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.limits.first_bytes_timeout_ms = 60000;
    options.limits.idle_timeout_ms = 200;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    /* Some traffic, longer than the deadline. */
    const auto begin = Clock::now();
    auto last_sent = begin;
    while (since_ms(begin) < 500) {
        last_sent = Clock::now();
        ASSERT_TRUE(echoes(peer));
        EXPECT_FALSE(peer.readable_within(20));
    }
    EXPECT_EQ("", peer.receive_all());
    EXPECT_EQ(Socket::End::closed, peer.end());
    EXPECT_GE(since_ms(last_sent), 200);
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_event last = host.recorder().session(host.recorder().nth(0)).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_IDLE), last.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), last.close_origin);
}

TEST_P(Deadlines, APausedSessionIsNotIdle)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED, [](const iocpnet_event &event) { iocpnet_session_pause_receive(event.session); });
    iocpnet_listener_options options = defaults();
    options.limits.first_bytes_timeout_ms = 50;
    options.limits.idle_timeout_ms = 50;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_FALSE(peer.readable_within(400));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(host.recorder().nth(0)));
    EXPECT_EQ("", peer.receive_all());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(Deadlines, AConnectHasThemToo)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket server = Socket::listen();
    iocpnet_connect_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&options, sizeof options));
    options.limits.first_bytes_timeout_ms = 100;
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), server.address().c_str(), &options, &session));
    Socket peer = server.accept();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT),
              host.recorder().session(session).last.fields.close_reason);
}

TEST_P(Deadlines, LingerIsTheDeadlineOfAGracefulClose)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.close_timeout_ms = 3600000; });
    iocpnet_listener_options options = defaults();
    options.socket.linger_ms = 50;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address); /* does not close */
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_GRACEFUL));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, host.recorder().session(host.recorder().nth(0)).last.fields.status);
}

TEST_P(ReceiveLimits, ASessionThatReceivesTooMuchIsThrottledAndLosesNothing)
{
    constexpr uint64_t rate = 100000;
    Host host(GetParam());
    iocpnet_listener_options options = defaults();
    options.limits.receive_bytes_per_s = rate;
    options.limits.idle_timeout_ms = 300; /* it is not idle meanwhile */
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(std::string(2 * rate, 'x')));
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_TRUE(host.wait_received(host.recorder().nth(0), 2 * rate));
    /* The first second's worth at once, and what the port had received already. */
    EXPECT_GE(host.stats().receive_throttles, 1u);
    EXPECT_LT(since_ms(begin), 5000);
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(ReceiveLimits, ASessionThatReceivesTooMuchIsAbortedWhereTheHostWantsIt)
{
    Host host(GetParam());
    iocpnet_listener_options options = defaults();
    options.limits.receive_bytes_per_s = 1000;
    options.limits.receive_policy = IOCPNET_RECEIVE_DISCONNECT;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send(std::string(10000, 'x')));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RECEIVE_OVERFLOW),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(ReceiveLimits, EventsAreLimitedToo)
{
    constexpr int64_t rate = 20;
    Host host(GetParam());
    host.echo();
    iocpnet_listener_options options = defaults();
    options.limits.receive_events_per_s = rate;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    Socket peer = Socket::connect(address);
    int64_t echoed = 0;
    for (; host.stats().receive_throttles == 0 && echoed < 100000; echoed++) {
        ASSERT_TRUE(echoes(peer));
    }
    ASSERT_GE(host.stats().receive_throttles, 1u);
    for (int64_t end = echoed + 2 * rate; echoed < end; echoed++) {
        ASSERT_TRUE(echoes(peer));
    }
    /* A second's worth at once, one owed, the rest one after the other; a clock that was read a second ago is allowed. */
    EXPECT_LE(echoed, rate + 1 + rate * (since_ms(begin) + 1000) / 1000);
}

TEST_P(ReceiveLimits, AThrottledSessionClosesAtOnce)
{
    Host host(GetParam());
    iocpnet_listener_options options = defaults();
    options.limits.receive_bytes_per_s = 1;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("a debt of many seconds"));
    ASSERT_TRUE(host.wait_connected(1));
    wait_until([&] { return host.stats().receive_throttles == 1; });
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_GRACEFUL));
    EXPECT_EQ("", peer.receive_all());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
}

} // namespace
