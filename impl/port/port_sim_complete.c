/* How operations of the simulated port end. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "os/error.h"
#include "os/sim/choice.h"
#include "os/sim/fault.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
#include "port/operation.h"
#include "port/port_sim_internal.h"
#include "util/memory.h"

#define CANDIDATES_MAX 512

/* A batch ends early in one of this many cases, after each completion. */
#define LAST_ONE_IN 4

/* A send completes without having taken anything in one of this many cases. */
#define NOTHING_TAKEN_ONE_IN 6

#define BYTES_TAKEN_BACK 0xEE

/* ---- what can complete ---- */

static bool can_complete(const icn_operation *operation)
{
    const icn_endpoint *endpoint = icn_operation_endpoint(operation);
    int32_t error;

    if (operation->state == ICN_OPERATION_CANCELLING) {
        return true;
    }
    switch (operation->kind) {
    case ICN_OPERATION_ACCEPT:
        return icn_sim_descriptor_waiting(endpoint->socket) != 0;
    case ICN_OPERATION_CONNECT:
        return icn_sim_descriptor_connected(endpoint->socket, &error);
    case ICN_OPERATION_RECEIVE: {
        const icn_sim_end *end = icn_sim_descriptor_end(endpoint->socket);
        return icn_sim_readable(end) != 0 || icn_sim_ended(end);
    }
    default: {
        const icn_sim_end *end = icn_sim_descriptor_end(endpoint->socket);
        return icn_sim_writable(end) != 0 || icn_sim_broken(end);
    }
    }
}

static uint32_t add_if_can(icn_operation **candidates, uint32_t count, icn_operation *operation)
{
    bool in_flight = operation->state != ICN_OPERATION_IDLE && operation->state != ICN_OPERATION_COMPLETED;

    if (in_flight && count < CANDIDATES_MAX && can_complete(operation)) {
        candidates[count++] = operation;
    }
    return count;
}

static uint32_t find_candidates(const icn_sim_port *port, icn_operation **candidates)
{
    uint32_t count = 0;

    for (icn_list_node *node = port->queued.next; node != &port->queued && count < CANDIDATES_MAX; node = node->next) {
        candidates[count++] = ICN_CONTAINER(node, icn_operation, node);
    }
    for (uint32_t i = 0; i < port->endpoint_count; i++) {
        count = add_if_can(candidates, count, &port->endpoints[i]->reader);
        count = add_if_can(candidates, count, &port->endpoints[i]->writer);
    }
    return count;
}

/* ---- how it completes ---- */

static void finish(const icn_sim_port *port, icn_operation *operation, int32_t os_error, uint32_t size)
{
    icn_sim_trace("finish", operation->kind, (uint64_t)os_error << 32 | size);
    icn_operation_finish_with(&port->base, operation, icn_os_result(os_error), size);
}

/* True: a cancel that was asked for wins over what else could happen. */
static bool cancel_wins(const icn_operation *operation, bool could_succeed)
{
    return operation->state == ICN_OPERATION_CANCELLING && (!could_succeed || icn_sim_choose(2) == 0);
}

static void complete_accept(const icn_sim_port *port, icn_operation *operation)
{
    icn_os_socket listener = icn_operation_endpoint(operation)->socket;
    icn_completion completion = {.status = IOCPNET_OK, .more = true};

    if (cancel_wins(operation, icn_sim_descriptor_waiting(listener) != 0)) {
        finish(port, operation, ECANCELED, 0);
        return;
    }
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_ACCEPT);
    if (error == 0) {
        error = icn_sim_descriptor_accept(listener, &completion.accepted);
    }
    if (error != 0) {
        finish(port, operation, error, 0);
        return;
    }
    icn_sim_trace("accepted", (uint64_t)completion.accepted, 0);
    icn_operation_give(&port->base, operation, &completion);
}

static void complete_connect(const icn_sim_port *port, icn_operation *operation)
{
    int32_t error = 0;
    bool decided = icn_sim_descriptor_connected(icn_operation_endpoint(operation)->socket, &error);

    finish(port, operation, cancel_wins(operation, decided) ? ECANCELED : error, 0);
}

/* An error of the connection, not of the machine, ends it for both sides. */
static void fail(const icn_sim_port *port, icn_operation *operation, icn_sim_end *end, int32_t error)
{
    if (error != ENOMEM && error != ENOBUFS && error != EACCES) {
        icn_sim_break(end, error);
    }
    finish(port, operation, error, 0);
}

static void give_bytes(icn_sim_port *port, icn_operation *operation, icn_sim_end *end)
{
    uint32_t there = icn_sim_readable(end);
    uint32_t most = there < port->options.receive_buffer_bytes ? there : port->options.receive_buffer_bytes;
    uint32_t size = most - icn_sim_choose(most);
    icn_completion completion = {.status = IOCPNET_OK, .more = true, .accepted = ICN_OS_SOCKET_NONE};

    uint8_t *place = port->base.landing != NULL ? port->base.landing : port->buffer;

    (void)icn_sim_read(end, place, size);
    completion.size = size;
    completion.data = place;
    icn_sim_trace("received", icn_sim_connection(end), size);
    icn_operation_give(&port->base, operation, &completion);
    if (place == port->buffer) {
        /* The bytes were lent until here. */
        memset(place, BYTES_TAKEN_BACK, size);
    }
}

static void complete_receive(icn_sim_port *port, icn_operation *operation)
{
    const icn_endpoint *endpoint = icn_operation_endpoint(operation);
    icn_sim_end *end = icn_sim_descriptor_end(endpoint->socket);
    bool readable = icn_sim_readable(end) != 0;

    if (cancel_wins(operation, readable || icn_sim_ended(end))) {
        finish(port, operation, ECANCELED, 0);
        return;
    }
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_RECEIVE);
    if (error != 0) {
        fail(port, operation, end, error);
    } else if (readable) {
        give_bytes(port, operation, end);
    } else {
        error = icn_sim_take_error(end);
        finish(port, operation, error != 0 ? error : icn_operation_error_met(endpoint), 0);
    }
}

static icn_sim_send *send_of(const icn_sim_port *port, const icn_operation *operation)
{
    for (icn_list_node *node = port->sends.next; node != &port->sends; node = node->next) {
        icn_sim_send *send = ICN_CONTAINER(node, icn_sim_send, node);
        if (send->operation == operation) {
            return send;
        }
    }
    ICN_CHECK(false);
    return NULL;
}

void icn_sim_port_forget_send(icn_sim_port *port, const icn_operation *operation)
{
    icn_sim_send *send = send_of(port, operation);

    icn_list_remove(&send->node);
    icn_memory_release(send, sizeof *send + send->count * sizeof send->pieces[0], ICN_MEMORY_PORT);
}

static void complete_send(icn_sim_port *port, icn_operation *operation)
{
    const icn_sim_send *send = send_of(port, operation);
    icn_sim_end *end = icn_sim_descriptor_end(icn_operation_endpoint(operation)->socket);
    bool cancelled = cancel_wins(operation, icn_sim_writable(end) != 0 || icn_sim_broken(end));
    int32_t error = cancelled ? ECANCELED : icn_sim_fault_now(ICN_SIM_FAULT_SEND);
    uint32_t size = 0;

    if (error == 0 && icn_sim_choose(NOTHING_TAKEN_ONE_IN) != NOTHING_TAKEN_ONE_IN - 1) {
        size = icn_sim_socket_write(icn_operation_endpoint(operation)->socket, send->pieces, send->count);
        error = size == 0 ? icn_sim_take_send_error(end) : 0;
    }
    icn_sim_port_forget_send(port, operation);
    if (cancelled || error == 0) {
        finish(port, operation, error, size);
    } else {
        fail(port, operation, end, error);
    }
}

static void complete(icn_sim_port *port, icn_operation *operation)
{
    if (operation->state == ICN_OPERATION_COMPLETED) {
        icn_list_remove(&operation->node);
        icn_operation_finish_queued(&port->base, operation);
        return;
    }
    switch (operation->kind) {
    case ICN_OPERATION_ACCEPT:
        complete_accept(port, operation);
        break;
    case ICN_OPERATION_CONNECT:
        complete_connect(port, operation);
        break;
    case ICN_OPERATION_RECEIVE:
        complete_receive(port, operation);
        break;
    default:
        complete_send(port, operation);
        break;
    }
}

uint32_t icn_sim_port_deliver(icn_sim_port *port, uint32_t budget)
{
    icn_operation *candidates[CANDIDATES_MAX];
    uint32_t delivered = 0;

    do {
        uint32_t count = find_candidates(port, candidates);
        if (count == 0) {
            break;
        }
        complete(port, candidates[icn_sim_choose(count)]);
        delivered++;
    } while (delivered < budget && icn_sim_choose(LAST_ONE_IN) != LAST_ONE_IN - 1);
    return delivered;
}
