#include "port/port_iocp_error.h"

#include <stddef.h>

/* ntstatus.h has all codes; windows.h defines some unless told not to. winternl.h has their type. */
#define WIN32_NO_STATUS
#include <winsock2.h>
#include <windows.h>
#undef WIN32_NO_STATUS

#include <ntstatus.h>
#include <winternl.h>

#include "base/check.h"
#include "os/error.h"

/* An NTSTATUS of this facility carries a Win32 code in its lower half. */
#define FACILITY_BITS 0x0FFF0000u
#define WIN32_CODES 0x00070000u

#ifndef ERROR_HANDLES_CLOSED
#define ERROR_HANDLES_CLOSED 676
#endif

typedef struct ntstatus_error {
    uint32_t ntstatus;
    int32_t os_error;
} ntstatus_error;

static const ntstatus_error errors[] = {
    {(uint32_t)STATUS_CANCELLED, WSA_OPERATION_ABORTED},
    {(uint32_t)STATUS_REQUEST_ABORTED, WSA_OPERATION_ABORTED},
    {(uint32_t)STATUS_CONNECTION_RESET, WSAECONNRESET},
    {(uint32_t)STATUS_REMOTE_DISCONNECT, WSAECONNRESET},
    {(uint32_t)STATUS_CONNECTION_DISCONNECTED, WSAECONNRESET},
    {(uint32_t)STATUS_PORT_UNREACHABLE, WSAECONNRESET},
    {(uint32_t)STATUS_HOPLIMIT_EXCEEDED, WSAENETRESET},
    {(uint32_t)STATUS_CONNECTION_ABORTED, WSAECONNABORTED},
    {(uint32_t)STATUS_LOCAL_DISCONNECT, WSAECONNABORTED},
    {(uint32_t)STATUS_TRANSACTION_ABORTED, WSAECONNABORTED},
    {(uint32_t)STATUS_PIPE_DISCONNECTED, WSAESHUTDOWN},
    {(uint32_t)STATUS_GRACEFUL_DISCONNECT, WSAEDISCON},
    {(uint32_t)STATUS_CONNECTION_REFUSED, WSAECONNREFUSED},
    {(uint32_t)STATUS_REMOTE_NOT_LISTENING, WSAECONNREFUSED},
    {(uint32_t)STATUS_OBJECT_NAME_NOT_FOUND, WSAECONNREFUSED},
    {(uint32_t)STATUS_IO_TIMEOUT, WSAETIMEDOUT},
    {(uint32_t)STATUS_TIMEOUT, WSAETIMEDOUT},
    {(uint32_t)STATUS_LINK_FAILED, WSAETIMEDOUT},
    {(uint32_t)STATUS_LINK_TIMEOUT, WSAETIMEDOUT},
    {(uint32_t)STATUS_NETWORK_UNREACHABLE, WSAENETUNREACH},
    {(uint32_t)STATUS_PROTOCOL_UNREACHABLE, WSAENETUNREACH},
    {(uint32_t)STATUS_HOST_UNREACHABLE, WSAEHOSTUNREACH},
    {(uint32_t)STATUS_HOST_DOWN, WSAEHOSTDOWN},
    {(uint32_t)STATUS_REMOTE_RESOURCES, WSAENETDOWN},
    {(uint32_t)STATUS_NETWORK_BUSY, WSAENETDOWN},
    {(uint32_t)STATUS_BAD_NETWORK_PATH, WSAENETUNREACH},
    {(uint32_t)STATUS_BAD_NETWORK_NAME, WSAENETDOWN},
    {(uint32_t)STATUS_ADDRESS_ALREADY_EXISTS, WSAEADDRINUSE},
    {(uint32_t)STATUS_ADDRESS_ALREADY_ASSOCIATED, WSAEADDRINUSE},
    {(uint32_t)STATUS_SHARING_VIOLATION, WSAEADDRINUSE},
    {(uint32_t)STATUS_INVALID_ADDRESS, WSAEADDRNOTAVAIL},
    {(uint32_t)STATUS_INVALID_ADDRESS_COMPONENT, WSAEADDRNOTAVAIL},
    {(uint32_t)STATUS_TOO_MANY_ADDRESSES, WSAENOBUFS},
    {(uint32_t)STATUS_INSUFFICIENT_RESOURCES, WSAENOBUFS},
    {(uint32_t)STATUS_INSUFF_SERVER_RESOURCES, WSAENOBUFS},
    {(uint32_t)STATUS_NO_MEMORY, WSAENOBUFS},
    {(uint32_t)STATUS_QUOTA_EXCEEDED, WSAENOBUFS},
    {(uint32_t)STATUS_PAGEFILE_QUOTA, WSAENOBUFS},
    {(uint32_t)STATUS_PAGEFILE_QUOTA_EXCEEDED, WSAENOBUFS},
    {(uint32_t)STATUS_WORKING_SET_QUOTA, WSAENOBUFS},
    {(uint32_t)STATUS_COMMITMENT_LIMIT, WSAENOBUFS},
    {(uint32_t)STATUS_TOO_MANY_PAGING_FILES, WSAENOBUFS},
    {(uint32_t)STATUS_CONFLICTING_ADDRESSES, WSAENOBUFS},
    {(uint32_t)STATUS_TOO_MANY_OPENED_FILES, WSAEMFILE},
    {(uint32_t)STATUS_ACCESS_DENIED, WSAEACCES},
    {(uint32_t)STATUS_ACCESS_VIOLATION, WSAEFAULT},
    {(uint32_t)STATUS_DEVICE_NOT_READY, WSAEWOULDBLOCK},
    {(uint32_t)STATUS_INVALID_CONNECTION, WSAENOTCONN},
    {(uint32_t)STATUS_CONNECTION_INVALID, WSAENOTCONN},
    {(uint32_t)STATUS_NOT_SUPPORTED, WSAEOPNOTSUPP},
    {(uint32_t)STATUS_HANDLES_CLOSED, ERROR_HANDLES_CLOSED},
    {(uint32_t)STATUS_INVALID_HANDLE, ERROR_INVALID_HANDLE},
    {(uint32_t)STATUS_OBJECT_TYPE_MISMATCH, WSAENOTSOCK},
    {(uint32_t)STATUS_INVALID_PARAMETER, WSAEINVAL},
};

int32_t icn_iocp_error(uintptr_t ntstatus)
{
    uint32_t code = (uint32_t)ntstatus;
    ICN_CHECK(code != (uint32_t)STATUS_PENDING);
    if (code == (uint32_t)STATUS_SUCCESS) {
        return 0;
    }
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].ntstatus == code) {
            return errors[i].os_error;
        }
    }
    if (NT_SUCCESS((NTSTATUS)code)) {
        return 0;
    }
    return (code & FACILITY_BITS) == WIN32_CODES ? (int32_t)(code & 0xFFFFu) : (int32_t)code;
}

/* Which of these codes comes for the end of a connection depends on who was faster. */
static bool means_ended(int32_t os_error)
{
    return os_error == ERROR_NETNAME_DELETED || os_error == WSAECONNRESET || os_error == WSAECONNABORTED ||
           os_error == ERROR_CONNECTION_ABORTED || os_error == WSA_OPERATION_ABORTED ||
           os_error == ERROR_HANDLES_CLOSED || os_error == WSA_INVALID_HANDLE;
}

icn_result icn_iocp_outcome(int32_t os_error, bool cancelling)
{
    icn_result result = icn_os_result(os_error);
    if (!means_ended(os_error)) {
        return result;
    }
    if (cancelling) {
        result.status = IOCPNET_E_CANCELLED;
    } else if (result.status != IOCPNET_E_CONNECTION_RESET) {
        result.status = IOCPNET_E_CONNECTION_ABORTED;
    }
    return result;
}
