/* Timers and jobs. */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Milliseconds = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

struct Due {
    iocpnet_session session;
    uint64_t id;
    uint64_t count;
    Milliseconds after; /* since `begun` */
};

/* What ran, in order: by the function that was posted, or by the event of a batch. */
class Log
{
public:
    void add(uint64_t value)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        values_.push_back(value);
    }
    std::vector<uint64_t> copy()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return values_;
    }

private:
    std::mutex mutex_;
    std::vector<uint64_t> values_;
};

class Schedule : public ModeTest
{
protected:
    void TearDown() override
    {
        if (host) {
            EXPECT_EQ(IOCPNET_OK, host->destroy());
        }
        host.reset();
        ModeTest::TearDown();
    }

    void create(const Host::Adjust &adjust = {})
    {
        host = std::make_unique<Host>(GetParam(), adjust);
        current = this;
        host->on(IOCPNET_EVENT_TIMER, [this](const iocpnet_event &event) {
            const auto after = std::chrono::duration_cast<Milliseconds>(Clock::now() - begun);
            const std::lock_guard<std::mutex> lock(mutex);
            due.push_back({event.session, event.timer_id, event.timer_count, after});
        });
        host->on(IOCPNET_EVENT_POSTED, [this](const iocpnet_event &event) { run_job(event, event.data); });
    }

    void connect(uint32_t count)
    {
        if (!host) {
            create();
        }
        const std::string address = host->listen();
        ASSERT_EQ(IOCPNET_OK, host->start());
        begun = Clock::now();
        for (uint32_t i = 0; i < count; i++) {
            peers.push_back(Socket::connect(address));
            ASSERT_TRUE(host->wait_connected(i + 1));
            sessions.push_back(host->recorder().nth(i));
        }
    }

    std::vector<Due> timers()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        return due;
    }

    bool wait_timers(size_t count)
    {
        return wait_until([=] { return timers().size() >= count; });
    }

    /* What a posted function is told reaches the recorder too, so that it judges the order. */
    static void IOCPNET_CALL called(const iocpnet_event *event, void *argument)
    {
        EXPECT_EQ(argument, event->data);
        current->host->handle(*event);
    }

    void run_job(const iocpnet_event &event, const void *argument)
    {
        const auto value = reinterpret_cast<uintptr_t>(argument);
        log.add(value);
        if (on_job) {
            on_job(event, value);
        }
    }

    int32_t post(iocpnet_session session, uint64_t value)
    {
        return iocpnet_session_post(session, host->polls() ? nullptr : called,
                                    reinterpret_cast<void *>(static_cast<uintptr_t>(value)));
    }
    int32_t post_to_dispatcher(uint64_t value)
    {
        return iocpnet_dispatcher_post(host->service(), 0, host->polls() ? nullptr : called,
                                       reinterpret_cast<void *>(static_cast<uintptr_t>(value)));
    }

    static Schedule *current;
    std::unique_ptr<Host> host;
    std::vector<Socket> peers;
    std::vector<iocpnet_session> sessions;
    std::mutex mutex;
    std::vector<Due> due;
    Log log;
    std::function<void(const iocpnet_event &, uint64_t)> on_job;
    Clock::time_point begun;
};
Schedule *Schedule::current;
API_TEST_IN_EVERY_MODE(Schedule);

TEST_P(Schedule, TimerFiresOnceAndNotEarly)
{
    connect(1);
    const auto set = Clock::now();
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 7, 30, 0));
    ASSERT_TRUE(wait_timers(1));
    EXPECT_LE(Milliseconds(30), Clock::now() - set);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 8, 60, 0));
    ASSERT_TRUE(wait_timers(2));
    const std::vector<Due> fired = timers();
    EXPECT_EQ(2u, fired.size());
    EXPECT_EQ(7u, fired[0].id);
    EXPECT_EQ(8u, fired[1].id);
    EXPECT_EQ(sessions[0], fired[0].session);
    EXPECT_EQ(1u, fired[0].count);
}

TEST_P(Schedule, TimersFireInOrderOfTime)
{
    connect(2);
    for (uint32_t i = 0; i < 6; i++) {
        /* The later it is set, the sooner it is due. */
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[i % 2], i, 150 - i * 20, 0));
    }
    ASSERT_TRUE(wait_timers(6));
    const std::vector<Due> fired = timers();
    for (size_t i = 0; i < fired.size(); i++) {
        EXPECT_EQ(5 - i, fired[i].id);
    }
}

class ScheduleByHand : public PortTest
{
};
API_TEST_ON_EVERY_PORT(ScheduleByHand);

TEST_P(ScheduleByHand, PeriodsThatNobodyLookedForComeAsOneEvent)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    std::vector<uint64_t> counts;
    host.on(IOCPNET_EVENT_TIMER, [&](const iocpnet_event &event) { counts.push_back(event.timer_count); });
    ASSERT_EQ(IOCPNET_OK, host.start());
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host.service(), 0, 1, 10, 10));
    const auto late = Clock::now() + Milliseconds(100);
    while (Clock::now() < late) {
    }
    while (counts.empty()) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    ASSERT_EQ(1u, counts.size());
    EXPECT_LE(8u, counts[0]);
}

TEST_P(Schedule, PeriodicTimerCountsEveryPeriodOnce)
{
    connect(1);
    const auto set = Clock::now();
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 1, 5, 10));
    ASSERT_TRUE(wait_timers(6));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_cancel_timer(sessions[0], 1));
    const auto passed = std::chrono::duration_cast<Milliseconds>(Clock::now() - set).count();
    uint64_t periods = 0;
    for (const Due &each : timers()) {
        periods += each.count;
    }
    EXPECT_LE(periods, static_cast<uint64_t>(passed - 5) / 10 + 1);
    EXPECT_GE(periods, 6u);
}

TEST_P(Schedule, CancelledTimerNeverFires)
{
    connect(1);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 1, 40, 0));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 2, 60, 0));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_cancel_timer(sessions[0], 1));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_cancel_timer(sessions[0], 99));
    ASSERT_TRUE(wait_timers(1));
    EXPECT_EQ(2u, timers()[0].id);
}

TEST_P(Schedule, TimerThatIsSetAgainMoves)
{
    connect(1);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 1, 3600000, 0));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 1, 1, 0));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 2, 30, 0));
    ASSERT_TRUE(wait_timers(2));
    EXPECT_EQ(1u, timers()[0].id);
    EXPECT_EQ(2u, timers()[1].id);
}

TEST_P(Schedule, OneThatIsDueCanBeCancelledByTheOther)
{
    create();
    host->on(IOCPNET_EVENT_TIMER, [this](const iocpnet_event &event) {
        if (event.session != 0) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_cancel_timer(event.session, 3 - event.timer_id));
        }
        const std::lock_guard<std::mutex> lock(mutex);
        due.push_back({event.session, event.timer_id, event.timer_count, {}});
    });
    connect(1);
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 1, 20, 0));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 2, 20, 0));
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host->service(), 0, 1000, 60, 0));
    ASSERT_TRUE(wait_until([this] {
        const std::vector<Due> fired = timers();
        return !fired.empty() && fired.back().id == 1000;
    }));
    /* What a batch had queued comes all the same. */
    EXPECT_LE(timers().size(), host->polls() ? 3u : 2u);
}

TEST_P(Schedule, NoTimerAfterTheBeginningOfTheEnd)
{
    create();
    host->on(IOCPNET_EVENT_CONNECTED, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_timer(event.session, 1, 0, 1));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_timer(event.session, 2, 3600000, 0));
    });
    connect(3);
    ASSERT_TRUE(wait_timers(10));
    EXPECT_EQ(IOCPNET_OK, disconnect(sessions[0], IOCPNET_DISCONNECT_ABORT));
    EXPECT_EQ(IOCPNET_OK, disconnect(sessions[1], IOCPNET_DISCONNECT_GRACEFUL));
    peers[1].close();
    peers[2].close();
    ASSERT_TRUE(host->wait_disconnected(3));
    EXPECT_GT(0, iocpnet_session_set_timer(sessions[0], 1, 0, 0));
    for (const iocpnet_session session : sessions) {
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_EVENT_DISCONNECTED), host->recorder().session(session).kinds.back());
    }
    EXPECT_TRUE(host->recorder().copy().violations.empty());
}

TEST_P(Schedule, TimersOfASessionAreLimited)
{
    connect(1);
    for (uint64_t i = 0; i < IOCPNET_TIMERS_MAX; i++) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], i, 3600000, 0));
    }
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_session_set_timer(sessions[0], UINT64_MAX, 3600000, 0));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], 5, 7200000, 0));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_cancel_timer(sessions[0], 9));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_timer(sessions[0], UINT64_MAX, 3600000, 0));
}

TEST_P(Schedule, TimerOfTheServiceFiresOnItsDispatcher)
{
    create([](iocpnet_service_options &options) { options.dispatcher_count = 2; });
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_service_set_timer(host->service(), 1, 5, 0, 0));
    std::atomic<uint32_t> dispatcher{99};
    host->on(IOCPNET_EVENT_TIMER, [&](const iocpnet_event &event) {
        EXPECT_EQ(0u, event.session);
        EXPECT_EQ(5u, event.timer_id);
        EXPECT_EQ(host->service(), event.service);
        dispatcher = event.dispatcher;
    });
    connect(0);
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host->service(), 1, 5, 10, 0));
    EXPECT_TRUE(wait_until([&] { return dispatcher == 1; }));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host->service(), 0, 6, 3600000, 1));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_cancel_timer(host->service(), 0, 6));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host->service(), 0, 6, 3600000, 1));
    host->stop(0);
    EXPECT_EQ(IOCPNET_E_CLOSED, iocpnet_service_set_timer(host->service(), 0, 6, 3600000, 1));
}

TEST_P(Schedule, JobsOfAThreadRunOnceAndInOrder)
{
    connect(1);
    std::vector<uint64_t> expected;
    for (uint64_t i = 1; i <= 500; i++) {
        ASSERT_EQ(IOCPNET_OK, i % 3 == 0 ? post_to_dispatcher(i) : post(sessions[0], i));
        expected.push_back(i);
    }
    ASSERT_TRUE(wait_until([&] { return log.copy().size() >= expected.size(); }));
    EXPECT_EQ(expected, log.copy());
}

TEST_P(Schedule, JobNeverRunsInsideThePostingCall)
{
    bool posting = false;
    create();
    on_job = [&](const iocpnet_event &event, uint64_t value) {
        EXPECT_FALSE(posting);
        posting = true;
        if (value < 20) {
            EXPECT_EQ(IOCPNET_OK, post(event.session, value + 1));
        }
        posting = false;
    };
    connect(1);
    ASSERT_EQ(IOCPNET_OK, post(sessions[0], 1));
    ASSERT_TRUE(wait_until([&] { return log.copy().size() == 20; }));
}

TEST_P(Schedule, EveryAcceptedJobRunsOnceBeforeDisconnected)
{
    connect(8);
    std::atomic<uint64_t> next{1};
    std::atomic<bool> over{false};
    std::vector<uint64_t> accepted[3];
    std::vector<std::thread> threads;
    for (auto &mine : accepted) {
        threads.emplace_back([&] {
            for (size_t i = 0; !over; i++) {
                const uint64_t value = next++;
                const int32_t status = post(sessions[i % sessions.size()], value);
                if (status == IOCPNET_OK) {
                    mine.push_back(value);
                } else {
                    EXPECT_TRUE(status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE ||
                                status == IOCPNET_E_WOULD_BLOCK)
                        << status;
                }
            }
        });
    }
    for (size_t i = 0; i < sessions.size(); i++) {
        const uint64_t before = next;
        EXPECT_TRUE(wait_until([&] { return next > before + 100; }));
        EXPECT_EQ(IOCPNET_OK, disconnect(sessions[i], IOCPNET_DISCONNECT_ABORT));
    }
    EXPECT_TRUE(host->wait_disconnected(sessions.size()));
    over = true;
    for (std::thread &each : threads) {
        each.join();
    }
    std::vector<uint64_t> expected;
    for (const auto &mine : accepted) {
        expected.insert(expected.end(), mine.begin(), mine.end());
    }
    std::sort(expected.begin(), expected.end());
    std::vector<uint64_t> ran = log.copy();
    std::sort(ran.begin(), ran.end());
    EXPECT_TRUE(expected == ran) << expected.size() << " accepted, " << ran.size() << " ran";
    EXPECT_TRUE(host->recorder().copy().violations.empty());
}

TEST_P(Schedule, JobsOfADispatcherRunBeforeTheServiceHasStopped)
{
    connect(1);
    std::atomic<bool> over{false};
    std::atomic<uint64_t> accepted{0};
    std::thread poster([&] {
        while (!over) {
            accepted += post_to_dispatcher(1) == IOCPNET_OK ? 1 : 0;
        }
    });
    EXPECT_TRUE(wait_until([&] { return accepted > 100; }));
    host->stop(0);
    over = true;
    poster.join();
    EXPECT_EQ(accepted, log.copy().size());
    EXPECT_EQ(IOCPNET_E_CLOSED, post_to_dispatcher(1));
}

TEST_P(Schedule, JobsThatWaitAreLimited)
{
    create();
    std::atomic<bool> held{false};
    std::atomic<bool> go{false};
    on_job = [&](const iocpnet_event &, uint64_t value) {
        if (value == 1) {
            held = true;
            EXPECT_TRUE(wait_until([&] { return go.load(); }));
        }
    };
    connect(1);
    if (host->polls() && GetParam().driving == IOCPNET_DRIVING_LIBRARY) {
        return; /* the dispatcher goes on while the host is held */
    }
    ASSERT_EQ(IOCPNET_OK, post(sessions[0], 1));
    ASSERT_TRUE(wait_until([&] { return held.load(); }));
    uint64_t accepted = 0;
    while (post(sessions[0], 2) == IOCPNET_OK) {
        accepted++;
    }
    EXPECT_EQ(static_cast<uint64_t>(IOCPNET_JOBS_MAX), accepted);
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, post(sessions[0], 2));
    go = true;
    ASSERT_TRUE(wait_until([&] { return log.copy().size() == accepted + 1; }));
}

} // namespace
