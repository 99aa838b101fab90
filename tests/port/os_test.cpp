/* The contracts of the layer under everything: threads, locks, time and sockets. */
#include <atomic>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "support/api_environment.hpp"
#include "support/api_socket.hpp"

extern "C" {
#include "iocpnet.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/socket.h"
#include "os/thread.h"
}

namespace
{

using api_test::Clock;
using api_test::Socket;

struct Seen {
    uint64_t self = 0;
    uint32_t depth = 99;
    int32_t last_error = 99;
    std::atomic<bool> done{false};
};

void look_around(void *argument)
{
    Seen *seen = static_cast<Seen *>(argument);
    seen->self = icn_thread_self();
    seen->depth = icn_thread_callback_depth();
    seen->last_error = icn_thread_last_os_error();
    icn_thread_callback_enter();
    icn_thread_set_last_os_error(7);
    seen->done = true;
}

TEST(OsThread, RunsWithItsArgumentAndIsJoined)
{
    icn_thread thread;
    Seen seen;
    ASSERT_EQ(icn_thread_start(&thread, "test", look_around, &seen).status, IOCPNET_OK);
    icn_thread_join(&thread);
    EXPECT_TRUE(seen.done);
}

TEST(OsThread, EndsByItselfWhenDetached)
{
    icn_thread thread;
    Seen seen;
    ASSERT_EQ(icn_thread_start(&thread, "test", look_around, &seen).status, IOCPNET_OK);
    icn_thread_detach(&thread);
    EXPECT_TRUE(api_test::wait_until([&] { return seen.done.load(); }));
}

TEST(OsThread, NumberIsNeverZeroAndItsOwn)
{
    icn_thread thread;
    Seen seen;
    const uint64_t self = icn_thread_self();
    ASSERT_EQ(icn_thread_start(&thread, "test", look_around, &seen).status, IOCPNET_OK);
    icn_thread_join(&thread);
    EXPECT_NE(self, 0u);
    EXPECT_NE(seen.self, 0u);
    EXPECT_NE(seen.self, self);
    EXPECT_EQ(icn_thread_self(), self);
}

TEST(OsThread, ValuesBeginAtZeroAndBelongToTheThread)
{
    icn_thread thread;
    Seen seen;
    icn_thread_callback_enter();
    icn_thread_set_last_os_error(5);
    ASSERT_EQ(icn_thread_start(&thread, "test", look_around, &seen).status, IOCPNET_OK);
    icn_thread_join(&thread);
    EXPECT_EQ(seen.depth, 0u);
    EXPECT_EQ(seen.last_error, 0);
    EXPECT_EQ(icn_thread_callback_depth(), 1u);
    EXPECT_EQ(icn_thread_last_os_error(), 5);
    icn_thread_callback_leave();
    icn_thread_set_last_os_error(0);
}

TEST(OsThread, CallbackDepthCountsCallbacksInsideCallbacks)
{
    icn_thread_callback_enter();
    icn_thread_callback_enter();
    EXPECT_EQ(icn_thread_callback_depth(), 2u);
    icn_thread_callback_leave();
    EXPECT_EQ(icn_thread_callback_depth(), 1u);
    icn_thread_callback_leave();
    EXPECT_EQ(icn_thread_callback_depth(), 0u);
}

struct Shared {
    icn_mutex mutex = {};
    icn_condition condition = {};
    uint32_t count = 0;
    uint32_t waiting = 0;
    bool go = false;
};

void count_up(void *argument)
{
    Shared *shared = static_cast<Shared *>(argument);
    for (int i = 0; i < 20000; ++i) {
        icn_mutex_lock(&shared->mutex);
        ++shared->count;
        icn_mutex_unlock(&shared->mutex);
    }
}

TEST(OsMutex, LetsOneThreadInAtATimeAndMayBeZero)
{
    Shared shared;
    icn_thread threads[2];
    for (icn_thread &thread : threads) {
        ASSERT_EQ(icn_thread_start(&thread, "test", count_up, &shared).status, IOCPNET_OK);
    }
    for (icn_thread &thread : threads) {
        icn_thread_join(&thread);
    }
    EXPECT_EQ(shared.count, 40000u);
}

void wait_for_go(void *argument)
{
    Shared *shared = static_cast<Shared *>(argument);
    icn_mutex_lock(&shared->mutex);
    ++shared->waiting;
    while (!shared->go) {
        icn_condition_wait(&shared->condition, &shared->mutex);
    }
    ++shared->count;
    icn_mutex_unlock(&shared->mutex);
}

TEST(OsCondition, SignalWakesAllThatWait)
{
    Shared shared;
    icn_mutex_init(&shared.mutex);
    icn_condition_init(&shared.condition);
    icn_thread threads[3];
    for (icn_thread &thread : threads) {
        ASSERT_EQ(icn_thread_start(&thread, "test", wait_for_go, &shared).status, IOCPNET_OK);
    }
    EXPECT_TRUE(api_test::wait_until([&] {
        icn_mutex_lock(&shared.mutex);
        const bool all = shared.waiting == 3;
        icn_mutex_unlock(&shared.mutex);
        return all;
    }));
    icn_mutex_lock(&shared.mutex);
    shared.go = true;
    icn_condition_signal_all(&shared.condition);
    icn_mutex_unlock(&shared.mutex);
    for (icn_thread &thread : threads) {
        icn_thread_join(&thread);
    }
    EXPECT_EQ(shared.count, 3u);
    icn_condition_fini(&shared.condition);
    icn_mutex_fini(&shared.mutex);
}

/* A condition may be woken without cause, so one wait of several must last. */
bool waits_in_full(Shared &shared, uint32_t timeout_ms)
{
    bool lasted = false;
    icn_mutex_lock(&shared.mutex);
    for (int i = 0; i < 10 && !lasted; ++i) {
        const auto start = Clock::now();
        icn_condition_wait_ms(&shared.condition, &shared.mutex, timeout_ms);
        lasted = Clock::now() - start >= std::chrono::milliseconds(timeout_ms - 2);
    }
    icn_mutex_unlock(&shared.mutex);
    return lasted;
}

TEST(OsCondition, TimedWaitEndsAfterItsTimeAndNotBefore)
{
    Shared shared;
    icn_mutex_init(&shared.mutex);
    icn_condition_init(&shared.condition);
    EXPECT_TRUE(waits_in_full(shared, 30));
    icn_condition_fini(&shared.condition);
    icn_mutex_fini(&shared.mutex);
}

TEST(OsCondition, TimedWaitCountsSecondsToo)
{
    Shared shared;
    EXPECT_TRUE(waits_in_full(shared, 1010));
}

TEST(OsCondition, ZeroConditionWaitsAsWell)
{
    Shared shared;
    EXPECT_TRUE(waits_in_full(shared, 30));
}

TEST(OsCondition, TimedWaitWithoutTimeReturnsAtOnce)
{
    Shared shared;
    const auto start = Clock::now();
    icn_mutex_lock(&shared.mutex);
    icn_condition_wait_ms(&shared.condition, &shared.mutex, 0);
    icn_mutex_unlock(&shared.mutex);
    EXPECT_LT(Clock::now() - start, api_test::wait_limit);
}

TEST(OsClock, MovesAsTimePassesAndNeverBack)
{
    const auto start = Clock::now();
    const uint64_t first = icn_os_clock_ms();
    uint64_t last = first;
    while (last - first < 30 && Clock::now() - start < api_test::wait_limit) {
        const uint64_t now = icn_os_clock_ms();
        EXPECT_GE(now, last);
        last = now;
    }
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    EXPECT_GE(last - first, 30u);
    EXPECT_LE(last - first, static_cast<uint64_t>(passed.count()) + 20); /* a tick of either clock */
}

TEST(OsError, ZeroIsSuccess)
{
    EXPECT_EQ(icn_os_result(0).status, IOCPNET_OK);
}

TEST(OsError, UnknownCodeIsASystemErrorAndIsKept)
{
    EXPECT_EQ(icn_os_result(987654).status, IOCPNET_E_SYSTEM);
    EXPECT_EQ(icn_os_result(987654).os_error, 987654);
}

class OsSocket : public testing::Test
{
protected:
    void SetUp() override { ASSERT_EQ(icn_os_socket_startup().status, IOCPNET_OK); }
    void TearDown() override
    {
        if (listener != ICN_OS_SOCKET_NONE) {
            icn_os_socket_close(listener);
        }
    }

    static icn_address address_of(const char *text)
    {
        icn_address address = {};
        EXPECT_EQ(icn_address_parse(text, &address), IOCPNET_OK);
        return address;
    }

    icn_result listen(const char *text, bool ipv6_only = false, uint32_t backlog = 0)
    {
        const icn_address address = address_of(text);
        icn_os_listen_options options = {};
        options.ipv6_only = ipv6_only;
        options.backlog = backlog;
        return icn_os_socket_listen(&address, &options, &listener);
    }

    std::string port() const
    {
        icn_address address = {};
        EXPECT_EQ(icn_os_socket_local_address(listener, &address).status, IOCPNET_OK);
        EXPECT_NE(address.port, 0);
        return std::to_string(address.port);
    }

    icn_os_socket listener = ICN_OS_SOCKET_NONE;
};

TEST_F(OsSocket, ListensOnAFreePort)
{
    ASSERT_EQ(listen("127.0.0.1:0").status, IOCPNET_OK);
    EXPECT_TRUE(Socket::connect("127.0.0.1:" + port()).is_open());
}

TEST_F(OsSocket, AnyBacklogIsTaken)
{
    ASSERT_EQ(listen("127.0.0.1:0", false, UINT32_MAX).status, IOCPNET_OK);
    EXPECT_TRUE(Socket::connect("127.0.0.1:" + port()).is_open());
}

TEST_F(OsSocket, PortThatIsListenedOnIsInUse)
{
    ASSERT_EQ(listen("127.0.0.1:0").status, IOCPNET_OK);
    const icn_address address = address_of(("127.0.0.1:" + port()).c_str());
    const icn_os_listen_options options = {};
    icn_os_socket second = ICN_OS_SOCKET_NONE;
    EXPECT_EQ(icn_os_socket_listen(&address, &options, &second).status, IOCPNET_E_ADDRESS_IN_USE);
    EXPECT_EQ(second, ICN_OS_SOCKET_NONE);
}

TEST_F(OsSocket, AddressOfAnotherMachineIsNotAvailable)
{
    const icn_result result = listen("192.0.2.1:0");
    EXPECT_EQ(result.status, IOCPNET_E_ADDRESS_NOT_AVAILABLE);
    EXPECT_NE(result.os_error, 0);
    EXPECT_EQ(listener, ICN_OS_SOCKET_NONE);
}

TEST_F(OsSocket, UnspecifiedIpv6AddressTakesIpv4AsWell)
{
    if (!api_test::has_ipv6()) {
        GTEST_SKIP() << "no IPv6 here";
    }
    ASSERT_EQ(listen("[::]:0").status, IOCPNET_OK);
    EXPECT_TRUE(Socket::connect("127.0.0.1:" + port()).is_open());
    EXPECT_TRUE(Socket::connect("[::1]:" + port()).is_open());
}

TEST_F(OsSocket, Ipv6OnlyTakesNoIpv4)
{
    if (!api_test::has_ipv6()) {
        GTEST_SKIP() << "no IPv6 here";
    }
    ASSERT_EQ(listen("[::]:0", true).status, IOCPNET_OK);
    EXPECT_FALSE(Socket::connect("127.0.0.1:" + port()).is_open());
    EXPECT_TRUE(Socket::connect("[::1]:" + port()).is_open());
}

TEST_F(OsSocket, SocketWithoutAConnectionHasNoRemoteAddress)
{
    ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV4, &listener).status, IOCPNET_OK);
    icn_address address;
    EXPECT_LT(icn_os_socket_remote_address(listener, &address).status, 0);
}

TEST_F(OsSocket, ReserveOpensAndClosesAnyNumberOfTimes)
{
    icn_os_socket reserve = ICN_OS_SOCKET_NONE;
    icn_os_reserve_close(&reserve);
    for (int i = 0; i < 3; ++i) {
        icn_os_reserve_open(&reserve);
        icn_os_reserve_close(&reserve);
        icn_os_reserve_close(&reserve);
    }
    EXPECT_EQ(reserve, ICN_OS_SOCKET_NONE);
}

} // namespace
