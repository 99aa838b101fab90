/* The queues that the io_uring port shares with the kernel: each runs full, and nothing is lost. */
#if defined(__linux__)

#include <algorithm>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/uring_rig.hpp"

namespace
{

using port_test::Link;

/* More than the submission queue (256) and the completion queue (2048) hold. */
constexpr uint32_t more_than_submissions = 300;
constexpr uint32_t more_than_completions = 2500;

class UringRings : public uring_test::UringTest
{
protected:
    static bool may_open(uint32_t descriptors)
    {
        rlimit limit = {};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(descriptors, limit.rlim_max));
        return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= descriptors;
    }

    /* Receives that complete at once: the stream has ended. */
    std::vector<Pair> ended_receives(uint32_t count)
    {
        int ends[2] = {-1, -1};
        std::vector<Pair> pairs;
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        close(ends[1]);
        for (uint32_t i = 0; i < count; ++i) {
            pairs.push_back({&rig->make_link(), -1});
            pairs.back().link->attach(fcntl(ends[0], F_DUPFD_CLOEXEC, 0));
            pairs.back().link->receive();
        }
        close(ends[0]);
        return pairs;
    }

    /* Connections that wait at a local listener: unlike TCP's they are never dropped and tried again. */
    std::vector<int> connect_locally(Link &link, uint32_t count)
    {
        sockaddr_storage address = {};
        socklen_t length = sizeof address.ss_family; /* so that the system chooses a name */
        std::vector<int> peers;
        address.ss_family = AF_UNIX;
        const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), length), 0);
        EXPECT_EQ(listen(listener, static_cast<int>(count)), 0);
        length = sizeof address;
        EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length), 0);
        link.attach(listener);
        for (uint32_t i = 0; i < count; ++i) {
            const int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            if (connect(peer, reinterpret_cast<sockaddr *>(&address), length) != 0) {
                close(peer); /* the system allows fewer to wait */
                break;
            }
            peers.push_back(peer);
        }
        return peers;
    }
};

URING_SUITE(UringRings, false, true);

TEST_P(UringRings, MoreReceivesThanSubmissionsFitAreAllStarted)
{
    const std::vector<Pair> pairs = paired_links(more_than_submissions);
    for (const Pair &pair : pairs) {
        pair.link->receive();
        ASSERT_EQ(write(pair.peer, "x", 1), 1);
    }
    EXPECT_TRUE(rig->run_until([&] {
        return std::all_of(pairs.begin(), pairs.end(),
                           [](const Pair &pair) { return pair.link->reader.data() == "x"; });
    }));
    for (const Pair &pair : pairs) {
        EXPECT_EQ(pair.link->reader.finished(), 0u);
        close(pair.peer);
    }
}

TEST_P(UringRings, RunDoesNotWaitWhileAReceiveWaitsToBeSubmitted)
{
    const std::vector<Pair> pairs = paired_links(more_than_submissions);
    for (const Pair &pair : pairs) {
        pair.link->receive();
    }
    ASSERT_EQ(write(pairs.back().peer, "x", 1), 1);
    EXPECT_EQ(rig->run(IOCPNET_INFINITE), 1u);
    EXPECT_EQ(pairs.back().link->reader.data(), "x");
    for (const Pair &pair : pairs) {
        close(pair.peer);
    }
}

TEST_P(UringRings, CancelsThatFindTheirQueueFullAreNotLost)
{
    const std::vector<Pair> pairs = paired_links(more_than_submissions);
    for (const Pair &pair : pairs) {
        pair.link->receive();
    }
    for (const Pair &pair : pairs) {
        pair.link->cancel();
    }
    EXPECT_TRUE(all_finish(pairs));
    for (const Pair &pair : pairs) {
        EXPECT_EQ(pair.link->reader.last().status, IOCPNET_E_CANCELLED);
        EXPECT_EQ(pair.link->reader.finished(), 1u);
        close(pair.peer);
    }
}

TEST_P(UringRings, CompletionsThatOverflowTheirQueueAreAllDelivered)
{
    if (!may_open(more_than_completions + 200)) {
        GTEST_SKIP() << "too few descriptors";
    }
    rig->run(0);
    const std::vector<Pair> pairs = ended_receives(more_than_completions);
    EXPECT_TRUE(all_finish(pairs));
    for (const Pair &pair : pairs) {
        EXPECT_EQ(pair.link->reader.finished(), 1u);
        EXPECT_EQ(pair.link->reader.last().status, IOCPNET_OK);
    }
}

TEST_P(UringRings, SendWhoseWaitAFullCompletionQueueEndsIsSentAgain)
{
    if (!may_open(more_than_completions + 200)) {
        GTEST_SKIP() << "too few descriptors";
    }
    const Pair pair = paired_links(1).front();
    const std::string sent = "x";
    fill(pair);
    pair.link->send_all(sent);
    rig->run_dry();
    ASSERT_TRUE(pair.link->in_flight());
    const std::vector<Pair> others = ended_receives(more_than_completions);
    ASSERT_EQ(icn_port_submit(rig->port).status, IOCPNET_OK);
    empty(pair);
    EXPECT_TRUE(all_finish({pair}));
    EXPECT_EQ(pair.link->unsent(), 0u);
    EXPECT_EQ(pair.link->writer.last().size, 1u);
    EXPECT_TRUE(all_finish(others));
    close(pair.peer);
}

TEST_P(UringRings, AcceptThatAFullCompletionQueueEndsGoesOn)
{
    if (!may_open(2 * more_than_completions + 200)) {
        GTEST_SKIP() << "too few descriptors";
    }
    Link &link = rig->make_link();
    const std::vector<int> peers = connect_locally(link, more_than_completions);
    link.accept();
    EXPECT_TRUE(rig->run_until([&] { return link.reader.accepted().size() == peers.size(); }));
    EXPECT_EQ(link.reader.finished(), 0u);
    for (int peer : peers) {
        close(peer);
    }
}

TEST_P(UringRings, AcceptCancelledWhileAFullCompletionQueueEndsItCompletesOnce)
{
    if (!may_open(2 * more_than_completions + 200)) {
        GTEST_SKIP() << "too few descriptors";
    }
    /* The queue is full at about 2048; some of these cancels meet the very piece that ended the request. */
    for (size_t moment : std::vector<size_t>{500, 2044, 2045, 2046, 2047, 2048, 2049, 2050}) {
        Link &link = rig->make_link();
        const std::vector<int> peers = connect_locally(link, more_than_completions);
        link.reader.hook = [&](const icn_completion &) {
            if (link.reader.accepted().size() == moment) {
                link.cancel();
            }
        };
        link.accept();
        EXPECT_TRUE(rig->run_until([&] { return !link.in_flight() || link.reader.accepted().size() == peers.size(); }));
        rig->drop(link);
        EXPECT_EQ(link.reader.finished(), 1u);
        EXPECT_EQ(link.reader.last().status, IOCPNET_E_CANCELLED);
        for (int peer : peers) {
            close(peer);
        }
    }
}

} // namespace

#endif
