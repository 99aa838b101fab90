#include <stddef.h>

#include "base/check.h"
#include "base/status.h"
#include "net/extension.h"
#include "net/listener.h"
#include "net/session.h"
#include "os/clock.h"
#include "os/socket.h"
#include "util/log.h"

#define LOG_EVERY_MS 1000

/* Limits that no peer who means well comes to. Idle ones are the daily life of a server. */
#define OFFENCES                                                                                                       \
    ((1u << IOCPNET_CLOSE_HANDSHAKE_TIMEOUT) | (1u << IOCPNET_CLOSE_FRAME_TOO_LONG) |                                  \
     (1u << IOCPNET_CLOSE_MALFORMED) | (1u << IOCPNET_CLOSE_SEND_LIMIT) | (1u << IOCPNET_CLOSE_RECEIVE_OVERFLOW) |     \
     (1u << IOCPNET_CLOSE_TOO_SLOW))

/* Under the mutex: another thread may be asking the socket for its address. */
static void close_socket(icn_session *session)
{
    icn_loop *loop = session->loop;
    icn_mutex_lock(&loop->socket_mutex);
    icn_u8_store(&session->state, ICN_SESSION_ENDED);
    /* A connection that the peer has reset is gone already. */
    if (session->endpoint.socket != ICN_OS_SOCKET_NONE && session->cut &&
        session->close.reason != IOCPNET_CLOSE_RESET) {
        icn_os_socket_set_reset_on_close(session->endpoint.socket);
    }
    if (session->attached) {
        icn_port_detach(loop->port, &session->endpoint);
    } else if (session->endpoint.socket != ICN_OS_SOCKET_NONE) {
        icn_os_socket_close(session->endpoint.socket);
    }
    icn_mutex_unlock(&loop->socket_mutex);
}

static void count_drain(const icn_session *session)
{
    icn_roster *roster = session->loop->roster;
    if (!session->loop->stopping || !session->announced) {
        return;
    }
    bool drained = !session->cut && session->send_queue.bytes_lost == 0;
    icn_u64_add(drained ? &roster->sessions_drained : &roster->sessions_aborted, 1);
    icn_u64_add(&roster->bytes_unsent, session->send_queue.bytes_lost);
}

static void leave_loop(icn_session *session)
{
    icn_loop *loop = session->loop;
    icn_list_remove(&session->loop_node);
    icn_list_remove(&session->endpoint.writer.node);
    icn_u32_subtract(&loop->placed, 1);
}

/* Before the last event: a client that the host saw off may come again. */
static void leave_address(const icn_session *session)
{
    const icn_guard *guard = icn_session_guard(session);
    if (guard != NULL && guard->options.place != 0) {
        icn_address_table_leave(session->loop->roster->addresses, guard->options.place);
    }
}

/* Who is cut off comes again, with many others: a line a second of each loop tells enough. */
static void log_offence(icn_loop *loop, const icn_session *session)
{
    ICN_CHECK(session->close.reason < IOCPNET_CLOSE_REASON_COUNT);
    if (session->listener == 0 || (OFFENCES >> session->close.reason & 1) == 0) {
        return;
    }
    uint64_t now_ms = icn_os_clock_ms();
    if (loop->offence_logged_ms != 0 && now_ms < loop->offence_logged_ms + LOG_EVERY_MS) {
        loop->offences_not_logged++;
        return;
    }
    icn_log_write(IOCPNET_LOG_WARNING, "session", "%016llx was cut off: %s (and %llu others since the last such line)",
                  (unsigned long long)session->handle, icn_close_reason_name(session->close.reason),
                  (unsigned long long)loop->offences_not_logged);
    loop->offence_logged_ms = now_ms;
    loop->offences_not_logged = 0;
}

/* The last event of the session, after which it is the sink's; without one it is released here. */
static void deliver_end(icn_session *session)
{
    icn_loop *loop = session->loop;
    uint32_t kind = icn_session_last_event(session);
    if (session->announced) {
        icn_u64_count(&loop->counters.disconnects, 1);
        icn_u64_count(&loop->counters.disconnects_by_reason[session->close.reason], 1);
        log_offence(loop, session);
    } else if (session->listener == 0) {
        icn_u64_count(&loop->counters.connects_failed, 1);
    }
    bool due = session->announced || session->listener == 0;
    if (!due || !icn_loop_wants(loop, kind)) {
        icn_session_release(session);
        return;
    }
    iocpnet_event event;
    icn_session_fill_event(session, kind, &event);
    (void)loop->deliver(loop, session, &event);
}

void icn_session_finish(icn_list_node *node)
{
    icn_session *session = ICN_CONTAINER(node, icn_session, end.finishing);
    icn_loop *loop = session->loop;
    icn_roster *roster = loop->roster;
    if (session->operations != 0 || !icn_kick_close(&session->kick)) {
        /* A last completion, or a kick that is on its way, brings the session here again. */
        return;
    }
    icn_connector *connector = icn_session_connector(session);
    if (connector != NULL) {
        icn_connector_finish(session, connector);
    }
    icn_extension_end(session);
    close_socket(session);
    icn_u64_count(&loop->counters.bytes_dropped, icn_session_close_sends(session));
    count_drain(session);
    leave_loop(session);
    leave_address(session);
    icn_roster_dismiss(roster);
    if (connector != NULL) {
        icn_connector_follow(session, connector);
    }
    deliver_end(session);
    /* The session may be gone by now. After its last event: "stopped" comes after every DISCONNECTED. */
    icn_listeners_descriptor_freed(loop);
    icn_roster_drop(roster);
}

void icn_session_finish_soon(icn_session *session)
{
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_ENDING);
    if (!icn_list_holds(&session->end.finishing)) {
        icn_list_append(&session->loop->finishing, &session->end.finishing);
    }
}
