#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#endif

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "os/thread.h"
#include "util/live.h"
#include "util/log.h"
}

namespace unit_test
{

namespace
{

struct Line {
    int32_t level;
    std::string component;
    std::string text;
};

/* Where lines go. Its callback can be held up, and can do something of its own. */
class Sink
{
public:
    ~Sink() { destroyed_ = true; }

    static void IOCPNET_CALL callback(int32_t level, const char *component, const char *text, void *user)
    {
        static_cast<Sink *>(user)->take({level, component, text});
    }

    int32_t install(int32_t level = IOCPNET_LOG_DEBUG) { return icn_log_set_callback(callback, level, this); }

    /* The next `count` lines may pass; the others wait inside the callback. */
    void allow(uint64_t count)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        allowed_ = count;
        changed_.notify_all();
    }

    bool wait_inside(uint64_t line)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, api_test::wait_limit, [&] { return begun_ >= line; });
    }

    std::vector<Line> lines()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return lines_;
    }

    std::vector<std::string> texts()
    {
        std::vector<std::string> result;
        for (const Line &line : lines()) {
            result.push_back(line.text);
        }
        return result;
    }

    bool is_inside()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return begun_ != lines_.size();
    }

    std::function<void()> inside;

private:
    void take(const Line &line)
    {
        EXPECT_FALSE(destroyed_);
        {
            std::unique_lock<std::mutex> lock(mutex_);
            begun_++;
            changed_.notify_all();
            changed_.wait(lock, [this] { return allowed_ >= begun_; });
        }
        if (inside) {
            inside();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        lines_.push_back(line);
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Line> lines_;
    uint64_t begun_ = 0;
    uint64_t allowed_ = UINT64_MAX;
    bool destroyed_ = false;
};

void acquire()
{
    EXPECT_EQ(IOCPNET_OK, icn_log_acquire().status);
}

void turn_off()
{
    EXPECT_EQ(IOCPNET_OK, icn_log_set_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
}

class Log : public testing::Test
{
protected:
    void TearDown() override
    {
        turn_off();
        EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    }

    Sink sink_;
};

using Texts = std::vector<std::string>;

} // namespace

TEST_F(Log, LineReachesTheCallbackAsItWasWritten)
{
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_NOTICE, "listener", "%s has %d of %llu", "it", -1, 18446744073709551615ull);
    icn_log_release();
    ASSERT_EQ(1u, sink_.lines().size());
    EXPECT_EQ(IOCPNET_LOG_NOTICE, sink_.lines()[0].level);
    EXPECT_EQ("listener", sink_.lines()[0].component);
    EXPECT_EQ("it has -1 of 18446744073709551615", sink_.lines()[0].text);
}

TEST_F(Log, LineAboveTheLevelIsNotWritten)
{
    sink_.install(IOCPNET_LOG_WARNING);
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "debug");
    icn_log_write(IOCPNET_LOG_NOTICE, "test", "notice");
    icn_log_write(IOCPNET_LOG_WARNING, "test", "warning");
    icn_log_write(IOCPNET_LOG_ERROR, "test", "error");
    icn_log_release();
    EXPECT_EQ((Texts{"warning", "error"}), sink_.texts());
}

TEST_F(Log, LevelNoneTurnsItOff)
{
    sink_.install();
    acquire();
    sink_.install(IOCPNET_LOG_NONE);
    EXPECT_EQ(0u, icn_live_count(ICN_LIVE_THREADS));
    icn_log_write(IOCPNET_LOG_ERROR, "test", "error");
    icn_log_release();
    EXPECT_EQ(Texts{}, sink_.texts());
}

TEST_F(Log, ThreadExistsWhileThereIsAServiceAndACallback)
{
    const auto threads = [] { return icn_live_count(ICN_LIVE_THREADS); };
    sink_.install();
    EXPECT_EQ(0u, threads());
    acquire();
    EXPECT_EQ(1u, threads());
    acquire();
    icn_log_release();
    EXPECT_EQ(1u, threads());
    turn_off();
    EXPECT_EQ(0u, threads());
    sink_.install();
    EXPECT_EQ(1u, threads());
    icn_log_release();
    EXPECT_EQ(0u, threads());
}

TEST_F(Log, LineWrittenWithoutAServiceIsNotKept)
{
    sink_.install();
    icn_log_write(IOCPNET_LOG_ERROR, "test", "before");
    acquire();
    icn_log_release();
    EXPECT_EQ(Texts{}, sink_.texts());
}

TEST_F(Log, LongLineIsCut)
{
    const std::string longest(ICN_LOG_TEXT_MAX, 'x');
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_ERROR, "test", "%s", longest.c_str());
    icn_log_write(IOCPNET_LOG_ERROR, "test", "%s%s", longest.c_str(), longest.c_str());
    icn_log_release();
    EXPECT_EQ((Texts{longest, longest}), sink_.texts());
}

TEST_F(Log, LinesOfOneThreadKeepTheirOrder)
{
    constexpr int count = 200;
    sink_.install();
    acquire();
    run_together(4, [](uint32_t thread) {
        for (int i = 0; i < count; i++) {
            icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u %d", static_cast<unsigned>(thread), i);
        }
    });
    icn_log_release();
    std::vector<int> next(4, 0);
    for (const std::string &text : sink_.texts()) {
        const size_t thread = static_cast<size_t>(text[0] - '0');
        EXPECT_EQ(std::to_string(thread) + " " + std::to_string(next[thread]++), text);
    }
    EXPECT_EQ(std::vector<int>(4, count), next);
}

TEST_F(Log, QueueKeepsItsOrderWhenItWrapsAround)
{
    sink_.install();
    acquire();
    Texts expected;
    for (int i = 0; i < 3 * ICN_LOG_QUEUE_MAX; i++) {
        icn_log_write(IOCPNET_LOG_DEBUG, "test", "%d", i);
        expected.push_back(std::to_string(i));
        if (i % 500 == 0) {
            EXPECT_TRUE(sink_.wait_inside(expected.size()));
        }
    }
    icn_log_release();
    EXPECT_EQ(expected, sink_.texts());
}

TEST_F(Log, FullQueueDropsLinesCountsThemAndTellsTheHost)
{
    const uint64_t dropped_before = icn_log_dropped();
    sink_.allow(0);
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "held up");
    ASSERT_TRUE(sink_.wait_inside(1));
    for (int i = 0; i < ICN_LOG_QUEUE_MAX + 3; i++) {
        icn_log_write(IOCPNET_LOG_DEBUG, "test", "%d", i);
    }
    EXPECT_EQ(dropped_before + 3, icn_log_dropped());
    sink_.allow(UINT64_MAX);
    icn_log_release();
    const std::vector<Line> lines = sink_.lines();
    ASSERT_EQ(ICN_LOG_QUEUE_MAX + 2u, lines.size());
    EXPECT_EQ(std::to_string(ICN_LOG_QUEUE_MAX - 1), lines[ICN_LOG_QUEUE_MAX].text);
    EXPECT_EQ(IOCPNET_LOG_WARNING, lines.back().level);
    EXPECT_EQ("log", lines.back().component);
    EXPECT_EQ("lines dropped because the queue was full: 3", lines.back().text);
}

TEST_F(Log, ReportOfDroppedLinesStandsWhereTheyAreMissing)
{
    sink_.allow(0);
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "held up");
    ASSERT_TRUE(sink_.wait_inside(1));
    for (int i = 0; i < ICN_LOG_QUEUE_MAX + 2; i++) {
        icn_log_write(IOCPNET_LOG_DEBUG, "test", "%d", i);
    }
    sink_.allow(1);
    ASSERT_TRUE(sink_.wait_inside(2)); /* now there is room for one */
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "after");
    sink_.allow(UINT64_MAX);
    icn_log_release();
    const Texts texts = sink_.texts();
    ASSERT_EQ(ICN_LOG_QUEUE_MAX + 3u, texts.size());
    EXPECT_EQ(std::to_string(ICN_LOG_QUEUE_MAX - 1), texts[ICN_LOG_QUEUE_MAX]);
    EXPECT_EQ("lines dropped because the queue was full: 2", texts[ICN_LOG_QUEUE_MAX + 1]);
    EXPECT_EQ("after", texts[ICN_LOG_QUEUE_MAX + 2]);
}

TEST_F(Log, LastReleaseWritesWhatIsQueuedAndWaitsForTheThread)
{
    sink_.allow(0);
    sink_.install();
    acquire();
    for (int i = 0; i < 100; i++) {
        icn_log_write(IOCPNET_LOG_DEBUG, "test", "%d", i);
    }
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread releasing([&] {
        icn_log_release();
        EXPECT_EQ(100u, sink_.lines().size());
        EXPECT_EQ(0u, icn_live_count(ICN_LIVE_THREADS));
    });
    api_test::pause_briefly();
    sink_.allow(UINT64_MAX);
    releasing.join();
}

TEST_F(Log, ReplacingTheCallbackWaitsUntilTheOldOneHasReturned)
{
    Sink next;
    sink_.allow(0);
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "old");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread replacing([&] {
        next.install();
        EXPECT_FALSE(sink_.is_inside());
    });
    api_test::pause_briefly();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "new");
    sink_.allow(1);
    replacing.join();
    icn_log_release();
    EXPECT_EQ(Texts{"old"}, sink_.texts());
    EXPECT_EQ(Texts{"new"}, next.texts());
    turn_off();
}

TEST_F(Log, TurningOffWaitsUntilTheCallbackHasReturnedAndDiscardsWhatIsQueued)
{
    sink_.allow(0);
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "second");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread replacing([&] {
        turn_off();
        EXPECT_FALSE(sink_.is_inside());
        EXPECT_EQ(0u, icn_live_count(ICN_LIVE_THREADS));
    });
    api_test::pause_briefly();
    sink_.allow(1);
    replacing.join();
    sink_.install();
    icn_log_release();
    EXPECT_LE(sink_.lines().size(), 1u);
}

TEST_F(Log, CallbackMayReplaceItself)
{
    Sink next;
    sink_.inside = [&] { next.install(); };
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "old");
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "new");
    icn_log_release();
    EXPECT_EQ(Texts{"old"}, sink_.texts());
    EXPECT_EQ(Texts{"new"}, next.texts());
    turn_off();
}

TEST_F(Log, CallbackMayTurnTheLogOff)
{
    sink_.inside = turn_off;
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "last");
    EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    icn_log_release();
    EXPECT_EQ(Texts{"last"}, sink_.texts());
}

TEST_F(Log, CallbackMayReleaseTheLastService)
{
    sink_.inside = [released = false]() mutable {
        if (!released) {
            released = true;
            icn_log_write(IOCPNET_LOG_DEBUG, "test", "second");
            icn_log_release();
        }
    };
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    EXPECT_EQ((Texts{"first", "second"}), sink_.texts());
}

TEST_F(Log, ThreadWhoseEndIsAwaitedGoesOnWhenItIsWantedAgain)
{
    sink_.allow(0);
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread releasing(icn_log_release);
    api_test::pause_briefly();
    acquire();
    releasing.join();
    sink_.allow(UINT64_MAX);
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "second");
    icn_log_release();
    EXPECT_EQ((Texts{"first", "second"}), sink_.texts());
}

TEST_F(Log, CallbackRunsAsOneOnAThreadOfItsOwn)
{
    uint32_t depth = 0;
    uint64_t thread = 0;
    sink_.inside = [&] {
        depth = icn_thread_callback_depth();
        thread = icn_thread_self();
    };
    sink_.install();
    acquire();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "line");
    icn_log_release();
    EXPECT_EQ(1u, depth);
    EXPECT_NE(icn_thread_self(), thread);
}

TEST_F(Log, ReleaseWithoutAcquireFiresACheck)
{
    CheckRecorder checks;
    icn_log_release();
    EXPECT_EQ("service_count != 0", checks.take());
    acquire(); /* takes back what the wrong release did */
}

TEST_F(Log, LevelOutOfRangeFiresACheck)
{
    CheckRecorder checks;
    icn_log_write(IOCPNET_LOG_NONE, "test", "nothing");
    icn_log_write(IOCPNET_LOG_DEBUG + 1, "test", "nothing");
    EXPECT_NE("", checks.take());
}

/* Sinks are freed as soon as they are replaced: a sanitizer sees a callback that comes too late. */
TEST_F(Log, ReplacedCallbackNeverRunsAgainWhileServicesComeAndGo)
{
    Random random;
    const uint64_t seed = random.any();
    run_together(6, [&](uint32_t thread) {
        std::mt19937_64 engine(seed + thread);
        std::unique_ptr<Sink> sink;
        for (uint32_t i = 0; i < scaled(3000); i++) {
            if (thread == 0) {
                auto next = std::make_unique<Sink>();
                EXPECT_EQ(IOCPNET_OK, engine() % 3 == 0 ? icn_log_set_callback(nullptr, IOCPNET_LOG_NONE, nullptr)
                                                        : next->install());
                sink = std::move(next);
            } else if (thread < 4) {
                acquire();
                icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u", static_cast<unsigned>(i));
                icn_log_release();
            } else {
                icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u", static_cast<unsigned>(i));
            }
        }
        if (thread == 0) {
            turn_off();
        }
    });
}

/* Everything that a host can do at once, also inside the callback; no step may wait for ever. */
TEST_F(Log, AnyMixOfCallsEndsWithoutThread)
{
    Random random;
    const uint64_t seed = random.any();
    std::mt19937_64 inside_engine(seed);
    sink_.inside = [&] {
        const uint64_t choice = inside_engine() % 8;
        if (choice == 0) {
            acquire();
            icn_log_release();
        } else if (choice == 1) {
            sink_.install();
        } else if (choice == 2) {
            turn_off();
        }
    };
    run_together(4, [&](uint32_t thread) {
        std::mt19937_64 engine(seed + 1 + thread);
        for (uint32_t i = 0; i < scaled(3000); i++) {
            acquire();
            EXPECT_EQ(IOCPNET_OK, engine() % 8 == 0 ? icn_log_set_callback(nullptr, 0, nullptr) : sink_.install());
            icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u", static_cast<unsigned>(i));
            icn_log_release();
        }
    });
}

#if defined(__linux__)

namespace
{

/* Without address space no thread can be made. Once in a process: it keeps the stacks of threads that have ended. */
template <typename Call>
auto without_threads(const Call &call)
{
    rlimit before;
    getrlimit(RLIMIT_AS, &before);
    const rlimit none = {0, before.rlim_max};
    setrlimit(RLIMIT_AS, &none);
    const auto result = call();
    setrlimit(RLIMIT_AS, &before);
    return result;
}

/* The exit code is the number of the first step that failed. */
void acquire_without_threads()
{
    Sink sink;
    sink.install();
    const icn_result result = without_threads(icn_log_acquire);
    if (result.status != IOCPNET_E_NO_MEMORY || result.os_error == 0 || icn_live_count(ICN_LIVE_THREADS) != 0) {
        std::_Exit(1);
    }
    const bool recovered = icn_log_acquire().status == IOCPNET_OK;
    icn_log_write(IOCPNET_LOG_ERROR, "test", "line");
    icn_log_release();
    std::_Exit(recovered && sink.texts() == Texts{"line"} ? 0 : 2);
}

void install_without_threads()
{
    Sink sink;
    const bool acquired = icn_log_acquire().status == IOCPNET_OK;
    if (!acquired || without_threads([&] { return sink.install(); }) != IOCPNET_E_NO_MEMORY) {
        std::_Exit(1);
    }
    icn_log_write(IOCPNET_LOG_ERROR, "test", "off");
    const bool recovered = sink.install() == IOCPNET_OK;
    icn_log_write(IOCPNET_LOG_ERROR, "test", "line");
    icn_log_release();
    std::_Exit(recovered && sink.texts() == Texts{"line"} ? 0 : 2);
}

class LogDeathTest : public testing::Test
{
protected:
    void SetUp() override
    {
        testing::FLAGS_gtest_death_test_style = "threadsafe";
        if (api_test::is_sanitized()) {
            GTEST_SKIP() << "sanitizers need address space of their own";
        }
    }
};

} // namespace

TEST_F(LogDeathTest, AcquireThatCanNotMakeTheThreadFailsAndChangesNothing)
{
    EXPECT_EXIT(acquire_without_threads(), testing::ExitedWithCode(0), "");
}

TEST_F(LogDeathTest, CallbackThatCanNotHaveAThreadIsNotSet)
{
    EXPECT_EXIT(install_without_threads(), testing::ExitedWithCode(0), "");
}

#endif

} // namespace unit_test
