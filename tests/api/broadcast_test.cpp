/* One shared buffer for many sessions. */
#include <cstring>
#include <mutex>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t queue_max = 100000;

void two_dispatchers(iocpnet_service_options &options)
{
    options.dispatcher_count = 2;
    options.send_queue_bytes_max = queue_max;
    options.send_queue_bytes_low = queue_max / 4;
}

class SharedBytes
{
public:
    explicit SharedBytes(const std::string &bytes)
    {
        EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(bytes.data(), bytes.size(), &handle_));
    }
    SharedBytes(const SharedBytes &) = delete;
    SharedBytes &operator=(const SharedBytes &) = delete;
    ~SharedBytes() { EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(handle_)); }
    operator iocpnet_buffer() const { return handle_; }

private:
    iocpnet_buffer handle_ = 0;
};

struct Outcome {
    int32_t status;
    iocpnet_broadcast_result result;
};

class Broadcast : public ModeTest
{
protected:
    void TearDown() override
    {
        /* Handlers look at it until then. */
        if (host) {
            EXPECT_EQ(IOCPNET_OK, host->destroy());
        }
        host.reset();
        ModeTest::TearDown();
    }

    Outcome broadcast(iocpnet_buffer buffer, const std::vector<iocpnet_session> &listed, uint32_t flags = 0)
    {
        Outcome outcome = {};
        outcome.status = iocpnet_service_broadcast(host->service(), buffer, listed.data(),
                                                   static_cast<uint32_t>(listed.size()), flags, &outcome.result);
        EXPECT_TRUE(outcome.status < 0 || (outcome.status == IOCPNET_PENDING) == (outcome.result.pending != 0));
        return outcome;
    }

    void connect(uint32_t count, const Host::Adjust &adjust = two_dispatchers)
    {
        host = std::make_unique<Host>(GetParam(), adjust);
        start(count);
    }

    void start(uint32_t count)
    {
        iocpnet_listener_options options;
        ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
        const std::string address = host->listen(&options);
        ASSERT_EQ(IOCPNET_OK, host->start());
        for (uint32_t i = 0; i < count; i++) {
            peers.push_back(Socket::connect(address, 8192));
            ASSERT_TRUE(host->wait_connected(i + 1));
            sessions.push_back(host->recorder().nth(i));
        }
    }

    std::unique_ptr<Host> host;
    std::vector<Socket> peers;
    std::vector<iocpnet_session> sessions;
};
API_TEST_IN_EVERY_MODE(Broadcast);

TEST_P(Broadcast, ToAListReachesThoseAndNoOthers)
{
    connect(4);
    const SharedBytes buffer("to two");
    const Outcome outcome = broadcast(buffer, {sessions[0], sessions[2]});
    EXPECT_EQ(IOCPNET_OK, outcome.status);
    EXPECT_EQ(2u, outcome.result.queued);
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, host->send(session, "!"));
    }
    EXPECT_EQ("to two!", peers[0].receive(7));
    EXPECT_EQ("!", peers[1].receive(1));
    EXPECT_EQ("to two!", peers[2].receive(7));
    EXPECT_EQ("!", peers[3].receive(1));
}

TEST_P(Broadcast, ToAllExceptReachesEveryOtherSession)
{
    connect(6);
    for (const std::string &text : {std::string("to others"), std::string(3000, 'x')}) {
        const SharedBytes buffer(text);
        EXPECT_EQ(IOCPNET_PENDING, broadcast(buffer, {sessions[3], sessions[1]}, IOCPNET_BROADCAST_EXCEPT).status);
        for (size_t i = 0; i < sessions.size(); i++) {
            ASSERT_EQ(IOCPNET_OK, host->send(sessions[i], "!"));
            EXPECT_EQ(i == 1 || i == 3 ? "!" : text + "!", peers[i].receive(i == 1 || i == 3 ? 1 : text.size() + 1));
        }
    }
    EXPECT_TRUE(wait_until([&] { return host->stats().broadcast_sends == 8; }));
    EXPECT_EQ(2u, host->stats().broadcasts);
    EXPECT_EQ(0u, host->stats().broadcast_skips);
}

TEST_P(Broadcast, IsInOrderWithOtherSendsOfItsThread)
{
    connect(3);
    const uint32_t rounds = 50;
    std::string expected;
    for (uint32_t i = 0; i < rounds; i++) {
        const std::string number = std::to_string(i);
        const SharedBytes small("<" + number + ">");
        const SharedBytes large("[" + std::string(1500, 'l') + number + "]");
        for (const iocpnet_session session : sessions) {
            ASSERT_EQ(IOCPNET_OK, host->send(session, number));
        }
        ASSERT_LE(0, broadcast(small, {}, IOCPNET_BROADCAST_EXCEPT).status);
        ASSERT_EQ(IOCPNET_OK, broadcast(large, sessions).status);
        expected += number + "<" + number + ">[" + std::string(1500, 'l') + number + "]";
        for (Socket &peer : peers) {
            ASSERT_TRUE(expected == peer.receive(expected.size()));
        }
        expected.clear();
    }
}

/* A chat: what one says goes to all others, within the callback. */
TEST_P(Broadcast, FromACallbackReachesAllOthersInOrder)
{
    host = std::make_unique<Host>(GetParam(), two_dispatchers);
    host->on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
        iocpnet_buffer buffer = 0;
        EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(event.data, event.size, &buffer));
        EXPECT_LE(0, broadcast(buffer, {event.session}, IOCPNET_BROADCAST_EXCEPT).status);
        EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
        EXPECT_EQ(IOCPNET_OK, host->send(event.session, "said"));
    });
    start(4);
    ASSERT_TRUE(peers[1].send("hello"));
    EXPECT_EQ("hellosaid", peers[1].receive(9));
    for (const size_t other : {size_t{0}, size_t{2}, size_t{3}}) {
        EXPECT_EQ("hello", peers[other].receive(5));
    }
}

/* What another thread did before, within a callback, leaves before what the callback then does. */
TEST_P(Broadcast, FromACallbackComesBehindWhatAnotherThreadSentBefore)
{
    host = std::make_unique<Host>(GetParam(), two_dispatchers);
    host->on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        std::thread other([&] { EXPECT_EQ(IOCPNET_OK, host->send(event.session, "sent ")); });
        other.join();
        const SharedBytes buffer("broadcast");
        EXPECT_LE(0, broadcast(buffer, {}, IOCPNET_BROADCAST_EXCEPT).status);
    });
    start(1);
    ASSERT_TRUE(peers[0].send("x"));
    EXPECT_EQ("sent broadcast", peers[0].receive(14));
}

TEST_P(Broadcast, OfAnotherThreadComesBeforeAnEchoThatFollowsIt)
{
    host = std::make_unique<Host>(GetParam(), two_dispatchers);
    host->on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        std::thread other([&] {
            const SharedBytes buffer("broadcast ");
            EXPECT_LE(0, broadcast(buffer, {}, IOCPNET_BROADCAST_EXCEPT).status);
        });
        other.join();
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
    });
    start(1);
    ASSERT_TRUE(peers[0].send("echo"));
    EXPECT_EQ("broadcast echo", peers[0].receive(14));
}

TEST_P(Broadcast, GoneSessionsOfAListAreCounted)
{
    connect(2);
    ASSERT_EQ(IOCPNET_OK, disconnect(sessions[0], IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host->wait_disconnected(1));
    Host other(GetParam());
    const std::string address = other.listen();
    ASSERT_EQ(IOCPNET_OK, other.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(other.wait_connected(1));
    const SharedBytes buffer("bytes");
    const Outcome outcome =
        broadcast(buffer, {sessions[0], sessions[1], 0, 12345, host->service(), other.recorder().nth(0)});
    EXPECT_EQ(1u, outcome.result.queued);
    EXPECT_EQ(5u, outcome.result.gone);
    EXPECT_EQ("bytes", peers[1].receive(5));
}

TEST_P(Broadcast, ASessionWithoutRoomMissesItAndGetsWritable)
{
    connect(2);
    const std::string filled = host->fill_to_the_brim(sessions[0], 5000);
    const SharedBytes buffer(std::string(50000, 'b'));
    const Outcome outcome = broadcast(buffer, sessions);
    EXPECT_EQ(1u, outcome.result.queued);
    EXPECT_EQ(1u, outcome.result.skipped);
    EXPECT_EQ(1u, host->stats().broadcast_skips);
    EXPECT_TRUE(std::string(50000, 'b') == peers[1].receive(50000));
    EXPECT_TRUE(filled == peers[0].receive(filled.size()));
    const iocpnet_session session = sessions[0];
    EXPECT_TRUE(
        host->wait([=](const Records &r) { return r.sessions.at(session).count(IOCPNET_EVENT_WRITABLE) != 0; }));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "next"));
    EXPECT_EQ("next", peers[0].receive(4));
}

TEST_P(Broadcast, ASessionWithoutRoomIsDisconnectedWhenAskedFor)
{
    connect(2);
    (void)host->fill_to_the_brim(sessions[0], 5000);
    const SharedBytes buffer(std::string(50000, 'b'));
    EXPECT_LE(0, broadcast(buffer, {}, IOCPNET_BROADCAST_EXCEPT | IOCPNET_BROADCAST_DISCONNECT_FULL).status);
    ASSERT_TRUE(host->wait_disconnected(1));
    const SessionRecord record = host->recorder().session(sessions[0]);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SEND_LIMIT), record.last.fields.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), record.last.fields.close_origin);
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, record.last.fields.status);
    EXPECT_TRUE(std::string(50000, 'b') == peers[1].receive(50000));
    EXPECT_EQ(1u, host->stats().disconnects_by_reason[IOCPNET_CLOSE_SEND_LIMIT]);
}

TEST_P(Broadcast, OfNothingIsNone)
{
    connect(1);
    const SharedBytes nothing("");
    const Outcome outcome = broadcast(nothing, {}, IOCPNET_BROADCAST_EXCEPT);
    EXPECT_EQ(IOCPNET_OK, outcome.status);
    EXPECT_EQ(0u, host->stats().broadcasts);
}

TEST_P(Broadcast, IsRefusedWholeWhenNoQueueCouldHoldItOrTheServiceStops)
{
    connect(1);
    const SharedBytes larger(std::string(queue_max + 1, 'l'));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, broadcast(larger, {}, IOCPNET_BROADCAST_EXCEPT).status);
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, broadcast(larger, sessions).status);
    const SharedBytes buffer("bytes");
    peers.clear();
    (void)host->stop(0);
    EXPECT_EQ(IOCPNET_E_CLOSED, broadcast(buffer, {}, IOCPNET_BROADCAST_EXCEPT).status);
    EXPECT_EQ(0u, host->stats().broadcasts);
}

TEST_P(Broadcast, OfThreadsWhileSessionsComeAndGoArrivesWholeAndInOrder)
{
    const uint32_t rounds = scaled(300);
    connect(4);
    std::atomic<bool> over{false};
    std::thread churn([&] {
        const std::string address = session_address(iocpnet_listener_address, host->listener());
        while (!over) {
            Socket::connect(address).reset();
        }
    });
    run_on_threads(2, [&](uint32_t thread) {
        for (uint32_t i = 0; i < rounds; i++) {
            const uint32_t ticket[2] = {thread, i};
            iocpnet_buffer buffer = 0;
            EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(ticket, sizeof ticket, &buffer));
            while (broadcast(buffer, {}, IOCPNET_BROADCAST_EXCEPT).status == IOCPNET_E_WOULD_BLOCK) {
                pause_briefly();
            }
            EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
        }
    });
    over = true;
    churn.join();
    for (Socket &peer : peers) {
        const std::string bytes = peer.receive(2 * rounds * 8);
        uint32_t next[2] = {};
        for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
            uint32_t ticket[2];
            std::memcpy(ticket, bytes.data() + at, sizeof ticket);
            ASSERT_LT(ticket[0], 2u);
            ASSERT_EQ(next[ticket[0]], ticket[1]);
            next[ticket[0]]++;
        }
        EXPECT_EQ(2 * rounds, next[0] + next[1]);
    }
}

TEST_P(Broadcast, WhileTheServiceIsDestroyedLeavesNothingBehind)
{
    for (uint32_t i = 0; i < scaled(20); i++) {
        connect(2);
        const SharedBytes buffer(std::string(2000, 'b'));
        std::atomic<bool> begun{false};
        const iocpnet_service service = host->service();
        std::thread other([&] {
            int32_t status = IOCPNET_OK;
            while (status != IOCPNET_E_INVALID_HANDLE) {
                status = iocpnet_service_broadcast(service, buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr);
                begun = true;
            }
        });
        EXPECT_TRUE(wait_until([&] { return begun.load(); }));
        EXPECT_EQ(IOCPNET_OK, host->destroy());
        other.join();
        peers.clear();
        sessions.clear();
        host.reset();
    }
}

class StalledBroadcast : public PortTest
{
};
API_TEST_ON_EVERY_PORT(StalledBroadcast);

TEST_P(StalledBroadcast, DoesNotPileUpWithoutBoundAndGoesOnLater)
{
    Host host(host_callbacks(), [](iocpnet_service_options &options) {
        options.send_queue_bytes_max = queue_max;
        options.send_queue_bytes_low = queue_max / 4;
    });
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().accepts == 1; }));
    const SharedBytes buffer("ten bytes.");
    const uint64_t before = live_objects().allocated_bytes;
    uint64_t accepted = 0;
    int32_t status = IOCPNET_PENDING;
    while (status == IOCPNET_PENDING) {
        status = iocpnet_service_broadcast(host.service(), buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr);
        accepted += status == IOCPNET_PENDING ? 1 : 0;
    }
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, status);
    EXPECT_LT(100u, accepted);
    EXPECT_GE(queue_max + 65536, live_objects().allocated_bytes - before);
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().broadcast_sends == accepted; }));
    std::string expected;
    for (uint64_t i = 0; i < accepted; i++) {
        expected += "ten bytes.";
    }
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().send_queue_bytes == 0; }));
    EXPECT_TRUE(expected == peer.receive(expected.size()));
    EXPECT_EQ(IOCPNET_PENDING,
              iocpnet_service_broadcast(host.service(), buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr));
}

/* Closing, and its end not yet delivered. */
TEST_P(StalledBroadcast, ToAClosingSessionOfAListCountsItAsGone)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().accepts == 1; }));
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL));
    const SharedBytes buffer("bytes");
    iocpnet_broadcast_result result = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_broadcast(host.service(), buffer, &session, 1, 0, &result));
    EXPECT_EQ(1u, result.gone);
    EXPECT_EQ(0u, result.queued);
}

/* The second session has a reason to be looked at that came before the broadcast. */
TEST_P(StalledBroadcast, LeavesBeforeADisconnectThatCameLater)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint64_t i = 0; i < 2; i++) {
        peers.push_back(Socket::connect(address));
        EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().accepts == i + 1; }));
    }
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(host.recorder().nth(1)));
    const SharedBytes buffer("farewell");
    EXPECT_EQ(IOCPNET_PENDING,
              iocpnet_service_broadcast(host.service(), buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr));
    for (uint32_t i = 0; i < 2; i++) {
        ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(i), IOCPNET_DISCONNECT_GRACEFUL));
    }
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().bytes_sent == 16; }));
    EXPECT_LE(0, host.drive_once(0, 0)); /* the ends of the streams */
    for (Socket &peer : peers) {
        EXPECT_EQ("farewell", peer.receive_all());
    }
    EXPECT_EQ(2u, host.stats().broadcast_sends);
}

/* Dispatcher 1 does not look: nothing is for dispatcher 0 either, not even where it broadcasts by itself. */
TEST_P(StalledBroadcast, IsForAllDispatchersOrForNone)
{
    Host host(host_callbacks(), two_dispatchers);
    host.drive_by_hand();
    const SharedBytes buffer("ten bytes.");
    const auto to_all = [&] {
        return iocpnet_service_broadcast(host.service(), buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr);
    };
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, to_all());
        EXPECT_EQ(IOCPNET_OK, host.send(event.session, "!"));
    });
    iocpnet_listener_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.dispatcher = 0;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().accepts == 1; }));
    std::string expected;
    while (to_all() == IOCPNET_PENDING) {
        expected += "ten bytes.";
        EXPECT_LE(0, host.drive_once(0, 0));
        ASSERT_EQ(expected.substr(expected.size() - 10), peer.receive(10));
    }
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, to_all());
    ASSERT_TRUE(peer.send("x"));
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) >= 0 && host.stats().bytes_received == 1; }));
    EXPECT_EQ("!", peer.receive(1));
    EXPECT_EQ(expected.size() / 10, host.stats().broadcasts);
}

} // namespace
