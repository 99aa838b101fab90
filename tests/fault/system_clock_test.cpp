/* Time-outs do not depend on the wall clock, nor on how long the machine has been running. Linux. */
#if defined(__linux__)

#include <atomic>
#include <climits>
#include <unistd.h>

#include "support/api_fixture.hpp"
#include "support/fault_clock.hpp"
#include "support/fault_network.hpp"

using namespace api_test;
using std::chrono::milliseconds;

namespace
{

/* No limit but the one that is asked for. */
void close_late(iocpnet_service_options &options)
{
    options.close_timeout_ms = 600000;
}

/* How long a graceful close takes whose peer does not answer. */
milliseconds close_in(Host &host, const std::string &address, uint32_t timeout_ms)
{
    const uint64_t before = host.recorder().session_count();
    const Socket silent = Socket::connect(address);
    EXPECT_TRUE(host.wait_connected(before + 1));
    const auto begin = Clock::now();
    EXPECT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(before), IOCPNET_DISCONNECT_GRACEFUL, timeout_ms));
    EXPECT_TRUE(host.wait_disconnected(before + 1));
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

/* Arguments: the port. The process lives in a time of its own. */
int close_in_another_time(const std::vector<std::string> &arguments)
{
    Host host({static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS},
              close_late);
    const std::string address = host.listen();
    ROLE_REQUIRE(host.start() == IOCPNET_OK);
    ROLE_REQUIRE(Clock::now().time_since_epoch() > std::chrono::hours(24 * 365));
    ROLE_REQUIRE(close_in(host, address, 100) >= milliseconds(95));
    return 0;
}
const RoleRegistration another_time_role("another_time", close_in_another_time);

class WallClock : public PortTest
{
protected:
    void TearDown() override
    {
        fault_test::set_wall_clock_ahead(0);
        PortTest::TearDown();
    }
};
API_TEST_ON_EVERY_PORT(WallClock);

TEST_P(WallClock, ThatJumpsAYearChangesNoDeadlineAndIsNeverRead)
{
    const uint64_t before = fault_test::monotonic_readings();
    Host host(callbacks(), close_late);
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const int64_t years : {0, 1, -1}) {
        fault_test::set_wall_clock_ahead(years * 365 * 24 * 3600);
        EXPECT_GE(close_in(host, address, 100), milliseconds(95));
    }
    EXPECT_GT(fault_test::monotonic_readings(), before);
    EXPECT_EQ(0u, fault_test::other_readings());
}

TEST_P(WallClock, ThatJumpsAYearMovesNoTimer)
{
    Host host(callbacks());
    std::atomic<uint32_t> fired{0};
    host.on(IOCPNET_EVENT_TIMER, [&](const iocpnet_event &) { fired++; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    uint32_t wanted = 0;
    for (const int64_t years : {1, -1, 0}) {
        const auto begin = Clock::now();
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_timer(host.recorder().nth(0), 1, 50, 0));
        ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_timer(host.service(), 0, 2, 50, 0));
        fault_test::set_wall_clock_ahead(years * 365 * 24 * 3600);
        wanted += 2;
        ASSERT_TRUE(wait_until([&] { return fired == wanted; }));
        EXPECT_GE(Clock::now() - begin, milliseconds(50));
    }
    EXPECT_EQ(0u, fault_test::other_readings());
}

/* Three sessions, each closed when it was silent for so long, with a delay between them: nothing of that is shorter. */
TEST_P(WallClock, ThatJumpsAYearMovesNoReconnectAndNoIdleTimeout)
{
    Host host(callbacks(), [](iocpnet_service_options &o) { o.close_timeout_ms = 10; });
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket target = Socket::listen();
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.limits.idle_timeout_ms = 50;
    options.reconnect.initial_delay_ms = 50;
    options.reconnect.jitter_percent = 0;
    const auto begin = Clock::now();
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), target.address().c_str(), &options, &session));
    for (const int64_t years : {1, -1, 0}) {
        const Socket silent = target.accept();
        fault_test::set_wall_clock_ahead(years * 365 * 24 * 3600);
        ASSERT_TRUE(host.wait(
            [=](const Records &r) { return r.sessions.count(session) != 0 && r.sessions.at(session).ended; }));
        const iocpnet_event last = host.recorder().session(session).last.fields;
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_IDLE), last.close_reason);
        session = last.next_session;
        ASSERT_NE(0u, session);
    }
    EXPECT_GE(Clock::now() - begin, milliseconds(3 * 50 + 2 * 50 - 5)); /* each begins within a millisecond */
    EXPECT_EQ(0u, fault_test::other_readings());
}

class Uptime : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Uptime);

TEST_P(Uptime, OfManyYearsChangesNoDeadline)
{
    if (!fault_test::is_administrator()) {
        GTEST_SKIP() << "not root";
    }
    char self[PATH_MAX] = "";
    ASSERT_GT(readlink("/proc/self/exe", self, sizeof self - 1), 0);
    const std::string years = std::to_string(20LL * 365 * 24 * 3600); /* more milliseconds than 32 bits hold */
    EXPECT_EQ(0, Process::start({"unshare", "--time", "--fork", "--kill-child", "--monotonic", years, "--boottime",
                                 years, "env", "ICN_TEST_ROLE=another_time " + std::to_string(GetParam()), self})
                     .wait());
}

} // namespace

#endif
