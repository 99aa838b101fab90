/* Addresses of a link, which mean nothing without their interface; and of both families at once. Linux. */
#if defined(__linux__)

#include "support/fault_network.hpp"

using namespace api_test;

namespace
{

class LinkLocal : public fault_test::NetworkTest
{
protected:
    void SetUp() override
    {
        NetworkTest::SetUp();
        if (!IsSkipped() && !has_ipv6()) {
            GTEST_SKIP() << "this machine has no IPv6";
        }
    }
};
API_TEST_ON_EVERY_PORT(LinkLocal);

class DualStack : public LinkLocal
{
};
API_TEST_ON_EVERY_PORT(DualStack);

TEST_P(LinkLocal, AddressWithItsScopeListensConnectsAndIsPrintedWithIt)
{
    const std::string scope = fault_test::Network::scope();
    std::string scope_there;
    network->there([&] { scope_there = fault_test::Network::scope(); });
    Host server(callbacks());
    server.echo();
    const std::string address = listen(server, "[fe80::1%" + scope + "]:0");
    const std::string begin = "[fe80::1%" + scope + "]";
    EXPECT_EQ(begin, address.substr(0, begin.size()));
    ASSERT_EQ(IOCPNET_OK, server.start());
    Host client(callbacks());
    iocpnet_session session = 0;
    network->there([&] {
        ASSERT_EQ(IOCPNET_OK, client.start());
        session = client.connect("[fe80::1%" + scope_there + address.substr(begin.size() - 1));
    });
    ASSERT_TRUE(client.wait_connected(1) && server.wait_connected(1));
    const std::string from = session_address(iocpnet_session_local_address, session);
    const std::string port = from.substr(from.rfind(':'));
    EXPECT_EQ("[fe80::2%" + scope_there + "]" + port, from);
    EXPECT_EQ("[fe80::2%" + scope + "]" + port,
              session_address(iocpnet_session_remote_address, server.recorder().nth(0)));
    ASSERT_EQ(IOCPNET_OK, client.send(session, "linked"));
    EXPECT_TRUE(client.wait_received(session, 6));
}

TEST_P(LinkLocal, AddressWithoutItsScopeIsAnErrorAndNotAWait)
{
    Host host(callbacks());
    iocpnet_listener listener = 0;
    EXPECT_LT(iocpnet_listener_open(host.service(), "[fe80::1]:0", nullptr, &listener), 0);
    EXPECT_NE(0, iocpnet_last_os_error());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_event end = fail_to_connect(host, "[fe80::2]:7000", 15000);
    EXPECT_NE(IOCPNET_E_TIMED_OUT, end.status);
    EXPECT_EQ(EINVAL, end.os_error);
}

TEST_P(LinkLocal, AddressWithTheScopeOfNoInterfaceIsNotAvailable)
{
    Host host(callbacks());
    iocpnet_listener listener = 0;
    EXPECT_EQ(IOCPNET_E_ADDRESS_NOT_AVAILABLE,
              iocpnet_listener_open(host.service(), "[fe80::1%4711]:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, host.start());
    EXPECT_NE(IOCPNET_E_TIMED_OUT, fail_to_connect(host, "[fe80::2%4711]:7000", 15000).status);
}

TEST_P(DualStack, Ipv4PeerIsPrintedAlikeByEveryListenerAndByItsOwnEnd)
{
    Host host(callbacks());
    const std::string both = listen(host, "[::]:0");
    const std::string four = listen(host, "0.0.0.0:0");
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string ports[] = {both.substr(both.rfind(':')), four.substr(four.rfind(':'))};
    for (uint64_t i = 0; i < 2; i++) {
        const Socket peer = network->connect_there("10.99.0.1" + ports[i]);
        ASSERT_TRUE(host.wait_connected(i + 1));
        EXPECT_EQ(peer.address(), session_address(iocpnet_session_remote_address, host.recorder().nth(i)));
        EXPECT_EQ("10.99.0.1" + ports[i], session_address(iocpnet_session_local_address, host.recorder().nth(i)));
    }
}

} // namespace

#endif
