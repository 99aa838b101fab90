/* Packets that are dropped: connects and closes end in time, and a session outlives it when it does not last. Linux. */
#if defined(__linux__)

#include "support/fault_network.hpp"

using namespace api_test;

namespace
{

class DroppedPackets : public fault_test::NetworkTest
{
};
API_TEST_ON_EVERY_PORT(DroppedPackets);

TEST_P(DroppedPackets, LetAConnectFailOnceAtItsTimeOut)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket listener = network->listen_there();
    network->filter("drop");
    const auto begin = Clock::now();
    const iocpnet_event end = fail_to_connect(host, listener.address(), 100);
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(95)); /* and sooner than the system gives up */
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT), end.close_reason);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
}

TEST_P(DroppedPackets, LetAConnectWithoutATimeOutFailWhenTheSystemGivesUp)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket listener = network->listen_there();
    network->set_retries(1);
    network->filter("drop");
    const iocpnet_event end = fail_to_connect(host, listener.address(), 0);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
    EXPECT_EQ(ETIMEDOUT, end.os_error);
}

TEST_P(DroppedPackets, LetAGracefulCloseEndAtItsDeadline)
{
    Socket peer;
    Host host(callbacks(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    network->filter("drop");
    ASSERT_EQ(IOCPNET_OK, host.send(session, "lost"));
    const auto begin = Clock::now();
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 100));
    const iocpnet_event end = end_of(host, session);
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(95)); /* and sooner than the system gives up */
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
}

TEST_P(DroppedPackets, LetDestroyReturnAtOnce)
{
    Socket peer;
    Host host(callbacks(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    network->filter("drop");
    host.fill_to_the_brim(session, 100000);
    const auto begin = Clock::now();
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    EXPECT_LT(Clock::now() - begin, wait_limit); /* for minutes the system goes on trying */
}

TEST_P(DroppedPackets, EndASessionThatSendsAsAbortedWhenTheSystemGivesUp)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    network->set_retries(1);
    network->filter("drop");
    ASSERT_EQ(IOCPNET_OK, host.send(session, "lost"));
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), end.close_origin);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
}

TEST_P(DroppedPackets, ForAWhileLoseNoByte)
{
    Socket peer;
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, peer);
    const std::string bytes = Random().bytes(300000);
    network->filter("drop");
    ASSERT_EQ(IOCPNET_OK, host.send(session, bytes));
    EXPECT_FALSE(peer.readable_within(100));
    EXPECT_EQ(0u, host.recorder().copy().disconnected());
    network->stop_filtering();
    EXPECT_TRUE(bytes == peer.receive(bytes.size()));
}

} // namespace

#endif
