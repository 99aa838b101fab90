/*
 * What the ports share: the way of an operation from its start to its last completion. icn_port_* start operations; a
 * port gives, queues or finishes them. Owner thread only.
 */
#ifndef ICN_PORT_OPERATION_H
#define ICN_PORT_OPERATION_H

#include "base/check.h"
#include "port/port.h"
#include "util/live.h"

/* Hands over one piece: the operation goes on. The callee may cancel it. */
static inline void icn_operation_give(icn_operation *operation, const icn_completion *completion)
{
    ICN_CHECK(completion->more);
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT || operation->state == ICN_OPERATION_CANCELLING);
    operation->complete(operation, completion);
}

/* Delivers the last completion. The callee may start the operation again, so nothing of it is touched afterwards. */
static inline void icn_operation_finish(icn_operation *operation, const icn_completion *completion)
{
    icn_endpoint *endpoint = operation->endpoint;

    ICN_CHECK(!completion->more);
    ICN_CHECK(operation->state != ICN_OPERATION_IDLE);
    ICN_CHECK(endpoint->reader == operation || endpoint->writer == operation);
    if (operation->kind == ICN_OPERATION_SEND || operation->kind == ICN_OPERATION_CONNECT) {
        endpoint->writer = NULL;
    } else {
        endpoint->reader = NULL;
    }
    operation->state = ICN_OPERATION_IDLE;
    icn_live_remove(ICN_LIVE_OPERATIONS);
    operation->complete(operation, completion);
}

/* As icn_operation_finish for a completion without data. */
static inline void icn_operation_finish_with(icn_operation *operation, icn_result result, uint32_t size)
{
    const icn_completion completion = {
        .status = result.status, .os_error = result.os_error, .size = size, .accepted = ICN_OS_SOCKET_NONE};
    icn_operation_finish(operation, &completion);
}

/* Makes a last completion that the next run delivers from `queue`. */
static inline void icn_operation_queue(icn_list *queue, icn_operation *operation, icn_result result, uint32_t size)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT || operation->state == ICN_OPERATION_CANCELLING);
    operation->state = ICN_OPERATION_COMPLETED;
    operation->status = (int16_t)result.status;
    operation->os_error = result.os_error;
    operation->storage[0] = size;
    icn_list_append(queue, &operation->node);
}

/* Delivers the last completion of an operation that was taken off such a queue. */
static inline void icn_operation_finish_queued(icn_operation *operation)
{
    const icn_result result = {operation->status, operation->os_error};
    ICN_CHECK(operation->state == ICN_OPERATION_COMPLETED);
    icn_operation_finish_with(operation, result, (uint32_t)operation->storage[0]);
}

/* Delivers what `queue` holds now, at most `budget`; what is queued meanwhile stays. Returns how many. */
uint32_t icn_operation_deliver_queue(icn_list *queue, uint32_t budget);

#endif
