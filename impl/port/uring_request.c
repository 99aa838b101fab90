#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "os/error.h"
#include "os/linux/sockaddr.h"
#include "port/operation.h"
#include "port/send_linux.h"
#include "port/uring_port.h"

_Static_assert(_Alignof(icn_operation) > ICN_URING_WAKE, "addresses leave the low bits of user data free");

/* NULL when the queue is full and the kernel takes nothing: its reason comes again with the next run. */
static struct io_uring_sqe *next_entry(icn_uring_port *port)
{
    struct io_uring_sqe *entry = icn_uring_ring_next_entry(&port->ring);

    if (entry == NULL) {
        (void)icn_uring_ring_submit(&port->ring);
        entry = icn_uring_ring_next_entry(&port->ring);
    }
    return entry;
}

static void mark_submitted(icn_operation *operation)
{
    ICN_CHECK((operation->flags & ICN_URING_SUBMITTED) == 0);
    operation->flags |= ICN_URING_SUBMITTED;
}

/*
 * The sockets are non-blocking; io_uring waits for them all the same.
 *
 * Receives are multishot where one thread drives. On other rings Linux breaks a receive off at an urgent byte while it has
 * work for the thread to be told of, and a multishot receive then waits for more instead of looking again.
 */
static void write_request(const icn_uring_port *port, struct io_uring_sqe *entry, const icn_operation *operation)
{
    const int socket = (int)icn_operation_endpoint(operation)->socket;
    const uint64_t user_data = (uintptr_t)operation;

    switch (operation->kind) {
    case ICN_OPERATION_ACCEPT:
        *entry = (struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                       .fd = socket,
                                       .ioprio = IORING_ACCEPT_MULTISHOT,
                                       .accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC,
                                       .user_data = user_data};
        break;
    case ICN_OPERATION_CONNECT:
        *entry = (struct io_uring_sqe){
            .opcode = IORING_OP_POLL_ADD, .fd = socket, .poll_events = POLLOUT, .user_data = user_data};
        break;
    case ICN_OPERATION_SEND:
        /* Its first look comes after it waits, so room made since the send is seen: then, or as an edge. */
        *entry = (struct io_uring_sqe){.opcode = IORING_OP_POLL_ADD,
                                       .fd = socket,
                                       .len = IORING_POLL_ADD_MULTI,
                                       .poll_events = POLLOUT,
                                       .user_data = user_data};
        break;
    default:
        ICN_CHECK(operation->kind == ICN_OPERATION_RECEIVE);
        *entry = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                       .fd = socket,
                                       .flags = IOSQE_BUFFER_SELECT,
                                       .buf_group = ICN_URING_BUFFERS_GROUP,
                                       .ioprio = port->ring.one_thread ? IORING_RECV_MULTISHOT : 0,
                                       .user_data = user_data};
        break;
    }
}

/* False when there is no room. */
static bool submit_request(icn_uring_port *port, icn_operation *operation)
{
    struct io_uring_sqe *entry = next_entry(port);

    if (entry == NULL) {
        return false;
    }
    write_request(port, entry, operation);
    mark_submitted(operation);
    return true;
}

void icn_uring_park(icn_uring_port *port, icn_operation *operation)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    ICN_CHECK((operation->flags & (ICN_URING_SUBMITTED | ICN_URING_CANCEL_SENT)) == 0);
    ICN_CHECK(!icn_list_holds(&operation->node));
    icn_list_append(&port->parked, &operation->node);
}

static void init(icn_operation *operation)
{
    icn_list_init(&operation->node);
    operation->flags = 0;
}

static void submit_or_park(icn_uring_port *port, icn_operation *operation)
{
    if (!submit_request(port, operation)) {
        icn_uring_park(port, operation);
    }
}

static void start(icn_uring_port *port, icn_operation *operation)
{
    init(operation);
    submit_or_park(port, operation);
}

void icn_uring_start_again(icn_uring_port *port, icn_operation *operation)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    if (icn_list_is_empty(&port->parked)) {
        submit_or_park(port, operation);
    } else {
        icn_uring_park(port, operation); /* those who wait for a buffer have not had one for longer */
    }
}

void icn_uring_accept(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, uint32_t count)
{
    (void)count;
    ICN_CHECK(&endpoint->reader == operation);
    start(icn_uring_port_of(base), operation);
}

void icn_uring_receive(icn_port *base, icn_endpoint *endpoint, icn_operation *operation)
{
    ICN_CHECK(&endpoint->reader == operation);
    start(icn_uring_port_of(base), operation);
}

/*
 * Not IORING_OP_CONNECT: a request can end because the thread that submitted it has ended; a poll can then be submitted
 * again by another thread, a connect can not.
 */
void icn_uring_connect(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address)
{
    icn_uring_port *port = icn_uring_port_of(base);
    struct sockaddr_storage storage;
    const socklen_t length = icn_os_sockaddr_write(address, &storage);
    const int error = connect((int)endpoint->socket, (const struct sockaddr *)&storage, length) == 0 ? 0 : errno;

    ICN_CHECK(&endpoint->writer == operation);
    if (error == EINPROGRESS || error == EINTR) {
        start(port, operation);
        return;
    }
    icn_operation_queue(&port->queue, operation, icn_os_result(error), 0);
}

void icn_uring_send(icn_port *base, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count)
{
    icn_uring_port *port = icn_uring_port_of(base);

    ICN_CHECK(&endpoint->writer == operation);
    init(operation);
    if (!icn_linux_try_send(&port->queue, operation, pieces, count)) {
        submit_or_park(port, operation);
    }
}

static bool submit_cancel(icn_uring_port *port, icn_operation *operation)
{
    struct io_uring_sqe *entry = next_entry(port);
    const uint64_t user_data = (uintptr_t)operation;

    ICN_CHECK((operation->flags & ICN_URING_CANCEL_SENT) == 0);
    if (entry == NULL) {
        return false;
    }
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = user_data, .user_data = user_data | ICN_URING_CANCEL_BIT};
    operation->flags |= ICN_URING_CANCEL_SENT;
    return true;
}

void icn_uring_end_request(icn_uring_port *port, icn_operation *operation)
{
    const bool asked = (operation->flags & ICN_URING_CANCEL_SENT) != 0 || icn_list_holds(&operation->node);

    if (!asked && !submit_cancel(port, operation)) {
        icn_list_append(&port->cancels, &operation->node);
    }
}

void icn_uring_cancel(icn_port *base, icn_operation *operation)
{
    icn_uring_port *port = icn_uring_port_of(base);

    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    operation->state = ICN_OPERATION_CANCELLING;
    if ((operation->flags & (ICN_URING_SUBMITTED | ICN_URING_CANCEL_SENT)) != 0) {
        icn_uring_end_request(port, operation);
    } else {
        icn_list_remove(&operation->node);
        icn_operation_queue(&port->queue, operation, icn_os_result(ECANCELED), 0);
    }
}

static void write_cancels(icn_uring_port *port)
{
    while (!icn_list_is_empty(&port->cancels)) {
        icn_operation *operation = ICN_CONTAINER(port->cancels.next, icn_operation, node);
        if (!submit_cancel(port, operation)) {
            return;
        }
        icn_list_remove(&operation->node);
    }
}

/* 1 to the number of buffers, by no rule: see below. */
static uint32_t choose_count(icn_uring_port *port)
{
    port->parked_turns = port->parked_turns * 1664525u + 1013904223u;
    return 1 + (port->parked_turns >> 16) % port->buffers.count;
}

/*
 * Not more at a time than there are buffers: most of what is parked had found none. The first of them may take all, and who
 * is behind it goes to the end with nothing: with the same number at each time it could be always the same who is first.
 */
static void write_parked(icn_uring_port *port)
{
    if (icn_list_is_empty(&port->parked)) {
        return;
    }
    for (uint32_t i = choose_count(port); i > 0 && !icn_list_is_empty(&port->parked); --i) {
        icn_operation *operation = ICN_CONTAINER(port->parked.next, icn_operation, node);
        if (!submit_request(port, operation)) {
            return;
        }
        icn_list_remove(&operation->node);
    }
}

static void write_wake(icn_uring_port *port)
{
    struct io_uring_sqe *entry = port->wake_polled ? NULL : next_entry(port);

    if (entry != NULL) {
        *entry = (struct io_uring_sqe){.opcode = IORING_OP_POLL_ADD,
                                       .fd = port->wake_descriptor,
                                       .len = IORING_POLL_ADD_MULTI,
                                       .poll_events = POLLIN,
                                       .user_data = ICN_URING_WAKE};
        port->wake_polled = true;
    }
}

void icn_uring_write_waiting(icn_uring_port *port)
{
    icn_uring_buffers_turn(&port->buffers); /* first: what is parked may need more of them */
    write_cancels(port);
    write_parked(port);
    write_wake(port);
}
