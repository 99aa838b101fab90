/* Services created and destroyed thousands of times, and a hundred of them at once: nothing is left of them. */
#include "support/api_fixture.hpp"
#include "support/scale_process.hpp"

using namespace api_test;
using scale_test::Holdings;
using scale_test::holdings;

namespace
{

iocpnet_service create(const Mode &mode)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = mode.port;
    options.driving = mode.driving;
    options.delivery = mode.delivery;
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &service));
    return service;
}

/* Three ways to live: never started; started; with a listener and a session. */
void live(const Mode &mode, uint32_t way)
{
    const iocpnet_service service = create(mode);
    iocpnet_listener listener = 0;
    Socket peer;
    if (way % 3 == 2) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(service, "127.0.0.1:0", nullptr, &listener));
    }
    if (way % 3 != 0) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_start(service));
    }
    if (way % 3 == 2) {
        peer = Socket::connect(session_address(iocpnet_listener_address, listener));
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
}

void expect_the_same(const Holdings &before, const Holdings &after)
{
    EXPECT_LE(after.descriptors, before.descriptors);
    EXPECT_LE(after.threads, before.threads);
    if (!is_sanitized()) {
        /* The C library keeps a few blocks, for threads for example, whatever the number of services was. */
        EXPECT_LT(after.heap_bytes, before.heap_bytes + 64 * 1024);
        EXPECT_LT(after.resident_bytes, before.resident_bytes + 4 * 1024 * 1024);
    }
}

class ScaleCycle : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(ScaleCycle);

TEST_P(ScaleCycle, ServicesCreatedAndDestroyedTenThousandTimesLeaveNothing)
{
    const uint32_t count = scaled(10000) / 4; /* in each of the four modes of a port */
    for (uint32_t i = 0; i < 30; i++) {
        live(GetParam(), i);
    }
    wait_until([] { return live_objects().threads == 0; });
    const Holdings before = holdings();
    const auto start = Clock::now();
    for (uint32_t i = 0; i < count && !HasFailure(); i++) {
        live(GetParam(), i);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    expect_nothing_alive();
    /* A thread that has ended is seen in /proc for a moment, perhaps also before. */
    wait_until([&] { return holdings().threads <= before.threads && holdings().descriptors <= before.descriptors; });
    const Holdings after = holdings();
    expect_the_same(before, after);
    std::printf("figures: %u services on %s created and destroyed, %.0f a second; %lld bytes of heap, %lld of resident "
                "memory more than before\n",
                count, mode_name(GetParam()).c_str(), count / seconds,
                static_cast<long long>(after.heap_bytes - before.heap_bytes),
                static_cast<long long>(after.resident_bytes - before.resident_bytes));
    std::printf("total: services created and destroyed = %u\n", count);
}

TEST_P(ScaleCycle, AHundredServicesLiveAtOnce)
{
    const uint32_t count = 100;
    const Holdings before = holdings();
    {
        std::vector<std::unique_ptr<Host>> hosts;
        std::vector<Socket> peers;
        for (uint32_t i = 0; i < count; i++) {
            hosts.push_back(std::make_unique<Host>(GetParam()));
            hosts.back()->echo();
            const std::string address = hosts.back()->listen();
            ASSERT_EQ(IOCPNET_OK, hosts.back()->start());
            peers.push_back(Socket::connect(address));
            ASSERT_TRUE(peers.back().send("service " + std::to_string(100 + i)));
        }
        for (uint32_t i = 0; i < count; i++) {
            EXPECT_EQ("service " + std::to_string(100 + i), peers[i].receive(11));
        }
        EXPECT_EQ(count, live_objects().services);
    }
    EXPECT_TRUE(wait_until([&] { return holdings().descriptors <= before.descriptors; }));
}

} // namespace
