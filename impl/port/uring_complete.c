#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "os/error.h"
#include "os/linux/accept_error.h"
#include "port/operation.h"
#include "port/uring_port.h"

static icn_result result_of(int32_t outcome)
{
    return outcome < 0 ? icn_os_result(-outcome) : icn_ok();
}

static void request_is_over(icn_operation *operation)
{
    ICN_CHECK((operation->flags & ICN_URING_SUBMITTED) != 0);
    operation->flags &= (uint8_t)~ICN_URING_SUBMITTED;
}

static bool awaits_cancel(icn_operation *operation, int32_t outcome)
{
    ICN_CHECK((operation->flags & ICN_URING_SUBMITTED) == 0);
    if ((operation->flags & ICN_URING_CANCEL_SENT) != 0) {
        operation->outcome = outcome;
        return true;
    }
    icn_list_remove(&operation->node); /* its cancel, if that was not submitted yet */
    return false;
}

static void queue_last(icn_uring_port *port, icn_operation *operation, int32_t outcome)
{
    if (!awaits_cancel(operation, outcome)) {
        icn_operation_queue(&port->queue, operation, result_of(outcome), 0);
    }
}

static uint32_t deliver_last(const icn_uring_port *port, icn_operation *operation, int32_t outcome)
{
    if (awaits_cancel(operation, outcome)) {
        return 0;
    }
    icn_operation_finish_with(&port->base, operation, result_of(outcome), 0);
    return 1;
}

/* ECANCELED without a cancel: the thread that submitted the request has ended. ENOBUFS: no buffer was free. */
static bool is_interruption(const icn_operation *operation, int32_t outcome)
{
    return outcome == -EAGAIN || outcome == -EINTR || outcome == -ECANCELED ||
           (outcome == -ENOBUFS && operation->kind == ICN_OPERATION_RECEIVE) ||
           (operation->kind == ICN_OPERATION_ACCEPT && icn_os_accept_error_is_of_one_connection(-outcome));
}

/* A request has ended without a piece. Returns the completions delivered, as the functions below do. */
static uint32_t request_ended(icn_uring_port *port, icn_operation *operation, int32_t outcome)
{
    if (!is_interruption(operation, outcome)) {
        return deliver_last(port, operation, outcome);
    }
    if (operation->state == ICN_OPERATION_CANCELLING) {
        return deliver_last(port, operation, -ECANCELED);
    }
    if (operation->kind == ICN_OPERATION_SEND) {
        return deliver_last(port, operation, 0);
    }
    icn_uring_park(port, operation);
    return 0;
}

/* Hands over a piece, which may be the request's last without being the operation's. */
static uint32_t give(icn_uring_port *port, icn_operation *operation, const icn_completion *piece, bool ended)
{
    const bool cancelling = operation->state == ICN_OPERATION_CANCELLING;

    if (ended && !cancelling) {
        icn_uring_start_again(port, operation); /* first: the callee may cancel */
    }
    icn_operation_give(&port->base, operation, piece);
    if (ended && cancelling) {
        queue_last(port, operation, -ECANCELED);
    }
    return 1;
}

static uint32_t accept_completed(icn_uring_port *port, icn_operation *operation, int32_t outcome, bool ended)
{
    if (outcome < 0) {
        ICN_CHECK(ended);
        return request_ended(port, operation, outcome);
    }
    const icn_completion piece = {.more = true, .accepted = outcome};
    return give(port, operation, &piece, ended);
}

/* Of a receive without data: its error, the one that a send has taken, or 0 for the end of the peer's stream. */
static int32_t end_of_receive(icn_operation *operation, int32_t outcome)
{
    return outcome == 0 ? -icn_operation_error_met(icn_operation_endpoint(operation)) : outcome;
}

static uint32_t receive_completed(icn_uring_port *port, icn_operation *operation,
                                  const icn_uring_completion *completion, bool ended)
{
    const uint16_t id = (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT);
    const bool has_buffer = (completion->flags & IORING_CQE_F_BUFFER) != 0;
    const uint32_t size = completion->result > 0 ? (uint32_t)completion->result : 0;
    const void *data = has_buffer ? icn_uring_buffers_take(&port->buffers, id, size) : NULL;
    uint32_t delivered;

    if (size > 0) {
        ICN_CHECK(has_buffer);
        const icn_completion piece = {.more = true, .size = size, .data = data, .accepted = ICN_OS_SOCKET_NONE};
        delivered = give(port, operation, &piece, ended);
    } else {
        ICN_CHECK(ended);
        port->buffers.missed |= completion->result == -ENOBUFS;
        delivered = request_ended(port, operation, end_of_receive(operation, completion->result));
    }
    if (has_buffer) {
        icn_uring_buffers_give_back(&port->buffers, id);
    }
    return delivered;
}

static uint32_t connect_completed(icn_uring_port *port, icn_operation *operation, int32_t outcome)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (outcome < 0) {
        return request_ended(port, operation, outcome);
    }
    if (getsockopt((int)icn_operation_endpoint(operation)->socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    /* The connect's own end, whatever the error: no interruption of the wait for it. */
    return deliver_last(port, operation, -error);
}

/* The poll of a send that found the socket full. There is room, or an error: the owner sends again, and learns which. */
static uint32_t room_polled(icn_uring_port *port, icn_operation *operation, int32_t outcome, bool ended)
{
    if (ended) {
        return request_ended(port, operation, outcome < 0 ? outcome : -EAGAIN);
    }
    if ((outcome & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        icn_uring_end_request(port, operation);
    }
    return 0;
}

static void cancel_completed(icn_uring_port *port, icn_operation *operation, int32_t outcome)
{
    ICN_CHECK(operation->state == ICN_OPERATION_CANCELLING || operation->kind == ICN_OPERATION_SEND);
    ICN_CHECK((operation->flags & ICN_URING_CANCEL_SENT) != 0);
    operation->flags &= (uint8_t)~ICN_URING_CANCEL_SENT;
    if ((operation->flags & ICN_URING_SUBMITTED) == 0) {
        queue_last(port, operation, operation->outcome);
    } else if (outcome < 0) {
        /* The kernel does not find a request that is between two steps: try again until it has ended. */
        icn_list_append(&port->cancels, &operation->node);
    }
}

static uint32_t operation_completed(icn_uring_port *port, icn_operation *operation,
                                    const icn_uring_completion *completion)
{
    const bool ended = (completion->flags & IORING_CQE_F_MORE) == 0;

    if (ended) {
        request_is_over(operation);
    }
    switch (operation->kind) {
    case ICN_OPERATION_RECEIVE:
        return receive_completed(port, operation, completion, ended);
    case ICN_OPERATION_ACCEPT:
        return accept_completed(port, operation, completion->result, ended);
    case ICN_OPERATION_CONNECT:
        return connect_completed(port, operation, completion->result);
    default:
        ICN_CHECK(operation->kind == ICN_OPERATION_SEND);
        return room_polled(port, operation, completion->result, ended);
    }
}

static ICN_RARE uint32_t handle_rare(icn_uring_port *port, const icn_uring_completion *completion)
{
    icn_operation *operation = (icn_operation *)(uintptr_t)(completion->user_data & ~(uint64_t)ICN_URING_CANCEL_BIT);

    if (completion->user_data == ICN_URING_WAKE) {
        port->wake_polled = (completion->flags & IORING_CQE_F_MORE) != 0;
        return 0;
    }
    if ((completion->user_data & ICN_URING_CANCEL_BIT) != 0) {
        cancel_completed(port, operation, completion->result);
        return 0;
    }
    return operation_completed(port, operation, completion);
}

/* The usual completion: bytes of a receive that goes on. Nothing but a receive has a buffer. */
static inline bool is_plain(const icn_uring_completion *completion)
{
    const icn_operation *operation = (const icn_operation *)(uintptr_t)completion->user_data;

    return completion->result > 0 && (completion->flags & IORING_CQE_F_BUFFER) != 0 &&
           operation->state == ICN_OPERATION_IN_FLIGHT;
}

static inline void handle_plain(icn_uring_port *port, const icn_uring_completion *completion)
{
    icn_operation *operation = (icn_operation *)(uintptr_t)completion->user_data;
    const uint16_t id = (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT);

    ICN_CHECK(operation->kind == ICN_OPERATION_RECEIVE);
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        request_is_over(operation);
        icn_uring_start_again(port, operation); /* first: the callee may cancel */
    }
    port->received.size = (uint32_t)completion->result;
    port->received.data = icn_uring_buffers_take(&port->buffers, id, port->received.size);
    port->base.complete[ICN_OPERATION_RECEIVE](operation, &port->received);
    icn_uring_buffers_give_back(&port->buffers, id);
}

uint32_t icn_uring_deliver(icn_uring_port *port, uint32_t budget)
{
    uint32_t delivered = icn_operation_deliver_queue(&port->base, &port->queue, budget);

    while (delivered < budget && icn_uring_ring_has_completion(&port->ring)) {
        const icn_uring_completion completion = icn_uring_ring_take_completion(&port->ring);
        if (is_plain(&completion)) {
            handle_plain(port, &completion);
            ++delivered;
        } else {
            delivered += handle_rare(port, &completion);
        }
    }
    return delivered + icn_operation_deliver_queue(&port->base, &port->queue, budget - delivered);
}
