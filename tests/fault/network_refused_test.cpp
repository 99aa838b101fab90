/* Networks that answer: resets that a firewall sends, targets that can not be reached. Linux. */
#if defined(__linux__)

#include "support/fault_network.hpp"

using namespace api_test;

namespace
{

class Firewall : public fault_test::NetworkTest
{
};
API_TEST_ON_EVERY_PORT(Firewall);

class Unreachable : public fault_test::NetworkTest
{
protected:
    /* The one failure of a connect to an address that nobody has, by a service of its own. */
    iocpnet_event fail(const std::string &address)
    {
        Host host(callbacks());
        EXPECT_EQ(IOCPNET_OK, host.start());
        return fail_to_connect(host, address, 15000);
    }
};
API_TEST_ON_EVERY_PORT(Unreachable);

TEST_P(Firewall, ThatResetsAConnectRefusesIt)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket listener = network->listen_there();
    network->filter("reject with tcp reset");
    const iocpnet_event end = fail_to_connect(host, listener.address(), 15000);
    EXPECT_EQ(IOCPNET_E_CONNECTION_REFUSED, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RESET), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), end.close_origin);
}

TEST_P(Firewall, ThatResetsASessionEndsItAsReset)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    network->filter("reject with tcp reset");
    ASSERT_EQ(IOCPNET_OK, host.send(session, "rejected"));
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RESET), end.close_reason);
    EXPECT_EQ(IOCPNET_E_CONNECTION_RESET, end.status);
}

TEST_P(Firewall, ThatResetsAnAcceptedSessionWithSendsQueuedEndsItOnce)
{
    Host host(callbacks());
    const std::string address = listen(host);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = network->connect_there(address);
    ASSERT_TRUE(host.wait_connected(1));
    host.fill_to_the_brim(host.recorder().nth(0), 100000);
    network->filter("reject with tcp reset");
    EXPECT_TRUE(wait_until([&] { /* the window opens, and more is sent */
                                 return peer.readable_within(0) ? peer.receive_some(65536).empty()
                                                                : host.recorder().copy().disconnected() == 1;
    }));
    const iocpnet_event end = end_of(host, host.recorder().nth(0));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RESET), end.close_reason);
    EXPECT_GT(end.bytes_unsent, 0u);
}

TEST_P(Firewall, ThatForbidsAConnectFailsItOnce)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket listener = network->listen_there();
    network->filter("reject with icmpx admin-prohibited");
    const iocpnet_event end = fail_to_connect(host, listener.address(), 15000);
    EXPECT_TRUE(end.status == IOCPNET_E_HOST_UNREACHABLE || end.status == IOCPNET_E_ACCESS_DENIED) << end.status;
}

TEST_P(Unreachable, NetworkWithoutARouteFailsAConnectAtOnce)
{
    const iocpnet_event end = fail("10.98.0.1:7000");
    EXPECT_EQ(IOCPNET_E_NETWORK_UNREACHABLE, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(ENETUNREACH, end.os_error);
}

TEST_P(Unreachable, HostThatTheRouteSaysSoOfFailsAConnectAtOnce)
{
    fault_test::run_command("ip route add unreachable 10.97.0.0/24");
    const iocpnet_event end = fail("10.97.0.1:7000");
    EXPECT_EQ(IOCPNET_E_HOST_UNREACHABLE, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
}

TEST_P(Unreachable, NetworkThatIsProhibitedDeniesAConnect)
{
    fault_test::run_command("ip route add prohibit 10.96.0.0/24");
    EXPECT_EQ(IOCPNET_E_ACCESS_DENIED, fail("10.96.0.1:7000").status);
}

TEST_P(Unreachable, NeighbourThatDoesNotAnswerFailsAConnectOnce)
{
    fault_test::run_command("cd /proc/sys/net/ipv4/neigh/veth0 && echo 1 >mcast_solicit && echo 50 >retrans_time_ms");
    const iocpnet_event end = fail("10.99.0.77:7000");
    EXPECT_EQ(IOCPNET_E_HOST_UNREACHABLE, end.status);
    EXPECT_EQ(EHOSTUNREACH, end.os_error);
}

} // namespace

#endif
