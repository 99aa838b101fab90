#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <sys/resource.h>
#endif

#include "support/unit_log.hpp"

extern "C" {
#include "os/thread.h"
}

namespace unit_test
{

namespace
{

using LogThread = LogTest;

} // namespace

TEST_F(LogThread, ThreadExistsWhileThereIsAServiceAndACallback)
{
    const auto threads = [] { return icn_live_count(ICN_LIVE_THREADS); };
    sink_.install();
    EXPECT_EQ(0u, threads());
    acquire_log();
    EXPECT_EQ(1u, threads());
    acquire_log();
    icn_log_release();
    EXPECT_EQ(1u, threads());
    turn_log_off();
    EXPECT_EQ(0u, threads());
    sink_.install();
    EXPECT_EQ(1u, threads());
    icn_log_release();
    EXPECT_EQ(0u, threads());
}

TEST_F(LogThread, LastReleaseWritesWhatIsQueuedAndWaitsForTheThread)
{
    sink_.allow(0);
    sink_.install();
    acquire_log();
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

TEST_F(LogThread, ReplacingTheCallbackWaitsUntilTheOldOneHasReturned)
{
    Sink next;
    sink_.allow(0);
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "old");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread replacing([&] {
        next.install();
        EXPECT_FALSE(sink_.is_inside());
    });
    api_test::pause_briefly();
    sink_.allow(1);
    replacing.join();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "new");
    icn_log_release();
    EXPECT_EQ(Texts{"old"}, sink_.texts());
    EXPECT_EQ(Texts{"new"}, next.texts());
    turn_log_off();
}

TEST_F(LogThread, TurningOffWaitsUntilTheCallbackHasReturned)
{
    sink_.allow(0);
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "line");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread replacing([&] {
        turn_log_off();
        EXPECT_FALSE(sink_.is_inside());
        EXPECT_EQ(0u, icn_live_count(ICN_LIVE_THREADS));
    });
    api_test::pause_briefly();
    sink_.allow(1);
    replacing.join();
    icn_log_release();
}

TEST_F(LogThread, TurningOffDiscardsWhatIsQueued)
{
    sink_.inside = [this, first = true]() mutable {
        if (std::exchange(first, false)) {
            turn_log_off();
            sink_.install();
        }
    };
    sink_.allow(0);
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "discarded");
    sink_.allow(UINT64_MAX);
    EXPECT_TRUE(wait_until([this] { return sink_.lines().size() == 1; }));
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "last");
    icn_log_release();
    EXPECT_EQ((Texts{"first", "last"}), sink_.texts());
}

TEST_F(LogThread, CallbackMayReplaceItself)
{
    Sink next;
    sink_.inside = [&] { next.install(); };
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "old");
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "new");
    icn_log_release();
    EXPECT_EQ(Texts{"old"}, sink_.texts());
    EXPECT_EQ(Texts{"new"}, next.texts());
    turn_log_off();
}

TEST_F(LogThread, CallbackMayTurnTheLogOff)
{
    sink_.inside = turn_log_off;
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "last");
    EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    icn_log_release();
    EXPECT_EQ(Texts{"last"}, sink_.texts());
}

TEST_F(LogThread, CallbackMayReleaseTheLastService)
{
    sink_.inside = [released = false]() mutable {
        if (!released) {
            released = true;
            icn_log_write(IOCPNET_LOG_DEBUG, "test", "second");
            icn_log_release();
        }
    };
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    EXPECT_EQ((Texts{"first", "second"}), sink_.texts());
}

TEST_F(LogThread, ThreadWhoseEndIsAwaitedGoesOnWhenItIsWantedAgain)
{
    sink_.allow(0);
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "first");
    ASSERT_TRUE(sink_.wait_inside(1));
    std::thread releasing(icn_log_release);
    api_test::pause_briefly();
    acquire_log();
    releasing.join();
    sink_.allow(UINT64_MAX);
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "second");
    icn_log_release();
    EXPECT_EQ((Texts{"first", "second"}), sink_.texts());
}

TEST_F(LogThread, CallbackRunsAsOneOnAThreadOfItsOwn)
{
    uint32_t depth = 0;
    uint64_t thread = 0;
    sink_.inside = [&] {
        depth = icn_thread_callback_depth();
        thread = icn_thread_self();
    };
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_DEBUG, "test", "line");
    icn_log_release();
    EXPECT_EQ(1u, depth);
    EXPECT_NE(icn_thread_self(), thread);
}

TEST_F(LogThread, ReleaseWithoutAcquireFiresACheck)
{
    CheckRecorder checks;
    icn_log_release();
    EXPECT_EQ("service_count != 0", checks.take());
    acquire_log(); /* takes back what the wrong release did */
}

/* Sinks are freed as soon as they are replaced: a sanitizer sees a callback that comes too late. */
TEST_F(LogThread, ReplacedCallbackNeverRunsAgainWhileServicesComeAndGo)
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
                EXPECT_FALSE(sink != nullptr && sink->is_inside());
                sink = std::move(next);
            } else if (thread < 4) {
                acquire_log();
                icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u", static_cast<unsigned>(i));
                icn_log_release();
            } else {
                icn_log_write(IOCPNET_LOG_DEBUG, "test", "%u", static_cast<unsigned>(i));
            }
        }
        if (thread == 0) {
            turn_log_off();
        }
    });
}

/* Everything that a host can do at once, also inside the callback; no step may wait for ever. */
TEST_F(LogThread, AnyMixOfCallsEndsWithoutThread)
{
    Random random;
    const uint64_t seed = random.any();
    std::mt19937_64 inside_engine(seed);
    sink_.inside = [&] {
        const uint64_t choice = inside_engine() % 8;
        if (choice == 0) {
            acquire_log();
            icn_log_release();
        } else if (choice == 1) {
            sink_.install();
        } else if (choice == 2) {
            turn_log_off();
        }
    };
    run_together(4, [&](uint32_t thread) {
        std::mt19937_64 engine(seed + 1 + thread);
        for (uint32_t i = 0; i < scaled(3000); i++) {
            acquire_log();
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
