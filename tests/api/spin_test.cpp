/* A dispatcher that looks for work before it sleeps: spin_us of the service's options. */
#include <atomic>
#include <string>
#include <thread>

#if defined(__linux__)
#include <time.h>
#endif

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

void spin(iocpnet_service_options &options)
{
    options.spin_us = 1000;
}

class Spinning : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Spinning);

class SpinningByHand : public PortTest
{
};
API_TEST_ON_EVERY_PORT(SpinningByHand);

TEST_P(Spinning, EchoesAsWithoutIt)
{
    Host host(GetParam(), spin);
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    for (int i = 0; i < 500; i++) {
        const std::string message = "message " + std::to_string(i);
        ASSERT_TRUE(peer.send(message));
        ASSERT_EQ(message, peer.receive(message.size()));
    }
}

/* Each wake ends one dispatch: one that is lost, because a look took it, would leave the thread asleep for ever. */
TEST_P(SpinningByHand, NoWakeIsLost)
{
    constexpr int wakes = 500;
    Host host(host_callbacks(), spin);
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::atomic<int> wanted{0};
    std::thread waker([&] {
        for (int i = 1; i <= wakes; i++) {
            while (wanted < i) {
                std::this_thread::yield();
            }
            EXPECT_EQ(IOCPNET_OK, iocpnet_service_wake(host.service(), 0));
        }
    });
    for (int i = 1; i <= wakes; i++) {
        wanted = i;
        EXPECT_EQ(0, iocpnet_service_dispatch(host.service(), 0, IOCPNET_INFINITE));
    }
    waker.join();
}

#if defined(__linux__)

uint64_t thread_cpu_ms()
{
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1000000;
}

TEST_P(SpinningByHand, AnIdleDispatcherSleeps)
{
    Host host(host_callbacks(), spin);
    host.drive_by_hand();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint64_t before = thread_cpu_ms();
    EXPECT_EQ(0, iocpnet_service_dispatch(host.service(), 0, 300));
    EXPECT_LT(thread_cpu_ms() - before, 100u);
}

#endif

TEST_P(SpinningByHand, TheTimeIsLimited)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&options, sizeof options));
    EXPECT_EQ(0u, options.spin_us);
    options.port = GetParam();
    options.spin_us = 1001;
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_service_create(&options, &service));
    options.spin_us = 0;
    options.send_policy = IOCPNET_SEND_DISCONNECT + 1;
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_service_create(&options, &service));
}

} // namespace
