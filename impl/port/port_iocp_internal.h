/*
 * The IOCP port, between its files. Owner thread only.
 *
 * A packet of the completion port, or a call that is done at once, only puts its operation into a queue; completion
 * functions run from that queue, first come first served, so that no operation starves another. An operation is in it
 * when it has something to deliver: its last completion, a socket that can be read, or accepted connections.
 */
#ifndef ICN_PORT_IOCP_INTERNAL_H
#define ICN_PORT_IOCP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>

#include "base/atomic.h"
#include "port/operation.h"
#include "port/port_iocp_error.h"

/* A request to the system. The system's from the call until its packet is dequeued, however it ends. */
typedef struct icn_iocp_request {
    OVERLAPPED overlapped;
    icn_operation *operation;
} icn_iocp_request;

_Static_assert(sizeof(icn_iocp_request) <= sizeof(((icn_operation *)0)->storage), "a request fits into an operation");

typedef struct icn_iocp {
    icn_port port; /* first: the contract's view */
    HANDLE handle;
    LPFN_ACCEPTEX accept_ex;
    LPFN_CONNECTEX connect_ex;
    icn_list queue;
    icn_atomic_u32 woken;  /* any thread; 1 while a wake packet is posted */
    bool handles_are_real; /* the provider's sockets are the system's handles: skip mode is possible */
    uint32_t buffer_bytes;
    uint8_t buffer[]; /* every receive lands here, and stays until the completion function returns */
} icn_iocp;

/* icn_endpoint.ready: a call on this socket that succeeds at once posts no packet. */
#define ICN_IOCP_SKIPS 1u

static inline icn_iocp *icn_iocp_of(icn_port *port)
{
    ICN_CHECK(port->functions->kind == IOCPNET_PORT_IOCP);
    return (icn_iocp *)(void *)port;
}

static inline icn_iocp_request *icn_iocp_request_of(icn_operation *operation)
{
    return (icn_iocp_request *)(void *)operation->storage;
}

static inline SOCKET icn_iocp_socket_of(const icn_operation *operation)
{
    return (SOCKET)icn_operation_endpoint(operation)->socket;
}

/* Puts an operation that has something to deliver at the end of the queue, unless it is there. */
void icn_iocp_enqueue(icn_iocp *iocp, icn_operation *operation);

/* Queues the last completion of an operation. */
void icn_iocp_finish(icn_iocp *iocp, icn_operation *operation, icn_result result, uint32_t size);

/* Clears a request for its next call. */
void icn_iocp_prepare(icn_iocp_request *request, icn_operation *operation);

/* port_iocp_operations.c: the contract's functions for a connection. */
void icn_iocp_connect(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address);
void icn_iocp_receive(icn_port *port, icn_endpoint *endpoint, icn_operation *operation);
void icn_iocp_send(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                   uint32_t count);
void icn_iocp_cancel(icn_port *port, icn_operation *operation);

/* The system is done with the request of an operation that is not an accept. `os_error`: 0, or a Winsock code. */
void icn_iocp_completed(icn_iocp *iocp, icn_operation *operation, int32_t os_error, uint32_t size);

/* Reads once from a socket that may have something, and delivers it. Returns the completions delivered, 0 or 1. */
uint32_t icn_iocp_deliver_received(icn_iocp *iocp, icn_operation *operation);

/* port_iocp_accept.c: likewise for a listener, with its pool of posted accepts. */
void icn_iocp_accept(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, uint32_t count);
void icn_iocp_accept_cancel(icn_iocp *iocp, icn_operation *operation);

/* The system is done with one accept of a pool. */
void icn_iocp_accept_completed(icn_iocp *iocp, icn_iocp_request *request, int32_t os_error);

/* Takes one of these and posts it again; delivers its connection, if it brought one. Returns 0 or 1. */
uint32_t icn_iocp_deliver_accepted(icn_iocp *iocp, icn_operation *operation);

#endif
