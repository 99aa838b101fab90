#include "port/port_epoll.h"

#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/error.h"
#include "os/linux/wake.h"
#include "port/operation.h"
#include "port/port_epoll_internal.h"
#include "util/memory.h"

#define CONNECTION_EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP)

/* `owner`: what an event of this descriptor leads to. */
static bool watch(const icn_epoll_port *port, int descriptor, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events | EPOLLET, .data = {.ptr = owner}};
    return epoll_ctl(port->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static void close_descriptor(int descriptor)
{
    if (descriptor != -1) {
        close(descriptor);
        icn_live_remove(ICN_LIVE_DESCRIPTORS);
    }
}

/* Takes a port that was opened in part, too. */
static void release(icn_epoll_port *port)
{
    close_descriptor(port->wake);
    close_descriptor(port->epoll);
    icn_memory_release(port->buffer, port->buffer_size, ICN_MEMORY_PORT);
    icn_memory_release(port, sizeof *port, ICN_MEMORY_PORT);
}

static int count_descriptor(int descriptor)
{
    if (descriptor != -1) {
        icn_live_add(ICN_LIVE_DESCRIPTORS);
    }
    return descriptor;
}

static icn_result open_descriptors(icn_epoll_port *port)
{
    port->epoll = count_descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (port->epoll == -1) {
        return icn_os_last_result();
    }
    port->wake = count_descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (port->wake == -1 || !watch(port, port->wake, EPOLLIN, &port->wake_endpoint)) {
        return icn_os_last_result();
    }
    return icn_ok();
}

static icn_result epoll_open(const icn_port_options *options, icn_port **opened)
{
    icn_result result = icn_failure(IOCPNET_E_NO_MEMORY);
    icn_epoll_port *port = icn_memory_allocate_zeroed(sizeof *port, ICN_MEMORY_PORT);

    if (port == NULL) {
        return result;
    }
    port->base.functions = &icn_port_epoll;
    port->epoll = -1;
    port->wake = -1;
    icn_list_init(&port->queue);
    icn_list_init(&port->readable);
    port->buffer_size = options->receive_buffer_bytes;
    port->buffer = icn_memory_allocate(port->buffer_size, ICN_MEMORY_PORT);
    port->base.landing = port->buffer;
    port->base.landing_own = port->buffer;
    port->received = (icn_completion){.more = true, .accepted = ICN_OS_SOCKET_NONE};
    if (port->buffer != NULL) {
        result = open_descriptors(port);
    }
    if (result.status != IOCPNET_OK) {
        release(port);
        return result;
    }
    *opened = &port->base;
    return result;
}

static void epoll_close(icn_port *base)
{
    icn_epoll_port *port = icn_epoll_port_of(base);

    ICN_CHECK(icn_list_is_empty(&port->queue));
    ICN_CHECK(icn_list_is_empty(&port->readable));
    release(port);
}

static icn_result epoll_attach(icn_port *base, icn_endpoint *endpoint)
{
    icn_list_init(&endpoint->reader.node);
    endpoint->ready = 0;
    return watch(icn_epoll_port_of(base), (int)endpoint->socket, CONNECTION_EVENTS, endpoint) ? icn_ok()
                                                                                              : icn_os_last_result();
}

static void epoll_detach(icn_port *base, icn_endpoint *endpoint)
{
    icn_epoll_port *port = icn_epoll_port_of(base);
    /* Closing alone is not enough: after a fork the child holds the socket, which would go on raising events. */
    const int removed = epoll_ctl(port->epoll, EPOLL_CTL_DEL, (int)endpoint->socket, NULL);

    ICN_CHECK(removed == 0);
    icn_epoll_forget_events(port, endpoint);
    icn_list_remove(&endpoint->reader.node);
    icn_os_socket_close(endpoint->socket);
}

/* What is known of `from` is told again of `to`: changing an entry looks at the socket anew. */
static void epoll_move(icn_port *base, icn_endpoint *from, icn_endpoint *to)
{
    icn_epoll_port *port = icn_epoll_port_of(base);
    struct epoll_event event = {.events = CONNECTION_EVENTS | EPOLLET, .data = {.ptr = to}};
    const int changed = epoll_ctl(port->epoll, EPOLL_CTL_MOD, (int)from->socket, &event);

    ICN_CHECK(changed == 0);
    icn_epoll_forget_events(port, from);
    icn_list_remove(&from->reader.node);
    to->ready = 0;
}

static icn_result epoll_submit(icn_port *base)
{
    ICN_CHECK(icn_epoll_port_of(base)->epoll != -1);
    return icn_ok(); /* system calls are made at once */
}

static void epoll_wake(icn_port *base)
{
    icn_epoll_port *port = icn_epoll_port_of(base);

    icn_os_wake(port->wake, &port->woken);
}

const icn_port_functions icn_port_epoll = {
    .kind = IOCPNET_PORT_EPOLL,
    .open = epoll_open,
    .close = epoll_close,
    .attach = epoll_attach,
    .detach = epoll_detach,
    .move = epoll_move,
    .accept = icn_epoll_accept,
    .connect = icn_epoll_connect,
    .receive = icn_epoll_receive,
    .send = icn_epoll_send,
    .sends_now = true,
    .cancel = icn_epoll_cancel,
    .run = icn_epoll_run,
    .submit = epoll_submit,
    .wake = epoll_wake,
};
