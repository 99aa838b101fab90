#include <cstring>
#include <string>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "base/status.h"
#include "service/metrics.h"
#include "service/watch.h"
}

namespace unit_test
{

namespace
{

std::string page_of(const iocpnet_service_statistics &statistics, const char *name = nullptr)
{
    std::string text(icn_metrics_write(&statistics, name, nullptr, 0) + 1, '\x7f');
    const uint32_t length = icn_metrics_write(&statistics, name, text.data(), static_cast<uint32_t>(text.size()));
    EXPECT_EQ(text.size() - 1, length);
    EXPECT_EQ('\0', text.back());
    text.pop_back();
    return text;
}

bool has_line(const std::string &page, const std::string &line)
{
    return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, EachNumberHasALineOfItsOwn)
{
    iocpnet_service_statistics statistics = {};
    statistics.accepts = 7;
    statistics.sessions_live = 3;
    statistics.bytes_received = UINT64_MAX;
    const std::string page = page_of(statistics);
    EXPECT_TRUE(has_line(page, "iocpnet_accepts_total 7"));
    EXPECT_TRUE(has_line(page, "iocpnet_sessions 3"));
    EXPECT_TRUE(has_line(page, "iocpnet_received_bytes_total 18446744073709551615"));
    EXPECT_TRUE(has_line(page, "# TYPE iocpnet_accepts_total counter"));
    EXPECT_TRUE(has_line(page, "# TYPE iocpnet_sessions gauge"));
}

TEST(Metrics, EveryReasonOfTheHeaderHasALine)
{
    iocpnet_service_statistics statistics = {};
    for (uint32_t reason = 1; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        statistics.disconnects_by_reason[reason] = reason * 10;
    }
    const std::string page = page_of(statistics);
    for (uint32_t reason = 1; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        EXPECT_TRUE(has_line(page, std::string("iocpnet_disconnects_total{reason=\"") + icn_close_reason_name(reason) +
                                       "\"} " + std::to_string(reason * 10)));
    }
}

TEST(Metrics, NameIsTheFirstLabelAndEscaped)
{
    const std::string page = page_of({}, "a\\b\"c\nd");
    EXPECT_TRUE(has_line(page, R"(iocpnet_accepts_total{service="a\\b\"c\nd"} 0)"));
    EXPECT_TRUE(has_line(page, R"(iocpnet_disconnects_total{service="a\\b\"c\nd",reason="reset"} 0)"));
    EXPECT_TRUE(has_line(page, R"(iocpnet_callback_seconds_count{service="a\\b\"c\nd"} 0)"));
}

TEST(Metrics, BucketsOfAHistogramContainThoseBeforeThem)
{
    iocpnet_service_statistics statistics = {};
    statistics.callback_times[0] = 1;
    statistics.callback_times[1] = 10;
    statistics.callback_times[IOCPNET_CALLBACK_TIMES - 1] = 100;
    statistics.callback_time_us = 1234567;
    const std::string page = page_of(statistics);
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_bucket{le=\"0.000001\"} 1"));
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_bucket{le=\"0.000002\"} 11"));
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_bucket{le=\"4.194304\"} 11"));
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_bucket{le=\"+Inf\"} 111"));
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_sum 1.234567"));
    EXPECT_TRUE(has_line(page, "iocpnet_callback_seconds_count 111"));
}

TEST(Metrics, NothingIsStoredInABufferThatIsOneByteTooSmall)
{
    const iocpnet_service_statistics statistics = {};
    const uint32_t length = icn_metrics_write(&statistics, nullptr, nullptr, 0);
    std::string text(length, '\x7f');
    EXPECT_EQ(length, icn_metrics_write(&statistics, nullptr, text.data(), length));
    EXPECT_EQ(std::string(length, '\x7f'), text);
}

/* The header names this size. */
TEST(Metrics, TheLongestPageFitsTheSizeThatIsDocumented)
{
    iocpnet_service_statistics statistics;
    std::memset(&statistics, 0xFF, sizeof statistics);
    const std::string name(255, '"');
    EXPECT_LT(page_of(statistics).size(), 16384u);
    EXPECT_LT(page_of(statistics, name.c_str()).size(), 16384u + 64 * 2 * name.size());
}

TEST(Watch, BucketOfADurationIsTheFirstPowerOfTwoAboveIt)
{
    EXPECT_EQ(0u, icn_watch_bucket(0));
    EXPECT_EQ(1u, icn_watch_bucket(1));
    EXPECT_EQ(2u, icn_watch_bucket(2));
    EXPECT_EQ(2u, icn_watch_bucket(3));
    EXPECT_EQ(3u, icn_watch_bucket(4));
    EXPECT_EQ(22u, icn_watch_bucket((UINT64_C(1) << 22) - 1));
    EXPECT_EQ(23u, icn_watch_bucket(UINT64_C(1) << 22));
    EXPECT_EQ(23u, icn_watch_bucket(UINT64_MAX));
}

} // namespace

} // namespace unit_test
