#include "port/port_iocp.h"

#include <string.h>

#include "os/clock.h"
#include "os/error.h"
#include "port/port_iocp_internal.h"
#include "util/memory.h"

/* A thread that drove the port before and still runs something else must not count against the one that drives it now. */
#define CONCURRENCY 1024

#define PACKETS_MAX 64 /* dequeued at a time */

#define WAKE_ATTEMPTS_MAX 16

static size_t size_of(uint32_t buffer_bytes)
{
    return sizeof(icn_iocp) + buffer_bytes;
}

static bool load_function(SOCKET socket, GUID id, void *function, DWORD size)
{
    DWORD stored = 0;
    return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, function, size, &stored, NULL, NULL) ==
               0 &&
           stored == size;
}

/* A layered provider may hand out sockets that are no handles of the system; those keep posting every packet. */
static bool handles_are_real(SOCKET socket)
{
    WSAPROTOCOL_INFOW protocol = {0};
    int size = (int)sizeof protocol;
    return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&protocol, &size) == 0 &&
           (protocol.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

/* What has to be asked of a socket of the system's provider. */
static icn_result load_provider(icn_iocp *iocp)
{
    icn_os_socket probe = ICN_OS_SOCKET_NONE;
    icn_result result = icn_os_socket_startup();
    if (result.status != IOCPNET_OK) {
        return result;
    }
    result = icn_os_socket_open(ICN_ADDRESS_IPV4, &probe);
    if (result.status != IOCPNET_OK) {
        result = icn_os_socket_open(ICN_ADDRESS_IPV6, &probe);
    }
    if (result.status != IOCPNET_OK) {
        return result;
    }
    GUID accept_ex = WSAID_ACCEPTEX;
    GUID connect_ex = WSAID_CONNECTEX;
    if (!load_function((SOCKET)probe, accept_ex, &iocp->accept_ex, sizeof iocp->accept_ex) ||
        !load_function((SOCKET)probe, connect_ex, &iocp->connect_ex, sizeof iocp->connect_ex)) {
        result = icn_os_last_result();
    }
    iocp->handles_are_real = handles_are_real((SOCKET)probe);
    icn_os_socket_close(probe);
    return result;
}

static icn_result port_open(const icn_port_options *options, icn_port **port)
{
    ICN_CHECK(options->receive_buffer_bytes > 0);
    icn_iocp *iocp = icn_memory_allocate(size_of(options->receive_buffer_bytes), ICN_MEMORY_PORT);
    if (iocp == NULL) {
        return icn_failure(IOCPNET_E_NO_MEMORY);
    }
    memset(iocp, 0, sizeof *iocp);
    iocp->port.functions = &icn_port_iocp;
    iocp->buffer_bytes = options->receive_buffer_bytes;
    icn_list_init(&iocp->queue);
    icn_result result = load_provider(iocp);
    if (result.status != IOCPNET_OK) {
        goto fail;
    }
    iocp->handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, CONCURRENCY);
    if (iocp->handle == NULL) {
        result = icn_os_result((int32_t)GetLastError());
        goto fail;
    }
    icn_live_add(ICN_LIVE_DESCRIPTORS);
    *port = &iocp->port;
    return result;
fail:
    icn_memory_release(iocp, size_of(iocp->buffer_bytes), ICN_MEMORY_PORT);
    return result;
}

static void port_close(icn_port *port)
{
    icn_iocp *iocp = icn_iocp_of(port);
    ICN_CHECK(icn_list_is_empty(&iocp->queue));
    CloseHandle(iocp->handle);
    icn_live_remove(ICN_LIVE_DESCRIPTORS);
    icn_memory_release(iocp, size_of(iocp->buffer_bytes), ICN_MEMORY_PORT);
}

static icn_result port_attach(icn_port *port, icn_endpoint *endpoint)
{
    icn_iocp *iocp = icn_iocp_of(port);
    HANDLE handle = (HANDLE)endpoint->socket;
    if (CreateIoCompletionPort(handle, iocp->handle, 0, 0) == NULL) {
        return icn_os_result((int32_t)GetLastError());
    }
    endpoint->ready = 0;
    endpoint->extra = NULL;
    if (iocp->handles_are_real && SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                                 FILE_SKIP_SET_EVENT_ON_HANDLE)) {
        endpoint->ready = ICN_IOCP_SKIPS;
    }
    return icn_ok();
}

/* With nothing in flight; closing a socket under a pending send would lose the packet, and worse under wine. */
static void port_detach(icn_port *port, icn_endpoint *endpoint)
{
    (void)port;
    ICN_CHECK(endpoint->extra == NULL);
    icn_os_socket_close(endpoint->socket);
}

/* Packets lead to operations, not to endpoints: the key of the association is nobody's. */
static void port_move(icn_port *port, icn_endpoint *from, icn_endpoint *to)
{
    (void)port;
    ICN_CHECK(from->extra == NULL);
    to->ready = from->ready;
    to->extra = NULL;
}

void icn_iocp_enqueue(icn_iocp *iocp, icn_operation *operation)
{
    ICN_CHECK(operation->state != ICN_OPERATION_IDLE);
    if (!icn_list_holds(&operation->node)) {
        icn_list_append(&iocp->queue, &operation->node);
    }
}

void icn_iocp_finish(icn_iocp *iocp, icn_operation *operation, icn_result result, uint32_t size)
{
    ICN_CHECK(operation->kind != ICN_OPERATION_ACCEPT || icn_operation_endpoint(operation)->extra == NULL);
    icn_list_remove(&operation->node);
    icn_operation_queue(&iocp->queue, operation, result, size);
}

void icn_iocp_prepare(icn_iocp_request *request, icn_operation *operation)
{
    memset(request, 0, sizeof *request);
    request->operation = operation;
}

static uint32_t deliver_one(icn_iocp *iocp, icn_operation *operation)
{
    if (operation->state == ICN_OPERATION_COMPLETED) {
        icn_operation_finish_queued(&iocp->port, operation);
        return 1;
    }
    ICN_CHECK(operation->kind == ICN_OPERATION_ACCEPT || operation->kind == ICN_OPERATION_RECEIVE);
    return operation->kind == ICN_OPERATION_ACCEPT ? icn_iocp_deliver_accepted(iocp, operation)
                                                   : icn_iocp_deliver_received(iocp, operation);
}

/* What goes on queues up again behind the others. Turns that deliver nothing count as well, so that this always ends. */
static uint32_t deliver(icn_iocp *iocp, uint32_t budget)
{
    uint32_t delivered = 0;
    for (uint32_t turn = 0; turn < budget && !icn_list_is_empty(&iocp->queue); turn++) {
        icn_list_node *first = icn_list_take_first(&iocp->queue);
        delivered += deliver_one(iocp, ICN_CONTAINER(first, icn_operation, node));
    }
    return delivered;
}

/*
 * The error is the request's own: the dequeuing call knows nothing about single packets. Under wine a request whose thread
 * has ended may still be pending. Then its packet tells how it ended, or that it could have gone on: a receive finds out
 * by itself, but how much of a send has left nobody knows.
 */
static int32_t packet_error(const OVERLAPPED_ENTRY *entry, const icn_iocp_request *request)
{
    if (request->overlapped.Internal != STATUS_PENDING) {
        return icn_iocp_error(request->overlapped.Internal);
    }
    int32_t os_error = icn_iocp_error(entry->Internal);
    return os_error == 0 && request->operation->kind == ICN_OPERATION_SEND ? WSAECONNABORTED : os_error;
}

static void take_packet(icn_iocp *iocp, const OVERLAPPED_ENTRY *entry)
{
    icn_iocp_request *request = ICN_CONTAINER(entry->lpOverlapped, icn_iocp_request, overlapped);
    icn_operation *operation = request->operation;
    int32_t os_error = packet_error(entry, request);
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT || operation->state == ICN_OPERATION_CANCELLING);
    if (operation->kind == ICN_OPERATION_ACCEPT) {
        icn_iocp_accept_completed(iocp, request, os_error);
    } else {
        icn_iocp_completed(iocp, operation, os_error, entry->dwNumberOfBytesTransferred);
    }
}

/* Waits for packets and queues what they say. `woken`: a wake was among them. */
static icn_result collect(icn_iocp *iocp, uint32_t timeout_ms, bool *woken)
{
    OVERLAPPED_ENTRY entries[PACKETS_MAX];
    ULONG count = 0;
    if (!GetQueuedCompletionStatusEx(iocp->handle, entries, PACKETS_MAX, &count, timeout_ms, FALSE)) {
        DWORD error = GetLastError();
        return error == WAIT_TIMEOUT ? icn_ok() : (icn_result){IOCPNET_E_SYSTEM, (int32_t)error};
    }
    for (ULONG i = 0; i < count; i++) {
        if (entries[i].lpOverlapped != NULL) {
            take_packet(iocp, &entries[i]);
            continue;
        }
        /* An exchange, to see what was written before any wake that found the flag set and posted nothing. */
        icn_u32_exchange(&iocp->woken, 0);
        *woken = true;
    }
    return icn_ok();
}

static uint32_t remaining_ms(uint32_t timeout_ms, uint64_t started_ms)
{
    if (timeout_ms == 0 || timeout_ms == IOCPNET_INFINITE) {
        return timeout_ms;
    }
    uint64_t elapsed = icn_os_clock_ms() - started_ms;
    return elapsed < timeout_ms ? timeout_ms - (uint32_t)elapsed : 0;
}

/* The system is asked on every run, however much is queued: its packets may not starve. */
static icn_result port_run(icn_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_iocp *iocp = icn_iocp_of(port);
    uint64_t started_ms = timeout_ms == 0 ? 0 : icn_os_clock_ms();
    uint32_t left_ms = timeout_ms;
    bool woken = false;
    *delivered = 0;
    for (;;) {
        icn_result result = collect(iocp, icn_list_is_empty(&iocp->queue) ? left_ms : 0, &woken);
        if (result.status != IOCPNET_OK) {
            return result;
        }
        *delivered = deliver(iocp, budget);
        if (*delivered > 0 || woken || left_ms == 0) {
            return result;
        }
        left_ms = remaining_ms(timeout_ms, started_ms);
    }
}

/* Every call goes to the system at once. */
static icn_result port_submit(icn_port *port)
{
    (void)port;
    return icn_ok();
}

/*
 * The one that sets the flag posts; the owner clears it when it takes the packet, so each wake is followed by a packet.
 * Posting fails only when the system is out of memory; should that last, the next wake tries again.
 */
static void port_wake(icn_port *port)
{
    icn_iocp *iocp = icn_iocp_of(port);
    if (icn_u32_exchange(&iocp->woken, 1) != 0) {
        return;
    }
    for (int attempt = 0; attempt < WAKE_ATTEMPTS_MAX; attempt++) {
        if (PostQueuedCompletionStatus(iocp->handle, 0, 0, NULL)) {
            return;
        }
        Sleep(1);
    }
    icn_u32_store(&iocp->woken, 0);
}

const icn_port_functions icn_port_iocp = {
    .kind = IOCPNET_PORT_IOCP,
    .open = port_open,
    .close = port_close,
    .attach = port_attach,
    .detach = port_detach,
    .move = port_move,
    .accept = icn_iocp_accept,
    .connect = icn_iocp_connect,
    .receive = icn_iocp_receive,
    .send = icn_iocp_send,
    .sends_now = true,
    .cancel = icn_iocp_cancel,
    .run = port_run,
    .submit = port_submit,
    .wake = port_wake,
};
