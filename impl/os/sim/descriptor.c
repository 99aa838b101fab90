/* Descriptors of the simulated process, and what listens behind them. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "os/sim/choice.h"
#include "os/sim/network_internal.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"

#define DESCRIPTORS_MAX 1024
#define DESCRIPTOR_FIRST 3
#define LISTEN_PORT_FIRST 5000
#define BACKLOG_MAX 128

typedef enum descriptor_kind {
    DESCRIPTOR_CLOSED = 0,
    DESCRIPTOR_RESERVE,
    DESCRIPTOR_SOCKET, /* made to connect */
    DESCRIPTOR_LISTENER
} descriptor_kind;

typedef enum connect_state {
    CONNECT_NONE = 0,
    CONNECT_PENDING,
    CONNECT_DECIDED
} connect_state;

typedef struct descriptor {
    descriptor_kind kind;
    connect_state connect;
    int32_t connect_error;
    bool reset_on_close;
    icn_sim_end *end;
    icn_address address; /* of a listener; that is connected to */
    icn_list backlog;    /* of a listener: ends */
    uint32_t backlog_max;
    uint32_t backlog_count;
    uint64_t connect_number;
    icn_sim_changed *changed;
    void *user;
} descriptor;

static descriptor descriptors[DESCRIPTORS_MAX];
static uint32_t limit;
static uint32_t open_count;
static uint32_t reach; /* no descriptor from here on was ever open */
static uint16_t listen_port_next;
static uint64_t connects_made;
static uint32_t pending_count; /* connects that nobody has decided */

void icn_sim_network_begin(const icn_sim_network_options *options)
{
    memset(descriptors, 0, sizeof descriptors[0] * reach);
    limit = options->descriptors_max;
    open_count = 0;
    reach = DESCRIPTOR_FIRST;
    listen_port_next = LISTEN_PORT_FIRST;
    connects_made = 0;
    pending_count = 0;
    icn_sim_connections_begin(options->pipe_bytes_max);
}

void icn_sim_set_descriptors_max(uint32_t descriptors_max)
{
    limit = descriptors_max;
}

uint32_t icn_sim_descriptors_open(void)
{
    return open_count;
}

static descriptor *of(icn_os_socket socket)
{
    if (socket < DESCRIPTOR_FIRST || socket >= DESCRIPTORS_MAX || descriptors[socket].kind == DESCRIPTOR_CLOSED) {
        icn_sim_violation("descriptor", "descriptor %d is used, and is not open", (int)socket);
    }
    return &descriptors[socket];
}

/* The lowest one that is free, as the system does: so that a stale number soon means another socket. */
static int32_t take(descriptor_kind kind, icn_os_socket *opened)
{
    for (icn_os_socket i = DESCRIPTOR_FIRST; i < DESCRIPTORS_MAX && open_count < limit; i++) {
        if (descriptors[i].kind == DESCRIPTOR_CLOSED) {
            descriptors[i] = (descriptor){.kind = kind};
            icn_list_init(&descriptors[i].backlog);
            open_count++;
            reach = reach > (uint32_t)i + 1 ? reach : (uint32_t)i + 1;
            *opened = i;
            return 0;
        }
    }
    *opened = ICN_OS_SOCKET_NONE;
    return EMFILE;
}

static void tell(const descriptor *told)
{
    if (told->changed != NULL) {
        told->changed(told->user);
    }
}

int32_t icn_sim_descriptor_open(icn_os_socket *opened)
{
    return take(DESCRIPTOR_SOCKET, opened);
}

int32_t icn_sim_descriptor_reserve(icn_os_socket *opened)
{
    return take(DESCRIPTOR_RESERVE, opened);
}

static descriptor *listener_on(uint16_t port)
{
    for (uint32_t i = DESCRIPTOR_FIRST; i < reach; i++) {
        if (descriptors[i].kind == DESCRIPTOR_LISTENER && descriptors[i].address.port == port) {
            return &descriptors[i];
        }
    }
    return NULL;
}

int32_t icn_sim_descriptor_listen(const icn_address *address, uint32_t backlog, icn_os_socket *opened)
{
    *opened = ICN_OS_SOCKET_NONE;
    if (address->port != 0 && listener_on(address->port) != NULL) {
        return EADDRINUSE;
    }
    int32_t error = take(DESCRIPTOR_LISTENER, opened);
    if (error == 0) {
        descriptors[*opened].address = *address;
        descriptors[*opened].backlog_max = backlog == 0 || backlog > BACKLOG_MAX ? BACKLOG_MAX : backlog;
        if (address->port == 0) {
            descriptors[*opened].address.port = listen_port_next++;
        }
    }
    return error;
}

static void close_listener(descriptor *closed)
{
    icn_list_node *node;

    while ((node = icn_list_take_first(&closed->backlog)) != NULL) {
        icn_sim_end_discard(ICN_CONTAINER(node, icn_sim_end, waiting));
    }
}

void icn_sim_descriptor_close(icn_os_socket socket)
{
    descriptor *closed = of(socket);

    icn_sim_trace("close", (uint64_t)socket, closed->kind);
    if (closed->kind == DESCRIPTOR_LISTENER) {
        close_listener(closed);
    } else if (closed->end != NULL) {
        if (closed->reset_on_close) {
            icn_sim_end_discard(closed->end);
        } else {
            icn_sim_close(closed->end);
        }
    }
    pending_count -= closed->connect == CONNECT_PENDING ? 1 : 0;
    closed->kind = DESCRIPTOR_CLOSED;
    open_count--;
}

icn_sim_end *icn_sim_descriptor_end(icn_os_socket socket)
{
    return of(socket)->end;
}

bool icn_sim_descriptor_addresses(icn_os_socket socket, icn_address *local, icn_address *remote)
{
    const descriptor *asked = of(socket);

    *local = asked->end != NULL ? asked->end->local : asked->address;
    if (asked->end != NULL) {
        *remote = asked->end->remote;
    }
    return asked->end != NULL || asked->kind == DESCRIPTOR_LISTENER;
}

void icn_sim_descriptor_reset_on_close(icn_os_socket socket)
{
    of(socket)->reset_on_close = true;
}

void icn_sim_descriptor_watch(icn_os_socket socket, icn_sim_changed *changed, void *user)
{
    descriptor *watched = of(socket);

    watched->changed = changed;
    watched->user = user;
    if (watched->end != NULL) {
        watched->end->changed = changed;
        watched->end->user = user;
    }
}

/* ---- connections ---- */

static void end_becomes_descriptors(descriptor *owner, icn_sim_end *end)
{
    owner->end = end;
    end->changed = owner->changed;
    end->user = owner->user;
}

/* NULL: the backlog is full. */
static icn_sim_end *join_backlog(descriptor *listener)
{
    if (listener->backlog_count == listener->backlog_max) {
        return NULL;
    }
    icn_address server = {.ip = {127, 0, 0, 1}, .family = ICN_ADDRESS_IPV4, .port = listener->address.port};
    icn_sim_end *client = icn_sim_connection_make(&server);
    icn_list_append(&listener->backlog, &client->far->waiting);
    listener->backlog_count++;
    tell(listener);
    return client;
}

icn_sim_end *icn_sim_peer_connect(uint16_t port)
{
    descriptor *listener = listener_on(port);

    return listener != NULL ? join_backlog(listener) : NULL;
}

uint32_t icn_sim_descriptor_waiting(icn_os_socket listener)
{
    return of(listener)->backlog_count;
}

int32_t icn_sim_descriptor_accept(icn_os_socket socket, icn_os_socket *accepted)
{
    descriptor *listener = of(socket);

    *accepted = ICN_OS_SOCKET_NONE;
    if (listener->backlog_count == 0) {
        return EAGAIN;
    }
    int32_t error = take(DESCRIPTOR_SOCKET, accepted);
    if (error == 0) {
        icn_list_node *node = icn_list_take_first(&listener->backlog);
        listener->backlog_count--;
        end_becomes_descriptors(&descriptors[*accepted], ICN_CONTAINER(node, icn_sim_end, waiting));
    }
    return error;
}

static void decide(descriptor *connecting, icn_sim_end *client, int32_t os_error)
{
    connecting->connect = CONNECT_DECIDED;
    connecting->connect_error = os_error;
    pending_count--;
    if (client != NULL) {
        end_becomes_descriptors(connecting, client);
    }
    tell(connecting);
}

void icn_sim_descriptor_connect(icn_os_socket socket, const icn_address *address)
{
    descriptor *connecting = of(socket);
    descriptor *listener = listener_on(address->port);
    icn_sim_end *client = listener != NULL ? join_backlog(listener) : NULL;

    connecting->address = *address;
    connecting->connect = CONNECT_PENDING;
    connecting->connect_number = ++connects_made;
    pending_count++;
    if (client != NULL) {
        decide(connecting, client, 0);
    }
}

bool icn_sim_descriptor_connected(icn_os_socket socket, int32_t *os_error)
{
    const descriptor *connecting = of(socket);

    *os_error = connecting->connect_error;
    return connecting->connect == CONNECT_DECIDED;
}

static bool is_pending(const descriptor *asked)
{
    return asked->kind == DESCRIPTOR_SOCKET && asked->connect == CONNECT_PENDING;
}

uint32_t icn_sim_connects_pending(void)
{
    return pending_count;
}

/* The one with as many older ones as `which` says. */
static descriptor *pending(uint32_t which)
{
    uint64_t older_than = 0;

    for (;;) {
        descriptor *oldest = NULL;
        for (uint32_t i = DESCRIPTOR_FIRST; i < reach; i++) {
            descriptor *each = &descriptors[i];
            if (is_pending(each) && each->connect_number > older_than &&
                (oldest == NULL || each->connect_number < oldest->connect_number)) {
                oldest = each;
            }
        }
        ICN_CHECK(oldest != NULL);
        if (which-- == 0) {
            return oldest;
        }
        older_than = oldest->connect_number;
    }
}

uint16_t icn_sim_connect_port(uint32_t which)
{
    return pending(which)->address.port;
}

icn_sim_end *icn_sim_connect_decide(uint32_t which, int32_t os_error)
{
    descriptor *connecting = pending(which);
    icn_sim_end *client = os_error == 0 ? icn_sim_connection_make(&connecting->address) : NULL;

    icn_sim_trace("connect decided", connecting->connect_number, (uint64_t)os_error);
    decide(connecting, client, os_error);
    return client != NULL ? client->far : NULL;
}
