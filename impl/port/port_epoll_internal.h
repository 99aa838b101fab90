/*
 * Private to the epoll port: its state, and what its files offer to each other. Owner thread only, but for `woken`.
 *
 * A connection is registered once, edge-triggered. What an edge told about reading is kept in endpoint->ready, as bits of
 * epoll, until a system call has taken it back; writing is tried, and an edge waited for only when it would block.
 * A listener is level-triggered while an accept is in flight, whose `outcome` counts, up to some number, the connections in
 * a row without an accept that found none.
 */
#ifndef ICN_PORT_EPOLL_INTERNAL_H
#define ICN_PORT_EPOLL_INTERNAL_H

#include <sys/epoll.h>

#include "base/atomic.h"
#include "base/check.h"
#include "port/port.h"
#include "port/port_epoll.h"

#define ICN_EPOLL_EVENTS_MAX 256

typedef struct icn_epoll_port {
    icn_port base;
    int epoll;
    int wake;                   /* an eventfd; its edge is enough, nobody reads it */
    icn_endpoint wake_endpoint; /* what its events lead to; nothing is ever started on it */
    icn_atomic_u32 woken;       /* any thread; 1 from a wake until the owner has seen it */
    uint32_t budget;            /* completions that the current run may still deliver */
    uint32_t queue_turns;       /* runs since the last look at the sockets */
    uint32_t event_next;        /* events[event_next .. event_count): left over by the last run */
    uint32_t event_count;
    uint32_t buffer_size;
    char *buffer;            /* where receives land, unless the owner has a better place: one warm piece of memory */
    icn_completion received; /* made once; a receive stores its size and place only */
    icn_list queue;          /* operations whose last completion is to be delivered */
    /* Endpoints that may have more to read, served in turn, by the nodes of their readers: those in flight or idle, while
     * `queue` has only such as are completed. */
    icn_list readable;
    struct epoll_event events[ICN_EPOLL_EVENTS_MAX];
} icn_epoll_port;

static inline icn_epoll_port *icn_epoll_port_of(icn_port *base)
{
    ICN_CHECK(base->functions == &icn_port_epoll);
    return (icn_epoll_port *)(void *)base;
}

/* --------------------------------------------------------- port_epoll_start.c: from the owner to the system, at once */

void icn_epoll_accept(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, uint32_t count);
void icn_epoll_connect(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address);
void icn_epoll_receive(icn_port *base, icn_endpoint *endpoint, icn_operation *operation);
void icn_epoll_send(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count);
void icn_epoll_cancel(icn_port *base, icn_operation *operation);

/* What epoll told of an endpoint and was not looked at yet holds no longer. */
void icn_epoll_forget_events(icn_epoll_port *port, const icn_endpoint *endpoint);

/* Whether connections that wait raise events. */
void icn_epoll_watch_listener(const icn_epoll_port *port, icn_endpoint *endpoint, bool watched);

/* Has the next run read from an endpoint that may have more. */
void icn_epoll_put_off(icn_epoll_port *port, icn_endpoint *endpoint);

/* ------------------------------------------------------------- port_epoll_run.c: from the system to the owner */

icn_result icn_epoll_run(icn_port *base, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered);

#endif
