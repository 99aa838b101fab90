/* The flow of a session with a conditioner. Owner thread. */
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "net/conditioner_state.h"
#include "net/latest.h"
#include "net/session_framing.h"
#include "os/clock.h"
#include "os/socket.h"
#include "util/memory.h"

/* Pieces that one session hands out, or sends, before others have their turn. */
#define PIECES_AT_ONCE 64

/* Of a loop. */
typedef struct icn_conditioners {
    icn_timers timers;
    icn_timer wake; /* in the wheel of the loop */
} icn_conditioners;

/* ---- timers ---- */

static void conditioner_is_due(icn_timers *timers, icn_timer *timer);

bool icn_conditioners_make(icn_loop *loop)
{
    if (loop->conditioners == NULL) {
        icn_conditioners *made = icn_memory_allocate_zeroed(sizeof *made, ICN_MEMORY_SERVICE);
        if (made == NULL) {
            return false;
        }
        icn_timers_init(&made->timers, icn_os_clock_ms(), conditioner_is_due);
        icn_timer_init(&made->wake);
        loop->conditioners = made;
    }
    return true;
}

void icn_conditioners_fini(icn_loop *loop)
{
    ICN_CHECK(loop->conditioners == NULL || loop->conditioners->timers.count == 0);
    icn_memory_release(loop->conditioners, sizeof(icn_conditioners), ICN_MEMORY_SERVICE);
}

/* A deadline that has passed already is the next turn's: 0, for now would be rounded up to a tick to come. */
static uint64_t deadline_of(uint64_t at_us)
{
    return at_us <= icn_os_clock_us() ? 0 : (at_us + 999) / 1000;
}

static void wake_in_time(icn_loop *loop)
{
    icn_conditioners *of_loop = loop->conditioners;
    const uint64_t now_ms = icn_os_clock_ms();
    const uint32_t wait_ms = icn_timers_wait_ms(&of_loop->timers, now_ms);
    const uint64_t deadline_ms = wait_ms != 0 ? now_ms + wait_ms : 0;
    if (wait_ms != IOCPNET_INFINITE && (!icn_timer_is_set(&of_loop->wake) || deadline_ms < of_loop->wake.deadline_ms)) {
        icn_timer_set(&loop->timers, &of_loop->wake, deadline_ms);
    }
}

bool icn_conditioners_due(icn_loop *loop, const icn_timer *timer)
{
    icn_conditioners *of_loop = loop->conditioners;
    if (of_loop == NULL || timer != &of_loop->wake) {
        return false;
    }
    icn_timers_run(&of_loop->timers, icn_os_clock_ms());
    wake_in_time(loop);
    return true;
}

/* What comes is not to be handed out now: somebody kicks the session when that changes. */
static bool is_held_up(const icn_session *session)
{
    return icn_session_state_now(session) != ICN_SESSION_OPEN || icn_session_is_closing(session) ||
           session->loop->starved || session->unanswered || icn_u8_load(&session->pause_requested) != 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_us(const icn_conditioner *conditioner)
{
    const icn_session *session = conditioner->session;
    const icn_conditioner_settings *settings = &conditioner->settings;
    uint64_t at_us = ICN_LANE_NEVER;
    if (!is_held_up(session)) {
        at_us = icn_lane_next_us(&conditioner->incoming, &settings->receive);
        if (conditioner->holds_end && conditioner->incoming.count == 0) {
            at_us = conditioner->end_us;
        }
    }
    if (session->endpoint.writer.state == ICN_OPERATION_IDLE) {
        at_us = min_u64(at_us, icn_lane_next_us(&conditioner->outgoing, &settings->send));
    }
    return at_us;
}

static void arm(icn_conditioner *conditioner)
{
    icn_loop *loop = conditioner->session->loop;
    const uint64_t at_us = next_us(conditioner);
    icn_timer_cancel(&loop->conditioners->timers, &conditioner->timer);
    if (at_us != ICN_LANE_NEVER && icn_session_state_now(conditioner->session) < ICN_SESSION_ENDING) {
        icn_timer_set(&loop->conditioners->timers, &conditioner->timer, deadline_of(at_us));
        wake_in_time(loop);
    }
}

/* ---- receiving ---- */

/* To the host it is the peer's reset; the origin says who did it. */
static void reset(icn_session *session)
{
    const icn_close close = {.status = IOCPNET_E_CONNECTION_RESET,
                             .reason = IOCPNET_CLOSE_RESET,
                             .origin = IOCPNET_ORIGIN_LIBRARY,
                             .abort = true};
    /* For this reason nobody else does. */
    icn_os_socket_set_reset_on_close(session->endpoint.socket);
    /* It cuts a graceful close short, too. */
    session->broken = true;
    session->cut_error = -IOCPNET_E_CONNECTION_RESET;
    icn_session_close(session, &close);
}

/* With batches bytes are handed out from where the port receives, where nothing lands now. */
static const void *place_of(const icn_session *session, const uint8_t *data, uint32_t size)
{
    const icn_loop *loop = session->loop;
    void *own = loop->port->landing_own;
    if (loop->deliver_received == NULL || own == NULL) {
        return data;
    }
    memcpy(own, data, size);
    return own;
}

/* False: nothing is due, or may be handed out. */
static bool hand_on_piece(icn_conditioner *conditioner)
{
    icn_session *session = conditioner->session;
    const icn_lane_rules *rules = &conditioner->settings.receive;
    uint32_t size = is_held_up(session) ? 0 : icn_lane_due(&conditioner->incoming, rules, icn_os_clock_us());
    const uint32_t most = session->loop->roster->receive_buffer_bytes;
    size = size < most ? size : most;
    if (size == 0) {
        return false;
    }
    icn_session_hand_on(session, place_of(session, icn_receive_buffer_data(&conditioner->held), size), size);
    /* A callback may have changed the settings; the bytes are still there, for only this function takes any. */
    icn_lane_take(&conditioner->incoming, &conditioner->settings.receive, size);
    icn_receive_buffer_consume(&conditioner->held, size);
    return true;
}

static void hand_on_end(icn_conditioner *conditioner)
{
    icn_session *session = conditioner->session;
    if (!conditioner->holds_end || conditioner->incoming.count != 0 || is_held_up(session) ||
        conditioner->end_us > icn_os_clock_us()) {
        return;
    }
    conditioner->holds_end = false;
    if (!icn_session_keeps_end(session)) {
        icn_session_tell_end_of_stream(session);
    }
}

/* A session that closes wants no more; one that is idle keeps no memory. */
static void tidy(icn_conditioner *conditioner)
{
    if (icn_session_is_closing(conditioner->session)) {
        icn_lane_clear(&conditioner->incoming);
        conditioner->holds_end = false;
    }
    if (conditioner->incoming.count == 0) {
        icn_receive_buffer_clear(&conditioner->held);
    }
}

static void hand_on(icn_conditioner *conditioner)
{
    const bool was_full = icn_conditioner_is_full(conditioner->session);
    uint32_t pieces = 0;
    while (pieces < PIECES_AT_ONCE && hand_on_piece(conditioner)) {
        pieces++;
    }
    hand_on_end(conditioner);
    tidy(conditioner);
    if (was_full && !icn_conditioner_is_full(conditioner->session)) {
        icn_session_update_receive(conditioner->session);
    }
}

bool icn_conditioner_is_full(const icn_session *session)
{
    const icn_conditioner *conditioner = icn_conditioner_of(session);
    return icn_receive_buffer_bytes(&conditioner->held) >= conditioner->settings.hold_bytes_max;
}

void icn_conditioner_receive(icn_session *session, const void *data, uint32_t size)
{
    icn_conditioner *conditioner = icn_conditioner_of(session);
    ICN_CHECK(session->conditioned && size != 0);
    if (!icn_receive_buffer_append(&conditioner->held, data, size, UINT32_MAX)) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
        return;
    }
    if (!icn_lane_accept(&conditioner->incoming, &conditioner->settings.receive, icn_os_clock_us(), size)) {
        reset(session);
        return;
    }
    hand_on(conditioner);
    if (icn_conditioner_is_full(session)) {
        icn_session_update_receive(session);
    }
    arm(conditioner);
}

bool icn_conditioner_keeps_end(icn_session *session)
{
    if (!session->conditioned) {
        return false;
    }
    icn_conditioner *conditioner = icn_conditioner_of(session);
    const uint64_t now_us = icn_os_clock_us();
    conditioner->end_us = icn_lane_end_us(&conditioner->incoming, &conditioner->settings.receive, now_us);
    conditioner->holds_end = conditioner->incoming.count != 0 || conditioner->end_us > now_us;
    arm(conditioner);
    return conditioner->holds_end;
}

/* ---- sending ---- */

/* What the system has taken since, and what was queued. False: the connection is to be reset. */
static bool follow_queue(icn_conditioner *conditioner)
{
    icn_session *session = conditioner->session;
    icn_lane *lane = &conditioner->outgoing;
    const uint64_t sent = icn_u64_load_relaxed(&session->bytes_sent);
    /* A send that began before the conditioner may have taken bytes that this lane has never seen. */
    const uint64_t taken = min_u64(sent - conditioner->sent, lane->bytes);
    conditioner->sent = sent;
    icn_lane_take(lane, &conditioner->settings.send, taken);
    if (session->late) {
        /* To the conditioner it has left. */
        (void)icn_latest_bind(session, UINT32_MAX);
    }
    const uint64_t queued = icn_send_queue_sum(&session->send_queue);
    ICN_CHECK(queued >= lane->bytes);
    if (queued == lane->bytes) {
        return true;
    }
    return icn_lane_accept(lane, &conditioner->settings.send, icn_os_clock_us(), (uint32_t)(queued - lane->bytes));
}

/* False: nothing is due, the system takes nothing, or the session ends. */
static bool send_piece(icn_conditioner *conditioner)
{
    const uint32_t due = icn_lane_due(&conditioner->outgoing, &conditioner->settings.send, icn_os_clock_us());
    if (due == 0 || icn_session_send_some(conditioner->session, due) == 0) {
        return false;
    }
    return follow_queue(conditioner);
}

static void settle_sends(icn_session *session)
{
    icn_session_check_writable(session);
    if (icn_send_queue_is_empty(&session->send_queue)) {
        icn_session_flushed(session);
    }
}

void icn_conditioner_send(icn_session *session)
{
    icn_conditioner *conditioner = icn_conditioner_of(session);
    ICN_CHECK(session->conditioned);
    if (!follow_queue(conditioner)) {
        reset(session);
        return;
    }
    uint32_t pieces = 0;
    while (pieces < PIECES_AT_ONCE && send_piece(conditioner)) {
        pieces++;
    }
    settle_sends(session);
    arm(conditioner);
}

/* ---- both ---- */

/* A framing that another thread sets meanwhile may still see CONDITIONED, and leave it: the look that it asks for repairs that. */
static void stop_conditioning(icn_conditioner *conditioner)
{
    icn_session *session = conditioner->session;
    const bool framed = icn_pointer_load(&session->framing) != NULL;
    uint8_t claim = ICN_CLOSE_UNCLAIMED_CONDITIONED;
    while (!icn_u8_replace(&session->close_claim, &claim, framed ? ICN_CLOSE_UNCLAIMED_APART : ICN_CLOSE_UNCLAIMED) &&
           claim == ICN_CLOSE_UNCLAIMED_CONDITIONED) {
    }
    session->conditioned = false;
    icn_lane_clear(&conditioner->outgoing);
    icn_timer_cancel(&session->loop->conditioners->timers, &conditioner->timer);
    icn_session_flush_with_turn(session);
}

/* Hands on and sends what it may. */
static void go_on(icn_conditioner *conditioner)
{
    icn_session *session = conditioner->session;
    hand_on(conditioner);
    if (conditioner->off && conditioner->incoming.count == 0 && !conditioner->holds_end) {
        stop_conditioning(conditioner);
    } else {
        icn_session_flush_with_turn(session);
        arm(conditioner);
    }
}

static void conditioner_is_due(icn_timers *timers, icn_timer *timer)
{
    icn_conditioner *conditioner = ICN_CONTAINER(timer, icn_conditioner, timer);
    (void)timers;
    ICN_CHECK(conditioner->session->conditioned);
    if (icn_session_state_now(conditioner->session) < ICN_SESSION_ENDING) {
        go_on(conditioner);
    }
}

void icn_conditioner_look(icn_session *session)
{
    icn_extension *extension = icn_extension_now(session);
    ICN_CHECK(extension != NULL);
    if (icn_u32_load(&extension->conditioner_changed) != 0) {
        icn_conditioner_take_change(session, extension);
    }
    if (session->conditioned && icn_session_state_now(session) < ICN_SESSION_ENDING) {
        go_on(extension->conditioner);
    }
    if (!session->conditioned && icn_pointer_load(&session->framing) != NULL) {
        icn_session_receive_apart(session);
    }
}

void icn_conditioner_destroy(icn_conditioner *conditioner)
{
    if (conditioner == NULL) {
        return;
    }
    icn_conditioners *of_loop = conditioner->session->loop->conditioners;
    if (of_loop != NULL) {
        icn_timer_cancel(&of_loop->timers, &conditioner->timer);
    }
    icn_receive_buffer_clear(&conditioner->held);
    icn_conditioner_destroy_unused(conditioner);
}
