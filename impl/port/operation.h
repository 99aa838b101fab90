/*
 * What the ports share: the way of an operation from its start to its last completion. icn_port_* start operations; a
 * port gives, queues or finishes them. Owner thread only.
 */
#ifndef ICN_PORT_OPERATION_H
#define ICN_PORT_OPERATION_H

#include "base/check.h"
#include "port/port.h"
#include "util/live.h"

/* The endpoint that an operation is half of. */
static inline icn_endpoint *icn_operation_endpoint(const icn_operation *operation)
{
    return operation->kind == ICN_OPERATION_SEND || operation->kind == ICN_OPERATION_CONNECT
               ? ICN_CONTAINER(operation, icn_endpoint, writer)
               : ICN_CONTAINER(operation, icn_endpoint, reader);
}

/* Hands over one piece: the operation goes on. The callee may cancel it. */
static inline void icn_operation_give(const icn_port *port, icn_operation *operation, const icn_completion *completion)
{
    ICN_CHECK(completion->more);
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT || operation->state == ICN_OPERATION_CANCELLING);
    port->complete[operation->kind](operation, completion);
}

/* Delivers the last completion. The callee may start the operation again, so nothing of it is touched afterwards. */
static inline void icn_operation_finish(const icn_port *port, icn_operation *operation,
                                        const icn_completion *completion)
{
    ICN_CHECK(!completion->more);
    ICN_CHECK(operation->state != ICN_OPERATION_IDLE);
    operation->state = ICN_OPERATION_IDLE;
    icn_live_remove(ICN_LIVE_OPERATIONS);
    port->complete[operation->kind](operation, completion);
}

/* As icn_operation_finish for a completion without data. */
static inline void icn_operation_finish_with(const icn_port *port, icn_operation *operation, icn_result result,
                                             uint32_t size)
{
    const icn_completion completion = {
        .status = result.status, .os_error = result.os_error, .size = size, .accepted = ICN_OS_SOCKET_NONE};
    icn_operation_finish(port, operation, &completion);
}

/* Makes a last completion that the next run delivers from `queue`. With an error the size is 0. */
static inline void icn_operation_queue(icn_list *queue, icn_operation *operation, icn_result result, uint32_t size)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT || operation->state == ICN_OPERATION_CANCELLING);
    operation->state = ICN_OPERATION_COMPLETED;
    operation->error = (uint8_t)-result.status;
    operation->outcome = result.status == IOCPNET_OK ? (int32_t)size : result.os_error;
    icn_list_append(queue, &operation->node);
}

/* Delivers the last completion of an operation that was taken off such a queue. */
static inline void icn_operation_finish_queued(const icn_port *port, icn_operation *operation)
{
    const bool succeeded = operation->error == IOCPNET_OK;
    const icn_result result = {-(int32_t)operation->error, succeeded ? 0 : operation->outcome};
    ICN_CHECK(operation->state == ICN_OPERATION_COMPLETED);
    icn_operation_finish_with(port, operation, result, succeeded ? (uint32_t)operation->outcome : 0);
}

/*
 * The system's code of a send that failed and is not delivered yet, or 0. Such a send may have taken the error that was
 * pending for the connection (the system tells it once): a receive then finds an end that the peer never sent.
 */
int32_t icn_operation_error_met(const icn_endpoint *endpoint);

/* Delivers what `queue` holds now, at most `budget`; what is queued meanwhile stays. Returns how many. */
uint32_t icn_operation_deliver_queue(const icn_port *port, icn_list *queue, uint32_t budget);

#endif
