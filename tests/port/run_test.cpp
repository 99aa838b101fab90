/* The contract of driving a port: waiting, waking, budgets, threads, attaching and detaching. */
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/port_rig.hpp"

extern "C" {
#include "util/memory.h"
}

namespace
{

using api_test::Clock;
using port_test::Link;

int64_t milliseconds_since(Clock::time_point start)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

class PortRun : public port_test::PortTest
{
protected:
    /* Links with a receive in flight and data waiting. */
    std::vector<Link *> links_with_data(size_t count)
    {
        std::vector<Link *> links;
        for (size_t i = 0; i < count; ++i) {
            links.push_back(&rig->connected_link());
            links.back()->receive();
        }
        rig->run_dry();
        for (Link *link : links) {
            EXPECT_TRUE(link->peer.send("x"));
        }
        return links;
    }

    /* True when a run soon waits for its whole timeout; a signal or an event without a completion may end some early. */
    bool waits_to_the_end()
    {
        for (int i = 0; i < 10; ++i) {
            const auto start = Clock::now();
            EXPECT_EQ(rig->run(50), 0u);
            if (milliseconds_since(start) >= 45) { /* the clocks of system and test may differ by a tick */
                return true;
            }
        }
        return false;
    }

    static size_t received(const std::vector<Link *> &links)
    {
        size_t count = 0;
        for (Link *link : links) {
            count += link->reader.data().size();
        }
        return count;
    }
};

PORT_SUITE(PortRun);

TEST_P(PortRun, WaitsForTheTimeoutWhenNothingHappens)
{
    EXPECT_TRUE(waits_to_the_end());
}

TEST_P(PortRun, DoesNotWaitWithoutATimeout)
{
    const auto start = Clock::now();
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(rig->run(0), 0u);
    }
    EXPECT_LT(milliseconds_since(start), 20000);
}

TEST_P(PortRun, ReturnsWhenSomethingCameLongBeforeTheTimeout)
{
    Link &link = rig->connected_link();
    link.receive();
    std::thread sender([&] { link.peer.send("x"); });
    const auto start = Clock::now();
    while (link.reader.data().empty() && milliseconds_since(start) < 20000) {
        rig->run(60000);
    }
    sender.join();
    EXPECT_EQ(link.reader.data(), "x");
}

TEST_P(PortRun, WaitWithoutEndDoesNotSpin)
{
    const auto start = Clock::now(); /* before the waker's time begins, or its one wake may come too early */
    std::thread waker([&] {
        port_test::Rig clock(GetParam());
        clock.run(50); /* passes the time */
        icn_port_wake(rig->port);
    });
    int runs = 0;
    while (milliseconds_since(start) < 40) {
        rig->run(IOCPNET_INFINITE);
        ++runs;
    }
    waker.join();
    EXPECT_LE(runs, 10);
}

TEST_P(PortRun, DataLeftOverIsServedWithoutWaitingForMore)
{
    open(100);
    Link &link = rig->connected_link();
    const std::string sent(50000, 'x');
    link.receive();
    ASSERT_TRUE(link.peer.send(sent));
    while (link.reader.data().size() < sent.size()) {
        rig->run(IOCPNET_INFINITE, 7);
    }
    EXPECT_EQ(link.reader.data().size(), sent.size());
}

TEST_P(PortRun, RunThatDeliversDoesNotWaitAsWell)
{
    Link &link = rig->connected_link();
    link.writer.hook = [&](const icn_completion &) {
        if (link.writer.started() < 101) {
            link.send("x");
        }
    };
    link.send("x");
    while (link.writer.finished() < 101) { /* the connect was the first */
        rig->run(IOCPNET_INFINITE);
    }
    EXPECT_EQ(link.peer.receive(100).size(), 100u);
}

TEST_P(PortRun, WakeFromAnotherThreadEndsAWaitWithoutEnd)
{
    for (int i = 0; i < 100; ++i) {
        std::thread waker([&] { icn_port_wake(rig->port); });
        EXPECT_EQ(rig->run(IOCPNET_INFINITE), 0u);
        waker.join();
        rig->run(0); /* takes the wake if that run ended early without it */
    }
}

TEST_P(PortRun, WakeBeforeTheRunIsNotLost)
{
    icn_port_wake(rig->port);
    EXPECT_EQ(rig->run(IOCPNET_INFINITE), 0u);
}

TEST_P(PortRun, ManyWakesAreOne)
{
    for (int i = 0; i < 1000; ++i) {
        icn_port_wake(rig->port);
    }
    rig->run(IOCPNET_INFINITE);
    EXPECT_TRUE(waits_to_the_end());
}

TEST_P(PortRun, WakeWorksAgainAfterItWasSeen)
{
    for (int i = 0; i < 10; ++i) {
        icn_port_wake(rig->port);
        EXPECT_EQ(rig->run(IOCPNET_INFINITE), 0u);
    }
}

TEST_P(PortRun, EachWakeAfterSomethingWasPostedIsFollowedByARunThatSeesIt)
{
    constexpr uint32_t posts = 20000;
    std::atomic<uint32_t> posted{0};
    std::thread poster([&] {
        for (uint32_t i = 0; i < posts; ++i) {
            posted.fetch_add(1, std::memory_order_relaxed);
            icn_port_wake(rig->port);
        }
    });
    /* A wake that is lost leaves the last run waiting until the watchdog ends it. */
    while (posted.load(std::memory_order_relaxed) < posts) {
        rig->run(IOCPNET_INFINITE);
    }
    poster.join();
}

TEST_P(PortRun, WakeIsSeenAmongCompletions)
{
    Link &link = rig->connected_link();
    std::atomic<bool> stop{false};
    uint32_t rounds = 0;
    link.writer.hook = [&](const icn_completion &) {
        if (!stop) {
            link.send("");
        }
    };
    link.send("");
    std::thread waker([&] {
        for (int i = 0; i < 100; ++i) {
            icn_port_wake(rig->port);
        }
        stop = true;
        icn_port_wake(rig->port);
    });
    while (!stop || link.writer.in_flight()) {
        rig->run(IOCPNET_INFINITE);
        ++rounds;
    }
    waker.join();
    EXPECT_GT(rounds, 0u);
}

TEST_P(PortRun, BudgetIsKeptAndNothingIsLost)
{
    const auto links = links_with_data(20);
    ASSERT_TRUE(rig->run_until([&] { return received(links) == links.size(); }, 3));
    for (Link *link : links) {
        EXPECT_EQ(link->reader.data(), "x");
    }
}

TEST_P(PortRun, BudgetOfOneServesReceivesAndSends)
{
    const auto links = links_with_data(10);
    for (Link *link : links) {
        link->send("y");
    }
    const auto all_sent = [&] {
        for (Link *link : links) {
            if (link->writer.in_flight()) {
                return false;
            }
        }
        return true;
    };
    EXPECT_TRUE(rig->run_until([&] { return received(links) == links.size() && all_sent(); }, 1));
}

TEST_P(PortRun, BudgetOfOneServesAReceiveAndASendThatWaitedForTheSamePeer)
{
    Link &link = rig->connected_link();
    const std::string sent(size_t{24} << 20, 'x');
    std::string received;
    link.receive();
    link.send_all(sent);
    rig->run_dry();
    ASSERT_TRUE(link.writer.in_flight());
    ASSERT_TRUE(link.peer.send("y"));
    port_test::drain(link.peer, received);
    EXPECT_TRUE(rig->run_until(
        [&] {
            port_test::drain(link.peer, received);
            return !link.writer.in_flight() && link.reader.data() == "y";
        },
        1));
}

TEST_P(PortRun, QueuedCompletionsKeepTheBudget)
{
    std::vector<Link *> links;
    for (int i = 0; i < 10; ++i) {
        links.push_back(&rig->connected_link());
        links.back()->receive();
    }
    for (Link *link : links) {
        link->cancel();
    }
    uint32_t finished = 0;
    ASSERT_TRUE(rig->run_until(
        [&] {
            finished = 0;
            for (Link *link : links) {
                finished += link->reader.finished();
            }
            return finished == links.size();
        },
        2));
}

TEST_P(PortRun, DetachedEndpointIsNeverToldOfWhatWasSeenBefore)
{
    auto links = links_with_data(20);
    ASSERT_TRUE(rig->run_until([&] { return received(links) > 0; }, 1));
    /* The rest was seen and left over; half of it goes away, its memory too. */
    for (size_t i = 0; i < links.size(); i += 2) {
        rig->drop(*links[i]);
        std::memset(static_cast<void *>(&links[i]->endpoint), 0xee, sizeof(icn_endpoint));
        links[i]->endpoint.socket = ICN_OS_SOCKET_NONE;
    }
    for (size_t i = 1; i < links.size(); i += 2) {
        EXPECT_TRUE(rig->run_until([&] { return links[i]->reader.data() == "x"; }, 1));
    }
}

TEST_P(PortRun, EndpointMemoryMayBeUsedAgainAfterDetach)
{
    const auto links = links_with_data(8);
    ASSERT_TRUE(rig->run_until([&] { return received(links) > 0; }, 1));
    for (Link *link : links) {
        rig->drop(*link);
        link->reader.data().clear();
        link->open();
    }
    rig->run_dry();
    EXPECT_EQ(received(links), 0u);
    api_test::Socket listener = api_test::Socket::listen();
    for (Link *link : links) {
        link->connect(port_test::address_of(listener));
        ASSERT_TRUE(rig->run_until([&] { return !link->writer.in_flight(); }));
        EXPECT_EQ(link->writer.last().status, IOCPNET_OK);
    }
}

TEST_P(PortRun, DetachClosesTheSocketAndBringsTheCountsBack)
{
    const uint64_t descriptors = icn_live_count(ICN_LIVE_DESCRIPTORS);
    const uint64_t operations = icn_live_count(ICN_LIVE_OPERATIONS);
    Link &link = rig->connected_link();
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), descriptors + 1);
    link.receive();
    EXPECT_EQ(icn_live_count(ICN_LIVE_OPERATIONS), operations + 1);
    rig->drop(link);
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), descriptors);
    EXPECT_EQ(icn_live_count(ICN_LIVE_OPERATIONS), operations);
    EXPECT_EQ(link.peer.receive_all(), "");
    EXPECT_NE(link.peer.end(), api_test::Socket::End::none);
}

TEST_P(PortRun, ResetOnCloseReachesThePeerAsAReset)
{
    Link &link = rig->connected_link();
    icn_os_socket_set_reset_on_close(link.endpoint.socket);
    rig->drop(link);
    link.peer.receive_all();
    if (api_test::on_windows) { /* wine shows a reset that nobody waited for as an orderly end */
        EXPECT_NE(link.peer.end(), api_test::Socket::End::none);
    } else {
        EXPECT_EQ(link.peer.end(), api_test::Socket::End::reset);
    }
}

TEST_P(PortRun, DifferentThreadsMayDriveItInTurn)
{
    if ((GetParam() & port_test::one_thread_ring) != 0) {
        GTEST_SKIP() << "one thread was promised";
    }
    Link &link = rig->connected_link();
    link.receive();
    for (size_t i = 1; i <= 10; ++i) {
        std::thread driver([&] {
            link.send("to the peer");
            link.peer.send("x");
            rig->run_until([&] { return link.reader.data().size() == i && !link.writer.in_flight(); });
        });
        driver.join();
        ASSERT_EQ(link.reader.data().size(), i);
        EXPECT_EQ(link.peer.receive(11), "to the peer");
    }
}

TEST_P(PortRun, OneThreadThatIsNotTheOpenerMayDriveIt)
{
    open(port_test::default_buffer, true);
    std::thread driver([&] {
        Link &link = rig->connected_link();
        link.receive();
        link.send("out");
        EXPECT_TRUE(link.peer.send("in"));
        EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "in" && !link.writer.in_flight(); }));
        EXPECT_EQ(link.peer.receive(3), "out");
        rig->drop(link);
    });
    driver.join();
}

TEST_P(PortRun, OpeningAndClosingLeavesNothingBehind)
{
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_PORT);
    for (int i = 0; i < 50; ++i) {
        port_test::Rig another(GetParam());
        ASSERT_EQ(another.opened.status, IOCPNET_OK) << another.opened.os_error;
    }
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_PORT), blocks);
}

TEST_P(PortRun, OpeningWithoutMemoryUnwindsWhicheverAllocationFails)
{
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_PORT);
    int32_t status = IOCPNET_E_NO_MEMORY;
    uint64_t failed = 0;
    while (status != IOCPNET_OK && failed < 100) {
        icn_memory_fail(++failed, 1);
        port_test::Rig another(GetParam());
        status = another.opened.status;
        icn_memory_fail(0, 0);
        EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_NO_MEMORY) << status;
        EXPECT_TRUE(status == IOCPNET_OK || icn_memory_blocks(ICN_MEMORY_PORT) == blocks);
    }
    EXPECT_EQ(status, IOCPNET_OK);
    EXPECT_GT(failed, 1u);
}

TEST_P(PortRun, RandomLifeOfManyLinksKeepsTheContract)
{
    api_test::Random random;
    std::vector<Link *> links;
    std::vector<std::string> sent(8);
    for (size_t i = 0; i < sent.size(); ++i) {
        links.push_back(&rig->connected_link());
    }
    const uint32_t steps = api_test::scaled(4000);
    for (uint32_t step = 0; step < steps; ++step) {
        const size_t i = random.below(links.size());
        Link &link = *links[i];
        switch (random.below(6)) {
        case 0:
            sent[i].append(link.peer.send_some("abcdefgh"), 'x');
            break;
        case 1:
            if (!link.reader.in_flight()) {
                link.receive();
            }
            break;
        case 2:
            icn_port_cancel(rig->port, link.reader.raw());
            break;
        case 3:
            if (!link.writer.in_flight()) {
                link.send("to the peer");
            }
            break;
        case 4:
            icn_port_cancel(rig->port, link.writer.raw());
            break;
        default:
            rig->run(0, static_cast<uint32_t>(1 + random.below(4)));
            break;
        }
    }
    for (size_t i = 0; i < links.size(); ++i) {
        ASSERT_TRUE(rig->run_until([&] {
            if (!links[i]->reader.in_flight()) {
                links[i]->receive();
            }
            return links[i]->reader.data().size() == sent[i].size();
        }));
    }
}

} // namespace
