#include <string>
#include <vector>

#include "support/unit_log.hpp"

namespace unit_test
{

namespace
{

using Log = LogTest;

} // namespace

TEST_F(Log, LineReachesTheCallbackAsItWasWritten)
{
    sink_.install();
    acquire_log();
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
    acquire_log();
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
    acquire_log();
    sink_.install(IOCPNET_LOG_NONE);
    EXPECT_EQ(0u, icn_live_count(ICN_LIVE_THREADS));
    icn_log_write(IOCPNET_LOG_ERROR, "test", "error");
    icn_log_release();
    EXPECT_EQ(Texts{}, sink_.texts());
}

TEST_F(Log, LineWrittenWithoutAServiceIsNotKept)
{
    sink_.install();
    icn_log_write(IOCPNET_LOG_ERROR, "test", "before");
    acquire_log();
    icn_log_release();
    EXPECT_EQ(Texts{}, sink_.texts());
}

TEST_F(Log, LongLineIsCut)
{
    const std::string longest(ICN_LOG_TEXT_MAX, 'x');
    sink_.install();
    acquire_log();
    icn_log_write(IOCPNET_LOG_ERROR, "test", "%s", longest.c_str());
    icn_log_write(IOCPNET_LOG_ERROR, "test", "%s%s", longest.c_str(), longest.c_str());
    icn_log_release();
    EXPECT_EQ((Texts{longest, longest}), sink_.texts());
}

TEST_F(Log, LinesOfOneThreadKeepTheirOrder)
{
    constexpr int count = 200;
    sink_.install();
    acquire_log();
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
    acquire_log();
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
    acquire_log();
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
    acquire_log();
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

TEST_F(Log, LevelOutOfRangeFiresACheck)
{
    CheckRecorder checks;
    icn_log_write(IOCPNET_LOG_NONE, "test", "nothing");
    icn_log_write(IOCPNET_LOG_DEBUG + 1, "test", "nothing");
    EXPECT_NE("", checks.take());
}

} // namespace unit_test
