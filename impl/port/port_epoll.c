#include "port/port_epoll.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/error.h"
#include "port/operation.h"
#include "port/port_epoll_io.h"
#include "util/memory.h"

#define READ_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
#define WRITE_EVENTS (EPOLLOUT | EPOLLHUP | EPOLLERR)

enum {
    QUEUE_TURNS_MAX = 8 /* runs in a row that deliver from the queue alone; more would starve the sockets */
};

static icn_epoll_port *port_of(icn_port *base)
{
    ICN_CHECK(base->functions == &icn_port_epoll);
    return (icn_epoll_port *)(void *)base;
}

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
    if (port->wake == -1 || !watch(port, port->wake, EPOLLIN, port)) {
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
    icn_epoll_port *port = port_of(base);

    ICN_CHECK(icn_list_is_empty(&port->queue));
    ICN_CHECK(icn_list_is_empty(&port->readable));
    release(port);
}

static icn_result epoll_attach(icn_port *base, icn_endpoint *endpoint)
{
    const uint32_t events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP;

    icn_list_init(&endpoint->node);
    endpoint->ready = 0;
    return watch(port_of(base), (int)endpoint->socket, events, endpoint) ? icn_ok() : icn_os_last_result();
}

/* What epoll told of an endpoint and was not looked at yet holds no longer. */
static void forget_events(icn_epoll_port *port, const icn_endpoint *endpoint)
{
    for (uint32_t i = port->event_next; i < port->event_count; ++i) {
        if (port->events[i].data.ptr == endpoint) {
            port->events[i].data.ptr = NULL;
        }
    }
}

static void epoll_detach(icn_port *base, icn_endpoint *endpoint)
{
    icn_epoll_port *port = port_of(base);
    /* Closing alone is not enough: after a fork the child holds the socket, which would go on raising events. */
    const int removed = epoll_ctl(port->epoll, EPOLL_CTL_DEL, (int)endpoint->socket, NULL);

    ICN_CHECK(removed == 0);
    forget_events(port, endpoint);
    icn_list_remove(&endpoint->node);
    icn_os_socket_close(endpoint->socket);
}

static void epoll_accept(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, uint32_t count)
{
    (void)operation;
    (void)count;
    icn_epoll_start_reading(port_of(base), endpoint);
}

static void epoll_connect(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address)
{
    icn_epoll_port *port = port_of(base);

    forget_events(port, endpoint); /* before it was connected it read as writable */
    icn_epoll_connect(port, endpoint, operation, address);
}

static void epoll_receive(icn_port *base, icn_endpoint *endpoint, icn_operation *operation)
{
    (void)operation;
    icn_epoll_start_reading(port_of(base), endpoint);
}

static void epoll_send(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                       uint32_t count)
{
    icn_epoll_send(port_of(base), endpoint, operation, pieces, count);
}

/* Nothing of it is in the system: what comes for the socket later finds no operation in flight. */
static void epoll_cancel(icn_port *base, icn_operation *operation)
{
    icn_operation_queue(&port_of(base)->queue, operation, icn_failure(IOCPNET_E_CANCELLED), 0);
}

static void note_readiness(icn_endpoint *endpoint, uint32_t events)
{
    endpoint->ready |= ICN_EPOLL_READABLE;
    if ((events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        endpoint->ready |= ICN_EPOLL_EXHAUSTIVE | ((events & EPOLLERR) != 0 ? ICN_EPOLL_ERROR : 0);
    }
}

static bool waits_to_write(const icn_endpoint *endpoint)
{
    return endpoint->writer != NULL && endpoint->writer->state == ICN_OPERATION_IN_FLIGHT;
}

/* False when the budget ran out before all was done. Reading comes first: it takes a pending error before a send does. */
static bool handle(icn_epoll_port *port, struct epoll_event *event)
{
    icn_endpoint *endpoint = event->data.ptr;
    const uint32_t events = event->events;

    if ((events & READ_EVENTS) != 0) {
        note_readiness(endpoint, events);
        icn_epoll_read(port, endpoint);
    }
    if ((events & WRITE_EVENTS) != 0 && waits_to_write(endpoint)) {
        if (port->budget == 0) {
            event->events = EPOLLOUT;
            return false;
        }
        icn_epoll_write(port, endpoint);
    }
    return true;
}

static void handle_wake(icn_epoll_port *port)
{
    /* Reads what the wakes before it wrote, so that the owner sees what they announced; a later one writes again. */
    (void)icn_u32_exchange(&port->woken, 0);
}

static void handle_events(icn_epoll_port *port)
{
    while (port->event_next < port->event_count && port->budget > 0) {
        struct epoll_event *event = &port->events[port->event_next];
        if (event->data.ptr == port) {
            handle_wake(port);
        } else if (event->data.ptr != NULL && !handle(port, event)) {
            return;
        }
        ++port->event_next;
    }
}

/* One turn for each endpoint that is in the list now. */
static void serve_readable(icn_epoll_port *port)
{
    const icn_list_node *last = port->readable.previous;

    while (port->budget > 0 && !icn_list_is_empty(&port->readable)) {
        icn_list_node *node = icn_list_take_first(&port->readable);
        icn_epoll_read(port, ICN_CONTAINER(node, icn_endpoint, node));
        if (node == last) {
            break;
        }
    }
}

static icn_result wait_for_events(icn_epoll_port *port, uint32_t timeout_ms)
{
    const int timeout = timeout_ms == IOCPNET_INFINITE ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    const int count = epoll_wait(port->epoll, port->events, ICN_EPOLL_EVENTS_MAX, timeout);

    port->event_next = 0;
    port->event_count = count > 0 ? (uint32_t)count : 0;
    port->queue_turns = 0;
    /* A signal ends the wait early, as the contract allows. */
    return count >= 0 || errno == EINTR ? icn_ok() : icn_os_last_result();
}

/* True when the sockets are to be looked at as well. */
static bool deliver_queue(icn_epoll_port *port)
{
    port->budget -= icn_operation_deliver_queue(&port->queue, port->budget);
    return port->budget > 0 && ++port->queue_turns >= QUEUE_TURNS_MAX;
}

static icn_result turn(icn_epoll_port *port, uint32_t timeout_ms)
{
    icn_result result = icn_ok();

    if (!icn_list_is_empty(&port->queue)) {
        if (!deliver_queue(port)) {
            return result;
        }
        timeout_ms = 0;
    }
    if (port->event_next == port->event_count) {
        result = wait_for_events(port, icn_list_is_empty(&port->readable) ? timeout_ms : 0);
    }
    handle_events(port);
    serve_readable(port);
    return result;
}

static icn_result epoll_run(icn_port *base, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_epoll_port *port = port_of(base);
    icn_result result;

    port->budget = budget;
    result = turn(port, timeout_ms);
    *delivered = budget - port->budget;
    return result;
}

static icn_result epoll_submit(icn_port *base)
{
    ICN_CHECK(port_of(base)->epoll != -1);
    return icn_ok(); /* system calls are made at once */
}

static void epoll_wake(icn_port *base)
{
    icn_epoll_port *port = port_of(base);
    const uint64_t one = 1;

    if (icn_u32_exchange(&port->woken, 1) == 0) {
        const ssize_t written = write(port->wake, &one, sizeof one);
        ICN_CHECK(written == (ssize_t)sizeof one);
    }
}

const icn_port_functions icn_port_epoll = {
    .kind = IOCPNET_PORT_EPOLL,
    .open = epoll_open,
    .close = epoll_close,
    .attach = epoll_attach,
    .detach = epoll_detach,
    .accept = epoll_accept,
    .connect = epoll_connect,
    .receive = epoll_receive,
    .send = epoll_send,
    .cancel = epoll_cancel,
    .run = epoll_run,
    .submit = epoll_submit,
    .wake = epoll_wake,
};
