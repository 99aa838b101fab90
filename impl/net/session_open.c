#include <stddef.h>

#include "base/check.h"
#include "net/conditioner.h"
#include "net/proxied.h"
#include "net/session.h"
#include "os/clock.h"
#include "os/socket.h"

static void announce(icn_session *session)
{
    icn_loop *loop = session->loop;
    iocpnet_event event;
    icn_session_fill_event(session, IOCPNET_EVENT_CONNECTED, &event);
    /* Before the callback: what it does, and what goes wrong in it, ends with DISCONNECTED. */
    session->announced = true;
    if (icn_loop_wants(loop, IOCPNET_EVENT_CONNECTED) && !loop->deliver(loop, session, &event)) {
        session->announced = false;
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
}

/* Steps in 32 bits last for two years, from the service's creation on. Not 0, which is for a session that never opened. */
#define AGE_STEP_MS 16

static uint32_t age_steps(const icn_session *session)
{
    return (uint32_t)((icn_os_clock_ms() - session->loop->roster->created_ms) / AGE_STEP_MS) + 1;
}

/* Before the state is OPEN: whoever sees that sees this. */
static void keep_opened(icn_session *session)
{
    const uint32_t opened = age_steps(session);
    session->kick.opened_low = (uint16_t)opened;
    session->send_queue.opened_high = (uint16_t)(opened >> 16);
}

uint64_t icn_session_age_ms(const icn_session *session)
{
    if (icn_session_state_now(session) < ICN_SESSION_OPEN) {
        return 0;
    }
    const uint32_t opened = session->kick.opened_low | (uint32_t)session->send_queue.opened_high << 16;
    return opened != 0 ? (uint64_t)(uint32_t)(age_steps(session) - opened) * AGE_STEP_MS : 0;
}

/* The state changes first: the callback may send. The receive starts last: nothing comes before CONNECTED. */
void icn_session_opened(icn_session *session)
{
    icn_loop *loop = session->loop;
    if (icn_pointer_load(&loop->roster->conditioner) != NULL && !icn_conditioner_begin(session)) {
        return;
    }
    const bool no_delay = (session->endpoint.mark & ICN_MARK_NO_DELAY) != 0;
    if (session->listener != 0) {
        icn_os_socket_accepted(session->endpoint.socket, no_delay);
    } else {
        icn_os_socket_set_no_delay(session->endpoint.socket, no_delay);
    }
    icn_u64_count(session->listener != 0 ? &loop->counters.accepts : &loop->counters.connects, 1);
    keep_opened(session);
    icn_u8_store(&session->state, ICN_SESSION_OPEN);
    icn_guard *guard = icn_session_guard(session);
    if (guard != NULL) {
        icn_guard_start(session, guard);
    }
    announce(session);
    icn_session_pursue_close(session);
    icn_session_update_receive(session);
}

void icn_session_connect_completed(icn_operation *operation, const icn_completion *completion)
{
    icn_endpoint *endpoint = ICN_CONTAINER(operation, icn_endpoint, writer);
    ICN_CHECK(!completion->more);
    if ((endpoint->mark & ICN_MARK_ATTEMPT) != 0) {
        icn_attempt_completed(endpoint, completion);
        return;
    }
    icn_session *session = ICN_CONTAINER(operation, icn_session, endpoint.writer);
    icn_session_drop(session);
    if (icn_session_state_now(session) != ICN_SESSION_CONNECTING) {
        icn_session_operation_ended(session);
        return;
    }
    icn_timer_cancel(&session->loop->timers, &session->end.timer);
    if (completion->status == IOCPNET_OK) {
        icn_session_opened(session);
    } else {
        icn_session_fail(session, completion->status, completion->os_error);
    }
}

static void start_connect(icn_session *session)
{
    icn_loop *loop = session->loop;
    uint64_t timeout_ms = session->end.timer.deadline_ms;
    icn_session_hold(session);
    icn_address remote;
    icn_session_remote(session, &remote);
    icn_port_connect(loop->port, &session->endpoint, &remote);
    if (timeout_ms != 0) {
        icn_timer_set(&loop->timers, &session->end.timer, icn_os_deadline_ms(timeout_ms));
    }
}

static void turn_away(icn_session *session)
{
    const icn_close close = {.status = IOCPNET_E_CLOSED,
                             .reason = IOCPNET_CLOSE_SERVICE_STOPPED,
                             .origin = IOCPNET_ORIGIN_LOCAL,
                             .abort = true};
    icn_session_close(session, &close);
}

void icn_session_start(icn_session *session)
{
    icn_loop *loop = session->loop;
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_STARTING);
    /* Never again: whatever happens here, the next look goes on with the close. */
    icn_u8_store(&session->state, ICN_SESSION_CONNECTING);
    icn_list_append(&loop->sessions, &session->loop_node);
    if (loop->stopping) {
        turn_away(session);
        return;
    }
    if (icn_session_connector(session) != NULL) {
        icn_connector_start(session, icn_session_connector(session));
        return;
    }
    icn_result result = icn_port_attach(loop->port, &session->endpoint);
    if (result.status != IOCPNET_OK) {
        icn_session_fail(session, result.status, result.os_error);
        return;
    }
    session->attached = true;
    if (session->listener == 0) {
        start_connect(session);
    } else if (icn_session_proxied(session) != NULL) {
        icn_proxied_start(session);
    } else {
        icn_session_opened(session);
    }
}
