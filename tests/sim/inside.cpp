#include "inside.hpp"

#include "inside_budget.hpp"
#include "inside_conditioned.hpp"
#include "inside_services.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "net/listener.h"
#include "net/proxied.h"
#include "net/session.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "service/dispatcher.h"
}

namespace sim_test
{

namespace
{

[[noreturn]] void undone(const Service &service, const char *what)
{
    icn_sim_violation(invariant::progress, "service %u: all wait, and %s", service.index, what);
}

uint32_t state_of(const icn_session &session)
{
    return session.state.value;
}

bool is_in_flight(const icn_operation &operation)
{
    return operation.state != ICN_OPERATION_IDLE;
}

/* By more than the clock may have moved while the loop was about to wait. */
bool is_late(const icn_timer &timer)
{
    return icn_timer_is_set(&timer) && timer.deadline_ms + 1000 < icn_sim_now_ms();
}

/* ---- one session of a loop that waits ---- */

void check_sending(const Service &service, const icn_session &session)
{
    const bool may_send = state_of(session) == ICN_SESSION_OPEN || state_of(session) == ICN_SESSION_FLUSHING;
    const bool under_way = is_in_flight(session.endpoint.writer) || icn_list_holds(&session.endpoint.writer.node) ||
                           is_sent_later(session);
    if (may_send && !session.broken && session.send_queue.bytes.value != 0 && !under_way) {
        undone(service, "bytes are queued that nobody sends");
    }
    if (state_of(session) == ICN_SESSION_FLUSHING && !under_way) {
        undone(service, "a graceful close does not go on");
    }
}

/* For its limits; its timer ends that. */
bool is_throttled(const icn_session &session)
{
    const icn_guard *guard = icn_session_guard(&session);
    return guard != nullptr && guard->throttled_until != 0 && icn_timer_is_set(&session.end.timer);
}

void check_receiving(const Service &service, const icn_session &session)
{
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.announced && !session.loop->starved &&
                      !session.unanswered && session.pause_requested.value == 0 && !is_throttled(session);
    const bool closing = state_of(session) == ICN_SESSION_FLUSHING || state_of(session) == ICN_SESSION_LINGERING;
    if ((open || closing) && !session.end_of_stream && !session.broken && !is_in_flight(session.endpoint.reader) &&
        !(open && holds_all_it_may(session))) {
        undone(service, "a session does not receive");
    }
    const bool held_back = session.loop->starved || session.pause_requested.value != 0;
    if (state_of(session) == ICN_SESSION_OPEN && held_back && is_in_flight(session.endpoint.reader)) {
        undone(service, "a session receives that was paused, or starves");
    }
    if (open && session.end_of_stream && session.end_seen.value != 0) {
        undone(service, "the end of a stream that was seen closes nothing");
    }
}

/* What is held goes on when it is due, unless nothing may be handed out. */
void check_conditioned(const Service &service, const icn_session &session)
{
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.close_claim.value < ICN_CLOSE_WRITING &&
                      !session.loop->starved && !session.unanswered && session.pause_requested.value == 0;
    if (open && holds_what_nobody_hands_on(session)) {
        undone(service, "a conditioner holds bytes that nobody hands on");
    }
    if (state_of(session) < ICN_SESSION_ENDING && is_conditioner_late(session)) {
        undone(service, "what a conditioner holds is due, and does not go on");
    }
}

/* The host has seen all events of this dispatcher. */
bool has_seen_all(const Service &service, const icn_loop &loop)
{
    const icn_event_queue &queue = ICN_CONTAINER(&loop, const icn_dispatcher, loop)->queue;
    return !service.batches() || (queue.written.value == queue.consumed.value && !service.reacting[loop.index]);
}

/* Of a stream, by batches. */
void check_answered(const Service &service, const icn_session &session)
{
    const Session *known = world.model.session_of(session.handle);
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.close_claim.value < ICN_CLOSE_WRITING;
    if (session.unanswered && open && known != nullptr && known->answers && has_seen_all(service, *session.loop)) {
        undone(service, "a session waits for the host to consume what it has answered for");
    }
}

/* It is set, and not further away than what was asked for. */
void check_deadline(const Service &service, const icn_session &session, uint64_t timeout_ms)
{
    if (!icn_timer_is_set(&session.end.timer)) {
        undone(service, "a connect or a graceful close has no deadline");
    }
    /* The millisecond in which it began has passed in part: it is not counted. */
    if (session.end.timer.deadline_ms > icn_sim_now_ms() + timeout_ms + 1) {
        undone(service, "a connect or a graceful close has a deadline too far away");
    }
}

void check_guarded(const Service &service, const icn_session &session)
{
    const icn_guard *guard = icn_session_guard(&session);
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.close_claim.value < ICN_CLOSE_WRITING;
    if (guard == nullptr || !open || !session.announced || icn_timer_is_set(&session.end.timer)) {
        return;
    }
    if (guard->options.idle_timeout_ms != 0 ||
        (guard->options.first_bytes_timeout_ms != 0 && session.bytes_received.value == 0)) {
        undone(service, "nobody looks at the deadlines of a session");
    }
}

void check_connecting(const Service &service, const icn_session &session)
{
    const Session *known = world.model.session_of(session.handle);
    if (state_of(session) == ICN_SESSION_CONNECTING && known != nullptr && known->connect_timeout != 0) {
        check_deadline(service, session, known->connect_timeout);
    }
}

/* What comes next is looked for, and for so long. */
void check_proxied(const Service &service, const icn_session &session)
{
    const icn_proxied *proxied = icn_session_proxied(&session);
    if (proxied == nullptr || proxied->listener == nullptr || state_of(session) != ICN_SESSION_CONNECTING) {
        return;
    }
    if (!session.loop->starved && !session.end_of_stream && !is_in_flight(session.endpoint.reader)) {
        undone(service, "a session does not receive its header");
    }
    if (!icn_timer_is_set(&session.end.timer) || is_late(session.end.timer)) {
        undone(service, "nobody looks whether a header comes in time");
    }
}

void check_closing(const Service &service, const icn_session &session)
{
    const uint32_t state = state_of(session);
    if (state == ICN_SESSION_OPEN && session.close_claim.value >= ICN_CLOSE_BY_HOST) {
        undone(service, "a close that was claimed does not go on");
    }
    if (state < ICN_SESSION_ENDING && session.abort_requested.value != 0) {
        undone(service, "an abort was asked for, and the session goes on");
    }
    const bool flushing = state == ICN_SESSION_FLUSHING || state == ICN_SESSION_LINGERING;
    if (flushing) {
        check_deadline(service, session, session.close.timeout_ms);
    }
    if (state < ICN_SESSION_ENDING && is_late(session.end.timer)) {
        undone(service, "the deadline of a session has passed");
    }
    if (state == ICN_SESSION_ENDING && session.operations == 0) {
        undone(service, "a session without operations does not end");
    }
}

void check_writable(const Service &service, const icn_session &session)
{
    const Session *known = world.model.session_of(session.handle);
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.close_claim.value < ICN_CLOSE_WRITING;
    if (known == nullptr || !open || !service.wants(IOCPNET_EVENT_WRITABLE) || !has_seen_all(service, *session.loop)) {
        return;
    }
    if (waits_for_budget(session)) {
        return; /* as long as check_budget says */
    }
    const uint64_t below = session.send_queue.writable_below.value;
    const bool owed = known->refused_at > known->writable_at;
    if (owed && (below == 0 || session.send_queue.bytes.value < below)) {
        icn_sim_violation(invariant::would_block_without_writable, "session %u: %llu bytes are queued", known->index,
                          static_cast<unsigned long long>(session.send_queue.bytes.value));
    }
}

constexpr uint64_t late_ms = 1000; /* the clock may have moved while the loop was about to wait */

bool is_overdue(const TimerLog &timers, const icn_loop &loop)
{
    const bool wakes_now =
        loop.timers.count != 0 && loop.timers.earliest * ICN_TIMER_TICK_MS <= icn_sim_now_ms() + ICN_TIMER_TICK_MS;
    return !wakes_now && timers.overdue_by(late_ms, icn_sim_now_ms());
}

/* In batches, an event without memory is left out. */
bool leaves_out(const Service &service)
{
    return service.batches() && world.memory_fails();
}

void check_schedule(const Service &service, const icn_session &session)
{
    const Session *known = world.model.session_of(session.handle);
    const bool open = state_of(session) == ICN_SESSION_OPEN && session.close_claim.value < ICN_CLOSE_WRITING;
    if (known == nullptr || !open || !has_seen_all(service, *session.loop)) {
        return;
    }
    if (service.wants(IOCPNET_EVENT_TIMER) && is_overdue(known->timers, *session.loop)) {
        icn_sim_violation(invariant::timers, "session %u: all wait, and a timer that was set does not come",
                          known->index);
    }
    if (!leaves_out(service) && world.jobs.has_waiting(JobLog::owner_of_session(known->index))) {
        icn_sim_violation(invariant::jobs, "session %u: all wait, and a job does not run", known->index);
    }
}

/* Of the loop itself. */
void check_schedule(const Service &service, const icn_loop &loop)
{
    if (service.stop_called || leaves_out(service) || !has_seen_all(service, loop)) {
        return;
    }
    if (service.wants(IOCPNET_EVENT_TIMER) && is_overdue(service.timers[loop.index], loop)) {
        icn_sim_violation(invariant::timers, "service %u: all wait, and a timer of dispatcher %u does not come",
                          service.index, loop.index);
    }
    if (world.jobs.has_waiting(JobLog::owner_of_dispatcher(service.index, loop.index))) {
        icn_sim_violation(invariant::jobs, "service %u: all wait, and a job of dispatcher %u does not run",
                          service.index, loop.index);
    }
}

/* ---- one loop ---- */

uint64_t check_sessions(const Service &service, const icn_loop &loop, bool waits)
{
    uint64_t operations = 0;
    for (icn_list_node *node = loop.sessions.next; node != &loop.sessions; node = node->next) {
        const icn_session &session = *ICN_CONTAINER(node, icn_session, loop_node);
        operations += session.operations;
        if (waits) {
            check_guarded(service, session);
            check_connecting(service, session);
            check_proxied(service, session);
            check_sending(service, session);
            check_receiving(service, session);
            check_conditioned(service, session);
            check_answered(service, session);
            check_closing(service, session);
            check_writable(service, session);
            check_schedule(service, session);
        }
    }
    return operations;
}

/* It backed off before a session ended, which made a descriptor free, and has not tried again. */
bool slept_through(const Service &service, const icn_listener &listener)
{
    const uint64_t ended_ms = service.batches() ? 0 : service.end_seen_ms[listener.loop->index];
    return icn_timer_is_set(&listener.retry) && listener.retry.deadline_ms < ended_ms + ICN_LISTENER_BACKOFF_MS;
}

uint64_t check_listeners(const Service &service, const icn_loop &loop, bool waits)
{
    uint64_t operations = 0;
    for (icn_list_node *node = loop.listeners.next; node != &loop.listeners; node = node->next) {
        const icn_listener &listener = *ICN_CONTAINER(node, icn_listener, loop_node);
        operations += listener.accepting ? 1 : 0;
        if (waits && listener.state == ICN_LISTENER_OPEN && !listener.accepting && !icn_timer_is_set(&listener.retry)) {
            undone(service, "a listener does not accept");
        }
        if (waits && slept_through(service, listener)) {
            undone(service, "a listener waits though a session of its dispatcher has ended");
        }
        if (waits && is_late(listener.retry)) {
            undone(service, "a listener does not try again");
        }
        if (waits && listener.state == ICN_LISTENER_ENDING && !listener.accepting) {
            undone(service, "a listener without an accept does not end");
        }
    }
    return operations;
}

/* Records of ends of streams, about 32 bytes each, are kept without a look at the limit. */
constexpr uint64_t ends_of_streams_max = 512;

void check_event_queue(const Service &service, const icn_dispatcher &dispatcher)
{
    const icn_event_queue &queue = dispatcher.queue;
    const uint64_t bytes = queue.written.value - queue.consumed.value;
    const bool has_ends = queue.ended.next != &queue.ended;
    const bool by_library = !service.driven_by_host();
    /* Whoever destroys a service drives it, and wants no events. */
    const bool polled = by_library ? queue.waiting : icn_gate_is_entered(dispatcher.gate) && !service.destroy_called;
    if (polled && (bytes != 0 || has_ends || queue.stopped_due)) {
        undone(service, "events wait beside the one who polls");
    }
    if (by_library && queue.waiting && queue.woken) {
        undone(service, "a poll that was woken waits");
    }
    if (!dispatcher.loop.starved && bytes > queue.bytes_max + ends_of_streams_max) {
        icn_sim_violation(invariant::progress, "service %u: sessions receive though %llu of %llu bytes wait (%u, %u)",
                          service.index, static_cast<unsigned long long>(bytes),
                          static_cast<unsigned long long>(queue.bytes_max), queue.starving.value,
                          dispatcher.feed_kick.pending.value);
    }
    if (dispatcher.loop.starved && bytes <= queue.bytes_max / 2) {
        icn_sim_violation(invariant::progress, "service %u: sessions starve though the event queue has room (%u, %u)",
                          service.index, queue.starving.value, dispatcher.feed_kick.pending.value);
    }
}

/* It is being destroyed: no session may wait for a peer or a deadline. */
void check_aborted(const Service &service, const icn_loop &loop)
{
    for (icn_list_node *node = loop.sessions.next; node != &loop.sessions; node = node->next) {
        const icn_session &session = *ICN_CONTAINER(node, icn_session, loop_node);
        if (state_of(session) >= ICN_SESSION_ENDING) {
            continue;
        }
        /* A graceful close that was under way is cut by its timer. */
        const bool due = icn_timer_is_set(&session.end.timer) &&
                         session.end.timer.deadline_ms <= icn_sim_now_ms() + ICN_TIMER_TICK_MS;
        if (!due) {
            undone(service, "a session lives on though the service is being destroyed");
        }
    }
}

/* It tries again later, while clients wait and it has a descriptor to spare. */
bool keeps_clients_waiting(const icn_listener &listener)
{
    return icn_timer_is_set(&listener.retry) && listener.reserve != ICN_OS_SOCKET_NONE &&
           icn_sim_descriptor_waiting(listener.endpoint.socket) != 0;
}

/* Another thread may take the spare descriptor at the moment at which it is given up; but not again and again. */
void check_shedding(Service &service, const icn_loop &loop)
{
    constexpr uint32_t often = 10;
    bool waiting = false;
    for (icn_list_node *node = loop.listeners.next; node != &loop.listeners; node = node->next) {
        waiting = waiting || keeps_clients_waiting(*ICN_CONTAINER(node, icn_listener, loop_node));
    }
    BackOffs &before = service.back_offs[loop.index];
    const BackOffs now = {loop.counters.accept_backoffs.value, loop.counters.accepts_shed.value, before.in_vain};
    const bool more = now.count != before.count;
    const bool in_vain = waiting && now.shed == before.shed;
    before = now;
    before.in_vain = !in_vain ? 0 : before.in_vain + (more ? 1 : 0);
    if (before.in_vain == often) {
        undone(service, "clients wait that no listener sheds");
    }
}

void check_limit(const Service &service, const icn_roster &roster)
{
    if (roster.sessions_max != 0 && roster.sessions_live.value > roster.sessions_max) {
        icn_sim_violation(invariant::sessions_limit, "service %u: %llu sessions", service.index,
                          static_cast<unsigned long long>(roster.sessions_live.value));
    }
}

/* Returns the operations in flight. */
uint64_t check_dispatcher(Service &service, const icn_dispatcher &dispatcher)
{
    const icn_loop &loop = dispatcher.loop;
    const bool inside = loop.driver.value != 0 && !service.in_callback[loop.index];
    /* Else it waits for resources, for a while. */
    const bool waits = inside && loop.sleeping.value != 0;
    if (waits && loop.kicks.value != nullptr) {
        undone(service, "a kick is not looked at");
    }
    if (waits && loop.inbox.filled.value != 0) {
        undone(service, "what another thread sent is not looked at");
    }
    if (waits && service.batches()) {
        check_event_queue(service, dispatcher);
    }
    if (waits) {
        check_schedule(service, loop);
    }
    if (waits) {
        check_shedding(service, loop);
    }
    if (waits && dispatcher.service->destroying.value != 0 && !icn_list_is_empty(&loop.sessions)) {
        check_aborted(service, loop);
    }
    if (waits && service.driven_by_host() && dispatcher.woken.value != 0 && !service.stop_called) {
        undone(service, "a dispatch or poll that was woken waits");
    }
    if (inside && !waits && !world.memory_fails()) {
        undone(service, "a loop that was woken does not run");
    }
    const uint64_t sessions = check_sessions(service, loop, waits);
    const uint64_t operations = sessions + check_listeners(service, loop, waits);
    if (operations != loop.counters.operations_live.value) {
        icn_sim_violation(invariant::operations_in_flight, "service %u: %llu in flight, %llu are counted",
                          service.index, static_cast<unsigned long long>(operations),
                          static_cast<unsigned long long>(loop.counters.operations_live.value));
    }
    return operations;
}

} // namespace

void check_quiet()
{
    for_each_service([](Service &service, const icn_service &inside) {
        for (uint32_t j = 0; inside.started && j < inside.options.dispatcher_count; j++) {
            (void)check_dispatcher(service, inside.dispatchers[j]);
        }
        if (inside.started) {
            check_limit(service, inside.roster);
            check_budget(service, inside);
        }
    });
    check_descriptors();
}

} // namespace sim_test
