#include <stddef.h>

#include "base/attributes.h"
#include "base/check.h"
#include "base/status.h"
#include "net/proxied.h"
#include "net/session.h"
#include "os/clock.h"
#include "os/socket.h"
#include "util/log.h"

/* True for the one caller that decides how the session ends, and writes session->close. Any thread. */
static bool claim(icn_session *session)
{
    uint8_t claimed = ICN_CLOSE_UNCLAIMED;
    while (!icn_u8_replace(&session->close_claim, &claimed, ICN_CLOSE_WRITING)) {
        if (claimed >= ICN_CLOSE_WRITING) {
            return false;
        }
    }
    return true;
}

/* The store of the claim releases `close` to whoever loads the claim. */
static void publish(icn_session *session, const icn_close *close, icn_close_claim by)
{
    icn_close_keep(&session->close, close);
    icn_u8_store(&session->close_claim, (uint8_t)by);
}

static bool is_published(const icn_session *session)
{
    return icn_u8_load(&session->close_claim) >= ICN_CLOSE_BY_HOST;
}

void icn_session_disconnect(icn_session *session, const icn_close *close)
{
    if (claim(session)) {
        publish(session, close, ICN_CLOSE_BY_HOST);
        icn_session_kick(session);
        return;
    }
    icn_close_note_destroy(close->note);
    if (close->abort) {
        icn_u8_exchange(&session->abort_requested, 1);
        icn_session_kick(session);
    }
}

ICN_RARE void icn_session_disconnect_full(icn_session *session)
{
    const icn_close close = {.status = IOCPNET_E_LIMIT_REACHED,
                             .reason = IOCPNET_CLOSE_SEND_LIMIT,
                             .origin = IOCPNET_ORIGIN_LIBRARY,
                             .abort = true};
    if (claim(session)) {
        publish(session, &close, ICN_CLOSE_BY_HOST);
        icn_session_kick(session);
    }
}

void icn_session_close(icn_session *session, const icn_close *close)
{
    if (claim(session)) {
        publish(session, close, ICN_CLOSE_BY_LIBRARY);
    }
    /* When the host's disconnect came first and is still being written, its kick follows and the close goes on then. */
    icn_session_pursue_close(session);
}

static icn_close close_of_failure(int32_t status, int32_t os_error)
{
    icn_close close = {.status = status, .os_error = os_error, .origin = IOCPNET_ORIGIN_LIBRARY, .abort = true};
    switch (status) {
    case IOCPNET_E_CONNECTION_RESET:
    case IOCPNET_E_CONNECTION_REFUSED:
        close.reason = IOCPNET_CLOSE_RESET;
        close.origin = IOCPNET_ORIGIN_PEER;
        break;
    case IOCPNET_E_CONNECTION_ABORTED:
    case IOCPNET_E_NETWORK_UNREACHABLE:
    case IOCPNET_E_HOST_UNREACHABLE:
    case IOCPNET_E_TIMED_OUT:
    case IOCPNET_E_NAME_NOT_FOUND:
    case IOCPNET_E_NAME_NOT_RESOLVED:
        close.reason = IOCPNET_CLOSE_ABORTED;
        break;
    case IOCPNET_E_NO_MEMORY:
    case IOCPNET_E_NO_DESCRIPTORS:
    case IOCPNET_E_LIMIT_REACHED:
        close.reason = IOCPNET_CLOSE_NO_RESOURCES;
        break;
    default:
        close.reason = IOCPNET_CLOSE_ERROR;
        break;
    }
    return close;
}

/* What peers and networks do every day is in the close reason; anything else is worth a line. */
static void log_failure(const icn_session *session, const icn_close *close)
{
    if (close->reason == IOCPNET_CLOSE_NO_RESOURCES || close->reason == IOCPNET_CLOSE_ERROR) {
        icn_log_write(IOCPNET_LOG_WARNING, "session", "%016llx ends: %s (status %d, system %d)",
                      (unsigned long long)session->handle, icn_close_reason_name(close->reason), (int)close->status,
                      (int)close->os_error);
    }
}

void icn_session_fail(icn_session *session, int32_t status, int32_t os_error)
{
    const icn_close close = close_of_failure(status, os_error);
    session->broken = true;
    if (session->cut_error == IOCPNET_OK) {
        /* For a close that was claimed before, without an error of its own. */
        session->cut_error = (uint8_t)-status;
        /* Windows has codes for which it knows no error: the status alone tells of these. */
        session->cut_os_error = os_error > 0 && os_error <= UINT16_MAX ? (uint16_t)os_error : 0;
    }
    log_failure(session, &close);
    icn_session_close(session, &close);
}

static void set_deadline(icn_session *session, uint32_t timeout_ms)
{
    icn_loop *loop = session->loop;
    uint64_t deadline_ms = icn_os_deadline_ms(timeout_ms);
    if (loop->stopping && loop->stop_deadline_ms < deadline_ms) {
        deadline_ms = loop->stop_deadline_ms;
    }
    icn_timer_set(&loop->timers, &session->end.timer, deadline_ms);
}

static void begin_flush(icn_session *session)
{
    /* What was sent before the close, by whichever thread, leaves before the FIN; broadcasts go to open sessions. */
    icn_sessions_collect(session->loop);
    if (icn_session_state_now(session) != ICN_SESSION_OPEN) {
        /* There was no memory for it, which has cut the session. */
        return;
    }
    icn_u8_store(&session->state, ICN_SESSION_FLUSHING);
    set_deadline(session, session->close.timeout_ms);
    /* A paused session receives again, to see the end of the peer's stream. */
    icn_session_update_receive(session);
    icn_session_flush(session);
}

static void cut(icn_session *session)
{
    session->cut = true;
    icn_session_end(session);
}

void icn_session_pursue_close(icn_session *session)
{
    if (!is_published(session)) {
        return;
    }
    bool at_once = session->close.abort || session->broken || icn_u8_load(&session->abort_requested) != 0;
    switch (icn_session_state_now(session)) {
    case ICN_SESSION_STARTING:
    case ICN_SESSION_CONNECTING:
        cut(session);
        break;
    case ICN_SESSION_OPEN:
        if (at_once) {
            cut(session);
        } else {
            begin_flush(session);
        }
        break;
    case ICN_SESSION_FLUSHING:
    case ICN_SESSION_LINGERING:
        if (at_once) {
            cut(session);
        }
        break;
    default:
        break;
    }
}

void icn_session_flushed(icn_session *session)
{
    if (icn_session_state_now(session) != ICN_SESSION_FLUSHING) {
        return;
    }
    icn_os_socket_shutdown_send(session->endpoint.socket);
    if (session->end_of_stream) {
        icn_session_end(session);
    } else {
        icn_u8_store(&session->state, ICN_SESSION_LINGERING);
    }
}

void icn_session_deadline_passed(icn_timer *timer)
{
    icn_session *session = ICN_CONTAINER(timer, icn_session, end.timer);
    if (icn_session_state_now(session) == ICN_SESSION_OPEN) {
        icn_guard_look(session, icn_session_guard(session));
    } else if (icn_proxied_awaits_header(session)) {
        icn_proxied_late(session);
    } else if (icn_session_state_now(session) == ICN_SESSION_CONNECTING) {
        icn_connector *connector = icn_session_connector(session);
        if (connector != NULL && !icn_connector_is_late(connector)) {
            icn_connector_due(session, connector);
            return;
        }
        const icn_close close = {.status = IOCPNET_E_TIMED_OUT,
                                 .reason = IOCPNET_CLOSE_HANDSHAKE_TIMEOUT,
                                 .origin = IOCPNET_ORIGIN_LIBRARY,
                                 .abort = true};
        icn_session_close(session, &close);
    } else {
        session->cut_error = -IOCPNET_E_TIMED_OUT;
        cut(session);
    }
}

static void stop_session(icn_session *session)
{
    icn_loop *loop = session->loop;
    uint32_t drain_ms = icn_u32_load(&loop->roster->drain_ms);
    const icn_close close = {.status = IOCPNET_OK,
                             .reason = IOCPNET_CLOSE_SERVICE_STOPPED,
                             .origin = IOCPNET_ORIGIN_LOCAL,
                             .timeout_ms = drain_ms,
                             .abort = drain_ms == 0};
    icn_session_close(session, &close);
    if (icn_session_state_now(session) >= ICN_SESSION_ENDING) {
        return;
    }
    icn_timer *timer = &session->end.timer;
    if (icn_timer_is_set(timer) && loop->stop_deadline_ms < timer->deadline_ms) {
        /* It was closing already: at the latest with the others. */
        icn_timer_set(&loop->timers, timer, loop->stop_deadline_ms);
    }
}

void icn_sessions_stop(icn_loop *loop)
{
    /* Closing takes no session off the list: that happens at the end of the turn. */
    for (icn_list_node *node = loop->sessions.next; node != &loop->sessions; node = node->next) {
        stop_session(ICN_CONTAINER(node, icn_session, loop_node));
    }
}

void icn_session_operation_ended(icn_session *session)
{
    if (session->operations == 0 && icn_session_state_now(session) == ICN_SESSION_ENDING) {
        icn_session_finish_soon(session);
    }
}

static void cancel(icn_session *session, icn_operation *operation)
{
    if (operation->state == ICN_OPERATION_IN_FLIGHT) {
        icn_port_cancel(session->loop->port, operation);
    }
}

void icn_session_end(icn_session *session)
{
    ICN_CHECK(is_published(session));
    if (icn_session_state_now(session) >= ICN_SESSION_ENDING) {
        return;
    }
    icn_u8_store(&session->state, ICN_SESSION_ENDING);
    icn_timer_cancel(&session->loop->timers, &session->end.timer);
    icn_list_init(&session->end.finishing);
    cancel(session, &session->endpoint.reader);
    cancel(session, &session->endpoint.writer);
    if (icn_session_connector(session) != NULL) {
        icn_connector_cancel(session, icn_session_connector(session));
    }
    icn_session_operation_ended(session);
}
