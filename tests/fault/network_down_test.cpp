/* Interfaces that go down, and sockets that the administrator destroys: the end has a reason. Linux. */
#if defined(__linux__)

#include "support/fault_network.hpp"

using namespace api_test;
using fault_test::run_command;

namespace
{

class InterfaceDown : public fault_test::NetworkTest
{
};
API_TEST_ON_EVERY_PORT(InterfaceDown);

class DestroyedSocket : public fault_test::NetworkTest
{
protected:
    void SetUp() override
    {
        NetworkTest::SetUp();
        if (!IsSkipped() && !can_destroy()) {
            GTEST_SKIP() << "this kernel destroys no sockets (CONFIG_INET_DIAG_DESTROY)";
        }
    }

    static void destroy_sockets(const std::string &filter) { run_command("ss -K -t " + filter); }

private:
    /* Tried once, with a listener of the test's own; what `ss` has to say about it is printed. */
    static bool can_destroy()
    {
        static const bool possible = [] {
            const Socket listener = Socket::listen("10.99.0.1");
            destroy_sockets("state listening");
            return !Socket::connect(listener.address()).is_open();
        }();
        return possible;
    }
};
API_TEST_ON_EVERY_PORT(DestroyedSocket);

TEST_P(InterfaceDown, EndsASessionThatSendsAsAborted)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    network->set_retries(1);
    run_command("ip link set veth0 down");
    ASSERT_EQ(IOCPNET_OK, host.send(session, "lost"));
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), end.close_origin);
    EXPECT_LT(end.status, 0);
    EXPECT_NE(0, end.os_error);
}

TEST_P(InterfaceDown, FailsAConnectOnce)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    run_command("ip link set veth0 down");
    EXPECT_EQ(IOCPNET_E_NETWORK_UNREACHABLE, fail_to_connect(host, "10.99.0.2:7000", 15000).status);
}

TEST_P(InterfaceDown, ForAWhileLosesNoByte)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    const std::string bytes = Random().bytes(300000);
    run_command("ip link set veth0 down");
    ASSERT_EQ(IOCPNET_OK, host.send(session, bytes));
    EXPECT_FALSE(peer.readable_within(50));
    run_command("ip link set veth0 up");
    EXPECT_TRUE(bytes == peer.receive(bytes.size()));
    EXPECT_EQ(0u, host.recorder().copy().disconnected());
}

TEST_P(InterfaceDown, LeavesTheListenerToThePeersThatComeLater)
{
    Host host(callbacks());
    host.echo();
    const std::string address = listen(host);
    ASSERT_EQ(IOCPNET_OK, host.start());
    run_command("ip link set veth0 down && ip link set veth0 up");
    Socket peer = network->connect_there(address);
    ASSERT_TRUE(peer.send("later"));
    EXPECT_EQ("later", peer.receive(5));
}

TEST_P(DestroyedSocket, EndsAnIdleSessionAsAborted)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    destroy_sockets("dst 10.99.0.2");
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), end.close_origin);
    EXPECT_EQ(IOCPNET_E_CONNECTION_ABORTED, end.status);
    EXPECT_EQ(ECONNABORTED, end.os_error);
}

TEST_P(DestroyedSocket, EndsASessionWithSendsQueuedOnceAndCountsWhatIsLost)
{
    Host host(callbacks());
    const std::string address = listen(host);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = network->connect_there(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const uint64_t accepted = host.fill_to_the_brim(session, 100000).size();
    destroy_sockets("dst 10.99.0.2");
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_GT(end.bytes_unsent, 0u);
    EXPECT_EQ(accepted, host.recorder().session(session).sent_bytes + end.bytes_unsent);
}

TEST_P(DestroyedSocket, FailsAConnectThatIsUnderWayOnce)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket listener = network->listen_there();
    network->filter("drop");
    const iocpnet_session session = host.connect(listener.address());
    /* Until then there is nothing to destroy. */
    ASSERT_TRUE(wait_until([] { return std::system("ss -Htn state syn-sent | grep -q 10.99.0.2") == 0; }));
    destroy_sockets("state syn-sent dst 10.99.0.2");
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_EVENT_CONNECT_FAILED), end.kind);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(IOCPNET_E_CONNECTION_ABORTED, end.status);
}

TEST_P(DestroyedSocket, CutsAGracefulCloseAndLeavesItItsReason)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 600000));
    EXPECT_EQ("", peer.receive_all()); /* now it waits for the peer's end */
    destroy_sockets("dst 10.99.0.2");
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
}

TEST_P(DestroyedSocket, OfAListenerLeavesItsSessionsAloneAndCostsNoTurns)
{
    Host host(callbacks());
    host.echo();
    const std::string address = listen(host);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = network->connect_there(address);
    ASSERT_TRUE(host.wait_connected(1));
    destroy_sockets("state listening");
    network->there([&] { EXPECT_FALSE(Socket::connect(address).is_open()); });
    ASSERT_TRUE(peer.send("alive"));
    EXPECT_EQ("alive", peer.receive(5));
    const uint64_t before = host.stats().turns;
    EXPECT_FALSE(peer.readable_within(200));
    EXPECT_LE(host.stats().turns, before + 20);
}

} // namespace

#endif
