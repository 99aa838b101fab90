/* Destroying a service with ten thousand sessions. Linux; their peers are another process, for want of descriptors. */
#if defined(__linux__)

#include "support/api_fixture.hpp"
#include "support/fault_remote.hpp"
#include "support/fault_tally.hpp"
#include "support/fault_usage.hpp"

using namespace api_test;
using fault_test::Remote;
using fault_test::Tally;

namespace
{

/* Arguments: the address to report to, the server's, how many. Says when all are connected, then when all have ended. */
int hold_peers(const std::vector<std::string> &arguments)
{
    Socket control = Socket::connect(arguments[0]);
    const unsigned long count = std::stoul(arguments[2]);
    ROLE_REQUIRE(raise_descriptor_limit() >= count + 100);
    std::vector<Socket> peers;
    for (unsigned long i = 0; i < count; i++) {
        peers.push_back(Socket::connect(arguments[1]));
        ROLE_REQUIRE(peers.back().is_open());
    }
    control.send("connected\n");
    for (Socket &peer : peers) {
        peer.receive_all();
        ROLE_REQUIRE(peer.end() != Socket::End::none);
    }
    control.send("ended\n");
    return 0;
}
const RoleRegistration peers_role("peers", hold_peers);

class TenThousandSessions : public PortTest
{
};
API_TEST_ON_EVERY_PORT(TenThousandSessions);

TEST_P(TenThousandSessions, AreDestroyedInUnderTwoSeconds)
{
    const uint32_t count = scaled(10000);
    ASSERT_GE(raise_descriptor_limit(), count + 100) << "needs a limit of descriptors above " << count;
    Tally tally(GetParam(), [](iocpnet_service_options &o) {
        o.dispatcher_count = 2;
        o.close_timeout_ms = 600000;
    });
    const std::string address = tally.listen();
    ASSERT_EQ(IOCPNET_OK, tally.start());
    Remote peers("peers", address + " " + std::to_string(count));
    ASSERT_EQ("connected", peers.line());
    ASSERT_TRUE(wait_until([&] { return tally.connected() == count; }));
    const auto begin = Clock::now();
    const double cpu = fault_test::cpu_seconds();
    EXPECT_EQ(IOCPNET_OK, tally.destroy());
    const std::chrono::duration<double> taken = Clock::now() - begin;
    std::printf("%u sessions destroyed in %.0f ms\n", count, taken.count() * 1000);
    /* Of processors: the machine may be busy with other things. To wait for anything would take much longer. */
    EXPECT_LT(fault_test::cpu_seconds() - cpu, 2.0);
    EXPECT_LT(taken.count(), 20.0);
    EXPECT_EQ(count, tally.disconnected());
    EXPECT_EQ("ended", peers.line());
    EXPECT_EQ(0, peers.finish());
}

} // namespace

#endif
