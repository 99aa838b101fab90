#include "net/guard.h"

#include "base/check.h"
#include "net/session.h"
#include "os/clock.h"

#define NEVER UINT64_MAX
#define IDLE_LOOKS 4 /* while an idle timeout runs */
#define SECOND_MS 1000

bool icn_guard_is_needed(const icn_guard_options *options)
{
    return options->first_bytes_timeout_ms != 0 || options->idle_timeout_ms != 0 || options->receive_bytes_per_s != 0 ||
           options->receive_events_per_s != 0 || options->receive_messages_per_s != 0 ||
           options->message_bytes_per_s != 0 || options->linger_ms != 0 || options->place != 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static icn_bucket_limit limit_of(uint64_t rate)
{
    return (icn_bucket_limit){.rate = rate, .burst = rate};
}

static bool has_rates(const icn_guard *guard)
{
    return guard->options.receive_bytes_per_s != 0 || guard->options.receive_events_per_s != 0;
}

static bool awaits_first_bytes(const icn_session *session, const icn_guard *guard)
{
    return guard->options.first_bytes_timeout_ms != 0 && icn_u64_load_relaxed(&session->bytes_received) == 0;
}

/* Not early: part of the millisecond `from_ms` had passed. */
static uint64_t end_of(uint64_t from_ms, uint32_t timeout_ms)
{
    return from_ms + timeout_ms + 1;
}

/* What is to be looked at next, and when. */
static uint64_t next_look(const icn_session *session, const icn_guard *guard, uint64_t now_ms)
{
    uint64_t at_ms = guard->throttled_until != 0 ? guard->throttled_until : NEVER;
    if (awaits_first_bytes(session, guard)) {
        at_ms = min_u64(at_ms, end_of(guard->opened_ms, guard->options.first_bytes_timeout_ms));
    }
    if (guard->options.idle_timeout_ms != 0) {
        uint32_t idle_ms = guard->options.idle_timeout_ms;
        uint64_t again_ms = now_ms + idle_ms / IDLE_LOOKS + 1;
        at_ms = min_u64(at_ms, min_u64(end_of(guard->active_ms, idle_ms), again_ms));
    }
    if (guard->second_ms != 0) {
        at_ms = min_u64(at_ms, end_of(guard->second_ms, SECOND_MS));
    }
    return at_ms;
}

static void arm(icn_session *session, const icn_guard *guard, uint64_t now_ms)
{
    uint64_t at_ms = next_look(session, guard, now_ms);
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
    if (at_ms != NEVER) {
        icn_timer_set(&session->loop->timers, &session->end.timer, at_ms);
    }
}

/* From here on, for good: a loop that has had one such session may have more. */
static void watch_receives(icn_loop *loop)
{
    icn_operation_complete **complete = &loop->port->complete[ICN_OPERATION_RECEIVE];
    if (*complete != icn_guard_receive_completed) {
        loop->receive_completed = *complete;
        *complete = icn_guard_receive_completed;
    }
}

void icn_guard_start(icn_session *session, icn_guard *guard)
{
    uint64_t now_ms = icn_os_clock_ms();
    ICN_CHECK(!icn_timer_is_set(&session->end.timer));
    guard->opened_ms = now_ms;
    guard->active_ms = now_ms;
    if (guard->options.receive_bytes_per_s != 0) {
        const icn_bucket_limit limit = limit_of(guard->options.receive_bytes_per_s);
        icn_bucket_init(&guard->bytes, &limit, now_ms);
    }
    if (guard->options.receive_events_per_s != 0) {
        const icn_bucket_limit limit = limit_of(guard->options.receive_events_per_s);
        icn_bucket_init(&guard->events, &limit, now_ms);
    }
    if (guard->options.receive_messages_per_s != 0) {
        const icn_bucket_limit limit = limit_of(guard->options.receive_messages_per_s);
        icn_bucket_init(&guard->messages, &limit, now_ms);
    }
    if (has_rates(guard)) {
        watch_receives(session->loop);
    }
    arm(session, guard, now_ms);
}

/* `came`: bytes of the message, which count for it. */
static void begin_second(const icn_session *session, icn_guard *guard, uint64_t now_ms, uint32_t came)
{
    guard->second_ms = now_ms;
    guard->second_bytes = icn_u64_load_relaxed(&session->bytes_received) - came;
}

/* Silence is the peer's only while the session receives. */
static void note_activity(const icn_session *session, icn_guard *guard, uint64_t now_ms)
{
    uint64_t bytes = icn_u64_load_relaxed(&session->bytes_received);
    bool receives = session->endpoint.reader.state == ICN_OPERATION_IN_FLIGHT;
    if (bytes != guard->bytes_seen || !receives) {
        guard->bytes_seen = bytes;
        guard->active_ms = now_ms;
    }
    if (bytes == 0 && !receives) {
        guard->opened_ms = now_ms;
    }
    if (guard->second_ms != 0 && !receives) {
        begin_second(session, guard, now_ms, 0);
    }
}

/* False: the present one of an incomplete message has passed, and too little came. */
static bool keeps_pace(const icn_session *session, icn_guard *guard, uint64_t now_ms)
{
    if (guard->second_ms == 0 || now_ms < end_of(guard->second_ms, SECOND_MS)) {
        return true;
    }
    const uint64_t came = icn_u64_load_relaxed(&session->bytes_received) - guard->second_bytes;
    begin_second(session, guard, now_ms, 0);
    return came >= guard->options.message_bytes_per_s;
}

static void close_late(icn_session *session, uint8_t reason, bool abort)
{
    const icn_close close = {.status = IOCPNET_E_TIMED_OUT,
                             .reason = reason,
                             .origin = IOCPNET_ORIGIN_LIBRARY,
                             .timeout_ms = icn_session_close_timeout_ms(session),
                             .abort = abort};
    icn_session_close(session, &close);
}

static bool is_over(uint64_t from_ms, uint32_t timeout_ms, uint64_t now_ms)
{
    return timeout_ms != 0 && now_ms >= end_of(from_ms, timeout_ms);
}

static void receive_again(icn_session *session, icn_guard *guard)
{
    guard->throttled_until = 0;
    icn_session_update_receive(session);
}

void icn_guard_look(icn_session *session, icn_guard *guard)
{
    uint64_t now_ms = icn_os_clock_ms();
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
    if (icn_session_is_closing(session)) {
        /* Whoever asked for it has kicked the session. */
        return;
    }
    note_activity(session, guard, now_ms);
    if (guard->throttled_until != 0 && now_ms >= guard->throttled_until) {
        receive_again(session, guard);
    }
    if (awaits_first_bytes(session, guard) &&
        is_over(guard->opened_ms, guard->options.first_bytes_timeout_ms, now_ms)) {
        close_late(session, IOCPNET_CLOSE_HANDSHAKE_TIMEOUT, true);
    } else if (is_over(guard->active_ms, guard->options.idle_timeout_ms, now_ms)) {
        close_late(session, IOCPNET_CLOSE_IDLE, false);
    } else if (!keeps_pace(session, guard, now_ms)) {
        close_late(session, IOCPNET_CLOSE_TOO_SLOW, true);
    } else {
        arm(session, guard, now_ms);
    }
}

/* Milliseconds until it is within its limits again; 0: it is. */
static uint64_t charge(icn_guard *guard, uint64_t now_ms, uint32_t size)
{
    const icn_bucket_limit bytes = limit_of(guard->options.receive_bytes_per_s);
    const icn_bucket_limit events = limit_of(guard->options.receive_events_per_s);
    uint64_t bytes_ms = bytes.rate != 0 ? icn_bucket_charge(&guard->bytes, &bytes, now_ms, size) : 0;
    uint64_t events_ms = events.rate != 0 ? icn_bucket_charge(&guard->events, &events, now_ms, 1) : 0;
    return bytes_ms > events_ms ? bytes_ms : events_ms;
}

static void exceed(icn_session *session, icn_guard *guard, uint64_t now_ms, uint64_t wait_ms)
{
    if (guard->options.disconnect) {
        const icn_close close = {
            .reason = IOCPNET_CLOSE_RECEIVE_OVERFLOW, .origin = IOCPNET_ORIGIN_LIBRARY, .abort = true};
        icn_session_close(session, &close);
        return;
    }
    if (guard->throttled_until == 0) {
        icn_u64_count(&session->loop->counters.receive_throttles, 1);
    }
    /* What the port has received already still comes, and makes it longer: the longest of its debts counts. */
    guard->throttled_until = now_ms + wait_ms > guard->throttled_until ? now_ms + wait_ms : guard->throttled_until;
    icn_session_update_receive(session);
    arm(session, guard, now_ms);
}

static bool is_done(const icn_session *session)
{
    return icn_session_state_now(session) != ICN_SESSION_OPEN || icn_session_is_closing(session);
}

static void charge_messages(icn_session *session, icn_guard *guard, uint64_t now_ms, uint32_t whole)
{
    const icn_bucket_limit limit = limit_of(guard->options.receive_messages_per_s);
    const uint64_t wait_ms = icn_bucket_charge(&guard->messages, &limit, now_ms, whole);
    if (wait_ms != 0) {
        exceed(session, guard, now_ms, wait_ms);
    }
}

void icn_guard_messages_came(icn_session *session, icn_guard *guard, uint32_t whole, uint32_t begun)
{
    ICN_CHECK(icn_guard_counts_messages(guard));
    if (is_done(session)) {
        return;
    }
    const bool goes_on = guard->second_ms != 0 && whole == 0;
    const uint64_t now_ms = icn_os_clock_ms();
    if (begun == 0) {
        guard->second_ms = 0;
    } else if (!goes_on && guard->options.message_bytes_per_s != 0) {
        begin_second(session, guard, now_ms, begun);
        arm(session, guard, now_ms);
    }
    if (whole != 0 && guard->options.receive_messages_per_s != 0) {
        charge_messages(session, guard, now_ms, whole);
    }
}

void icn_guard_receive_completed(icn_operation *operation, const icn_completion *completion)
{
    icn_session *session = ICN_CONTAINER(operation, icn_session, endpoint.reader);
    icn_guard *guard = icn_session_guard(session);
    const uint32_t size = completion->size;
    ICN_CHECK(session->loop->receive_completed != NULL);
    session->loop->receive_completed(operation, completion);
    /* The session is there until the end of the turn, whatever the host did. */
    if (guard == NULL || size == 0 || is_done(session)) {
        return;
    }
    uint64_t now_ms = icn_os_clock_ms();
    uint64_t wait_ms = charge(guard, now_ms, size);
    if (wait_ms != 0) {
        exceed(session, guard, now_ms, wait_ms);
    }
}
