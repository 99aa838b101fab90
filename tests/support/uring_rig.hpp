/*
 * What the tests of the io_uring port alone stand on: a rig for each of its two kinds of ring, one that a single thread
 * drives and one that threads share. Linux only.
 */
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/port_rig.hpp"

extern "C" {
#include "port/uring_port.h"
}

namespace uring_test
{

using port_test::Link;
using port_test::Rig;

/* The parameter: one thread drives the port. */
class UringTest : public testing::TestWithParam<bool>
{
protected:
    void SetUp() override { open(); }
    void TearDown() override { rig.reset(); }

    void open(uint32_t buffer = port_test::default_buffer)
    {
        rig.reset();
        rig = std::make_unique<Rig>(IOCPNET_PORT_IO_URING, buffer, GetParam());
        if (rig->opened.status == IOCPNET_E_NOT_SUPPORTED) {
            GTEST_SKIP() << "io_uring is not available here: system error " << rig->opened.os_error;
        }
        ASSERT_EQ(rig->opened.status, IOCPNET_OK) << rig->opened.os_error;
    }

    std::vector<Link *> connected_links(uint32_t count)
    {
        std::vector<Link *> links;
        for (uint32_t i = 0; i < count; ++i) {
            links.push_back(&rig->connected_link());
        }
        return links;
    }

    /* A link over a local pair of sockets, and the descriptor of its other end, which the test closes. */
    struct Pair {
        Link *link;
        int peer;
    };
    std::vector<Pair> paired_links(uint32_t count)
    {
        std::vector<Pair> pairs;
        for (uint32_t i = 0; i < count; ++i) {
            int ends[2] = {-1, -1};
            EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
            Link &link = rig->make_link();
            link.attach(ends[0]);
            pairs.push_back({&link, ends[1]});
        }
        return pairs;
    }

    /* Leaves no room in a link's socket, past the port. */
    static void fill(const Pair &pair)
    {
        const std::string bytes(65536, 'x');
        while (send(static_cast<int>(pair.link->endpoint.socket), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
        }
    }
    /* Has the other end read all. */
    static void empty(const Pair &pair)
    {
        std::string bytes(65536, 'x');
        while (recv(pair.peer, bytes.data(), bytes.size(), 0) > 0) {
        }
    }

    bool all_finish(const std::vector<Pair> &pairs)
    {
        return rig->run_until([&] {
            return std::none_of(pairs.begin(), pairs.end(), [](const Pair &pair) { return pair.link->in_flight(); });
        });
    }

    bool all_received(const std::vector<Link *> &links, const std::string &sent)
    {
        return rig->run_until([&] {
            return std::all_of(links.begin(), links.end(),
                               [&](Link *link) { return link->reader.data().size() >= sent.size(); });
        });
    }

    /* Behind the contract: what the port shares with the kernel. */
    icn_uring_ring &ring() { return icn_uring_port_of(rig->port)->ring; }

    std::unique_ptr<Rig> rig;
};

inline std::string ring_name(const testing::TestParamInfo<bool> &info)
{
    return info.param ? "one_thread" : "shared";
}

#define URING_SUITE(fixture, ...)                                                                                      \
    INSTANTIATE_TEST_SUITE_P(Each, fixture, testing::Values(__VA_ARGS__), uring_test::ring_name)

} // namespace uring_test
