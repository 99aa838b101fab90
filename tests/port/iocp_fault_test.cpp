/* Each system call of the IOCP port fails: the error comes as a result or as one last completion, and nothing is lost. */
#if defined(_WIN32)

#include <memory>
#include <string>
#include <vector>

#include "support/import_fault.hpp"
#include "support/port_rig.hpp"

#include <mswsock.h>

extern "C" {
#include "os/thread.h"
#include "util/memory.h"

/* The import table's entries, by the linker's names for them. */
extern decltype(&CreateIoCompletionPort) __imp_CreateIoCompletionPort;
extern decltype(&GetQueuedCompletionStatusEx) __imp_GetQueuedCompletionStatusEx;
extern decltype(&PostQueuedCompletionStatus) __imp_PostQueuedCompletionStatus;
extern decltype(&SetFileCompletionNotificationModes) __imp_SetFileCompletionNotificationModes;
extern decltype(&CreateEventW) __imp_CreateEventW;
extern decltype(&WSASocketW) __imp_WSASocketW;
extern decltype(&WSAIoctl) __imp_WSAIoctl;
extern decltype(&WSASend) __imp_WSASend;
extern decltype(&WSARecv) __imp_WSARecv;
extern decltype(&bind) __imp_bind;
extern decltype(&setsockopt) __imp_setsockopt;
}

namespace
{

using port_test::ImportFault;
using port_test::Link;
using port_test::Rig;
using port_test::strike;

/* Stands in for AcceptEx: the first calls fail, the others reach it. */
uint32_t accept_faults;
int accept_error;
LPFN_ACCEPTEX accept_original;

BOOL PASCAL failing_accept(SOCKET listener, SOCKET accepted, PVOID buffer, DWORD data, DWORD local, DWORD remote,
                           LPDWORD size, LPOVERLAPPED overlapped)
{
    if (accept_faults > 0) {
        --accept_faults;
        WSASetLastError(accept_error);
        return FALSE;
    }
    return accept_original(listener, accepted, buffer, data, local, remote, size, overlapped);
}

class IocpFault : public testing::Test
{
protected:
    void open() { rig = std::make_unique<Rig>(IOCPNET_PORT_IOCP); }

    /* A port whose AcceptEx is failing_accept. */
    void open_with_failing_accept(uint32_t faults, int error)
    {
        accept_faults = faults;
        accept_error = error;
        const auto load = [](SOCKET socket, DWORD, LPVOID id, DWORD, LPVOID function, DWORD, LPDWORD stored,
                             LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE) {
            GUID accept_ex = WSAID_ACCEPTEX;
            if (id == nullptr || memcmp(id, &accept_ex, sizeof accept_ex) != 0) {
                return false;
            }
            DWORD size = 0;
            EXPECT_EQ(0, original_ioctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &accept_ex, sizeof accept_ex,
                                        &accept_original, sizeof accept_original, &size, nullptr, nullptr));
            *static_cast<LPFN_ACCEPTEX *>(function) = failing_accept;
            *stored = sizeof accept_original;
            return true;
        };
        original_ioctl = __imp_WSAIoctl;
        ImportFault<__imp_WSAIoctl> fault(0, 0, load);
        open();
    }

    bool finishes(const port_test::Operation &operation)
    {
        return rig->run_until([&] { return !operation.in_flight(); });
    }

    /* A listener that was refused something serves again as soon as it is started again. */
    void expect_serves_again(Link &listener, const icn_address &address)
    {
        const size_t before = listener.reader.accepted().size();
        listener.accept();
        api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
        EXPECT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == before + 1; }));
    }

    static inline decltype(&WSAIoctl) original_ioctl = nullptr;
    std::unique_ptr<Rig> rig;
};

/* A read, not the receive of no bytes that waits for something to read. */
bool is_read(SOCKET, LPWSABUF buffers, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE)
{
    return buffers[0].len > 0;
}

auto strike_reads(uint32_t count)
{
    return
        [count](SOCKET, LPWSABUF buffers, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED,
                LPWSAOVERLAPPED_COMPLETION_ROUTINE) mutable { return buffers[0].len > 0 && count > 0 && count-- > 0; };
}

auto strike_option(int option)
{
    return [option, struck = false](SOCKET, int, int name, const char *, int) mutable {
        const bool strikes = name == option && !struck;
        struck = struck || strikes;
        return strikes;
    };
}

void expect_open_fails(int32_t status, int32_t os_error)
{
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_PORT);
    Rig rig(IOCPNET_PORT_IOCP);
    EXPECT_EQ(rig.port, nullptr);
    EXPECT_EQ(rig.opened.status, status);
    EXPECT_EQ(rig.opened.os_error, os_error);
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_PORT), blocks);
}

TEST_F(IocpFault, OpenFailsWithoutACompletionPort)
{
    ImportFault<__imp_CreateIoCompletionPort> fault(nullptr, ERROR_NO_SYSTEM_RESOURCES, strike(1));
    expect_open_fails(IOCPNET_E_NO_MEMORY, ERROR_NO_SYSTEM_RESOURCES);
}

TEST_F(IocpFault, OpenFailsWithoutASocket)
{
    ImportFault<__imp_WSASocketW> fault(INVALID_SOCKET, WSAEMFILE, strike(2));
    expect_open_fails(IOCPNET_E_NO_DESCRIPTORS, WSAEMFILE);
}

TEST_F(IocpFault, OpenNeedsIpv4OrIpv6Only)
{
    ImportFault<__imp_WSASocketW> fault(INVALID_SOCKET, WSAEAFNOSUPPORT, strike(1));
    open();
    EXPECT_EQ(rig->opened.status, IOCPNET_OK);
}

TEST_F(IocpFault, OpenFailsWithoutTheExtensionFunctions)
{
    for (uint32_t passed : {1u, 2u}) { /* the first call makes the socket non-blocking under wine */
        ImportFault<__imp_WSAIoctl> fault(SOCKET_ERROR, WSAEOPNOTSUPP,
                                          [passed](SOCKET, DWORD code, LPVOID, DWORD, LPVOID, DWORD, LPDWORD,
                                                   LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE) mutable {
                                              return code == SIO_GET_EXTENSION_FUNCTION_POINTER && --passed == 0;
                                          });
        expect_open_fails(IOCPNET_E_NOT_SUPPORTED, WSAEOPNOTSUPP);
    }
}

TEST_F(IocpFault, AttachReportsThatTheSocketWasRefused)
{
    open();
    icn_endpoint endpoint = {};
    ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV4, &endpoint.socket).status, IOCPNET_OK);
    ImportFault<__imp_CreateIoCompletionPort> fault(nullptr, ERROR_INVALID_PARAMETER, strike(1));
    const icn_result result = icn_port_attach(rig->port, &endpoint);
    EXPECT_EQ(result.status, IOCPNET_E_SYSTEM);
    EXPECT_EQ(result.os_error, ERROR_INVALID_PARAMETER);
    icn_os_socket_close(endpoint.socket);
}

TEST_F(IocpFault, EverythingCompletesOnceWithoutSkipMode)
{
    ImportFault<__imp_SetFileCompletionNotificationModes> fault(FALSE, ERROR_INVALID_PARAMETER, strike(100));
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    Link &server = rig->make_link();
    Link &client = rig->make_link();
    listener.accept(2);
    client.open();
    client.connect(address);
    ASSERT_TRUE(rig->run_until([&] { return !client.writer.in_flight() && !listener.reader.accepted().empty(); }));
    server.attach(listener.reader.accepted().front());
    listener.reader.accepted().pop_front();
    server.receive();
    const std::string sent = api_test::Random().bytes(8 << 20);
    client.send_all(sent);
    ASSERT_TRUE(rig->run_until([&] { return server.reader.data().size() == sent.size() && client.unsent() == 0; }));
    EXPECT_TRUE(server.reader.data() == sent);
    rig->run_dry();
    EXPECT_EQ(client.writer.finished(), client.writer.started());
    server.cancel();
    listener.cancel();
    EXPECT_TRUE(finishes(server.reader));
    EXPECT_TRUE(finishes(listener.reader));
}

TEST_F(IocpFault, RunReportsAnErrorOfThePortAndLosesNothing)
{
    open();
    Link &link = rig->connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("kept"));
    {
        ImportFault<__imp_GetQueuedCompletionStatusEx> fault(FALSE, ERROR_ABANDONED_WAIT_0, strike(1));
        uint32_t delivered = 1;
        const icn_result result = icn_port_run(rig->port, IOCPNET_INFINITE, 64, &delivered);
        EXPECT_EQ(result.status, IOCPNET_E_SYSTEM);
        EXPECT_EQ(result.os_error, ERROR_ABANDONED_WAIT_0);
        EXPECT_EQ(delivered, 0u);
    }
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "kept"; }));
}

/* Wine does so with requests whose thread ends: they stay pending, and only their packets have an outcome. */
class LostOutcomes
{
public:
    explicit LostOutcomes(ULONG_PTR outcome)
        : fault_(TRUE, 0,
                 [outcome, system = __imp_GetQueuedCompletionStatusEx](HANDLE port, LPOVERLAPPED_ENTRY entries,
                                                                       ULONG capacity, PULONG count, DWORD timeout,
                                                                       BOOL alertable) {
                     if (!system(port, entries, capacity, count, timeout, alertable)) {
                         return false;
                     }
                     for (ULONG i = 0; i < *count; ++i) {
                         if (entries[i].lpOverlapped != nullptr) {
                             entries[i].lpOverlapped->Internal = pending;
                             entries[i].Internal = outcome;
                         }
                     }
                     return true;
                 })
    {
    }

    static constexpr ULONG_PTR pending = 0x103;
    static constexpr ULONG_PTR alerted = 0x101; /* it could have gone on */
    static constexpr ULONG_PTR cancelled = 0xC0000120;

private:
    ImportFault<__imp_GetQueuedCompletionStatusEx> fault_;
};

TEST_F(IocpFault, ReceiveWithoutAnOutcomeIsLookedAt)
{
    open();
    Link &link = rig->connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("kept"));
    const LostOutcomes fault(LostOutcomes::alerted);
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "kept"; }));
    EXPECT_EQ(link.reader.finished(), 0u);
}

TEST_F(IocpFault, CancelWithoutAnOutcomeIsOne)
{
    open();
    Link &link = rig->connected_link();
    link.receive();
    link.cancel();
    const LostOutcomes fault(LostOutcomes::cancelled);
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_CANCELLED);
}

/* How much of it has left is not known, so that nothing may follow it. */
TEST_F(IocpFault, SendWithoutAnOutcomeIsAborted)
{
    open();
    Link &link = rig->connected_link();
    const std::string sent(size_t{24} << 20, 'x');
    std::string received;
    link.send(sent);
    rig->run_dry();
    ASSERT_TRUE(link.writer.in_flight());
    const LostOutcomes fault(LostOutcomes::alerted);
    EXPECT_TRUE(rig->run_until([&] {
        port_test::drain(link.peer, received);
        return !link.writer.in_flight();
    }));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CONNECTION_ABORTED);
}

TEST_F(IocpFault, WakeIsRepeatedWhenItCanNotBePosted)
{
    open();
    ImportFault<__imp_PostQueuedCompletionStatus> fault(FALSE, ERROR_NO_SYSTEM_RESOURCES, strike(3));
    icn_port_wake(rig->port);
    const auto before = api_test::Clock::now();
    rig->run(20000);
    EXPECT_LT(api_test::Clock::now() - before, std::chrono::seconds(10));
}

TEST_F(IocpFault, WakeThatWasGivenUpDoesNotHoldUpTheNext)
{
    open();
    {
        ImportFault<__imp_PostQueuedCompletionStatus> fault(FALSE, ERROR_NO_SYSTEM_RESOURCES, strike(1000));
        icn_port_wake(rig->port);
    }
    icn_port_wake(rig->port);
    const auto before = api_test::Clock::now();
    rig->run(20000);
    EXPECT_LT(api_test::Clock::now() - before, std::chrono::seconds(10));
}

TEST_F(IocpFault, SendThatFailsAtOnceCompletesInTheNextRun)
{
    open();
    Link &link = rig->connected_link();
    ImportFault<__imp_WSASend> fault(SOCKET_ERROR, WSAENOBUFS, strike(1));
    link.send("lost");
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(link.writer.last().os_error, WSAENOBUFS);
}

TEST_F(IocpFault, TooManyPendingRequestsAreAShortageNotSuccess)
{
    open();
    Link &link = rig->connected_link();
    ImportFault<__imp_WSASend> fault(SOCKET_ERROR, WSAEWOULDBLOCK, strike(1));
    link.send("lost");
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_NO_MEMORY);
}

TEST_F(IocpFault, ReceiveThatCanNotBePostedEndsOnceAndMayBeStartedAgain)
{
    open();
    Link &link = rig->connected_link();
    {
        ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, WSAENOBUFS, strike(1));
        link.receive();
        ASSERT_TRUE(finishes(link.reader));
    }
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_NO_MEMORY);
    link.receive();
    ASSERT_TRUE(link.peer.send("after"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "after"; }));
    EXPECT_EQ(link.reader.finished(), 1u);
}

TEST_F(IocpFault, ReadThatFindsNothingWaitsAgain)
{
    open();
    Link &link = rig->connected_link();
    ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, WSAEWOULDBLOCK, strike_reads(3));
    link.receive();
    ASSERT_TRUE(link.peer.send("late"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "late"; }));
    EXPECT_EQ(link.reader.completions().size(), 1u);
}

TEST_F(IocpFault, ReadThatNeverFindsAnythingStillLetsARunEnd)
{
    open();
    Link &link = rig->connected_link();
    link.receive();
    ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, WSAEWOULDBLOCK, is_read);
    ASSERT_TRUE(link.peer.send("x"));
    EXPECT_EQ(rig->run(20), 0u);
    EXPECT_EQ(rig->run(0), 0u);
}

TEST_F(IocpFault, ReadThatFailsIsTheLastCompletion)
{
    open();
    Link &link = rig->connected_link();
    ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, WSAECONNABORTED, strike_reads(1));
    link.receive();
    ASSERT_TRUE(link.peer.send("lost"));
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_CONNECTION_ABORTED);
    EXPECT_EQ(link.reader.completions().size(), 1u);
}

TEST_F(IocpFault, ReceiveThatCanNotGoOnEndsAfterThePiece)
{
    open();
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    link.reader.hook = [](const icn_completion &) {};
    ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, WSAECONNRESET,
                                     [](SOCKET, LPWSABUF buffers, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED,
                                        LPWSAOVERLAPPED_COMPLETION_ROUTINE) { return buffers[0].len == 0; });
    ASSERT_TRUE(link.peer.send("piece"));
    ASSERT_TRUE(finishes(link.reader));
    EXPECT_EQ(link.reader.data(), "piece");
    EXPECT_EQ(link.reader.last().status, IOCPNET_E_CONNECTION_RESET);
    EXPECT_EQ(link.reader.completions().size(), 2u);
}

TEST_F(IocpFault, ConnectThatCanNotBindFails)
{
    open();
    Link &link = rig->make_link();
    link.open();
    ImportFault<__imp_bind> fault(SOCKET_ERROR, WSAEADDRNOTAVAIL, strike(1));
    link.connect(port_test::loopback(1));
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_ADDRESS_NOT_AVAILABLE);
}

TEST_F(IocpFault, ConnectWithoutItsContextFails)
{
    open();
    api_test::Socket listener = api_test::Socket::listen();
    Link &link = rig->make_link();
    link.open();
    ImportFault<__imp_setsockopt> fault(SOCKET_ERROR, WSAENOTCONN, strike_option(SO_UPDATE_CONNECT_CONTEXT));
    link.connect(port_test::address_of(listener));
    ASSERT_TRUE(finishes(link.writer));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CONNECTION_RESET);
}

TEST_F(IocpFault, ConnectionWithoutItsContextIsDroppedAndTheNextServed)
{
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(1);
    ImportFault<__imp_setsockopt> fault(SOCKET_ERROR, WSAENOTCONN, strike_option(SO_UPDATE_ACCEPT_CONTEXT));
    api_test::Socket dropped = api_test::Socket::connect(port_test::text_of(address));
    api_test::Socket served = api_test::Socket::connect(port_test::text_of(address));
    ASSERT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == 1; }));
    EXPECT_EQ(dropped.receive_all(), "");
    icn_address remote = {};
    ASSERT_EQ(icn_os_socket_remote_address(listener.reader.accepted()[0], &remote).status, IOCPNET_OK);
    EXPECT_EQ(port_test::text_of(remote), served.address());
    EXPECT_EQ(listener.reader.finished(), 0u);
}

TEST_F(IocpFault, AcceptThatFailsForOneConnectionIsPostedAgain)
{
    open_with_failing_accept(10, WSAECONNRESET);
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(2);
    api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
    EXPECT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == 1; }));
    EXPECT_EQ(listener.reader.finished(), 0u);
}

TEST_F(IocpFault, AcceptThatAlwaysFailsEndsInsteadOfSpinning)
{
    open_with_failing_accept(UINT32_MAX, WSAEINVAL);
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(4);
    ASSERT_TRUE(finishes(listener.reader));
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_SYSTEM);
    EXPECT_EQ(listener.reader.last().os_error, WSAEINVAL);
    EXPECT_EQ(listener.reader.finished(), 1u);
    accept_faults = 0;
    expect_serves_again(listener, address);
}

TEST_F(IocpFault, AcceptEndsWhenTheSystemIsShortOfBuffers)
{
    open_with_failing_accept(1, WSAENOBUFS);
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(4);
    ASSERT_TRUE(finishes(listener.reader));
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(listener.reader.finished(), 1u);
    expect_serves_again(listener, address);
}

TEST_F(IocpFault, AcceptThatFindsNoSocketToStartWithGivesTheOthersBack)
{
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    const uint64_t descriptors = icn_live_count(ICN_LIVE_DESCRIPTORS);
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_PORT);
    {
        ImportFault<__imp_WSASocketW> fault(INVALID_SOCKET, WSAEMFILE, strike(1, 2));
        listener.accept(4);
        ASSERT_TRUE(finishes(listener.reader));
    }
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_DESCRIPTORS);
    EXPECT_EQ(listener.reader.completions().size(), 1u);
    EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), descriptors);
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_PORT), blocks);
    expect_serves_again(listener, address);
}

TEST_F(IocpFault, AcceptThatCanNotBePostedAgainHandsOverWhatItHas)
{
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(3);
    api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
    {
        ImportFault<__imp_WSASocketW> fault(INVALID_SOCKET, WSAENOBUFS, strike(1));
        ASSERT_TRUE(finishes(listener.reader));
    }
    EXPECT_EQ(listener.reader.accepted().size(), 1u);
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(listener.reader.finished(), 1u);
    expect_serves_again(listener, address);
}

TEST_F(IocpFault, AcceptThatCanNotBePostedAgainEndsAfterItsOnlyConnection)
{
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    listener.accept(1);
    api_test::Socket peer = api_test::Socket::connect(port_test::text_of(address));
    ImportFault<__imp_WSASocketW> fault(INVALID_SOCKET, WSAEMFILE, strike(1));
    ASSERT_TRUE(finishes(listener.reader));
    ASSERT_EQ(listener.reader.completions().size(), 2u);
    EXPECT_TRUE(listener.reader.completions()[0].more);
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_DESCRIPTORS);
}

TEST_F(IocpFault, AcceptWithoutMemoryForItsPoolEndsOnce)
{
    open();
    icn_address address = {};
    Link &listener = rig->listening_link(address);
    icn_memory_fail(1, 0);
    listener.accept(4);
    icn_memory_fail(0, 0);
    ASSERT_TRUE(finishes(listener.reader));
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_MEMORY);
    EXPECT_EQ(listener.reader.finished(), 1u);
    expect_serves_again(listener, address);
}

TEST_F(IocpFault, ThreadThatCanNotBeStartedIsReported)
{
    ImportFault<__imp_CreateEventW> fault(nullptr, ERROR_TOO_MANY_OPEN_FILES, strike(1));
    icn_thread thread = {};
    const icn_result result = icn_thread_start(
        &thread, "never", [](void *) {}, nullptr);
    EXPECT_EQ(result.status, IOCPNET_E_NO_DESCRIPTORS);
    EXPECT_EQ(result.os_error, ERROR_TOO_MANY_OPEN_FILES);
}

} // namespace

#endif
