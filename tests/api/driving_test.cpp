/* Who drives a dispatcher and how events are fetched: dispatch, poll and wake, called by the test itself. */
#include "support/api_fixture.hpp"
#include "support/api_memory.hpp"

using namespace api_test;

namespace
{

class Dispatch : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Dispatch);

class Poll : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Poll);

/* Both drivings with batches, and the host's with callbacks: the modes in which the host calls dispatch or poll. */
class ByHand : public ModeTest
{
};
std::vector<Mode> modes_by_hand()
{
    std::vector<Mode> modes;
    for (const Mode &mode : all_modes()) {
        if (mode.driving == IOCPNET_DRIVING_HOST || mode.delivery == IOCPNET_DELIVERY_BATCHES) {
            modes.push_back(mode);
        }
    }
    return modes;
}
INSTANTIATE_TEST_SUITE_P(, ByHand, testing::ValuesIn(modes_by_hand()),
                         [](const auto &test) { return mode_name(test.param); });

int32_t poll_one(Host &host, iocpnet_event &event, uint32_t timeout_ms)
{
    return iocpnet_service_poll(host.service(), 0, &event, 1, timeout_ms);
}

/* Polls until an event of this kind comes, which it stores. */
bool poll_until(Host &host, iocpnet_event &event, uint32_t kind)
{
    const auto deadline = Clock::now() + wait_limit;
    while (Clock::now() < deadline) {
        if (poll_one(host, event, 100) == 1) {
            host.handle(event);
            if (event.kind == kind) {
                return true;
            }
        }
    }
    return false;
}

/* Drives until a condition of the records holds. */
bool drive_until(Host &host, const Recorder::Condition &condition)
{
    const auto deadline = Clock::now() + wait_limit;
    while (Clock::now() < deadline) {
        if (condition(host.recorder().copy())) {
            return true;
        }
        const int32_t count = host.drive_once(0, 100);
        EXPECT_GE(count, 0) << iocpnet_status_name(count);
    }
    return false;
}

TEST_P(ByHand, IdleDispatcherReturnsNothingAfterTheTimeOut)
{
    Host host(GetParam());
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    while (host.drive_once(0, 0) > 0) {
    }
    const auto begin = Clock::now();
    EXPECT_EQ(0, host.drive_once(0, 40));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(38));
    EXPECT_LT(Clock::now() - begin, wait_limit);
}

TEST_P(ByHand, TimeOutZeroDoesNotWait)
{
    Host host(GetParam());
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    for (uint32_t i = 0; i < 1000; i++) {
        EXPECT_EQ(0, host.drive_once(0, 0));
    }
    EXPECT_LT(Clock::now() - begin, wait_limit);
}

TEST_P(ByHand, WakeBeforeTheCallMakesItReturnAtOnce)
{
    Host host(GetParam());
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_wake(host.service(), 0));
    EXPECT_EQ(0, host.drive_once(0, IOCPNET_INFINITE));
}

TEST_P(ByHand, SecondThreadGetsBusyAndWakeReleasesTheFirst)
{
    Host host(GetParam());
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::atomic<bool> left{false};
    std::atomic<int32_t> result{-100};
    std::thread first([&] {
        do {
            result = host.drive_once(0, IOCPNET_INFINITE);
        } while (result == IOCPNET_E_BUSY);
        left = true;
    });
    EXPECT_TRUE(wait_until([&] { return host.drive_once(0, 0) == IOCPNET_E_BUSY; }));
    EXPECT_FALSE(left);
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_wake(host.service(), 0));
    first.join();
    EXPECT_EQ(0, result);
}

TEST_P(ByHand, WakeOfOneDispatcherLeavesTheOtherAlone)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.dispatcher_count = 2; });
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_wake(host.service(), 1));
    const auto begin = Clock::now();
    EXPECT_EQ(0, host.drive_once(0, 40));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(38));
    EXPECT_EQ(0, host.drive_once(1, IOCPNET_INFINITE));
}

TEST_P(ByHand, NotStartedServiceCanNotBeDriven)
{
    Host host(GetParam());
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, host.drive_once(0, 0));
}

TEST_P(ByHand, ThreadsMayTakeTurns)
{
    Host host(GetParam());
    host.echo();
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::atomic<bool> stopped{false};
    std::mutex turn;
    std::vector<std::thread> drivers;
    for (uint32_t i = 0; i < 4; i++) {
        drivers.emplace_back([&] {
            while (!stopped) {
                const std::lock_guard<std::mutex> mine(turn);
                const int32_t count = host.drive_once(0, 1);
                EXPECT_GE(count, 0) << iocpnet_status_name(count);
            }
        });
    }
    Socket peer = Socket::connect(address);
    for (uint32_t i = 0; i < scaled(200); i++) {
        ASSERT_TRUE(peer.send("turn"));
        EXPECT_EQ("turn", peer.receive(4));
    }
    stopped = true;
    for (std::thread &driver : drivers) {
        driver.join();
    }
}

TEST_P(Dispatch, ThreadsThatCollideGetBusyAndLoseNothing)
{
    Host host(host_callbacks());
    host.echo();
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::atomic<bool> stopped{false};
    std::vector<std::thread> drivers;
    for (uint32_t i = 0; i < 4; i++) {
        drivers.emplace_back([&] {
            while (!stopped) {
                const int32_t count = host.drive_once(0, 1);
                EXPECT_TRUE(count >= 0 || count == IOCPNET_E_BUSY) << iocpnet_status_name(count);
            }
        });
    }
    Socket peer = Socket::connect(address);
    for (uint32_t i = 0; i < scaled(200); i++) {
        ASSERT_TRUE(peer.send("turn"));
        EXPECT_EQ("turn", peer.receive(4));
    }
    stopped = true;
    for (std::thread &driver : drivers) {
        driver.join();
    }
}

TEST_P(Dispatch, InsideACallbackIsBusy)
{
    std::atomic<int32_t> status{0};
    Host host(host_callbacks());
    host.on(IOCPNET_EVENT_CONNECTED,
            [&](const iocpnet_event &event) { status = iocpnet_service_dispatch(event.service, event.dispatcher, 0); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_EQ(IOCPNET_E_BUSY, status);
}

TEST_P(Dispatch, RunsCallbacksOnTheCallingThreadAndCountsThem)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    int32_t events = 0;
    while (events == 0) {
        events = host.drive_once(0, 1000);
        ASSERT_GE(events, 0);
    }
    EXPECT_EQ(1, events);
    EXPECT_EQ(std::this_thread::get_id(), host.recorder().session(host.recorder().nth(0)).first.thread);
}

TEST_P(Dispatch, IsForHostDrivingAndCallbacksOnly)
{
    for (const Mode &mode : {callbacks(), batches(), host_batches()}) {
        Host host(mode);
        host.drive_by_hand();
        ASSERT_EQ(IOCPNET_OK, host.start());
        EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_service_dispatch(host.service(), 0, 0)) << mode_name(mode);
    }
}

TEST_P(Dispatch, DestroyDrivesTheRestOnTheCallingThread)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    ASSERT_TRUE(drive_until(host, [](const Records &r) { return r.connected() == 1; }));
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_TRUE(record.ended);
    EXPECT_EQ(std::this_thread::get_id(), record.last.thread);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SERVICE_STOPPED), record.last.fields.close_reason);
}

TEST_P(Poll, IsForBatchesOnly)
{
    for (const Mode &mode : {callbacks(), host_callbacks()}) {
        iocpnet_event event;
        Host host(mode);
        host.drive_by_hand();
        ASSERT_EQ(IOCPNET_OK, host.start());
        EXPECT_EQ(IOCPNET_E_INVALID_STATE, poll_one(host, event, 0)) << mode_name(mode);
    }
}

TEST_P(Poll, CapacityOneLosesNothing)
{
    Random random;
    for (const Mode &mode : {batches(), host_batches()}) {
        Host host(mode, [](iocpnet_service_options &o) { o.receive_buffer_bytes = 1024; });
        host.set_capacity(1);
        host.echo();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        const std::string bytes = random.bytes(100000);
        ASSERT_TRUE(peer.send(bytes));
        EXPECT_TRUE(bytes == peer.receive(bytes.size()));
        peer.close();
        ASSERT_TRUE(host.wait_disconnected(1));
    }
}

TEST_P(Poll, NeverStoresMoreThanTheCapacity)
{
    for (const Mode &mode : {batches(), host_batches()}) {
        Host host(mode);
        host.drive_by_hand();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        std::vector<Socket> peers;
        for (uint32_t i = 0; i < 20; i++) {
            peers.push_back(Socket::connect(address));
        }
        /* What is stored behind the third event would be a fault of the processor. */
        GuardedMemory memory(3 * sizeof(iocpnet_event));
        auto *events = static_cast<iocpnet_event *>(memory.at_end(3 * sizeof(iocpnet_event)));
        uint32_t connected = 0;
        while (connected < 20) {
            const int32_t count = iocpnet_service_poll(host.service(), 0, events, 3, 5000);
            ASSERT_GT(count, 0);
            ASSERT_LE(count, 3);
            for (int32_t i = 0; i < count; i++) {
                host.handle(events[i]);
                connected += events[i].kind == IOCPNET_EVENT_CONNECTED ? 1 : 0;
            }
        }
    }
}

TEST_P(Poll, PayloadStaysUntilTheNextPollWhateverElseHappens)
{
    for (const Mode &mode : {batches(), host_batches()}) {
        iocpnet_event event;
        iocpnet_event other;
        Host host(mode, [](iocpnet_service_options &o) { o.dispatcher_count = 2; });
        host.drive_by_hand();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send("payload"));
        uint32_t dispatcher = 0;
        while (iocpnet_service_poll(host.service(), dispatcher, &event, 1, 20) != 1 ||
               event.kind != IOCPNET_EVENT_RECEIVED) {
            dispatcher ^= 1;
        }
        const iocpnet_session session = event.session;
        dispatcher = event.dispatcher;
        ASSERT_EQ(7u, event.size);
        ASSERT_TRUE(peer.send(std::string(50000, 'o')));
        ASSERT_EQ(IOCPNET_OK, host.send(session, std::string(1000, 's')));
        EXPECT_EQ(0, iocpnet_service_poll(host.service(), dispatcher ^ 1, &other, 1, 20));
        ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
        EXPECT_EQ("payload", std::string(static_cast<const char *>(event.data), 7));
    }
}

TEST_P(Poll, CloseTextStaysUntilTheNextPoll)
{
    for (const Mode &mode : {batches(), host_batches()}) {
        iocpnet_event event;
        Host host(mode);
        host.drive_by_hand();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(poll_until(host, event, IOCPNET_EVENT_CONNECTED));
        ASSERT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_ABORT, 0, 3, "the end"));
        ASSERT_TRUE(poll_until(host, event, IOCPNET_EVENT_DISCONNECTED));
        EXPECT_STREQ("the end", event.close_text);
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CLOSED), session_details(event.session).state);
        EXPECT_NE(IOCPNET_E_INVALID_HANDLE, iocpnet_session_set_user(event.session, nullptr));
        const iocpnet_session session = event.session;
        poll_one(host, event, 0);
        EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_session_set_user(session, nullptr));
    }
}

TEST_P(Poll, OnlyTheKindsThatAreWantedCome)
{
    for (const Mode &mode : {batches(), host_batches()}) {
        Host host(mode, [](iocpnet_service_options &o) {
            o.batch_events =
                IOCPNET_EVENT_BIT(IOCPNET_EVENT_CONNECTED) | IOCPNET_EVENT_BIT(IOCPNET_EVENT_SERVICE_STOPPED);
        });
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(1));
        ASSERT_TRUE(peer.send("unwanted"));
        peer.close();
        EXPECT_TRUE(wait_until([&] { return live_objects().sessions == 0; }));
        host.stop(0);
        const Records records = host.recorder().copy();
        EXPECT_EQ(0u, records.counts[IOCPNET_EVENT_RECEIVED]);
        EXPECT_EQ(0u, records.disconnected());
    }
}

TEST_P(Poll, SentIsOffByDefaultAndComesWhenItIsWanted)
{
    iocpnet_service_options defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&defaults, sizeof defaults));
    EXPECT_EQ(0u, defaults.batch_events & IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT));
    Host host(batches(), [&](iocpnet_service_options &o) { o.batch_events = defaults.batch_events; });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ("x", peer.receive(1));
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(0u, host.recorder().session(host.recorder().nth(0)).sent_bytes);
}

TEST_P(Poll, StopOfAServiceThatNobodyPollsReturns)
{
    Host host(batches());
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(wait_until([&] { return host.stats().accepts == 1; }));
    iocpnet_stop_result result = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_stop(host.service(), 0, &result));
    EXPECT_EQ(1u, result.sessions_aborted + result.sessions_drained);
    ASSERT_TRUE(drive_until(host, [](const Records &r) { return r.counts[IOCPNET_EVENT_SERVICE_STOPPED] == 1; }));
    EXPECT_EQ(1u, host.recorder().copy().disconnected());
}

TEST_P(Poll, DestroyDiscardsEventsThatWereNotFetched)
{
    for (const Mode &mode : {batches(), host_batches()}) {
        Host host(mode);
        host.drive_by_hand();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send(std::string(100000, 'x')));
        host.drive_once(0, 10);
        EXPECT_EQ(IOCPNET_OK, host.destroy());
        expect_nothing_alive();
    }
}

} // namespace
