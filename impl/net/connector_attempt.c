/* The attempts of a connector, one for each address. */
#include <stddef.h>

#include "base/check.h"
#include "net/connector.h"
#include "net/session.h"
#include "os/clock.h"
#include "os/socket.h"
#include "util/memory.h"

static size_t attempts_size(const icn_connector *connector)
{
    return sizeof(icn_attempt) * connector->attempt_capacity;
}

static bool is_connecting(const icn_session *session)
{
    return icn_session_state_now(session) == ICN_SESSION_CONNECTING;
}

/* A family that this machine does not have says less than a network without a way, and this less than the host itself. */
static int telling(int32_t status)
{
    switch (status) {
    case IOCPNET_OK:
        return 0;
    case IOCPNET_E_NOT_SUPPORTED:
    case IOCPNET_E_ADDRESS_NOT_AVAILABLE:
        return 1;
    case IOCPNET_E_NETWORK_UNREACHABLE:
    case IOCPNET_E_HOST_UNREACHABLE:
        return 2;
    default:
        return 3;
    }
}

static void note_failure(icn_connector *connector, icn_result failure)
{
    if (telling(failure.status) >= telling(connector->failure.status)) {
        connector->failure = failure;
    }
}

static icn_result open_socket(const icn_connect_plan *plan, const icn_address *address, icn_os_socket *opened)
{
    bool bound = plan->local.family != ICN_ADDRESS_NONE;
    if (bound && plan->local.family != address->family) {
        return icn_failure(IOCPNET_E_ADDRESS_NOT_AVAILABLE);
    }
    icn_result result = icn_os_socket_open((icn_address_family)address->family, opened);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    if (plan->has_socket_options) {
        result = icn_os_socket_set_options(*opened, &plan->socket);
    }
    if (result.status == IOCPNET_OK && bound) {
        result = icn_os_socket_bind(*opened, &plan->local);
    }
    if (result.status != IOCPNET_OK) {
        icn_os_socket_close(*opened);
    }
    return result;
}

static icn_result start_attempt(icn_session *session, icn_connector *connector, icn_attempt *attempt)
{
    icn_port *port = session->loop->port;
    icn_os_socket socket;
    icn_result result = open_socket(&connector->plan, &attempt->address, &socket);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    icn_endpoint_init(&attempt->endpoint, socket, attempt->address.family);
    attempt->endpoint.mark = ICN_MARK_ATTEMPT;
    result = icn_port_attach(port, &attempt->endpoint);
    if (result.status != IOCPNET_OK) {
        icn_os_socket_close(socket);
        return result;
    }
    attempt->state = ICN_ATTEMPT_IN_FLIGHT;
    icn_session_hold(session);
    icn_port_connect(port, &attempt->endpoint, &attempt->address);
    return result;
}

/* The next look of the timer: at the deadline, or at the next attempt. */
void icn_connector_arm(icn_session *session, const icn_connector *connector)
{
    bool more = connector->started < connector->attempt_count;
    uint64_t at_ms = connector->deadline_ms != 0 ? connector->deadline_ms : UINT64_MAX;
    if (more && connector->next_ms < at_ms) {
        at_ms = connector->next_ms;
    }
    icn_timer *timer = &session->end.timer;
    icn_timer_cancel(&session->loop->timers, timer);
    if (at_ms != UINT64_MAX) {
        icn_timer_set(&session->loop->timers, timer, at_ms);
    }
}

/* Starts the next attempt that can be started; without any, and with none in flight, the session fails. */
void icn_connector_start_next(icn_session *session, icn_connector *connector)
{
    ICN_CHECK(is_connecting(session));
    while (connector->started < connector->attempt_count) {
        icn_attempt *attempt = &connector->attempts[connector->started++];
        icn_result result = start_attempt(session, connector, attempt);
        if (result.status == IOCPNET_OK) {
            break;
        }
        attempt->state = ICN_ATTEMPT_OVER;
        connector->over++;
        note_failure(connector, result);
    }
    if (connector->over == connector->attempt_count) {
        icn_session_fail(session, connector->failure.status, connector->failure.os_error);
        return;
    }
    connector->next_ms = icn_os_clock_ms() + connector->plan.attempt_delay_ms;
    icn_connector_arm(session, connector);
}

void icn_connector_try(icn_session *session, icn_connector *connector, const icn_address *addresses, uint32_t count)
{
    ICN_CHECK(connector->attempts == NULL && count != 0);
    connector->attempt_capacity = count;
    connector->attempts = icn_memory_allocate_zeroed(attempts_size(connector), ICN_MEMORY_SESSION);
    if (connector->attempts == NULL) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
        return;
    }
    connector->attempt_count = count;
    for (uint32_t i = 0; i < count; i++) {
        connector->attempts[i].session = session;
        connector->attempts[i].address = addresses[i];
        connector->attempts[i].address.port = connector->plan.remote.port;
    }
    icn_connector_start_next(session, connector);
}

void icn_attempt_completed(icn_endpoint *endpoint, const icn_completion *completion)
{
    icn_attempt *attempt = ICN_CONTAINER(endpoint, icn_attempt, endpoint);
    icn_session *session = attempt->session;
    ICN_CHECK(!completion->more && attempt->state == ICN_ATTEMPT_IN_FLIGHT);
    attempt->result = (icn_result){completion->status, completion->os_error};
    attempt->state = completion->status == IOCPNET_OK ? ICN_ATTEMPT_SUCCEEDED : ICN_ATTEMPT_FAILED;
    icn_session_drop(session);
    if (icn_session_state_now(session) >= ICN_SESSION_ENDING) {
        icn_session_operation_ended(session);
    } else {
        /* Sockets are handed on and closed outside of completions. */
        icn_session_kick(session);
    }
}

void icn_connector_cancel(icn_session *session, icn_connector *connector)
{
    ICN_CHECK(connector->started == 0 || connector->attempts != NULL);
    for (uint32_t i = 0; i < connector->started; i++) {
        icn_operation *connect = &connector->attempts[i].endpoint.writer;
        if (connect->state == ICN_OPERATION_IN_FLIGHT) {
            icn_port_cancel(session->loop->port, connect);
        }
    }
}

void icn_connector_forget(icn_connector *connector)
{
    icn_memory_release(connector->attempts, attempts_size(connector), ICN_MEMORY_SESSION);
    connector->attempts = NULL;
    connector->attempt_count = 0;
    connector->started = 0;
    connector->over = 0;
}

/* The session has a socket and an address from here on; whoever finds it OPEN sees both. */
static void win(icn_session *session, icn_connector *connector, icn_attempt *attempt)
{
    icn_loop *loop = session->loop;
    icn_port_move(loop->port, &attempt->endpoint, &session->endpoint);
    icn_address_pack(&attempt->address, session->remote);
    session->attached = true;
    icn_timer_cancel(&loop->timers, &session->end.timer);
    connector->opened_ms = icn_os_clock_ms();
    /* None of those that were not started is. */
    connector->attempt_count = connector->started;
    icn_connector_cancel(session, connector);
    icn_session_opened(session);
}

static void close_attempt(icn_session *session, icn_attempt *attempt)
{
    icn_port_detach(session->loop->port, &attempt->endpoint);
}

/* An attempt has ended. */
static void settle(icn_session *session, icn_connector *connector, icn_attempt *attempt)
{
    bool won = attempt->state == ICN_ATTEMPT_SUCCEEDED && is_connecting(session) && connector->opened_ms == 0;
    bool failed = attempt->state == ICN_ATTEMPT_FAILED;
    attempt->state = ICN_ATTEMPT_OVER;
    connector->over++;
    if (won) {
        win(session, connector, attempt);
        return;
    }
    if (failed) {
        note_failure(connector, attempt->result);
    }
    close_attempt(session, attempt);
}

void icn_connector_settle(icn_session *session, icn_connector *connector)
{
    uint32_t over = connector->over;
    for (uint32_t i = 0; i < connector->started; i++) {
        icn_attempt_state state = connector->attempts[i].state;
        if (state == ICN_ATTEMPT_SUCCEEDED || state == ICN_ATTEMPT_FAILED) {
            settle(session, connector, &connector->attempts[i]);
        }
    }
    if (connector->over != over && is_connecting(session) && !icn_session_is_closing(session)) {
        /* One that failed makes room for the next at once. */
        icn_connector_start_next(session, connector);
    }
    if (connector->attempts != NULL && connector->over == connector->attempt_count) {
        icn_connector_forget(connector);
    }
}
