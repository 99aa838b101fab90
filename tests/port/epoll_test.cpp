/* What only the epoll port has: readiness that is kept, and system calls whose errors can be put in their way. */
#if defined(__linux__)

#include <cerrno>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/port_rig.hpp"

namespace
{

/* The next `count` calls of a kind by this thread fail with `error`; then they work again. */
struct Injection {
    int error = 0;
    uint32_t count = 0;
    uint32_t calls = 0;

    bool fails()
    {
        ++calls;
        if (count == 0) {
            return false;
        }
        --count;
        errno = error;
        return true;
    }
};

thread_local Injection accept_calls;
thread_local Injection receive_calls;
thread_local Injection send_calls;
thread_local Injection wait_calls;
thread_local Injection watch_calls;

} // namespace

/* These stand before the C library's: the calls of the library under test end here. */
extern "C" {

int accept4(int socket, sockaddr *address, socklen_t *length, int flags)
{
    return accept_calls.fails() ? -1 : static_cast<int>(syscall(SYS_accept4, socket, address, length, flags));
}

ssize_t recv(int socket, void *data, size_t size, int flags)
{
    return receive_calls.fails() ? -1 : syscall(SYS_recvfrom, socket, data, size, flags, nullptr, nullptr);
}

ssize_t send(int socket, const void *data, size_t size, int flags)
{
    return send_calls.fails() ? -1 : syscall(SYS_sendto, socket, data, size, flags, nullptr, 0);
}

int epoll_wait(int port, epoll_event *events, int capacity, int timeout)
{
    return wait_calls.fails() ? -1
                              : static_cast<int>(syscall(SYS_epoll_pwait, port, events, capacity, timeout, nullptr, 8));
}

int epoll_ctl(int port, int change, int descriptor, epoll_event *event) noexcept
{
    return watch_calls.fails() ? -1 : static_cast<int>(syscall(SYS_epoll_ctl, port, change, descriptor, event));
}
}

namespace
{

using api_test::Socket;
using port_test::Link;

class PortEpoll : public testing::Test
{
protected:
    void TearDown() override
    {
        for (Injection *injection : {&accept_calls, &receive_calls, &send_calls, &wait_calls, &watch_calls}) {
            *injection = {};
        }
    }

    bool finishes(const port_test::Operation &operation)
    {
        return rig.run_until([&] { return !operation.in_flight(); });
    }

    port_test::Rig rig{IOCPNET_PORT_EPOLL};
};

TEST_F(PortEpoll, ErrorsOfOneConnectionDoNotEndAnAccept)
{
    icn_address address;
    Link &listener = rig.listening_link(address);
    Socket peer = Socket::connect(port_test::text_of(address));
    listener.accept();
    for (int error : {ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                      ENETUNREACH, ETIMEDOUT}) {
        accept_calls = {error, 1, 0};
        Socket next = Socket::connect(port_test::text_of(address));
        rig.run_dry();
        EXPECT_TRUE(listener.reader.in_flight()) << error;
        EXPECT_EQ(accept_calls.count, 0u) << error;
    }
    EXPECT_EQ(listener.reader.accepted().size(), 12u);
}

TEST_F(PortEpoll, ErrorsOfTheSystemEndAnAcceptWithTheirStatus)
{
    icn_address address;
    Link &listener = rig.listening_link(address);
    const struct {
        int error;
        int32_t status;
    } rows[] = {{EMFILE, IOCPNET_E_NO_DESCRIPTORS},
                {ENFILE, IOCPNET_E_NO_DESCRIPTORS},
                {ENOBUFS, IOCPNET_E_NO_MEMORY},
                {ENOMEM, IOCPNET_E_NO_MEMORY},
                {EPERM, IOCPNET_E_ACCESS_DENIED}};
    std::vector<Socket> peers;
    for (const auto &row : rows) {
        listener.accept();
        accept_calls = {row.error, 1, 0};
        peers.push_back(Socket::connect(port_test::text_of(address)));
        ASSERT_TRUE(finishes(listener.reader)) << row.error;
        EXPECT_EQ(listener.reader.last().status, row.status) << row.error;
        EXPECT_EQ(listener.reader.last().os_error, row.error);
    }
    listener.accept();
    EXPECT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == peers.size(); }));
}

TEST_F(PortEpoll, AcceptThatAlwaysMeetsBrokenConnectionsLetsOthersHaveTheirTurn)
{
    icn_address address;
    Link &listener = rig.listening_link(address);
    Link &link = rig.connected_link();
    Socket peer = Socket::connect(port_test::text_of(address));
    listener.accept();
    link.receive();
    accept_calls = {ECONNABORTED, UINT32_MAX, 0};
    rig.run(100);
    rig.run(0);
    ASSERT_TRUE(link.peer.send("me too"));
    EXPECT_TRUE(rig.run_until([&] { return link.reader.data() == "me too"; }));
}

TEST_F(PortEpoll, ConnectionsThatComeOneByOneAreAcceptedWithoutATryThatFindsNone)
{
    constexpr size_t count = 8;
    icn_address address;
    Link &listener = rig.listening_link(address);
    listener.accept();
    std::vector<Socket> peers;
    for (size_t i = 1; i <= count; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
        ASSERT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == i; }));
    }
    rig.run_dry();
    EXPECT_EQ(accept_calls.calls, count);
}

TEST_F(PortEpoll, ConnectionsThatComeTogetherAreAcceptedInFewTurns)
{
    constexpr size_t count = 200;
    icn_address address;
    Link &listener = rig.listening_link(address);
    std::vector<Socket> peers;
    for (size_t i = 0; i < count; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    wait_calls = {};
    listener.accept();
    ASSERT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == count; }));
    EXPECT_LT(wait_calls.calls, count / 4);
}

TEST_F(PortEpoll, ConnectionsThatComeTogetherAreAcceptedWithinTheBudget)
{
    constexpr size_t count = 60;
    constexpr uint32_t budget = 5; /* which the rig checks */
    icn_address address;
    Link &listener = rig.listening_link(address);
    std::vector<Socket> peers;
    for (size_t i = 0; i < count; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    listener.accept();
    EXPECT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == count; }, budget));
}

TEST_F(PortEpoll, AcceptCancelledAmongManyConnectionsHandsOverNoMore)
{
    constexpr size_t count = 20;
    icn_address address;
    Link &listener = rig.listening_link(address);
    std::vector<Socket> peers;
    for (size_t i = 0; i < 2 * count; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    listener.accept();
    listener.reader.hook = [&](const icn_completion &) {
        if (listener.reader.accepted().size() == count) {
            listener.cancel();
        }
    };
    ASSERT_TRUE(finishes(listener.reader));
    EXPECT_EQ(listener.reader.accepted().size(), count);
}

TEST_F(PortEpoll, ConnectionsThatNobodyAcceptsDoNotEndAWait)
{
    constexpr uint32_t wait_ms = 20;
    icn_address address;
    Link &listener = rig.listening_link(address);
    std::vector<Socket> peers;
    for (const bool cancelled : {true, false}) {
        listener.accept();
        if (cancelled) {
            listener.cancel();
        } else {
            accept_calls = {EMFILE, 1, 0};
        }
        peers.push_back(Socket::connect(port_test::text_of(address)));
        ASSERT_TRUE(finishes(listener.reader));
        rig.run_dry();
        const auto begin = api_test::Clock::now();
        EXPECT_EQ(rig.run(wait_ms), 0u);
        EXPECT_GE(api_test::Clock::now() - begin, std::chrono::milliseconds(wait_ms - 2)) << cancelled;
    }
    listener.accept();
    EXPECT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == peers.size(); }));
}

TEST_F(PortEpoll, ErrorsOfAReceiveEndItWithTheirStatus)
{
    const struct {
        int error;
        int32_t status;
    } rows[] = {{ECONNRESET, IOCPNET_E_CONNECTION_RESET},
                {ETIMEDOUT, IOCPNET_E_TIMED_OUT},
                {EHOSTUNREACH, IOCPNET_E_HOST_UNREACHABLE},
                {ENOMEM, IOCPNET_E_NO_MEMORY},
                {ENOBUFS, IOCPNET_E_NO_MEMORY}};
    for (const auto &row : rows) {
        Link &link = rig.connected_link();
        link.receive();
        ASSERT_TRUE(link.peer.send("x"));
        receive_calls = {row.error, 1, 0};
        ASSERT_TRUE(finishes(link.reader)) << row.error;
        EXPECT_EQ(link.reader.last().status, row.status) << row.error;
        EXPECT_EQ(link.reader.last().os_error, row.error);
        EXPECT_EQ(link.reader.finished(), 1u);
    }
}

TEST_F(PortEpoll, ReceiveThatFailedForLackOfMemoryFindsTheDataWhenStartedAgain)
{
    Link &link = rig.connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("kept"));
    receive_calls = {ENOBUFS, 1, 0};
    ASSERT_TRUE(finishes(link.reader));
    link.receive();
    EXPECT_TRUE(rig.run_until([&] { return link.reader.data() == "kept"; }));
}

TEST_F(PortEpoll, ErrorsOfASendEndItWithTheirStatus)
{
    const struct {
        int error;
        int32_t status;
    } rows[] = {{ECONNRESET, IOCPNET_E_CONNECTION_RESET}, {EPIPE, IOCPNET_E_CONNECTION_RESET},
                {ETIMEDOUT, IOCPNET_E_TIMED_OUT},         {ENETUNREACH, IOCPNET_E_NETWORK_UNREACHABLE},
                {ENOBUFS, IOCPNET_E_NO_MEMORY},           {ENOMEM, IOCPNET_E_NO_MEMORY}};
    for (const auto &row : rows) {
        Link &link = rig.connected_link();
        send_calls = {row.error, 1, 0};
        link.send("x");
        ASSERT_TRUE(finishes(link.writer)) << row.error;
        EXPECT_EQ(link.writer.last().status, row.status) << row.error;
        EXPECT_EQ(link.writer.last().os_error, row.error);
    }
}

TEST_F(PortEpoll, SendThatASignalInterruptsIsToBeSentAgain)
{
    Link &link = rig.connected_link();
    send_calls = {EINTR, 1, 0};
    link.send("x");
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_OK);
    EXPECT_EQ(link.writer.last().size, 0u);
}

TEST_F(PortEpoll, FailedWaitIsReportedAndLosesNothing)
{
    Link &link = rig.connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("kept"));
    uint32_t delivered = 99;
    wait_calls = {EINVAL, 1, 0};
    const icn_result result = icn_port_run(rig.port, 0, 64, &delivered);
    EXPECT_EQ(result.status, IOCPNET_E_SYSTEM);
    EXPECT_EQ(result.os_error, EINVAL);
    EXPECT_EQ(delivered, 0u);
    EXPECT_TRUE(rig.run_until([&] { return link.reader.data() == "kept"; }));
}

TEST_F(PortEpoll, FailedAttachLeavesTheSocketToItsOwner)
{
    icn_endpoint endpoint = {};
    const uint64_t descriptors = icn_live_count(ICN_LIVE_DESCRIPTORS);
    ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV4, &endpoint.socket).status, IOCPNET_OK);
    watch_calls = {ENOSPC, 1, 0};
    const icn_result result = icn_port_attach(rig.port, &endpoint);
    EXPECT_EQ(result.status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(result.os_error, ENOSPC);
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), descriptors);
    icn_address address;
    EXPECT_EQ(icn_os_socket_local_address(endpoint.socket, &address).status, IOCPNET_OK);
    icn_os_socket_close(endpoint.socket);
}

TEST_F(PortEpoll, FailedWatchOfTheWakeUnwindsTheOpening)
{
    watch_calls = {ENOMEM, 1, 0};
    port_test::Rig another(IOCPNET_PORT_EPOLL);
    EXPECT_EQ(another.opened.status, IOCPNET_E_NO_MEMORY);
}

TEST_F(PortEpoll, OneSystemCallReceivesAShortMessage)
{
    Link &link = rig.connected_link();
    link.receive();
    rig.run_dry();
    ASSERT_TRUE(link.peer.send("short"));
    receive_calls = {};
    ASSERT_TRUE(rig.run_until([&] { return link.reader.data() == "short"; }));
    rig.run_dry();
    EXPECT_EQ(receive_calls.calls, 1u);
}

TEST_F(PortEpoll, WhatWasSeenBeforeTheConnectCostsNoSystemCallAfterIt)
{
    Socket listener = Socket::listen();
    Link &link = rig.make_link();
    link.open();
    rig.run_dry();
    link.connect(port_test::address_of(listener));
    ASSERT_TRUE(finishes(link.writer));
    link.peer = listener.accept();
    ASSERT_TRUE(link.peer.send("short"));
    receive_calls = {};
    link.receive();
    ASSERT_TRUE(rig.run_until([&] { return link.reader.data() == "short"; }));
    rig.run_dry();
    EXPECT_EQ(receive_calls.calls, 1u);
}

TEST_F(PortEpoll, NothingIsRegisteredAfterAttach)
{
    Link &link = rig.connected_link();
    const std::string sent(size_t{24} << 20, 'x');
    std::string received;
    watch_calls = {};
    link.receive();
    link.send_all(sent);
    ASSERT_TRUE(link.peer.send("x"));
    ASSERT_TRUE(rig.run_until([&] {
        port_test::drain(link.peer, received);
        return received.size() == sent.size() && !link.writer.in_flight();
    }));
    EXPECT_EQ(watch_calls.calls, 0u);
}

TEST_F(PortEpoll, EndpointWithMuchToReadLeavesTheRunToOthersAfterAFewPieces)
{
    port_test::Rig small(IOCPNET_PORT_EPOLL, 100);
    Link &first = small.connected_link();
    Link &second = small.connected_link();
    for (Link *link : {&first, &second}) {
        link->receive();
        ASSERT_TRUE(link->peer.send(std::string(50000, 'x')));
    }
    small.run(1000, 1000);
    EXPECT_LE(first.reader.completions().size(), 10u);
    EXPECT_LE(second.reader.completions().size(), 10u);
    EXPECT_TRUE(small.run_until([&] { return first.reader.data().size() + second.reader.data().size() == 100000; }));
}

TEST_F(PortEpoll, QueuedCompletionsAreDeliveredWithoutASystemCall)
{
    Link &link = rig.connected_link();
    link.send("x");
    wait_calls = {};
    EXPECT_EQ(rig.run(1000), 1u);
    EXPECT_EQ(wait_calls.calls, 0u);
}

TEST_F(PortEpoll, DataDoesNotStirASendThatWaitsForRoom)
{
    Link &link = rig.connected_link();
    const std::string sent(size_t{24} << 20, 'x');
    link.receive();
    link.send_all(sent);
    rig.run_dry();
    ASSERT_TRUE(link.writer.in_flight());
    const uint32_t finished = link.writer.finished();
    ASSERT_TRUE(link.peer.send("x"));
    ASSERT_TRUE(rig.run_until([&] { return link.reader.data() == "x"; }));
    rig.run_dry();
    EXPECT_EQ(link.writer.finished(), finished);
}

} // namespace

#endif
