#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "os/error.h"
#include "os/linux/accept_error.h"
#include "os/linux/calls.h"
#include "os/linux/sockaddr.h"
#include "port/operation.h"
#include "port/port_epoll_internal.h"

#define READ_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
#define WRITE_EVENTS (EPOLLOUT | EPOLLHUP | EPOLLERR)
/* After an end, an error or urgent data a short read does not mean that nothing is left. */
#define EXHAUSTIVE_EVENTS (READ_EVENTS & ~EPOLLIN)

#define ACCEPT_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

enum {
    RECEIVES_MAX = 4,    /* full buffers from one endpoint before others have their turn */
    ACCEPTS_MAX = 32,    /* likewise, sockets from one listener */
    SINGLE_ACCEPTS = 16, /* before a listener is taken to have more than one connection at a time */
    QUEUE_TURNS_MAX = 8  /* runs in a row that deliver from the queue alone; more would starve the sockets */
};

static bool goes_on(const icn_operation *operation)
{
    return operation->state == ICN_OPERATION_IN_FLIGHT;
}

static void finish(icn_epoll_port *port, icn_operation *operation, icn_result result)
{
    ICN_CHECK(port->budget > 0);
    --port->budget;
    icn_operation_finish_with(&port->base, operation, result, 0);
}

/* The readiness stays: a receive that is started after the end finds the end again. */
static void end_stream(icn_epoll_port *port, icn_endpoint *endpoint)
{
    /* An error that was pending and is gone was taken by a send: this is no orderly end. */
    const int32_t taken = icn_operation_error_met(endpoint);
    const int32_t error = taken == 0 && (endpoint->ready & EPOLLERR) != 0 ? ECONNRESET : taken;
    finish(port, &endpoint->reader, error != 0 ? icn_os_result(error) : icn_ok());
}

static void receive_nothing(icn_epoll_port *port, icn_endpoint *endpoint, ssize_t size)
{
    if (size == 0) {
        end_stream(port, endpoint);
    } else if (errno == EAGAIN) {
        endpoint->ready = 0;
    } else if (errno == EINTR) {
        icn_epoll_put_off(port, endpoint);
    } else {
        finish(port, &endpoint->reader, icn_os_last_result());
    }
}

static void give_data(icn_epoll_port *port, icn_operation *operation, uint32_t size)
{
    ICN_CHECK(port->budget > 0);
    --port->budget;
    port->received.size = size;
    port->received.data = port->base.landing;
    ICN_CHECK(operation->kind == ICN_OPERATION_RECEIVE && goes_on(operation));
    port->base.complete[ICN_OPERATION_RECEIVE](operation, &port->received);
}

/* True when there may be more. */
static inline bool receive_piece(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    const ssize_t size = icn_linux_receive((int)endpoint->socket, port->base.landing, port->buffer_size, MSG_DONTWAIT);

    if (size <= 0) {
        receive_nothing(port, endpoint, size);
        return false;
    }
    /* Nothing is left after a short read; what comes later raises a new edge. */
    const bool drained = (uint32_t)size < port->buffer_size && (endpoint->ready & EXHAUSTIVE_EVENTS) == 0;
    if (drained) {
        endpoint->ready = 0;
    }
    give_data(port, operation, (uint32_t)size);
    return !drained && goes_on(operation);
}

static void receive_pieces(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    for (uint32_t i = 0; i < RECEIVES_MAX && port->budget > 0; ++i) {
        if (!receive_piece(port, endpoint, operation)) {
            return;
        }
    }
    icn_epoll_put_off(port, endpoint);
}

/* Without descriptors or memory the accept ends: the owner chooses when to try again. */
static void accept_nothing(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    const icn_result result = icn_os_last_result();

    operation->outcome = 0;
    if (result.os_error != EAGAIN) {
        icn_epoll_watch_listener(port, endpoint, false);
        finish(port, operation, result);
    }
}

static void give_socket(icn_epoll_port *port, icn_operation *operation, int accepted,
                        const struct sockaddr_storage *storage)
{
    icn_address remote;
    icn_os_sockaddr_read(storage, &remote);
    const icn_completion completion = {.more = true, .remote = &remote, .accepted = accepted};
    ICN_CHECK(port->budget > 0);
    --port->budget;
    icn_operation_give(&port->base, operation, &completion);
}

/* An accept that finds nothing costs as much as a small echo: so one for each event, until it is clear that more wait. */
static uint32_t accepts_now(const icn_operation *operation)
{
    return operation->outcome < SINGLE_ACCEPTS ? 1 : ACCEPTS_MAX;
}

/* What is left raises the next event: a listener is level-triggered. */
static void accept_waiting(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    const uint32_t count = accepts_now(operation);

    for (uint32_t i = 0; i < count && port->budget > 0 && goes_on(operation); ++i) {
        struct sockaddr_storage remote;
        socklen_t length = sizeof remote;
        const int accepted = accept4((int)endpoint->socket, (struct sockaddr *)&remote, &length, ACCEPT_FLAGS);
        if (accepted >= 0) {
            operation->outcome += operation->outcome < SINGLE_ACCEPTS;
            give_socket(port, operation, accepted, &remote);
        } else if (errno != EINTR && !icn_os_accept_error_is_of_one_connection(errno)) {
            accept_nothing(port, endpoint, operation);
            return;
        }
    }
}

static icn_result connect_result(icn_os_socket socket)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt((int)socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    return icn_os_result(error);
}

/* A connect has ended; a send may try again, which the owner does. */
static void complete_writer(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = &endpoint->writer;
    finish(port, operation, operation->kind == ICN_OPERATION_CONNECT ? connect_result(endpoint->socket) : icn_ok());
}

/* One piece for each event: what is left is the business of serve_readable. */
static void read_first(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = &endpoint->reader;

    if (!goes_on(operation)) {
        return;
    }
    if (operation->kind == ICN_OPERATION_ACCEPT) {
        accept_waiting(port, endpoint, operation);
    } else if (receive_piece(port, endpoint, operation)) {
        icn_epoll_put_off(port, endpoint);
    }
}

/* False when the budget ran out before all was done. Reading comes first: it takes a pending error before a send does. */
static bool handle(icn_epoll_port *port, struct epoll_event *event)
{
    icn_endpoint *endpoint = event->data.ptr;
    const uint32_t events = event->events;

    if ((events & READ_EVENTS) != 0) {
        endpoint->ready = (uint16_t)(endpoint->ready | (events & READ_EVENTS));
        read_first(port, endpoint);
    }
    if ((events & WRITE_EVENTS) != 0 && goes_on(&endpoint->writer)) {
        if (port->budget == 0) {
            event->events = EPOLLOUT;
            return false;
        }
        complete_writer(port, endpoint);
    }
    return true;
}

/*
 * The usual event: bytes for a receive that waits for them, on a connection that can be written to, which no send waits
 * for. A listener is never written to. An event that was forgotten has no bits.
 */
static inline bool is_plain(uint32_t events, const icn_endpoint *endpoint)
{
    return events == (EPOLLIN | EPOLLOUT) && endpoint->writer.state == ICN_OPERATION_IDLE && goes_on(&endpoint->reader);
}

static inline void handle_plain(icn_epoll_port *port, icn_endpoint *endpoint)
{
    const ssize_t size = icn_linux_receive((int)endpoint->socket, port->base.landing, port->buffer_size, MSG_DONTWAIT);

    if (size > 0 && (uint32_t)size < port->buffer_size) {
        /* All of it; what comes later raises a new edge. */
        give_data(port, &endpoint->reader, (uint32_t)size);
        return;
    }
    endpoint->ready = (uint16_t)(endpoint->ready | EPOLLIN);
    if (size > 0) {
        icn_epoll_put_off(port, endpoint);
        give_data(port, &endpoint->reader, (uint32_t)size);
    } else {
        receive_nothing(port, endpoint, size);
    }
}

static void handle_wake(icn_epoll_port *port)
{
    /* Reads what the wakes before it wrote, so that the owner sees what they announced; a later one writes again. */
    (void)icn_u32_exchange(&port->woken, 0);
}

/* False when the budget ran out before all was done. */
static ICN_RARE bool handle_rare(icn_epoll_port *port, struct epoll_event *event)
{
    if (event->data.ptr == &port->wake_endpoint) {
        handle_wake(port);
        return true;
    }
    return event->events == 0 || handle(port, event);
}

/* Behind the events that the budget is enough for, if each of them delivers one completion. */
static inline uint32_t events_end(const icn_epoll_port *port)
{
    const uint32_t left = port->event_count - port->event_next;
    return port->event_next + (left < port->budget ? left : port->budget);
}

static void handle_events(icn_epoll_port *port)
{
    struct epoll_event *event = &port->events[port->event_next];
    uint32_t end = events_end(port);

    for (; port->event_next < end; ++event) {
        if (is_plain(event->events, event->data.ptr)) {
            handle_plain(port, event->data.ptr);
            ++port->event_next;
        } else if (handle_rare(port, event)) {
            ++port->event_next;
            /* It may have delivered two, or none. */
            end = events_end(port);
        } else {
            return;
        }
    }
}

/* Delivers what can be read, within the budget and the endpoint's fair share; the rest is put off. */
static void read_more(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = &endpoint->reader;

    if (!goes_on(operation) || endpoint->ready == 0) {
        return;
    }
    ICN_CHECK(operation->kind == ICN_OPERATION_RECEIVE);
    receive_pieces(port, endpoint, operation);
}

/* One turn for each endpoint that is in the list now. */
static void serve_readable(icn_epoll_port *port)
{
    const icn_list_node *last = port->readable.previous;

    while (port->budget > 0 && !icn_list_is_empty(&port->readable)) {
        icn_list_node *node = icn_list_take_first(&port->readable);
        read_more(port, ICN_CONTAINER(node, icn_endpoint, reader.node));
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
    port->budget -= icn_operation_deliver_queue(&port->base, &port->queue, port->budget);
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

icn_result icn_epoll_run(icn_port *base, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_epoll_port *port = icn_epoll_port_of(base);
    icn_result result;

    port->budget = budget;
    result = turn(port, timeout_ms);
    *delivered = budget - port->budget;
    return result;
}
