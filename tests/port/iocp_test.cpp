/* What only the IOCP port has: its error codes, and what its sockets must know on Windows. */
#if defined(_WIN32)

#include <string>

#include <winsock2.h>
#include <windows.h>

#include "support/port_rig.hpp"

extern "C" {
#include "os/error.h"
#include "port/port_iocp_error.h"
}

namespace
{

using port_test::Link;
using port_test::Rig;

constexpr int32_t ended_codes[] = {64, 10054, 10053, 1236, 995, 676, 6};

class Iocp : public testing::Test
{
protected:
    Rig rig{IOCPNET_PORT_IOCP};

    bool finishes(const port_test::Operation &operation)
    {
        return rig.run_until([&] { return !operation.in_flight(); });
    }
};

TEST(IocpError, SuccessAndRemarksAreNoErrors)
{
    EXPECT_EQ(icn_iocp_error(0), 0);
    EXPECT_EQ(icn_iocp_error(0x00000001u), 0);
    EXPECT_EQ(icn_iocp_error(0x40000000u), 0);
}

TEST(IocpError, StatusOfAConnectionBecomesAWinsockCode)
{
    EXPECT_EQ(icn_iocp_error(0xC000020Du), WSAECONNRESET);
    EXPECT_EQ(icn_iocp_error(0xC0000241u), WSAECONNABORTED);
    EXPECT_EQ(icn_iocp_error(0xC0000236u), WSAECONNREFUSED);
    EXPECT_EQ(icn_iocp_error(0xC00000B5u), WSAETIMEDOUT);
    EXPECT_EQ(icn_iocp_error(0xC000023Cu), WSAENETUNREACH);
    EXPECT_EQ(icn_iocp_error(0xC000023Du), WSAEHOSTUNREACH);
    EXPECT_EQ(icn_iocp_error(0xC000009Au), WSAENOBUFS);
    EXPECT_EQ(icn_iocp_error(0xC0000120u), WSA_OPERATION_ABORTED);
}

TEST(IocpError, TimeoutIsAnErrorThoughItsStatusSaysSuccess)
{
    EXPECT_EQ(icn_iocp_error(0x00000102u), WSAETIMEDOUT);
}

TEST(IocpError, SignExtensionOfTheStatusDoesNotMatter)
{
    EXPECT_EQ(icn_iocp_error(static_cast<uintptr_t>(static_cast<intptr_t>(static_cast<int32_t>(0xC000020Du)))),
              WSAECONNRESET);
}

TEST(IocpError, StatusThatCarriesAWin32CodeGivesThatCode)
{
    EXPECT_EQ(icn_iocp_error(0xC0070040u), 64);
    EXPECT_EQ(icn_iocp_error(0x80070006u), 6);
}

TEST(IocpError, UnknownStatusIsItsOwnCode)
{
    EXPECT_EQ(icn_iocp_error(0xC0ABCDEFu), static_cast<int32_t>(0xC0ABCDEFu));
    EXPECT_EQ(icn_iocp_outcome(static_cast<int32_t>(0xC0ABCDEFu), false).status, IOCPNET_E_SYSTEM);
}

TEST(IocpError, EveryCodeOfAnEndMeansCancelledWhenThatWasAskedFor)
{
    for (int32_t code : ended_codes) {
        EXPECT_EQ(icn_iocp_outcome(code, true).status, IOCPNET_E_CANCELLED) << code;
        EXPECT_EQ(icn_iocp_outcome(code, true).os_error, code);
    }
}

TEST(IocpError, EveryCodeOfAnEndMeansResetOrAbortedOtherwise)
{
    for (int32_t code : ended_codes) {
        const bool reset = code == 64 || code == 10054;
        EXPECT_EQ(icn_iocp_outcome(code, false).status,
                  reset ? IOCPNET_E_CONNECTION_RESET : IOCPNET_E_CONNECTION_ABORTED)
            << code;
    }
}

TEST(IocpError, CancelDoesNotHideAnErrorOfAnotherKindOrSuccess)
{
    EXPECT_EQ(icn_iocp_outcome(WSAECONNREFUSED, true).status, IOCPNET_E_CONNECTION_REFUSED);
    EXPECT_EQ(icn_iocp_outcome(WSAENOBUFS, true).status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(icn_iocp_outcome(0, true).status, IOCPNET_OK);
}

TEST(IocpError, LastResultIsNeverSuccess)
{
    WSASetLastError(0);
    EXPECT_EQ(icn_os_last_result().status, IOCPNET_E_SYSTEM);
    WSASetLastError(WSAEADDRINUSE);
    EXPECT_EQ(icn_os_last_result().status, IOCPNET_E_ADDRESS_IN_USE);
}

TEST_F(Iocp, SocketsAreNotInheritedByChildProcesses)
{
    icn_address address = {};
    DWORD flags = 0;
    Link &listener = rig.listening_link(address);
    ASSERT_TRUE(GetHandleInformation(reinterpret_cast<HANDLE>(listener.endpoint.socket), &flags));
    EXPECT_EQ(flags & HANDLE_FLAG_INHERIT, 0u);
}

TEST_F(Iocp, AcceptedSocketIsInTheContextOfItsListener)
{
    icn_address address = {};
    Link &listener = rig.listening_link(address);
    listener.accept();
    api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
    ASSERT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == 1; }));
    icn_address local = {};
    icn_address remote = {};
    ASSERT_EQ(icn_os_socket_local_address(listener.reader.accepted()[0], &local).status, IOCPNET_OK);
    ASSERT_EQ(icn_os_socket_remote_address(listener.reader.accepted()[0], &remote).status, IOCPNET_OK);
    EXPECT_EQ(port_test::text_of(local), peer.peer_address());
    EXPECT_EQ(port_test::text_of(remote), peer.address());
}

TEST_F(Iocp, PostedAcceptsCountAsDescriptorsUntilTheAcceptEnds)
{
    icn_address address = {};
    Link &listener = rig.listening_link(address);
    const uint64_t before = icn_live_count(ICN_LIVE_DESCRIPTORS);
    listener.accept(7);
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), before + 7);
    listener.cancel();
    ASSERT_TRUE(finishes(listener.reader));
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), before);
}

TEST_F(Iocp, PoolOfAcceptsIsFullAgainAfterMoreConnectionsThanItHolds)
{
    icn_address address = {};
    Link &listener = rig.listening_link(address);
    listener.accept(2);
    const uint64_t posted = icn_live_count(ICN_LIVE_DESCRIPTORS);
    std::vector<api_test::Socket> peers;
    for (int i = 0; i < 20; ++i) {
        peers.push_back(api_test::Socket::connect(port_test::text_of(address)));
    }
    ASSERT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == 20; }));
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), posted);
    EXPECT_EQ(listener.reader.finished(), 0u);
}

TEST_F(Iocp, AcceptOutlivesConnectionsThatAreResetAtOnce)
{
    icn_address address = {};
    Link &listener = rig.listening_link(address);
    listener.accept(2);
    for (int i = 0; i < 30; ++i) {
        api_test::Socket::connect(port_test::text_of(address)).reset();
        rig.run(0);
    }
    api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
    EXPECT_TRUE(rig.run_until([&] { return listener.reader.accepted().size() == 31; }));
    EXPECT_EQ(listener.reader.finished(), 0u);
}

TEST_F(Iocp, EndpointsWithMoreToReadTakeTurns)
{
    constexpr uint32_t runs = 30;
    Rig small(IOCPNET_PORT_IOCP, 512);
    std::vector<Link *> links;
    for (int i = 0; i < 3; ++i) {
        links.push_back(&small.connected_link());
    }
    for (Link *link : links) {
        ASSERT_TRUE(link->peer.send(std::string(65536, 'x')));
        link->receive();
    }
    for (uint32_t run = 0; run < runs; ++run) {
        small.run(100, 3);
    }
    for (Link *link : links) {
        EXPECT_GE(link->reader.completions().size(), runs / 2);
    }
}

TEST_F(Iocp, CancelledSendThatWasPendingSaysWhatTheSystemTook)
{
    Link &link = rig.connected_link();
    const std::string bytes(32 << 20, 'x');
    link.send(bytes);
    rig.run_dry();
    ASSERT_TRUE(link.writer.in_flight()) << "the system took everything";
    link.cancel();
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    EXPECT_LT(link.writer.last().size, bytes.size());
}

} // namespace

#endif
