#include "port/port.h"

#include <stddef.h>
#include <string.h>

#include "port/operation.h"

uint32_t icn_operation_deliver_queue(const icn_port *port, icn_list *queue, uint32_t budget)
{
    const icn_list_node *last = queue->previous;
    uint32_t count = 0;

    while (count < budget && !icn_list_is_empty(queue)) {
        icn_list_node *node = icn_list_take_first(queue);
        ++count;
        icn_operation_finish_queued(port, ICN_CONTAINER(node, icn_operation, node));
        if (node == last) {
            break;
        }
    }
    return count;
}

int32_t icn_operation_error_met(const icn_endpoint *endpoint)
{
    const icn_operation *writer = &endpoint->writer;
    const bool failed = writer->state == ICN_OPERATION_COMPLETED && writer->error != IOCPNET_OK;
    return failed && writer->error != -IOCPNET_E_CANCELLED ? writer->outcome : 0;
}

static bool suits(const icn_port_functions *functions, const icn_port_options *options)
{
    return options->one_thread || !functions->auto_for_one_thread;
}

static icn_result open_first(const icn_port_options *options, icn_port **port, icn_result *refused)
{
    icn_result result = icn_failure(IOCPNET_E_NOT_SUPPORTED);

    for (const icn_port_functions *const *functions = icn_ports; *functions != NULL; ++functions) {
        if (!suits(*functions, options)) {
            continue;
        }
        result = (*functions)->open(options, port);
        if (result.status == IOCPNET_OK) {
            break;
        }
        if (refused->status == IOCPNET_OK) {
            *refused = result;
        }
    }
    return result;
}

static icn_result open_kind(uint32_t kind, const icn_port_options *options, icn_port **port)
{
    for (const icn_port_functions *const *functions = icn_ports; *functions != NULL; ++functions) {
        if ((*functions)->kind == kind) {
            return (*functions)->open(options, port);
        }
    }
    return icn_failure(IOCPNET_E_NOT_SUPPORTED);
}

icn_result icn_port_open(uint32_t kind, const icn_port_options *options, icn_port **port, icn_result *refused)
{
    icn_result result;

    ICN_CHECK(options->receive_buffer_bytes > 0);
    *refused = icn_ok();
    result = kind == IOCPNET_PORT_AUTO ? open_first(options, port, refused) : open_kind(kind, options, port);
    if (result.status == IOCPNET_OK) {
        memcpy((*port)->complete, options->complete, sizeof(*port)->complete);
    }
    return result;
}

void icn_port_close(icn_port *port)
{
    ICN_CHECK(!port->running);
    port->functions->close(port);
}

icn_result icn_port_attach(icn_port *port, icn_endpoint *endpoint)
{
    icn_result result;

    ICN_CHECK(endpoint->socket != ICN_OS_SOCKET_NONE);
    ICN_CHECK(endpoint->reader.state == ICN_OPERATION_IDLE && endpoint->writer.state == ICN_OPERATION_IDLE);
    result = port->functions->attach(port, endpoint);
    if (result.status == IOCPNET_OK) {
        icn_live_add(ICN_LIVE_DESCRIPTORS);
    }
    return result;
}

void icn_port_detach(icn_port *port, icn_endpoint *endpoint)
{
    ICN_CHECK(!port->running);
    ICN_CHECK(endpoint->reader.state == ICN_OPERATION_IDLE);
    ICN_CHECK(endpoint->writer.state == ICN_OPERATION_IDLE);
    port->functions->detach(port, endpoint);
    endpoint->socket = ICN_OS_SOCKET_NONE;
    icn_live_remove(ICN_LIVE_DESCRIPTORS);
}

static void check_idle(const icn_endpoint *endpoint)
{
    ICN_CHECK(endpoint->reader.state == ICN_OPERATION_IDLE && endpoint->writer.state == ICN_OPERATION_IDLE);
    (void)endpoint;
}

void icn_port_move(icn_port *port, icn_endpoint *from, icn_endpoint *to)
{
    ICN_CHECK(!port->running);
    ICN_CHECK(from->socket != ICN_OS_SOCKET_NONE && to->socket == ICN_OS_SOCKET_NONE);
    check_idle(from);
    check_idle(to);
    port->functions->move(port, from, to);
    to->socket = from->socket;
    to->family = from->family;
    from->socket = ICN_OS_SOCKET_NONE;
}

static void begin(const icn_endpoint *endpoint, icn_operation *operation, icn_operation_kind kind)
{
    ICN_CHECK(operation->state == ICN_OPERATION_IDLE);
    ICN_CHECK(endpoint->socket != ICN_OS_SOCKET_NONE);
    operation->kind = (uint8_t)kind;
    operation->state = ICN_OPERATION_IN_FLIGHT;
    icn_live_add(ICN_LIVE_OPERATIONS);
}

void icn_port_accept(icn_port *port, icn_endpoint *endpoint, uint32_t count)
{
    ICN_CHECK(count > 0);
    begin(endpoint, &endpoint->reader, ICN_OPERATION_ACCEPT);
    port->functions->accept(port, endpoint, &endpoint->reader, count);
}

void icn_port_connect(icn_port *port, icn_endpoint *endpoint, const icn_address *address)
{
    begin(endpoint, &endpoint->writer, ICN_OPERATION_CONNECT);
    ICN_CHECK(!icn_list_holds(&endpoint->writer.node));
    port->functions->connect(port, endpoint, &endpoint->writer, address);
}

void icn_port_receive(icn_port *port, icn_endpoint *endpoint)
{
    begin(endpoint, &endpoint->reader, ICN_OPERATION_RECEIVE);
    port->functions->receive(port, endpoint, &endpoint->reader);
}

void icn_port_send(icn_port *port, icn_endpoint *endpoint, const iocpnet_iovec *pieces, uint32_t count)
{
    ICN_CHECK(count > 0);
    begin(endpoint, &endpoint->writer, ICN_OPERATION_SEND);
    ICN_CHECK(!icn_list_holds(&endpoint->writer.node));
    port->functions->send(port, endpoint, &endpoint->writer, pieces, count);
}

uint32_t icn_port_send_now(icn_port *port, const icn_endpoint *endpoint, const iocpnet_iovec *pieces, uint32_t count)
{
    ICN_CHECK(count > 0);
    ICN_CHECK(endpoint->writer.state == ICN_OPERATION_IDLE);
    if (!icn_port_sends_now(port)) {
        return 0;
    }
    int64_t size = icn_os_socket_send(endpoint->socket, pieces, count);
    return size > 0 ? (uint32_t)size : 0;
}

void icn_port_cancel(icn_port *port, icn_operation *operation)
{
    if (operation->state == ICN_OPERATION_IN_FLIGHT) {
        port->functions->cancel(port, operation);
    }
}

/* Neither a right nor a feature is missing when a port that was opened fails: `os_error` says what it is. */
static icn_result of_whole_port(icn_result result)
{
    if (result.status != IOCPNET_OK && result.status != IOCPNET_E_NO_MEMORY) {
        result.status = IOCPNET_E_SYSTEM;
    }
    return result;
}

icn_result icn_port_run(icn_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_result result;

    ICN_CHECK(!port->running);
    ICN_CHECK(budget > 0);
    port->running = true;
    result = port->functions->run(port, timeout_ms, budget, delivered);
    port->running = false;
    ICN_CHECK(*delivered <= budget);
    return of_whole_port(result);
}

icn_result icn_port_submit(icn_port *port)
{
    ICN_CHECK(!port->running);
    return of_whole_port(port->functions->submit(port));
}

void icn_port_wake(icn_port *port)
{
    port->functions->wake(port);
}
