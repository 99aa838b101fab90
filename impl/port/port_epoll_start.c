#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "os/error.h"
#include "os/linux/sockaddr.h"
#include "port/operation.h"
#include "port/port_epoll_internal.h"
#include "port/send_linux.h"

void icn_epoll_put_off(icn_epoll_port *port, icn_endpoint *endpoint)
{
    ICN_CHECK(endpoint->ready != 0);
    if (!icn_list_holds(&endpoint->reader.node)) {
        icn_list_append(&port->readable, &endpoint->reader.node);
    }
}

void icn_epoll_watch_listener(const icn_epoll_port *port, icn_endpoint *endpoint, bool watched)
{
    /* Edge-triggered when it is not watched: an error can not be masked, and would else be told for ever. */
    struct epoll_event event = {.events = watched ? EPOLLIN : EPOLLET, .data = {.ptr = endpoint}};
    const int changed = epoll_ctl(port->epoll, EPOLL_CTL_MOD, (int)endpoint->socket, &event);

    ICN_CHECK(changed == 0);
}

void icn_epoll_accept(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, uint32_t count)
{
    (void)count;
    operation->outcome = 0;
    icn_epoll_watch_listener(icn_epoll_port_of(base), endpoint, true);
}

void icn_epoll_receive(icn_port *base, icn_endpoint *endpoint, icn_operation *operation)
{
    (void)operation;
    /* Its edge has passed already: without this nothing would come. */
    if (endpoint->ready != 0) {
        icn_epoll_put_off(icn_epoll_port_of(base), endpoint);
    }
}

void icn_epoll_forget_events(icn_epoll_port *port, const icn_endpoint *endpoint)
{
    ICN_CHECK(port->event_count <= ICN_EPOLL_EVENTS_MAX);
    for (uint32_t i = port->event_next; i < port->event_count; ++i) {
        if (port->events[i].data.ptr == endpoint) {
            port->events[i].events = 0;
        }
    }
}

void icn_epoll_connect(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address)
{
    icn_epoll_port *port = icn_epoll_port_of(base);
    struct sockaddr_storage storage;
    const socklen_t length = icn_os_sockaddr_write(address, &storage);

    /* A socket that is not connected reads as writable and hung up. */
    icn_epoll_forget_events(port, endpoint);
    endpoint->ready = 0;
    if (connect((int)endpoint->socket, (const struct sockaddr *)&storage, length) == 0) {
        icn_operation_queue(&port->queue, operation, icn_ok(), 0);
    } else if (errno != EINPROGRESS && errno != EINTR) {
        icn_operation_queue(&port->queue, operation, icn_os_last_result(), 0);
    }
}

void icn_epoll_send(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count)
{
    icn_epoll_port *port = icn_epoll_port_of(base);

    ICN_CHECK(&endpoint->writer == operation);
    /* When the socket is full the edge of EPOLLOUT completes it. */
    (void)icn_linux_try_send(&port->queue, operation, pieces, count);
}

/*
 * Nothing of it is in the system: what comes for the socket later finds no operation in flight. A reader that waits for its
 * turn to be read waits no more: a receive that is started later begins with what is left.
 */
void icn_epoll_cancel(icn_port *base, icn_operation *operation)
{
    icn_epoll_port *port = icn_epoll_port_of(base);

    if (operation->kind == ICN_OPERATION_ACCEPT) {
        icn_epoll_watch_listener(port, icn_operation_endpoint(operation), false);
    }
    icn_list_remove(&operation->node);
    icn_operation_queue(&port->queue, operation, icn_failure(IOCPNET_E_CANCELLED), 0);
}
