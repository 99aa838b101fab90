/*
 * Each operation on a completion port meets each error that the documentation of its call has, at once or in its packet:
 * one last completion with the status of the error, and the port goes on. Windows.
 */
#if defined(_WIN32)

#include <memory>
#include <string>

#include "support/import_fault.hpp"
#include "support/port_rig.hpp"

#include <mswsock.h>

extern "C" {
/* The import table's entries, by the linker's names for them. */
extern decltype(&GetQueuedCompletionStatusEx) __imp_GetQueuedCompletionStatusEx;
extern decltype(&SetFileCompletionNotificationModes) __imp_SetFileCompletionNotificationModes;
extern decltype(&WSAIoctl) __imp_WSAIoctl;
extern decltype(&WSASend) __imp_WSASend;
extern decltype(&WSARecv) __imp_WSARecv;
}

namespace
{

using port_test::ImportFault;
using port_test::Link;
using port_test::Rig;
using port_test::strike;

struct Outcome {
    int32_t error;
    int32_t status;
};

/* WSASend, WSARecv, ConnectEx. WSAEWOULDBLOCK there means too many pending requests. */
const Outcome call_errors[] = {{WSAECONNRESET, IOCPNET_E_CONNECTION_RESET},
                               {WSAECONNABORTED, IOCPNET_E_CONNECTION_ABORTED},
                               {WSAENETRESET, IOCPNET_E_CONNECTION_ABORTED},
                               {WSAENOTCONN, IOCPNET_E_CONNECTION_RESET},
                               {WSAESHUTDOWN, IOCPNET_E_CONNECTION_RESET},
                               {WSAECONNREFUSED, IOCPNET_E_CONNECTION_REFUSED},
                               {WSAETIMEDOUT, IOCPNET_E_TIMED_OUT},
                               {WSAENETDOWN, IOCPNET_E_NETWORK_UNREACHABLE},
                               {WSAENETUNREACH, IOCPNET_E_NETWORK_UNREACHABLE},
                               {WSAEHOSTUNREACH, IOCPNET_E_HOST_UNREACHABLE},
                               {WSAENOBUFS, IOCPNET_E_NO_MEMORY},
                               {WSAEADDRINUSE, IOCPNET_E_ADDRESS_IN_USE},
                               {WSAEADDRNOTAVAIL, IOCPNET_E_ADDRESS_NOT_AVAILABLE},
                               {WSAEAFNOSUPPORT, IOCPNET_E_NOT_SUPPORTED},
                               {WSAEOPNOTSUPP, IOCPNET_E_NOT_SUPPORTED},
                               {WSAEACCES, IOCPNET_E_ACCESS_DENIED},
                               {WSA_OPERATION_ABORTED, IOCPNET_E_CONNECTION_ABORTED},
                               {WSAEINTR, IOCPNET_E_SYSTEM},
                               {WSAEINPROGRESS, IOCPNET_E_SYSTEM},
                               {WSAEINVAL, IOCPNET_E_SYSTEM},
                               {WSAEFAULT, IOCPNET_E_SYSTEM},
                               {WSAEMSGSIZE, IOCPNET_E_SYSTEM},
                               {WSAENOTSOCK, IOCPNET_E_SYSTEM},
                               {WSAEISCONN, IOCPNET_E_SYSTEM},
                               {WSAEALREADY, IOCPNET_E_SYSTEM},
                               {WSAEDISCON, IOCPNET_E_SYSTEM},
                               {WSANOTINITIALISED, IOCPNET_E_SYSTEM}};

struct Packet {
    uint32_t ntstatus;
    int32_t error;
    int32_t status;
};

const Packet packet_errors[] = {{0xC000020D, WSAECONNRESET, IOCPNET_E_CONNECTION_RESET},
                                {0xC0000241, WSAECONNABORTED, IOCPNET_E_CONNECTION_ABORTED},
                                {0xC0000236, WSAECONNREFUSED, IOCPNET_E_CONNECTION_REFUSED},
                                {0xC00000B5, WSAETIMEDOUT, IOCPNET_E_TIMED_OUT},
                                {0xC000023C, WSAENETUNREACH, IOCPNET_E_NETWORK_UNREACHABLE},
                                {0xC000023D, WSAEHOSTUNREACH, IOCPNET_E_HOST_UNREACHABLE},
                                {0xC000009A, WSAENOBUFS, IOCPNET_E_NO_MEMORY},
                                {0xC0000022, WSAEACCES, IOCPNET_E_ACCESS_DENIED},
                                {0xC0000120, WSA_OPERATION_ABORTED, IOCPNET_E_CONNECTION_ABORTED},
                                {0xC000000D, WSAEINVAL, IOCPNET_E_SYSTEM}};

/* A call that dequeues packets does so, and the first one that is no wake then says that its request failed. */
class PacketFault
{
public:
    explicit PacketFault(uint32_t ntstatus)
        : fault_(TRUE, 0, [this, ntstatus](auto... arguments) { return dequeue(ntstatus, arguments...); })
    {
    }
    bool struck() const { return struck_; }

private:
    bool dequeue(uint32_t ntstatus, HANDLE port, OVERLAPPED_ENTRY *entries, ULONG capacity, ULONG *count, DWORD, BOOL)
    {
        /* Does not wait: a packet that is not there yet is found by the call that waits, and this one comes again. */
        if (struck_ || !original_(port, entries, capacity, count, 0, FALSE)) {
            return false;
        }
        for (ULONG i = 0; i < *count && !struck_; i++) {
            if (entries[i].lpOverlapped != nullptr) {
                entries[i].lpOverlapped->Internal = ntstatus;
                struck_ = true;
            }
        }
        return true;
    }

    bool struck_ = false;
    decltype(&GetQueuedCompletionStatusEx) original_ = __imp_GetQueuedCompletionStatusEx;
    ImportFault<__imp_GetQueuedCompletionStatusEx> fault_;
};

/* Stands in for ConnectEx: the next call fails, the others reach it. */
int connect_error;
LPFN_CONNECTEX connect_original;
decltype(&WSAIoctl) ioctl_original;

BOOL PASCAL failing_connect(SOCKET socket, const sockaddr *name, int length, PVOID buffer, DWORD size, LPDWORD sent,
                            LPOVERLAPPED overlapped)
{
    if (connect_error != 0) {
        WSASetLastError(std::exchange(connect_error, 0));
        return FALSE;
    }
    return connect_original(socket, name, length, buffer, size, sent, overlapped);
}

/* Answers a request for ConnectEx. */
bool load_failing_connect(SOCKET socket, DWORD code, LPVOID id, DWORD, LPVOID function, DWORD, LPDWORD stored,
                          LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE)
{
    GUID connect_ex = WSAID_CONNECTEX;
    if (code != SIO_GET_EXTENSION_FUNCTION_POINTER || memcmp(id, &connect_ex, sizeof connect_ex) != 0) {
        return false;
    }
    EXPECT_EQ(0, ioctl_original(socket, code, &connect_ex, sizeof connect_ex, &connect_original,
                                sizeof connect_original, stored, nullptr, nullptr));
    *static_cast<LPFN_CONNECTEX *>(function) = failing_connect;
    return true;
}

class IocpErrors : public testing::Test
{
protected:
    IocpErrors()
    {
        ioctl_original = __imp_WSAIoctl;
        ImportFault<__imp_WSAIoctl> fault(0, 0, load_failing_connect);
        rig = std::make_unique<Rig>(IOCPNET_PORT_IOCP);
    }

    bool finishes(const port_test::Operation &operation)
    {
        return rig->run_until([&] { return !operation.in_flight(); });
    }

    void expect_ended(port_test::Operation &operation, int32_t status, int32_t error)
    {
        ASSERT_TRUE(finishes(operation));
        EXPECT_EQ(operation.last().status, status);
        EXPECT_EQ(operation.last().os_error, error);
        EXPECT_EQ(operation.finished(), operation.started());
    }

    /* The link is as good as before. */
    void expect_talks(Link &link)
    {
        link.send("on");
        ASSERT_TRUE(finishes(link.writer));
        EXPECT_EQ(link.peer.receive(2), "on");
        link.receive();
        ASSERT_TRUE(link.peer.send("off"));
        EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "off"; }));
    }

    std::unique_ptr<Rig> rig;
};

TEST_F(IocpErrors, OfASendThatCanNotBeStartedEndItOnce)
{
    for (const Outcome &row : call_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->connected_link();
        {
            ImportFault<__imp_WSASend> fault(SOCKET_ERROR, static_cast<DWORD>(row.error), strike(1));
            link.send("lost");
            expect_ended(link.writer, row.status, row.error);
        }
        expect_talks(link);
    }
}

TEST_F(IocpErrors, OfAReceiveThatCanNotBeStartedEndItOnce)
{
    for (const Outcome &row : call_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->connected_link();
        {
            ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, static_cast<DWORD>(row.error), strike(1));
            link.receive();
            expect_ended(link.reader, row.status, row.error);
        }
        expect_talks(link);
    }
}

TEST_F(IocpErrors, OfAReadEndItOnce)
{
    for (const Outcome &row : call_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->connected_link();
        link.receive();
        const auto is_read = [](SOCKET, LPWSABUF buffers, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED,
                                LPWSAOVERLAPPED_COMPLETION_ROUTINE) { return buffers[0].len > 0; };
        ImportFault<__imp_WSARecv> fault(SOCKET_ERROR, static_cast<DWORD>(row.error), is_read);
        ASSERT_TRUE(link.peer.send("x"));
        expect_ended(link.reader, row.status, row.error);
    }
}

TEST_F(IocpErrors, OfAConnectThatCanNotBeStartedEndItOnce)
{
    api_test::Socket target = api_test::Socket::listen();
    for (const Outcome &row : call_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->make_link();
        link.open();
        connect_error = row.error;
        link.connect(port_test::address_of(target));
        expect_ended(link.writer, row.status, row.error);
        EXPECT_EQ(0, connect_error);
    }
    (void)rig->connected_link();
}

TEST_F(IocpErrors, OfAReceivesPacketEndItOnce)
{
    for (const Packet &row : packet_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->connected_link();
        link.receive();
        const PacketFault fault(row.ntstatus);
        ASSERT_TRUE(link.peer.send("x"));
        expect_ended(link.reader, row.status, row.error);
        EXPECT_TRUE(fault.struck());
    }
}

TEST_F(IocpErrors, OfAConnectsPacketEndItOnce)
{
    api_test::Socket target = api_test::Socket::listen();
    for (const Packet &row : packet_errors) {
        SCOPED_TRACE(row.error);
        Link &link = rig->make_link();
        link.open();
        const PacketFault fault(row.ntstatus);
        link.connect(port_test::address_of(target));
        expect_ended(link.writer, row.status, row.error);
        EXPECT_TRUE(fault.struck());
    }
}

TEST_F(IocpErrors, OfASendsPacketEndItOnce)
{
    for (const Packet &row : packet_errors) {
        SCOPED_TRACE(row.error);
        /* Without it a send that succeeds at once has no packet. */
        ImportFault<__imp_SetFileCompletionNotificationModes> modes(FALSE, ERROR_INVALID_PARAMETER, strike(100));
        Link &link = rig->connected_link();
        const PacketFault fault(row.ntstatus);
        link.send("x");
        expect_ended(link.writer, row.status, row.error);
        EXPECT_TRUE(fault.struck());
    }
}

TEST_F(IocpErrors, OfAnAcceptsPacketCostThatConnectionAndNoOther)
{
    for (const Packet &row : packet_errors) {
        SCOPED_TRACE(row.error);
        icn_address address = {};
        Link &listener = rig->listening_link(address);
        listener.accept(2);
        api_test::Socket dropped;
        {
            const PacketFault fault(row.ntstatus);
            dropped = api_test::Socket::connect(port_test::text_of(address));
            ASSERT_TRUE(rig->run_until([&] { return fault.struck(); }));
        }
        /* Only a shortage ends it, and it can be started again. */
        if (row.status == IOCPNET_E_NO_MEMORY) {
            expect_ended(listener.reader, row.status, row.error);
            listener.accept(2);
        }
        api_test::Socket served = api_test::Socket::connect(port_test::text_of(address));
        EXPECT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == 1; }));
        EXPECT_TRUE(listener.reader.in_flight());
    }
}

} // namespace

#endif
