#include "port/port_iocp_internal.h"
#include "util/memory.h"

/* AcceptEx stores both addresses, each with 16 bytes more than the longest of the transport. */
#define ADDRESS_BYTES (sizeof(SOCKADDR_STORAGE) + 16)

/* A connection that was reset before it was accepted fails an accept; so many in a row mean that the listener is dead. */
#define FAILURES_MAX 1000

typedef struct accept_slot {
    icn_iocp_request request;
    int32_t os_error;     /* outcome, once the system is through with it */
    icn_list_node node;   /* in the pool's list `done` */
    icn_os_socket socket; /* for the next connection; ours until it is handed over */
    uint8_t addresses[2 * ADDRESS_BYTES];
} accept_slot;

/* The accepts of one listener, from icn_iocp_accept until its last completion is queued. In icn_endpoint.extra. */
typedef struct accept_pool {
    icn_list done;     /* slots that the system is through with */
    uint32_t count;    /* slots */
    uint32_t posted;   /* slots that the system has */
    uint32_t failures; /* since the last connection */
    bool ending;       /* nothing is posted any more; ends when the system has given all slots back */
    icn_result end;    /* and this is why */
    accept_slot slots[];
} accept_pool;

static accept_pool *pool_of(const icn_operation *operation)
{
    return icn_operation_endpoint(operation)->extra;
}

static size_t size_of(uint32_t count)
{
    return sizeof(accept_pool) + count * sizeof(accept_slot);
}

/* The slots that the system has come back one by one, as connected or cancelled. */
static void end_pool(icn_operation *operation, icn_result why)
{
    accept_pool *pool = pool_of(operation);
    ICN_CHECK(why.status != IOCPNET_OK);
    if (!pool->ending) {
        pool->ending = true;
        pool->end = why;
        CancelIoEx((HANDLE)icn_operation_endpoint(operation)->socket, NULL);
    }
}

/* Queues the accept when there is something to hand over, and ends it when its pool has come to its end. Once that has
 * happened there is no pool any more. */
static void settle(icn_iocp *iocp, icn_operation *operation)
{
    accept_pool *pool = pool_of(operation);
    if (pool == NULL) {
        return;
    }
    if (!icn_list_is_empty(&pool->done)) {
        icn_iocp_enqueue(iocp, operation);
    } else if (pool->ending && pool->posted == 0) {
        icn_result end = pool->end;
        icn_operation_endpoint(operation)->extra = NULL;
        icn_memory_release(pool, size_of(pool->count), ICN_MEMORY_PORT);
        icn_iocp_finish(iocp, operation, end, 0);
    }
}

static void close_slot(accept_slot *slot)
{
    icn_os_socket_close(slot->socket);
    icn_live_remove(ICN_LIVE_DESCRIPTORS);
    slot->socket = ICN_OS_SOCKET_NONE;
}

/* Gives a slot to the system, with a fresh socket; ends the pool when there is none. A call that fails or is done at once
 * goes the way of a packet. */
static void post_slot(icn_iocp *iocp, icn_operation *operation, accept_slot *slot)
{
    accept_pool *pool = pool_of(operation);
    icn_endpoint *endpoint = icn_operation_endpoint(operation);
    DWORD size = 0;
    ICN_CHECK(!pool->ending && pool->posted < pool->count);
    icn_result opened = icn_os_socket_open((icn_address_family)endpoint->family, &slot->socket);
    if (opened.status != IOCPNET_OK) {
        end_pool(operation, opened);
        return;
    }
    icn_live_add(ICN_LIVE_DESCRIPTORS);
    icn_iocp_prepare(&slot->request, operation);
    pool->posted++;
    bool succeeded = iocp->accept_ex((SOCKET)endpoint->socket, (SOCKET)slot->socket, slot->addresses, 0, ADDRESS_BYTES,
                                     ADDRESS_BYTES, &size, &slot->request.overlapped);
    int32_t os_error = succeeded ? 0 : WSAGetLastError();
    bool packet_follows = succeeded && (endpoint->ready & ICN_IOCP_SKIPS) == 0;
    if (!packet_follows && os_error != WSA_IO_PENDING) {
        icn_iocp_accept_completed(iocp, &slot->request, os_error);
    }
}

void icn_iocp_accept_completed(icn_iocp *iocp, icn_iocp_request *request, int32_t os_error)
{
    accept_slot *slot = ICN_CONTAINER(request, accept_slot, request);
    icn_operation *operation = request->operation;
    accept_pool *pool = pool_of(operation);
    ICN_CHECK(pool->posted > 0);
    pool->posted--;
    slot->os_error = os_error;
    icn_list_append(&pool->done, &slot->node);
    icn_iocp_enqueue(iocp, operation);
}

static accept_pool *make_pool(uint32_t count)
{
    accept_pool *pool = icn_memory_allocate_zeroed(size_of(count), ICN_MEMORY_PORT);
    if (pool != NULL) {
        pool->count = count;
        icn_list_init(&pool->done);
    }
    return pool;
}

void icn_iocp_accept(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, uint32_t count)
{
    icn_iocp *iocp = icn_iocp_of(port);
    accept_pool *pool = make_pool(count);
    ICN_CHECK(endpoint->extra == NULL);
    icn_list_init(&operation->node);
    endpoint->extra = pool;
    if (pool == NULL) {
        icn_iocp_finish(iocp, operation, icn_failure(IOCPNET_E_NO_MEMORY), 0);
        return;
    }
    for (uint32_t i = 0; i < count && !pool->ending; i++) {
        post_slot(iocp, operation, &pool->slots[i]);
    }
    settle(iocp, operation);
}

/* Makes the new socket a full one: it takes over the listener's properties, and knows its addresses. */
static int32_t update_accepted(const icn_operation *operation, const accept_slot *slot)
{
    SOCKET listener = icn_iocp_socket_of(operation);
    return setsockopt((SOCKET)slot->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
                      (int)sizeof listener) == 0
               ? 0
               : WSAGetLastError();
}

static bool is_lasting(icn_result result)
{
    return result.status == IOCPNET_E_NO_DESCRIPTORS || result.status == IOCPNET_E_NO_MEMORY;
}

/* The new socket, no longer the slot's; or none when the accept failed. One failure says nothing about the next one,
 * unless the system is short of something. */
static icn_os_socket claim(icn_operation *operation, accept_slot *slot)
{
    accept_pool *pool = pool_of(operation);
    int32_t os_error = slot->os_error;
    if (os_error == 0) {
        os_error = update_accepted(operation, slot);
    }
    if (os_error == 0) {
        icn_os_socket accepted = slot->socket;
        slot->socket = ICN_OS_SOCKET_NONE;
        icn_live_remove(ICN_LIVE_DESCRIPTORS);
        pool->failures = 0;
        return accepted;
    }
    close_slot(slot);
    icn_result failed = icn_iocp_outcome(os_error, false);
    pool->failures++;
    if (is_lasting(failed) || pool->failures > FAILURES_MAX) {
        end_pool(operation, failed);
    }
    return ICN_OS_SOCKET_NONE;
}

uint32_t icn_iocp_deliver_accepted(icn_iocp *iocp, icn_operation *operation)
{
    accept_pool *pool = pool_of(operation);
    ICN_CHECK(!icn_list_is_empty(&pool->done));
    accept_slot *slot = ICN_CONTAINER(icn_list_take_first(&pool->done), accept_slot, node);
    icn_completion completion = {.status = IOCPNET_OK, .more = true, .accepted = claim(operation, slot)};
    uint32_t delivered = completion.accepted != ICN_OS_SOCKET_NONE;
    /* Before the completion function runs, which may take its time. */
    if (!pool->ending) {
        post_slot(iocp, operation, slot);
    }
    if (delivered > 0) {
        icn_operation_give(&iocp->port, operation, &completion);
    }
    /* It may have cancelled, which ends the pool when nothing is left of it. */
    settle(iocp, operation);
    return delivered;
}

void icn_iocp_accept_cancel(icn_iocp *iocp, icn_operation *operation)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    operation->state = ICN_OPERATION_CANCELLING;
    end_pool(operation, icn_iocp_outcome(WSA_OPERATION_ABORTED, true));
    settle(iocp, operation);
}
