/* When an io_uring port waits, and the threads that drive it: a request dies with its thread, an operation does not. */
#if defined(__linux__)

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <sys/time.h>
#include <unistd.h>

#include "support/uring_rig.hpp"

namespace
{

using port_test::Link;

class UringThreads : public uring_test::UringTest
{
};

URING_SUITE(UringThreads, false, true);

class UringShared : public uring_test::UringTest
{
};

URING_SUITE(UringShared, false);

TEST_P(UringThreads, OperationsMayBeStartedBeforeTheThreadThatDrivesComes)
{
    const auto [pair, peer] = paired_links(1).front();
    Link &link = *pair;
    link.receive();
    link.send("x");
    EXPECT_EQ(icn_port_submit(rig->port).status, IOCPNET_OK);
    ASSERT_EQ(write(peer, "y", 1), 1);
    std::thread([&] {
        EXPECT_TRUE(rig->run_until([&] { return !link.writer.in_flight() && link.reader.data() == "y"; }));
        link.cancel();
        EXPECT_TRUE(rig->run_until([&] { return !link.in_flight(); }));
    }).join();
    close(peer);
}

TEST_P(UringThreads, OpenPortCountsTheDescriptorsThatItHolds)
{
    const uint64_t open_port = icn_live_count(ICN_LIVE_DESCRIPTORS);
    rig.reset();
    EXPECT_EQ(open_port - icn_live_count(ICN_LIVE_DESCRIPTORS), 2u); /* the ring and what wakes it */
}

TEST_P(UringThreads, RunDoesNotWaitWhileACompletionIsQueued)
{
    Link &link = rig->connected_link();
    link.connect(port_test::address_of(link.peer)); /* completes at once: the socket is connected */
    EXPECT_EQ(rig->run(IOCPNET_INFINITE), 1u);
}

TEST_P(UringThreads, SignalsNeitherEndNorProlongAWait)
{
    static volatile sig_atomic_t signals = 0;
    struct sigaction action = {};
    struct sigaction before = {};
    action.sa_handler = [](int) { signals = signals + 1; };
    sigaction(SIGALRM, &action, &before);
    const itimerval often = {{0, 1000}, {0, 1000}};
    const itimerval never = {};
    rig->run(0);
    setitimer(ITIMER_REAL, &often, nullptr);
    EXPECT_TRUE(api_test::wait_until([&] { /* on a busy machine many of them come as one */
                                           const auto start = api_test::Clock::now();
                                           EXPECT_EQ(rig->run(60), 0u);
                                           EXPECT_GE(api_test::Clock::now() - start, std::chrono::milliseconds(55));
                                           return signals > 5;
    }));
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before, nullptr);
}

TEST_P(UringShared, ReceiveOutlivesTheThreadThatStartedIt)
{
    Link &link = rig->connected_link();
    std::thread([&] {
        link.receive();
        rig->run(0);
    }).join();
    for (const char *sent : {"a", "b", "c"}) {
        link.reader.data().clear();
        ASSERT_TRUE(link.peer.send(sent));
        ASSERT_TRUE(all_received({&link}, sent));
        EXPECT_EQ(link.reader.data(), sent);
    }
    EXPECT_EQ(link.reader.finished(), 0u);
}

TEST_P(UringShared, AcceptOutlivesTheThreadThatStartedIt)
{
    icn_address address = {};
    Link &link = rig->listening_link(address);
    std::thread([&] {
        link.accept();
        rig->run(0);
    }).join();
    const auto first = api_test::Socket::connect(port_test::text_of(address));
    const auto second = api_test::Socket::connect(port_test::text_of(address));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.accepted().size() == 2; }));
    EXPECT_EQ(link.reader.finished(), 0u);
}

TEST_P(UringShared, SendOutlivesTheThreadThatStartedIt)
{
    Link &link = rig->connected_link();
    const std::string sent(8 << 20, 'x'); /* more than fits between the two ends */
    std::thread([&] {
        link.send_all(sent);
        rig->run_dry();
    }).join();
    ASSERT_TRUE(link.in_flight());
    std::string got;
    EXPECT_TRUE(rig->run_until([&] {
        port_test::drain(link.peer, got);
        return got.size() >= sent.size();
    }));
    EXPECT_EQ(link.unsent(), 0u);
    EXPECT_TRUE(got == sent);
}

TEST_P(UringShared, ConnectOutlivesTheThreadThatStartedIt)
{
    /* A full backlog holds the handshake up until the listener takes a connection. */
    api_test::Socket listener = api_test::Socket::listen("127.0.0.1", 0);
    const auto first = api_test::Socket::connect_later(listener.address());
    const auto second = api_test::Socket::connect_later(listener.address());
    Link &link = rig->make_link();
    std::thread([&] {
        link.open();
        link.connect(port_test::address_of(listener));
        rig->run_dry();
    }).join();
    ASSERT_TRUE(link.in_flight());
    std::vector<api_test::Socket> taken;
    EXPECT_TRUE(rig->run_until([&] {
        if (listener.readable_within(0)) {
            taken.push_back(listener.accept());
        }
        return !link.in_flight();
    }));
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK) << link.writer.last().os_error;
    EXPECT_EQ(link.writer.finished(), 1u);
}

TEST_P(UringShared, WakeWorksAfterTheThreadThatDroveFirstHasEnded)
{
    std::thread([&] { rig->run(0); }).join();
    for (int i = 0; i < 3; ++i) {
        std::thread waker([&] {
            api_test::pause_briefly();
            icn_port_wake(rig->port);
        });
        uint32_t delivered = 1;
        EXPECT_EQ(icn_port_run(rig->port, IOCPNET_INFINITE, 1, &delivered).status, IOCPNET_OK);
        EXPECT_EQ(delivered, 0u);
        waker.join();
    }
}

} // namespace

#endif
