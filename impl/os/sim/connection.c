/* Connections of the simulated network: two ends and a pipe in each direction. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "os/sim/choice.h"
#include "os/sim/network_internal.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"

#define CLIENT_PORT_FIRST 10000

struct connection {
    icn_list_node node;
    uint32_t number;
    icn_sim_end ends[2];
    uint8_t bytes[];
};

static icn_list connections = {&connections, &connections};
static uint32_t connections_made;
static uint32_t pipe_max;

void icn_sim_connections_begin(uint32_t pipe_bytes_max)
{
    for (icn_list_node *node = connections.next, *next; node != &connections; node = next) {
        next = node->next;
        free(ICN_CONTAINER(node, struct connection, node));
    }
    icn_list_init(&connections);
    connections_made = 0;
    pipe_max = pipe_bytes_max;
}

icn_sim_end *icn_sim_connection_make(const icn_address *server)
{
    /* Two statements: in one the compiler could choose which comes first. */
    uint32_t capacities[2] = {pipe_max - icn_sim_choose(pipe_max)};
    capacities[1] = pipe_max - icn_sim_choose(pipe_max);
    struct connection *made = calloc(1, sizeof *made + capacities[0] + capacities[1]);
    icn_address client = {.ip = {127, 0, 0, 1}, .family = ICN_ADDRESS_IPV4};

    if (made == NULL) {
        icn_sim_violation("progress", "no memory for a connection");
    }
    made->number = ++connections_made;
    client.port = (uint16_t)(CLIENT_PORT_FIRST + made->number);
    for (int i = 0; i < 2; i++) {
        icn_sim_end *end = &made->ends[i];
        end->far = &made->ends[1 - i];
        end->connection = made;
        end->in.bytes = i == 0 ? made->bytes : made->bytes + capacities[0];
        end->in.capacity = capacities[i];
        end->is_client = i == 0;
        end->local = i == 0 ? client : *server;
        end->remote = i == 0 ? *server : client;
        icn_list_init(&end->waiting);
    }
    icn_list_append(&connections, &made->node);
    icn_sim_trace("connection", made->number, 0);
    return &made->ends[0];
}

static void tell(const icn_sim_end *end)
{
    if (end->changed != NULL) {
        end->changed(end->user);
    }
}

uint32_t icn_sim_connection(const icn_sim_end *end)
{
    return end->connection->number;
}

uint16_t icn_sim_client_port(const icn_sim_end *end)
{
    return end->is_client ? end->local.port : end->remote.port;
}

uint32_t icn_sim_readable(const icn_sim_end *end)
{
    return end->in.size;
}

uint32_t icn_sim_writable(const icn_sim_end *end)
{
    return end->far->in.capacity - end->far->in.size;
}

bool icn_sim_ended(const icn_sim_end *end)
{
    return end->broken || (end->far->shut && end->in.size == 0);
}

bool icn_sim_broken(const icn_sim_end *end)
{
    return end->broken;
}

int32_t icn_sim_take_error(icn_sim_end *end)
{
    int32_t error = end->error;

    end->error = 0;
    return error;
}

int32_t icn_sim_take_send_error(icn_sim_end *end)
{
    int32_t error = icn_sim_take_error(end);
    return error == 0 && (end->broken || end->shut) ? EPIPE : error;
}

static void pipe_put(icn_sim_pipe *pipe, const uint8_t *data, uint32_t size)
{
    uint32_t at = (pipe->begin + pipe->size) % pipe->capacity;
    uint32_t first = size < pipe->capacity - at ? size : pipe->capacity - at;

    memcpy(pipe->bytes + at, data, first);
    memcpy(pipe->bytes, data + first, size - first);
    pipe->size += size;
}

static void pipe_take(icn_sim_pipe *pipe, uint8_t *data, uint32_t size)
{
    uint32_t first = size < pipe->capacity - pipe->begin ? size : pipe->capacity - pipe->begin;

    memcpy(data, pipe->bytes + pipe->begin, first);
    memcpy(data + first, pipe->bytes, size - first);
    pipe->begin = (pipe->begin + size) % pipe->capacity;
    pipe->size -= size;
}

static void break_end(icn_sim_end *end, int32_t os_error)
{
    if (!end->broken) {
        end->broken = true;
        end->error = os_error;
    }
    tell(end);
}

int64_t icn_sim_write(icn_sim_end *end, const void *data, uint32_t size)
{
    ICN_CHECK(!end->closed);
    if (end->broken || end->shut) {
        return -1;
    }
    if (end->far->closed) {
        /* The system takes the bytes; the answer to them is a reset. */
        break_end(end, ECONNRESET);
        return icn_sim_choose(2) == 0 ? (int64_t)size : -1;
    }
    uint32_t room = icn_sim_writable(end);
    uint32_t taken = size < room ? size : room;
    if (taken != 0) {
        pipe_put(&end->far->in, data, taken);
        tell(end->far);
    }
    return taken;
}

int64_t icn_sim_read(icn_sim_end *end, void *data, uint32_t size)
{
    uint32_t taken = size < end->in.size ? size : end->in.size;

    ICN_CHECK(!end->closed);
    if (taken != 0) {
        pipe_take(&end->in, data, taken);
        tell(end->far);
        return taken;
    }
    if (end->broken) {
        return -1;
    }
    return end->far->shut ? -2 : 0;
}

void icn_sim_shutdown(icn_sim_end *end)
{
    if (!end->shut && !end->broken) {
        icn_sim_trace("fin", icn_sim_connection(end), end->is_client);
        end->shut = true;
        tell(end->far);
    }
}

void icn_sim_break(icn_sim_end *end, int32_t os_error)
{
    icn_sim_trace("break", icn_sim_connection(end), (uint64_t)os_error);
    break_end(end, 0);
    break_end(end->far, ECONNRESET);
}

void icn_sim_reset(icn_sim_end *end, int32_t os_error)
{
    if (end->far->closed || end->broken) {
        return;
    }
    icn_sim_trace("reset", icn_sim_connection(end), (uint64_t)os_error);
    if (icn_sim_choose(2) != 0) {
        /* What was not read is lost with it, as some systems do. */
        end->far->in.size = 0;
    }
    break_end(end->far, os_error);
    break_end(end, ECONNRESET);
}

static void give_back(icn_sim_end *end)
{
    ICN_CHECK(!end->closed);
    end->closed = true;
    end->changed = NULL;
    if (end->far->closed) {
        icn_list_remove(&end->connection->node);
        free(end->connection);
    }
}

void icn_sim_end_discard(icn_sim_end *end)
{
    icn_sim_reset(end, ECONNRESET);
    give_back(end);
}

void icn_sim_close(icn_sim_end *end)
{
    if (end->in.size != 0) {
        icn_sim_reset(end, ECONNRESET);
    } else {
        icn_sim_shutdown(end);
    }
    give_back(end);
}
