#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/scheduler.h"
}

namespace sim_test
{

namespace
{

constexpr Causes end_of_far_session =
    cause(IOCPNET_CLOSE_PEER_CLOSED) | cause(IOCPNET_CLOSE_RESET) | cause(IOCPNET_CLOSE_ABORTED);

Causes causes_of_peer(const Peer &peer)
{
    Causes causes = 0;
    if (peer.fin_sent) {
        causes |= cause(IOCPNET_CLOSE_PEER_CLOSED);
    }
    if (peer.closed) {
        /* A reset is the answer to what it did not read, or to what is sent to it later. */
        causes |= cause(IOCPNET_CLOSE_RESET) | (peer.unread ? 0 : cause(IOCPNET_CLOSE_PEER_CLOSED));
    } else if (peer.end == nullptr) {
        causes |= cause(IOCPNET_CLOSE_RESET);
    }
    if (peer.reset) {
        causes |= cause(peer.ending == Ending::network ? IOCPNET_CLOSE_ABORTED : IOCPNET_CLOSE_RESET);
    }
    return causes | (peer.reset ? cause(IOCPNET_CLOSE_RESET) : 0);
}

Causes causes_of_faults()
{
    Causes causes = 0;
    if (world.system_fails()) {
        causes |= cause(IOCPNET_CLOSE_RESET) | cause(IOCPNET_CLOSE_ABORTED) | cause(IOCPNET_CLOSE_NO_RESOURCES) |
                  cause(IOCPNET_CLOSE_ERROR);
    }
    return causes | (world.memory_fails() ? cause(IOCPNET_CLOSE_NO_RESOURCES) : 0);
}

/* Everything that happened and may have ended the session, but its conditioner. */
Causes causes_beside_conditioner(const Session &session)
{
    Causes causes = causes_of_faults() | causes_of_limits(session) | session.far_causes;
    if (session.disconnect_count != 0) {
        causes |= cause(IOCPNET_CLOSE_REQUESTED);
    }
    if (world.model.service(session.service).stop_called) {
        causes |= cause(IOCPNET_CLOSE_SERVICE_STOPPED);
    }
    if (world.model.service(session.service).configuration->options.send_policy == IOCPNET_SEND_DISCONNECT) {
        causes |= cause(IOCPNET_CLOSE_SEND_LIMIT);
    }
    if (session.may_be_too_long) {
        causes |= cause(IOCPNET_CLOSE_FRAME_TOO_LONG);
    }
    if (session.overflowed || (session.framing_doubtful && session.may_be_stream)) {
        causes |= cause(IOCPNET_CLOSE_RECEIVE_OVERFLOW);
    }
    if (session.connect_timeout != 0 && !session.connected) {
        causes |= cause(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT);
    }
    if (session.peer != none) {
        causes |= causes_of_peer(world.peers.at(session.peer));
    } else if (!session.outbound || session.target_port == 0) {
        causes |= end_of_far_session;
    }
    return causes;
}

Causes causes_of(const Session &session)
{
    return causes_beside_conditioner(session) |
           (may_be_reset_by_conditioner(session) ? cause(IOCPNET_CLOSE_RESET) : Causes{0});
}

uint32_t origin_of(uint32_t reason)
{
    switch (reason) {
    case IOCPNET_CLOSE_REQUESTED:
    case IOCPNET_CLOSE_SERVICE_STOPPED:
        return IOCPNET_ORIGIN_LOCAL;
    case IOCPNET_CLOSE_PEER_CLOSED:
    case IOCPNET_CLOSE_RESET:
        return IOCPNET_ORIGIN_PEER;
    default:
        return IOCPNET_ORIGIN_LIBRARY;
    }
}

/* A reset is the conditioner's, or somebody else's: the origin tells. */
bool origin_fits(const iocpnet_event &event, const Session &session)
{
    if (event.close_reason != IOCPNET_CLOSE_RESET) {
        return event.close_origin == origin_of(event.close_reason);
    }
    if (event.close_origin == IOCPNET_ORIGIN_LIBRARY) {
        return may_be_reset_by_conditioner(session);
    }
    const bool by_others = (causes_beside_conditioner(session) & cause(IOCPNET_CLOSE_RESET)) != 0;
    return event.close_origin == IOCPNET_ORIGIN_PEER && by_others;
}

bool status_fits(const iocpnet_event &event)
{
    if (event.kind == IOCPNET_EVENT_CONNECT_FAILED && event.status == IOCPNET_OK) {
        return false;
    }
    switch (event.close_reason) {
    case IOCPNET_CLOSE_RESET:
        return event.status == IOCPNET_E_CONNECTION_RESET || event.status == IOCPNET_E_CONNECTION_REFUSED;
    case IOCPNET_CLOSE_HANDSHAKE_TIMEOUT:
    case IOCPNET_CLOSE_TOO_SLOW:
        return event.status == IOCPNET_E_TIMED_OUT;
    case IOCPNET_CLOSE_SEND_LIMIT:
        return event.status == IOCPNET_E_LIMIT_REACHED;
    case IOCPNET_CLOSE_NO_RESOURCES:
    case IOCPNET_CLOSE_ABORTED:
    case IOCPNET_CLOSE_ERROR:
        return event.status < 0;
    default:
        return event.status <= 0;
    }
}

/* What went wrong with a close that was claimed before has a cause of its own. */
bool is_explained(int32_t status, Causes causes)
{
    switch (status) {
    case IOCPNET_OK:
    case IOCPNET_E_TIMED_OUT:
        return true;
    case IOCPNET_E_LIMIT_REACHED:
        return (causes & cause(IOCPNET_CLOSE_SEND_LIMIT)) != 0;
    case IOCPNET_E_CONNECTION_RESET:
        return (causes & cause(IOCPNET_CLOSE_RESET)) != 0;
    case IOCPNET_E_CONNECTION_ABORTED:
    case IOCPNET_E_NETWORK_UNREACHABLE:
    case IOCPNET_E_HOST_UNREACHABLE:
        return (causes & cause(IOCPNET_CLOSE_ABORTED)) != 0;
    default:
        return (causes & (cause(IOCPNET_CLOSE_NO_RESOURCES) | cause(IOCPNET_CLOSE_ERROR))) != 0;
    }
}

/* The library keeps so much of a text. */
bool same_text(const char *given, const char *kept)
{
    if (kept == nullptr || given == nullptr) {
        return kept == given || (kept == nullptr && world.memory_fails());
    }
    const size_t length = std::strlen(given);
    const size_t most = length < IOCPNET_CLOSE_TEXT_MAX ? length : IOCPNET_CLOSE_TEXT_MAX;
    return std::strlen(kept) == most && std::memcmp(given, kept, most) == 0;
}

/* The first call decides; those that began before it returned may have been first as well. */
bool code_and_text_fit(const iocpnet_event &event, const Session &session, bool data_known)
{
    if (event.close_reason != IOCPNET_CLOSE_REQUESTED) {
        return event.close_code == 0 && event.close_text == nullptr;
    }
    if (session.disconnects_dropped) {
        return true;
    }
    for (uint32_t i = 0; i < session.disconnect_count; i++) {
        const DisconnectCall &call = session.disconnects[i];
        if (call.begun < session.disconnect_returned && call.code == event.close_code &&
            (!data_known || same_text(call.text, event.close_text))) {
            return true;
        }
    }
    return false;
}

/* A send that fails takes the socket's error with it: to a receive that comes first the stream has then ended. */
bool error_was_told_to_send(const iocpnet_event &event, Causes causes)
{
    return event.close_reason == IOCPNET_CLOSE_PEER_CLOSED && event.status != IOCPNET_OK &&
           (causes & (cause(IOCPNET_CLOSE_RESET) | cause(IOCPNET_CLOSE_ABORTED))) != 0;
}

void check_end(const iocpnet_event &event, const Session &session, bool data_known)
{
    const Causes causes = causes_of(session);
    if ((causes & cause(event.close_reason)) == 0 && !error_was_told_to_send(event, causes)) {
        icn_sim_violation(invariant::close_reason, "session %u: ended by '%s', status %d; what happened: %#x",
                          session.index, iocpnet_close_reason_name(event.close_reason), event.status, causes);
    }
    if (!origin_fits(event, session) || !status_fits(event)) {
        icn_sim_violation(invariant::close_reason, "session %u: ended by '%s', origin %u, status %d", session.index,
                          iocpnet_close_reason_name(event.close_reason), event.close_origin, event.status);
    }
    if (event.kind == IOCPNET_EVENT_DISCONNECTED && !is_explained(event.status, causes)) {
        icn_sim_violation(invariant::close_reason, "session %u: ended by '%s', with status %d; what happened: %#x",
                          session.index, iocpnet_close_reason_name(event.close_reason), event.status, causes);
    }
    if (!code_and_text_fit(event, session, data_known)) {
        icn_sim_violation(invariant::close_reason, "session %u: code %lld or the text are of no call that was first",
                          session.index, static_cast<long long>(event.close_code));
    }
}

/* When a graceful close of this reason may be cut at the earliest. */
uint64_t earliest_deadline(const iocpnet_event &event, const Session &session, const Peer &peer)
{
    const Service &service = world.model.service(session.service);
    uint64_t earliest = service.stop_deadline_ms;
    if (event.close_reason == IOCPNET_CLOSE_PEER_CLOSED && peer.ended_ms != UINT64_MAX) {
        earliest = std::min(earliest, peer.ended_ms + service.configuration->options.close_timeout_ms);
    }
    for (uint32_t i = 0; i < session.disconnect_count && event.close_reason == IOCPNET_CLOSE_REQUESTED; i++) {
        earliest = std::min(earliest, session.disconnects[i].deadline_ms);
    }
    return session.disconnects_dropped ? 0 : earliest;
}

/* True when a deadline of the library is behind TIMED_OUT, and not the network. */
bool is_cut_at_deadline(const iocpnet_event &event, const Session &session)
{
    const bool graceful = event.close_reason == IOCPNET_CLOSE_REQUESTED ||
                          event.close_reason == IOCPNET_CLOSE_PEER_CLOSED ||
                          event.close_reason == IOCPNET_CLOSE_SERVICE_STOPPED;
    if (event.status != IOCPNET_E_TIMED_OUT || !graceful || session.peer == none || world.system_fails()) {
        return false;
    }
    const Peer &peer = world.peers.at(session.peer);
    return !peer.reset || peer.error != ETIMEDOUT;
}

void check_time(const iocpnet_event &event, const Session &session)
{
    uint64_t earliest = 0;
    if (session.connected) {
        earliest = earliest_by_limits(event.close_reason, session);
    }
    if (event.kind == IOCPNET_EVENT_CONNECT_FAILED && event.close_reason == IOCPNET_CLOSE_HANDSHAKE_TIMEOUT) {
        earliest = session.connect_begun_ms + session.connect_timeout;
    } else if (event.kind == IOCPNET_EVENT_DISCONNECTED && is_cut_at_deadline(event, session)) {
        earliest = earliest_deadline(event, session, world.peers.at(session.peer));
    }
    if (icn_sim_now_ms() < earliest) {
        icn_sim_violation(invariant::close_reason, "session %u: timed out ('%s') %llu ms too early", session.index,
                          iocpnet_close_reason_name(event.close_reason),
                          static_cast<unsigned long long>(earliest - icn_sim_now_ms()));
    }
}

/* True when the call that was first, by its code, aborts. */
bool is_aborted(const iocpnet_event &event, const Session &session)
{
    bool aborted = false;
    for (uint32_t i = 0; i < session.disconnect_count && event.close_reason == IOCPNET_CLOSE_REQUESTED; i++) {
        const DisconnectCall &call = session.disconnects[i];
        aborted = aborted || (call.abort && call.code == event.close_code);
    }
    return aborted;
}

/* The end of the peer's stream comes after all of its bytes. */
void check_received_all(const Session &session)
{
    const Service &service = world.model.service(session.service);
    if (session.reason != IOCPNET_CLOSE_PEER_CLOSED || session.peer == none || !service.wants(IOCPNET_EVENT_RECEIVED)) {
        return;
    }
    const Peer &peer = world.peers.at(session.peer);
    const uint64_t written = peer.written;
    const uint64_t told = session.received_bytes + bytes_not_told(session, peer);
    if (session.framing_doubtful ? told > written : told != written) {
        icn_sim_violation(invariant::received_bytes, "session %u: %llu of %llu bytes before the end of the stream",
                          session.index, static_cast<unsigned long long>(told),
                          static_cast<unsigned long long>(written));
    }
}

void count_end(Service &service, const Session &session)
{
    if (!session.connected) {
        service.failed++;
        return;
    }
    service.ended_by_reason[session.reason]++;
    if (!service.stop_called) {
        return;
    }
    service.ended_while_stopping++;
    service.unsent_while_stopping += session.bytes_unsent;
    if (session.reason == IOCPNET_CLOSE_SERVICE_STOPPED) {
        service.ended_by_stop++;
        service.unsent_by_stop += session.bytes_unsent;
    }
}

void check_bytes_received(const Service &service, const Session &session, uint64_t counted)
{
    /* In batches those are left out that the host did not want any more; with a framing, what was not whole; with a
     * conditioner, what was held. */
    const bool some = service.batches() || session.was_framed || may_be_conditioned(session);
    const bool right = some ? session.received_bytes <= counted : session.received_bytes == counted;
    if (service.wants(IOCPNET_EVENT_RECEIVED) && !world.memory_fails() && !right) {
        icn_sim_violation(invariant::statistics, "session %u: %llu bytes were received, %llu are counted",
                          session.index, static_cast<unsigned long long>(session.received_bytes),
                          static_cast<unsigned long long>(counted));
    }
}

} // namespace

void note_end(const iocpnet_event &event, Session &session, bool data_known)
{
    Service &service = world.model.service(session.service);
    check_end(event, session, data_known);
    check_time(event, session);
    session.ended = true;
    session.aborted = is_aborted(event, session);
    session.reason = event.close_reason;
    session.reset_by_library =
        event.close_reason == IOCPNET_CLOSE_RESET && event.close_origin == IOCPNET_ORIGIN_LIBRARY;
    session.status = event.status;
    session.bytes_unsent = event.bytes_unsent;
    session.cut_by_stop = service.stop_called;
    service.end_seen_ms[event.dispatcher] = icn_sim_now_ms();
    check_received_all(session);
    check_jobs_ran(service, JobLog::owner_of_session(session.index));
    count_end(service, session);
    world.model.end_session(session);
}

void learn_totals(Session &session)
{
    const Service &service = world.model.service(session.service);
    iocpnet_session_details details;
    const int32_t status = iocpnet_session_info(session.handle, &details, sizeof details);
    check_status("session info at the end", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    if (status != IOCPNET_OK) {
        if (!service.batches() || !service.destroy_called) {
            wrong_status("session info at the end", status, "the handle is valid until the host has seen it");
        }
        return;
    }
    check_bytes_received(service, session, details.bytes_received);
    session.bytes_sent = details.bytes_sent;
    session.totals_known = true;
    if (service.wants(IOCPNET_EVENT_SENT) && !world.memory_fails() && session.sent_events != details.bytes_sent) {
        icn_sim_violation(invariant::sent_bytes, "session %u: SENT told of %llu of %llu bytes", session.index,
                          static_cast<unsigned long long>(session.sent_events),
                          static_cast<unsigned long long>(details.bytes_sent));
    }
    if (session.calls_in_progress == 0) {
        check_session_totals(session);
    }
}

void discard_session(Session &session)
{
    session.ended = true;
    session.discarded = true;
    world.model.end_session(session);
}

void service_is_gone(Service &service)
{
    if (service.destroyed) {
        return;
    }
    service.destroyed = true;
    const bool stopped_due = service.start_returned && service.wants(IOCPNET_EVENT_SERVICE_STOPPED);
    if (!service.batches() && stopped_due && !service.stopped_seen) {
        icn_sim_violation(invariant::stopped_once, "service %u was destroyed without SERVICE_STOPPED", service.index);
    }
    for (uint32_t i = 0; i < world.model.session_count(); i++) {
        Session &session = world.model.session(i);
        const bool known = session.connected || (session.connect_returned && !session.refused);
        if (session.service != service.index || session.ended || !known) {
            continue;
        }
        if (!service.batches()) {
            icn_sim_violation(invariant::disconnected_once, "service %u was destroyed without an end of session %u",
                              service.index, i);
        }
        discard_session(session);
    }
}

} // namespace sim_test
