#include <cstdlib>
#include <cstring>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
#include "os/thread.h"
}

namespace sim_test
{

namespace
{

uint16_t remote_port(const Session &session)
{
    char text[64];
    const int32_t length = iocpnet_session_remote_address(session.handle, text, sizeof text);
    return length > 0 ? static_cast<uint16_t>(std::atoi(std::strrchr(text, ':') + 1)) : uint16_t{0};
}

/* NULL: it is none of the service. */
const Listener *listener_of(const Service &service, iocpnet_listener handle)
{
    for (uint32_t i = 0; i < service.listener_count; i++) {
        if (service.listeners[i].handle == handle) {
            return &service.listeners[i];
        }
    }
    return nullptr;
}

/* Who is at the other end of an accepted session. */
void find_peer(Session &session, const Listener &listener)
{
    Peer *peer = world.peers.from_port(remote_port(session));
    if (peer != nullptr) {
        check_admitted(listener, *peer);
        check_proxied(listener, *peer, session);
        peer->session = session.index;
        session.peer = peer->index;
        session.received.expect(peer->stream);
        peer->received.expect(session.stream);
    }
}

[[noreturn]] void wrong_fields(const iocpnet_event &event, const char *what)
{
    icn_sim_violation(invariant::event_fields, "an event of kind %u: %s", event.kind, what);
}

void check_user(const iocpnet_event &event, const Session &session)
{
    const auto value = reinterpret_cast<uintptr_t>(event.user);
    if (value >> 8 != uintptr_t{session.index} + 1 && (value != 0 || session.outbound)) {
        wrong_fields(event, "the user value of another session");
    }
}

void check_fields(const iocpnet_event &event, const Service &service, Session &session)
{
    if (event.service != service.handle || event.dispatcher >= service.configuration->options.dispatcher_count) {
        wrong_fields(event, "another service or dispatcher");
    }
    if (session.dispatcher != none && session.dispatcher != event.dispatcher) {
        wrong_fields(event, "the session moved to another dispatcher");
    }
    session.dispatcher = event.dispatcher;
    if (session.outbound ? event.listener != 0 : listener_of(service, event.listener) == nullptr) {
        wrong_fields(event, "another listener");
    }
    check_user(event, session);
}

Session &session_of_event(const iocpnet_event &event, Service &service)
{
    Session *session = world.model.session_of(event.session);
    if (session != nullptr) {
        return *session;
    }
    if (event.kind != IOCPNET_EVENT_CONNECTED) {
        icn_sim_violation(invariant::connected_first, "an event of kind %u of an unknown session", event.kind);
    }
    if (!world.model.has_room()) {
        icn_sim_violation(invariant::progress, "more sessions than a run is made for");
    }
    Session &accepted = world.model.add_session(service.index, false);
    accepted.handle = event.session;
    return accepted;
}

void note_connected(const iocpnet_event &event, Service &service, Session &session)
{
    if (session.connected) {
        icn_sim_violation(invariant::connected_first, "session %u was connected before", session.index);
    }
    session.connected = true;
    if (!session.outbound) {
        const Listener &listener = *listener_of(service, event.listener);
        begin_framing(session, listener.framing);
        session.limits = listener.limits;
        session.proxied = listener.proxied;
        service.accepted += listener.proxied ? 0 : 1;
        check_address_limits(service);
    }
}

void note_session_event(const iocpnet_event &event, Service &service, bool data_known)
{
    Session &session = session_of_event(event, service);
    icn_sim_trace("event", session.index, event.kind);
    check_fields(event, service, session);
    if (session.ended || service.stopped_seen) {
        icn_sim_violation(session.ended ? invariant::event_after_end : invariant::stopped_once,
                          "session %u: an event of kind %u", session.index, event.kind);
    }
    if (event.kind == IOCPNET_EVENT_CONNECTED) {
        note_connected(event, service, session);
    } else if (event.kind == IOCPNET_EVENT_CONNECT_FAILED ? session.connected : !session.connected) {
        icn_sim_violation(invariant::connected_first, "session %u: an event of kind %u", session.index, event.kind);
    }
    const bool closes_nothing = event.kind == IOCPNET_EVENT_RECEIVED || event.kind == IOCPNET_EVENT_TIMER;
    if (closes_nothing && session.closed_between_events) {
        icn_sim_violation(invariant::event_after_end, "session %u: an event of kind %u after it was disconnected",
                          session.index, event.kind);
    }
    switch (event.kind) {
    case IOCPNET_EVENT_RECEIVED:
        note_received(event, session, data_known);
        break;
    case IOCPNET_EVENT_SENT:
        session.sent_events += event.size;
        break;
    case IOCPNET_EVENT_WRITABLE:
        session.writable_at = world.model.stamp();
        break;
    case IOCPNET_EVENT_DISCONNECTED:
    case IOCPNET_EVENT_CONNECT_FAILED:
        note_end(event, session, data_known);
        break;
    case IOCPNET_EVENT_TIMER:
        note_timer(event, service, session.timers);
        break;
    case IOCPNET_EVENT_POSTED:
        note_job(event, service);
        break;
    default:
        break;
    }
}

void note_stopped(const iocpnet_event &event, Service &service)
{
    if (service.stopped_seen || !service.stop_called || event.dispatcher != 0) {
        icn_sim_violation(invariant::stopped_once, "service %u: SERVICE_STOPPED again, or too soon", service.index);
    }
    service.stopped_seen = service.configuration->options.dispatcher_count == 1 || !service.batches();
    for (uint32_t i = 0; i < service.configuration->options.dispatcher_count && service.stopped_seen; i++) {
        check_jobs_ran(service, JobLog::owner_of_dispatcher(service.index, i));
    }
    for (const uint32_t index : world.model.live()) {
        const Session &session = world.model.session(index);
        if (session.service == service.index && session.connected && service.stopped_seen) {
            icn_sim_violation(invariant::stopped_once, "service %u stopped before session %u ended", service.index,
                              index);
        }
    }
}

/* A timer or a job of a dispatcher. */
void note_service_event(const iocpnet_event &event, Service &service)
{
    icn_sim_trace("event of a dispatcher", event.dispatcher, event.kind);
    if (service.stopped_seen || event.dispatcher >= service.configuration->options.dispatcher_count) {
        icn_sim_violation(invariant::stopped_once, "service %u: an event of kind %u", service.index, event.kind);
    }
    if (event.kind == IOCPNET_EVENT_TIMER) {
        note_timer(event, service, service.timers[event.dispatcher]);
    } else {
        note_job(event, service);
    }
}

bool is_of_a_dispatcher(const iocpnet_event &event)
{
    return event.session == 0 && (event.kind == IOCPNET_EVENT_TIMER || event.kind == IOCPNET_EVENT_POSTED);
}

/* A job has a callback of its own. */
bool is_wanted(const iocpnet_event &event, const Service &service)
{
    return service.wants(event.kind) || (event.kind == IOCPNET_EVENT_POSTED && !service.batches());
}

void note_destroyed(Service &service)
{
    if (service.destroyed_seen || !service.destroy_called) {
        icn_sim_violation(invariant::destroyed_once, "service %u: SERVICE_DESTROYED again, or too soon", service.index);
    }
    service.destroyed_seen = true;
    service_is_gone(service);
}

} // namespace

bool is_between_events(const Session &session)
{
    const Service &service = world.model.service(session.service);
    return !service.batches() && session.in_event && session.dispatcher != none &&
           service.callback_thread[session.dispatcher] == icn_thread_self();
}

void note_event(const iocpnet_event &event, Service &service, bool data_known)
{
    if (event.service != service.handle || event.kind == 0 || event.kind >= IOCPNET_EVENT_KIND_COUNT ||
        !is_wanted(event, service)) {
        wrong_fields(event, "another service, or a kind that was not asked for");
    }
    switch (event.kind) {
    case IOCPNET_EVENT_SERVICE_STOPPED:
        icn_sim_trace("stopped", service.index, 0);
        note_stopped(event, service);
        break;
    case IOCPNET_EVENT_SERVICE_DESTROYED:
        icn_sim_trace("destroyed", service.index, 0);
        note_destroyed(service);
        break;
    default:
        if (is_of_a_dispatcher(event)) {
            note_service_event(event, service);
        } else {
            note_session_event(event, service, data_known);
        }
        break;
    }
}

namespace
{

/* Everything has ended, and all of it was seen. A send that another thread has begun may still hold part of the budget. */
void check_statistics(const Service &service)
{
    iocpnet_service_statistics statistics;
    if (iocpnet_service_stats(service.handle, &statistics, sizeof statistics) != IOCPNET_OK) {
        return;
    }
    uint64_t ended = 0;
    const uint64_t by_header = statistics.accepts_refused_by_trust + statistics.accepts_refused_by_header +
                               statistics.accepts_refused_by_header_timeout;
    bool right = statistics.sessions_live == 0 && statistics.operations_live == 0 && statistics.send_queue_bytes == 0 &&
                 statistics.connects_failed == service.failed && (service.proxied || by_header == 0) &&
                 statistics.accepts_refused >= by_header;
    for (uint32_t reason = 0; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        ended += service.ended_by_reason[reason];
        right = right && statistics.disconnects_by_reason[reason] == service.ended_by_reason[reason];
    }
    if (!right || statistics.disconnects != ended) {
        icn_sim_violation(invariant::statistics,
                          "service %u: %llu sessions are live, %llu ended, %llu failed; %llu, %u", service.index,
                          static_cast<unsigned long long>(statistics.sessions_live),
                          static_cast<unsigned long long>(statistics.disconnects),
                          static_cast<unsigned long long>(statistics.connects_failed),
                          static_cast<unsigned long long>(ended), service.failed);
    }
}

} // namespace

void react(const iocpnet_event &event, Service &service)
{
    if (event.kind == IOCPNET_EVENT_SERVICE_STOPPED && !service.batches()) {
        check_statistics(service);
    }
    if (service.destroy_inside && inside_callback() && !service.destroy_called) {
        (void)destroy_service(service);
    }
    Session *session = world.model.session_of(event.session);
    if (session != nullptr && event.kind == IOCPNET_EVENT_CONNECTED && !session->outbound) {
        find_peer(*session, *listener_of(service, event.listener));
    }
    if (session != nullptr && event.kind == IOCPNET_EVENT_DISCONNECTED) {
        learn_totals(*session);
    }
    if (icn_sim_chance(world.configuration.host.busy)) {
        act_in_callback(service, session);
    }
    if (inside_callback() && icn_sim_chance(world.configuration.host.block)) {
        icn_sim_sleep(1 + icn_sim_choose(300));
    }
}

namespace
{

/* SERVICE_DESTROYED comes on a thread of its own. */
bool has_dispatcher(const iocpnet_event &event)
{
    return event.kind != IOCPNET_EVENT_SERVICE_DESTROYED;
}

} // namespace

/* What is sent from there has to be of the stream: the host writes it over what was received, which the ports allow. A stream is offered
 * again. */
void lend(const iocpnet_event &event, Session &session)
{
    if (event.kind == IOCPNET_EVENT_RECEIVED && !session.may_be_stream) {
        session.lent = static_cast<uint8_t *>(const_cast<void *>(event.data));
        session.lent_bytes = event.size;
        session.lent_to = icn_thread_self();
    }
}

namespace
{

void begin_callback(const iocpnet_event &event, Service &service)
{
    if (service.destroyed) {
        icn_sim_violation(invariant::callback_after_destroy, "service %u: an event of kind %u", service.index,
                          event.kind);
    }
    if (has_dispatcher(event)) {
        if (service.in_callback[event.dispatcher]) {
            icn_sim_violation(invariant::events_overlap, "service %u: two callbacks of dispatcher %u", service.index,
                              event.dispatcher);
        }
        service.in_callback[event.dispatcher] = true;
        service.callback_thread[event.dispatcher] = icn_thread_self();
    }
}

} // namespace

void IOCPNET_CALL on_event(const iocpnet_event *event, void *user)
{
    Service &service = *static_cast<Service *>(user);
    begin_callback(*event, service);
    note_event(*event, service, true);
    Session *session = world.model.session_of(event->session);
    if (session != nullptr) {
        if (session->in_event) {
            icn_sim_violation(invariant::events_overlap, "session %u", session->index);
        }
        session->in_event = true;
        lend(*event, *session);
    }
    react(*event, service);
    if (session != nullptr) {
        session->in_event = false;
        session->lent = nullptr;
    }
    if (has_dispatcher(*event)) {
        service.in_callback[event->dispatcher] = false;
        service.callback_thread[event->dispatcher] = 0;
    }
}

} // namespace sim_test
