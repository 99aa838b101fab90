#include "host.hpp"
#include "invariants.hpp"
#include "memory_check.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
}

namespace sim_test
{

namespace
{

using Bytes = unsigned long long;

/* What the scripted peer at the other end has, and has not. */
void check_far_end(const Session &session)
{
    if (session.peer == none || !session.totals_known) {
        return;
    }
    const Peer &peer = world.peers.at(session.peer);
    if (peer.received.bytes() > session.bytes_sent) {
        icn_sim_violation(invariant::sent_bytes, "peer %u received %llu bytes, %llu were sent", peer.index,
                          static_cast<Bytes>(peer.received.bytes()), static_cast<Bytes>(session.bytes_sent));
    }
    if (peer.eof_seen && peer.received.bytes() != session.bytes_sent) {
        icn_sim_violation(invariant::accepted_send_lost, "peer %u: %llu of %llu bytes before the end of the stream",
                          peer.index, static_cast<Bytes>(peer.received.bytes()),
                          static_cast<Bytes>(session.bytes_sent));
    }
    if (session.aborted && peer.eof_seen) {
        icn_sim_violation(invariant::close_reason, "peer %u: session %u was aborted, and its stream ended in order",
                          peer.index, session.index);
    }
    if (session.reset_by_library && peer.eof_seen) {
        icn_sim_violation(invariant::close_reason, "peer %u: session %u was reset, and its stream ended in order",
                          peer.index, session.index);
    }
    const Service &service = world.model.service(session.service);
    const bool untouched = !peer.reset && !peer.closed && !session.abort_asked && !service.stop_called;
    const bool in_order = session.reason == IOCPNET_CLOSE_REQUESTED || session.reason == IOCPNET_CLOSE_PEER_CLOSED;
    if (untouched && in_order && session.status == IOCPNET_OK && peer.broken_seen && !world.system_fails()) {
        icn_sim_violation(invariant::accepted_send_lost, "peer %u was reset by the graceful end of session %u",
                          peer.index, session.index);
    }
}

/* The other end is a session of the library itself. */
void check_far_session(const Session &session)
{
    if (session.peer != none || session.reason != IOCPNET_CLOSE_PEER_CLOSED || session.received.stream() == none ||
        session.was_framed) {
        return;
    }
    for (uint32_t i = 0; i < world.model.session_count(); i++) {
        const Session &sender = world.model.session(i);
        if (sender.stream != session.received.stream()) {
            continue;
        }
        if (sender.aborted) {
            icn_sim_violation(invariant::close_reason, "session %u: ended by 'peer closed', session %u was aborted",
                              session.index, i);
        }
        if (sender.totals_known && session.received_all_known && session.received.bytes() != sender.bytes_sent) {
            icn_sim_violation(invariant::received_bytes, "session %u: %llu of %llu bytes of session %u", session.index,
                              static_cast<Bytes>(session.received.bytes()), static_cast<Bytes>(sender.bytes_sent), i);
        }
    }
}

void check_session(const Session &session)
{
    if (session.refused) {
        return;
    }
    if (!session.ended) {
        icn_sim_violation(invariant::disconnected_once, "session %u has no end", session.index);
    }
    if (session.calls_in_progress != 0) {
        icn_sim_violation(invariant::progress, "session %u: a call has not returned", session.index);
    }
    check_far_end(session);
    check_far_session(session);
}

void check_live_objects()
{
    iocpnet_live_objects live;
    (void)iocpnet_count_live_objects(&live, sizeof live);
    const uint64_t all = live.services + live.listeners + live.sessions + live.operations + live.buffers +
                         live.descriptors + live.allocations + live.allocated_bytes + live.threads;
    if (all != 0) {
        icn_sim_violation(invariant::leak,
                          "%llu services, %llu listeners, %llu sessions, %llu operations, %llu buffers, "
                          "%llu descriptors, %llu allocations, %llu threads",
                          static_cast<Bytes>(live.services), static_cast<Bytes>(live.listeners),
                          static_cast<Bytes>(live.sessions), static_cast<Bytes>(live.operations),
                          static_cast<Bytes>(live.buffers), static_cast<Bytes>(live.descriptors),
                          static_cast<Bytes>(live.allocations), static_cast<Bytes>(live.threads));
    }
    if (icn_sim_descriptors_open() != 0) {
        icn_sim_violation(invariant::leak, "%u descriptors are open", icn_sim_descriptors_open());
    }
}

} // namespace

void check_session_totals(Session &session)
{
    const Stream &stream = world.model.ledger.at(session.stream);
    const uint64_t broadcast = world.model.service(session.service).broadcast_bytes;
    const uint64_t given = session.bytes_sent + session.bytes_unsent;
    const uint64_t most = stream.accepted() - stream.replaced();
    const uint64_t least = most - stream.perhaps_replaced();
    if (least > given || given > most + broadcast) {
        icn_sim_violation(invariant::bytes_unsent, "session %u: %llu to %llu bytes accepted, %llu sent, %llu unsent",
                          session.index, static_cast<Bytes>(least), static_cast<Bytes>(most),
                          static_cast<Bytes>(session.bytes_sent), static_cast<Bytes>(session.bytes_unsent));
    }
    const bool in_order = session.reason == IOCPNET_CLOSE_REQUESTED || session.reason == IOCPNET_CLOSE_PEER_CLOSED;
    const bool cut = session.status != IOCPNET_OK || session.abort_asked || session.cut_by_stop;
    if (in_order && !cut && session.bytes_unsent > session.late_bytes + broadcast) {
        icn_sim_violation(invariant::bytes_unsent, "session %u: %llu bytes unsent at a graceful end, %llu came late",
                          session.index, static_cast<Bytes>(session.bytes_unsent),
                          static_cast<Bytes>(session.late_bytes));
    }
}

void check_everything_ended()
{
    icn_sim_forbid_preemption();
    for (uint32_t i = 0; i < world.model.session_count(); i++) {
        check_session(world.model.session(i));
    }
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        const Service &service = world.model.service(i);
        if (!service.destroyed || service.destroyed_seen != service.destroy_promised) {
            icn_sim_violation(invariant::destroyed_once, "service %u: SERVICE_DESTROYED %s", i,
                              service.destroyed_seen ? "was not promised" : "never came");
        }
    }
    check_live_objects();
    check_memory();
    icn_sim_allow_preemption();
}

} // namespace sim_test
