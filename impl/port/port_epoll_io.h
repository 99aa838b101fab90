/* The inside of the epoll port: its state, and what it does with a socket. Owner thread only, but for `woken`. */
#ifndef ICN_PORT_EPOLL_IO_H
#define ICN_PORT_EPOLL_IO_H

#include <sys/epoll.h>

#include "base/atomic.h"
#include "port/port.h"

#define ICN_EPOLL_EVENTS_MAX 256

/* Bits of icn_endpoint.ready: what epoll told about reading and no system call has taken back. */
#define ICN_EPOLL_READABLE 1u   /* there may be something */
#define ICN_EPOLL_EXHAUSTIVE 2u /* an end, an error or urgent data: a short read may have left something */
#define ICN_EPOLL_ERROR 4u      /* an error was pending */

typedef struct icn_epoll_port {
    icn_port base;
    int epoll;
    int wake;             /* an eventfd; its edge is enough, nobody reads it */
    icn_atomic_u32 woken; /* any thread; 1 from a wake until the owner has seen it */
    uint32_t budget;      /* completions that the current run may still deliver */
    uint32_t queue_turns; /* runs since the last look at the sockets */
    uint32_t event_next;  /* events[event_next .. event_count): left over by the last run */
    uint32_t event_count;
    uint32_t buffer_size;
    char *buffer;      /* every receive lands here: one warm piece of memory */
    icn_list queue;    /* operations whose last completion is to be delivered */
    icn_list readable; /* endpoints that may have more to read, served in turn */
    struct epoll_event events[ICN_EPOLL_EVENTS_MAX];
} icn_epoll_port;

/* Delivers what can be read or accepted, within the budget and the endpoint's fair share; the rest is put off. */
void icn_epoll_read(icn_epoll_port *port, icn_endpoint *endpoint);

/* Completes the connect or send that waits for the socket, one completion at most. */
void icn_epoll_write(icn_epoll_port *port, icn_endpoint *endpoint);

void icn_epoll_start_reading(icn_epoll_port *port, icn_endpoint *endpoint);
void icn_epoll_connect(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation,
                       const icn_address *address);
void icn_epoll_send(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count);

#endif
