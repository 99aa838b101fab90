/*
 * Private to the io_uring port: its state, and what its files offer to each other. Owner thread only.
 *
 * An operation has at most one request in the kernel, whose user data is the operation's address. It is the kernel's
 * until the completion that has no IORING_CQE_F_MORE; while a cancel of it is under way, until the cancel's own completion
 * as well, so that a cancel never meets the operation's next use. A request that ends by itself (after one piece, for want
 * of a buffer, by a full completion queue, with the thread that submitted it) is submitted again; the owner does not notice.
 *
 * Sends are plain system calls: requests would cost no less, and tell of their end later. One that finds the
 * socket full has a poll for its request. The kernel polls for the end of the peer's stream too, asked or not, and that does
 * not go away: so the poll is edge-triggered, and goes on until there is room. Then the port cancels it, and the owner sends
 * again.
 */
#ifndef ICN_PORT_URING_PORT_H
#define ICN_PORT_URING_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"
#include "port/port.h"
#include "port/uring_buffers.h"
#include "port/uring_ring.h"

/*
 * icn_operation.flags of this port. While the cancel of a request that has ended is under way icn_operation.outcome is the
 * result of the request: no completion is queued then.
 */
enum {
    ICN_URING_SUBMITTED = 1,  /* the kernel will complete the request */
    ICN_URING_CANCEL_SENT = 2 /* the kernel will complete the cancel */
};

/* User data other than an operation's address. */
enum {
    ICN_URING_CANCEL_BIT = 1, /* or-ed to the address: the completion of a cancel */
    ICN_URING_WAKE = 2
};

typedef struct icn_uring_port {
    icn_port base;
    icn_uring_ring ring;
    icn_list parked;       /* operations to submit */
    uint32_t parked_turns; /* state of what says how many of them at a time */
    icn_list cancels;      /* operations whose cancel is to be submitted */
    icn_list queue;        /* operations whose last completion is to be delivered */
    int wake_descriptor;   /* an eventfd; nobody reads it: the poll on it sees each write */
    bool wake_polled;      /* the kernel polls it */
    icn_atomic_u32 woken;  /* any thread; 1: a wake that no run has answered */
    icn_uring_buffers buffers;
    icn_completion received; /* of the usual receive: made once, which stores its data and size only */
} icn_uring_port;

static inline icn_uring_port *icn_uring_port_of(icn_port *base)
{
    ICN_CHECK(base->functions->kind == IOCPNET_PORT_IO_URING);
    return (icn_uring_port *)(void *)base;
}

/* uring_request.c: from the owner to the kernel. */

void icn_uring_accept(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, uint32_t count);
void icn_uring_connect(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address);
void icn_uring_receive(icn_port *base, icn_endpoint *endpoint, icn_operation *operation);
void icn_uring_send(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count);
void icn_uring_cancel(icn_port *base, icn_operation *operation);

/* Writes submissions for what waits: parked operations, cancels, the poll of the wake. */
void icn_uring_write_waiting(icn_uring_port *port);

/* Submits the next request of an accept or receive that goes on after a piece. */
void icn_uring_start_again(icn_uring_port *port, icn_operation *operation);

/* Puts an operation that is in flight, but no send before its poll, where icn_uring_write_waiting finds it. */
void icn_uring_park(icn_uring_port *port, icn_operation *operation);

/* Ends the request of an operation, unless its end was asked for already. */
void icn_uring_end_request(icn_uring_port *port, icn_operation *operation);

/* uring_complete.c: from the kernel to the owner. */

/* Delivers at most `budget` completions that are there. Returns how many. */
uint32_t icn_uring_deliver(icn_uring_port *port, uint32_t budget);

#endif
