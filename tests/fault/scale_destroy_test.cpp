/* Destroy with ten thousand live sessions: under two seconds. The clients are processes of their own. */
#include "support/api_fixture.hpp"
#include "support/fault_usage.hpp"
#include "support/scale_process.hpp"

using namespace api_test;

namespace
{

/* Connects so many times, says "done" to the parent, and holds the connections until the parent closes. */
int play_clients(const std::vector<std::string> &arguments)
{
    scale_test::raise_descriptor_limit();
    Socket control = Socket::connect(arguments[0]);
    std::vector<Socket> peers;
    const unsigned long count = std::stoul(arguments[2]);
    for (unsigned long i = 0; i < count; i++) {
        peers.push_back(Socket::connect(arguments[1]));
        ROLE_REQUIRE(peers.back().is_open());
    }
    ROLE_REQUIRE(control.send("done"));
    control.receive_all();
    return 0;
}
const RoleRegistration clients_role("scale_destroy_clients", play_clients);

class ScaleDestroy : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(ScaleDestroy);

TEST_P(ScaleDestroy, TenThousandLiveSessionsEndInTwoSeconds)
{
    const uint32_t count = scaled(10000);
    if (scale_test::raise_descriptor_limit() < count + 100) {
        GTEST_SKIP() << "too few descriptors are allowed for " << count << " sessions";
    }
    Host host(GetParam(), [](iocpnet_service_options &options) {
        options.dispatcher_count = 2;
        options.close_timeout_ms = 600000;
    });
    host.recorder().keep_no_data();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket control = Socket::listen();
    Process clients =
        Process::start_role("scale_destroy_clients " + control.address() + " " + address + " " + std::to_string(count));
    Socket reports = control.accept();
    ASSERT_EQ("done", reports.receive(4));
    ASSERT_TRUE(host.wait_connected(count));
    EXPECT_EQ(count, live_objects().sessions);
    const auto start = Clock::now();
    const double cpu = fault_test::cpu_seconds();
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    /* Of processors: the machine may be busy with other things. To wait for anything would take much longer. */
    EXPECT_LT(fault_test::cpu_seconds() - cpu, 2.0);
    EXPECT_LT(seconds, 20.0);
    std::printf("figures: destroy with %u live sessions on %s: %.3f s\n", count, mode_name(GetParam()).c_str(),
                seconds);
    expect_nothing_alive();
    if (!host.polls()) {
        /* In batches the events that were not fetched are discarded. */
        EXPECT_EQ(count, host.recorder().copy().disconnected());
    }
    reports.close();
    EXPECT_EQ(0, clients.wait());
}

} // namespace
