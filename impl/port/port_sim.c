/*
 * A port over the simulated network. Which operation completes next, how much of it, whether a cancel comes too late, and
 * what fails, is a choice. Memory that an operation was given is read and written when it completes, not before.
 */
#include "port/port_sim.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "os/error.h"
#include "os/sim/choice.h"
#include "os/sim/fault.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "port/operation.h"
#include "port/port_sim_internal.h"
#include "util/memory.h"

/* Per mille of the runs that return early without a cause, and of the sends at once that take nothing. */
#define EARLY_CHANCE 20

static icn_sim_port *sim_port(icn_port *port)
{
    return (icn_sim_port *)(void *)port;
}

/* ---- opening and closing ---- */

static icn_result open_kind(const icn_port_functions *functions, const icn_port_options *options, icn_port **port)
{
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_PORT_OPEN);
    if (error != 0) {
        return icn_os_result(error);
    }
    size_t size = sizeof(icn_sim_port) + options->receive_buffer_bytes;
    icn_sim_port *opened = icn_memory_allocate_zeroed(size, ICN_MEMORY_PORT);
    if (opened == NULL) {
        return icn_failure(IOCPNET_E_NO_MEMORY);
    }
    opened->base.functions = functions;
    if (functions->sends_now) {
        opened->base.landing = opened->buffer;
        opened->base.landing_own = opened->buffer;
    }
    opened->options = *options;
    icn_list_init(&opened->sends);
    icn_list_init(&opened->queued);
    *port = &opened->base;
    return icn_ok();
}

static icn_result open_operations(const icn_port_options *options, icn_port **port)
{
    return open_kind(&icn_port_sim_operations, options, port);
}

static icn_result open_at_once(const icn_port_options *options, icn_port **port)
{
    return open_kind(&icn_port_sim_at_once, options, port);
}

static void close_port(icn_port *port)
{
    icn_sim_port *closed = sim_port(port);

    ICN_CHECK(closed->endpoint_count == 0);
    ICN_CHECK(icn_list_is_empty(&closed->sends));
    ICN_CHECK(icn_list_is_empty(&closed->queued));
    icn_memory_release(closed, sizeof *closed + closed->options.receive_buffer_bytes, ICN_MEMORY_PORT);
}

/* ---- what starts ---- */

/* A port that was opened for one thread is for the one that used it first. */
static void check_thread(icn_sim_port *port)
{
    uint32_t self = icn_sim_fiber_number(icn_sim_fiber_self());

    if (port->options.one_thread && port->thread != 0 && port->thread != self) {
        icn_sim_violation("one thread", "thread %u uses the port of thread %u", (unsigned)self, (unsigned)port->thread);
    }
    port->thread = self;
}

/* Something that a port waits for may have happened. */
static void changed(void *user)
{
    icn_sim_port *port = user;

    port->active = true;
    icn_sim_wake_all(port);
}

static icn_result attach(icn_port *port, icn_endpoint *endpoint)
{
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_ATTACH);

    check_thread(sim_port(port));
    if (error == 0) {
        icn_sim_descriptor_watch(endpoint->socket, changed, port);
        ICN_CHECK(sim_port(port)->endpoint_count < ICN_SIM_ENDPOINTS_MAX);
        sim_port(port)->endpoints[sim_port(port)->endpoint_count++] = endpoint;
    }
    return icn_os_result(error);
}

static void detach(icn_port *port, icn_endpoint *endpoint)
{
    icn_sim_port *driven = sim_port(port);
    uint32_t index = 0;

    check_thread(driven);
    while (index < driven->endpoint_count && driven->endpoints[index] != endpoint) {
        index++;
    }
    ICN_CHECK(index < driven->endpoint_count);
    driven->endpoint_count--;
    /* In the order in which they were attached. */
    for (; index < driven->endpoint_count; index++) {
        driven->endpoints[index] = driven->endpoints[index + 1];
    }
    icn_sim_descriptor_watch(endpoint->socket, NULL, NULL);
    icn_sim_descriptor_close(endpoint->socket);
}

static void move(icn_port *port, icn_endpoint *from, icn_endpoint *to)
{
    icn_sim_port *driven = sim_port(port);
    uint32_t index = 0;

    check_thread(driven);
    while (index < driven->endpoint_count && driven->endpoints[index] != from) {
        index++;
    }
    ICN_CHECK(index < driven->endpoint_count);
    driven->endpoints[index] = to;
    driven->active = true;
    to->ready = from->ready;
}

/* False: it failed, which its completion will tell. */
static bool starts(icn_port *port, icn_operation *operation)
{
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_START);

    check_thread(sim_port(port));
    sim_port(port)->active = true;
    if (error != 0) {
        icn_operation_queue(&sim_port(port)->queued, operation, icn_os_result(error), 0);
    }
    return error == 0;
}

static void start_accept(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, uint32_t count)
{
    (void)endpoint;
    (void)count;
    (void)starts(port, operation);
}

static void start_connect(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address)
{
    if (starts(port, operation)) {
        icn_sim_descriptor_connect(endpoint->socket, address);
    }
}

static void start_receive(icn_port *port, icn_endpoint *endpoint, icn_operation *operation)
{
    (void)endpoint;
    (void)starts(port, operation);
}

/* As on Linux: the send takes an error that is pending before a receive can, and tells of it later. */
static bool fails_at_once(icn_sim_port *port, const icn_endpoint *endpoint, icn_operation *operation)
{
    int32_t error = icn_sim_take_send_error(icn_sim_descriptor_end(endpoint->socket));

    if (error != 0) {
        icn_operation_queue(&port->queued, operation, icn_os_result(error), 0);
    }
    return error != 0;
}

static void start_send(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                       uint32_t count)
{
    if (!starts(port, operation) || fails_at_once(sim_port(port), endpoint, operation)) {
        return;
    }
    icn_sim_send *send = icn_memory_allocate(sizeof *send + count * sizeof *pieces, ICN_MEMORY_PORT);
    if (send == NULL) {
        icn_operation_queue(&sim_port(port)->queued, operation, icn_failure(IOCPNET_E_NO_MEMORY), 0);
        return;
    }
    send->count = count;
    memcpy(send->pieces, pieces, count * sizeof *pieces);
    send->operation = operation;
    icn_list_append(&sim_port(port)->sends, &send->node);
}

static void cancel(icn_port *port, icn_operation *operation)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IN_FLIGHT);
    check_thread(sim_port(port));
    operation->state = ICN_OPERATION_CANCELLING;
    sim_port(port)->active = true;
}

/* As a port does that keeps its operations itself: the cancel always wins, and is delivered from a queue. */
static void cancel_at_once(icn_port *port, icn_operation *operation)
{
    cancel(port, operation);
    if (operation->kind == ICN_OPERATION_SEND) {
        icn_sim_port_forget_send(sim_port(port), operation);
    }
    icn_operation_queue(&sim_port(port)->queued, operation, icn_os_result(ECANCELED), 0);
}

/* ---- running ---- */

static icn_result run(icn_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_sim_port *driven = sim_port(port);
    uint64_t deadline_ms = timeout_ms == IOCPNET_INFINITE ? UINT64_MAX : icn_sim_now_ms() + timeout_ms;

    *delivered = 0;
    check_thread(driven);
    icn_interleave();
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_RUN);
    if (error != 0) {
        return icn_os_result(error);
    }
    bool early = icn_sim_chance(EARLY_CHANCE);
    while (!early && *delivered == 0 && !driven->woken) {
        driven->active = false;
        *delivered = icn_sim_port_deliver(driven, budget);
        if (icn_sim_now_ms() >= deadline_ms) {
            break;
        }
        if (*delivered == 0 && !driven->active && !driven->woken) {
            (void)icn_sim_block(driven, "port", deadline_ms);
        }
    }
    driven->woken = false;
    return icn_os_result(*delivered != 0 ? icn_sim_fault_now(ICN_SIM_FAULT_RUN) : 0);
}

static icn_result submit(icn_port *port)
{
    check_thread(sim_port(port));
    icn_interleave();
    return icn_ok();
}

static void wake(icn_port *port)
{
    icn_sim_port *woken = sim_port(port);

    icn_interleave();
    woken->woken = true;
    icn_sim_wake_all(woken);
}

const icn_port_functions icn_port_sim_operations = {
    .kind = IOCPNET_PORT_IO_URING,
    .open = open_operations,
    .close = close_port,
    .attach = attach,
    .detach = detach,
    .move = move,
    .accept = start_accept,
    .connect = start_connect,
    .receive = start_receive,
    .send = start_send,
    .cancel = cancel,
    .run = run,
    .submit = submit,
    .wake = wake,
};

const icn_port_functions icn_port_sim_at_once = {
    .kind = IOCPNET_PORT_EPOLL,
    .open = open_at_once,
    .close = close_port,
    .attach = attach,
    .detach = detach,
    .move = move,
    .accept = start_accept,
    .connect = start_connect,
    .receive = start_receive,
    .send = start_send,
    .sends_now = true,
    .cancel = cancel_at_once,
    .run = run,
    .submit = submit,
    .wake = wake,
};
