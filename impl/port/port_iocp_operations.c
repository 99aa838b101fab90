#include <limits.h>

#include "os/windows/gather.h"
#include "os/windows/sockaddr.h"
#include "port/port_iocp_internal.h"

static void begin(icn_operation *operation)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    icn_list_init(&operation->node);
    icn_iocp_prepare(icn_iocp_request_of(operation), operation);
}

/* The result of the call that was to start a request: every way of ending goes through icn_iocp_completed. */
static void called(icn_iocp *iocp, icn_operation *operation, int32_t os_error, DWORD size)
{
    bool packet_follows = os_error == 0 && (icn_operation_endpoint(operation)->ready & ICN_IOCP_SKIPS) == 0;
    if (packet_follows || os_error == WSA_IO_PENDING) {
        return;
    }
    /* For an overlapped call this one means that too many are pending already. */
    icn_iocp_completed(iocp, operation, os_error == WSAEWOULDBLOCK ? WSAENOBUFS : os_error, size);
}

static int32_t error_of(bool succeeded)
{
    return succeeded ? 0 : WSAGetLastError();
}

/* ConnectEx wants a socket that is bound; the owner may have done it. */
static bool bind_any(const icn_endpoint *endpoint)
{
    SOCKADDR_STORAGE any;
    int length = (int)sizeof any;
    if (getsockname((SOCKET)endpoint->socket, (struct sockaddr *)&any, &length) == 0) {
        return true;
    }
    length = icn_os_sockaddr_write_any((icn_address_family)endpoint->family, &any);
    return bind((SOCKET)endpoint->socket, (const struct sockaddr *)&any, length) == 0;
}

void icn_iocp_connect(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address)
{
    icn_iocp *iocp = icn_iocp_of(port);
    SOCKADDR_STORAGE target;
    int length = icn_os_sockaddr_write(address, &target);
    ICN_CHECK(endpoint->family == address->family);
    begin(operation);
    bool succeeded =
        bind_any(endpoint) && iocp->connect_ex((SOCKET)endpoint->socket, (const struct sockaddr *)&target, length, NULL,
                                               0, NULL, &icn_iocp_request_of(operation)->overlapped);
    called(iocp, operation, error_of(succeeded), 0);
}

/* A receive of no bytes: it ends when there is something to read, and an idle connection holds no buffer meanwhile. */
static void await_readable(icn_iocp *iocp, icn_operation *operation)
{
    icn_iocp_request *request = icn_iocp_request_of(operation);
    WSABUF nothing = {0, NULL};
    DWORD flags = 0;
    DWORD size = 0;
    ICN_CHECK(!icn_list_holds(&operation->node));
    icn_iocp_prepare(request, operation);
    int failed = WSARecv(icn_iocp_socket_of(operation), &nothing, 1, &size, &flags, &request->overlapped, NULL);
    called(iocp, operation, error_of(failed == 0), 0);
}

void icn_iocp_receive(icn_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    (void)endpoint;
    begin(operation);
    await_readable(icn_iocp_of(port), operation);
}

void icn_iocp_send(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                   uint32_t count)
{
    WSABUF buffers[ICN_PORT_PIECES_MAX];
    DWORD size = 0;
    begin(operation);
    DWORD filled = icn_os_gather(pieces, count, buffers);
    int failed =
        WSASend((SOCKET)endpoint->socket, buffers, filled, &size, 0, &icn_iocp_request_of(operation)->overlapped, NULL);
    called(icn_iocp_of(port), operation, error_of(failed == 0), size);
}

/* Without this the socket does not know that it is connected: its addresses, shutdown and options would fail. */
static int32_t update_connected(const icn_operation *operation)
{
    return error_of(setsockopt(icn_iocp_socket_of(operation), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) == 0);
}

void icn_iocp_completed(icn_iocp *iocp, icn_operation *operation, int32_t os_error, uint32_t size)
{
    bool cancelling = operation->state == ICN_OPERATION_CANCELLING;
    ICN_CHECK(operation->kind != ICN_OPERATION_ACCEPT && !icn_list_holds(&operation->node));
    if (os_error == 0 && operation->kind == ICN_OPERATION_RECEIVE) {
        if (!cancelling) {
            icn_iocp_enqueue(iocp, operation);
            return;
        }
        /* Readable, but not wanted any more. */
        os_error = WSA_OPERATION_ABORTED;
    }
    if (os_error == 0 && operation->kind == ICN_OPERATION_CONNECT) {
        os_error = update_connected(operation);
    }
    icn_iocp_finish(iocp, operation, icn_iocp_outcome(os_error, cancelling), size);
}

/* One piece, with the operation queued for more: a cancel inside the completion function finds it there. */
static void deliver_piece(icn_iocp *iocp, icn_operation *operation, uint32_t size)
{
    icn_completion completion = {
        .status = IOCPNET_OK,
        .more = true,
        .size = size,
        .data = iocp->buffer,
        .accepted = ICN_OS_SOCKET_NONE,
    };
    ICN_CHECK(size > 0 && size <= iocp->buffer_bytes);
    icn_iocp_enqueue(iocp, operation);
    icn_operation_give(&iocp->port, operation, &completion);
    /* A full buffer: there may be more at once. Else the socket is empty now, and its endpoint is still attached. */
    if (size < iocp->buffer_bytes && operation->state == ICN_OPERATION_IN_FLIGHT) {
        icn_list_remove(&operation->node);
        await_readable(iocp, operation);
    }
}

uint32_t icn_iocp_deliver_received(icn_iocp *iocp, icn_operation *operation)
{
    WSABUF buffer = {iocp->buffer_bytes, (CHAR *)iocp->buffer};
    DWORD flags = 0;
    DWORD size = 0;
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    int failed = WSARecv(icn_iocp_socket_of(operation), &buffer, 1, &size, &flags, NULL, NULL);
    int32_t os_error = error_of(failed == 0);
    if (os_error == WSAEWOULDBLOCK) {
        await_readable(iocp, operation);
        return 0;
    }
    if (os_error == 0 && size > 0) {
        deliver_piece(iocp, operation, size);
        return 1;
    }
    /* The end of the stream, or an error: the last completion, delivered when its turn comes. */
    icn_iocp_finish(iocp, operation, icn_iocp_outcome(os_error, false), 0);
    return 0;
}

static void cancel_request(icn_operation *operation)
{
    operation->state = ICN_OPERATION_CANCELLING;
    /* Not found: its packet is posted already, and will end it. */
    CancelIoEx((HANDLE)icn_operation_endpoint(operation)->socket, &icn_iocp_request_of(operation)->overlapped);
}

void icn_iocp_cancel(icn_port *port, icn_operation *operation)
{
    icn_iocp *iocp = icn_iocp_of(port);
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    if (operation->kind == ICN_OPERATION_ACCEPT) {
        icn_iocp_accept_cancel(iocp, operation);
    } else if (icn_list_holds(&operation->node)) {
        /* A receive that waits for its turn to read: the system has nothing of it. */
        icn_iocp_finish(iocp, operation, icn_iocp_outcome(WSA_OPERATION_ABORTED, true), 0);
    } else {
        cancel_request(operation);
    }
}
