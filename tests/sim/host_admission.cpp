/* Who is let in, and the deadlines and limits of those who are. */
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

iocpnet_session_limits draw_session_limits()
{
    static const uint32_t first_bytes[] = {20, 1, 300};
    static const uint32_t idle[] = {50, 1, 400};
    static const uint64_t bytes[] = {2000, 1, 100};
    static const uint32_t events[] = {10, 1, 100};
    static const uint32_t pace[] = {10, 1, 1000};
    iocpnet_session_limits limits = {};
    switch (icn_sim_choose(24)) {
    case 8:
        limits.first_bytes_timeout_ms = first_bytes[icn_sim_choose(3)];
        break;
    case 9:
        limits.idle_timeout_ms = idle[icn_sim_choose(3)];
        break;
    case 10:
        limits.receive_bytes_per_s = bytes[icn_sim_choose(3)];
        limits.receive_policy = icn_sim_choose(2);
        break;
    case 11:
        limits.first_bytes_timeout_ms = first_bytes[icn_sim_choose(3)];
        limits.idle_timeout_ms = idle[icn_sim_choose(3)];
        limits.receive_events_per_s = events[icn_sim_choose(3)];
        limits.receive_policy = icn_sim_choose(2);
        break;
    case 12:
        limits.receive_messages_per_s = events[icn_sim_choose(3)];
        limits.receive_policy = icn_sim_choose(2);
        break;
    case 13:
        limits.message_bytes_per_s = pace[icn_sim_choose(3)];
        limits.receive_messages_per_s = icn_sim_choose(2) * events[1];
        break;
    default:
        break;
    }
    return limits;
}

/* ---- the accept filter ---- */

namespace
{

uint16_t port_of(const char *address)
{
    const char *colon = std::strrchr(address, ':');
    return colon != nullptr ? static_cast<uint16_t>(std::atoi(colon + 1)) : uint16_t{0};
}

void check_request(const iocpnet_accept_request &request, const Service &service, const Listener &listener)
{
    const bool own = request.service == service.handle && request.listener == listener.handle;
    const bool address = request.family == 4 && request.remote_ip[0] == 127 && port_of(request.remote) != 0;
    if (!own || !address || request.struct_size != sizeof request || request.local == nullptr) {
        icn_sim_violation(invariant::event_fields, "service %u: its accept filter is asked about '%s'", service.index,
                          request.remote);
    }
}

/* NULL: the other end is a session of the library itself. */
void note_asked(uint16_t port, bool accepted)
{
    Peer *peer = world.peers.from_port(port);
    if (peer == nullptr) {
        return;
    }
    if (peer->asked) {
        icn_sim_violation(invariant::admission, "peer %u: the filter is asked again", peer->index);
    }
    peer->asked = true;
    peer->turned_away = !accepted;
}

} // namespace

int32_t IOCPNET_CALL on_accept(const iocpnet_accept_request *request, void *user)
{
    Listener &listener = *static_cast<Listener *>(user);
    Service &service = world.model.service(listener.service);
    if (service.destroyed || listener.in_filter) {
        icn_sim_violation(service.destroyed ? invariant::callback_after_destroy : invariant::events_overlap,
                          "service %u: its accept filter", service.index);
    }
    listener.in_filter = true;
    check_request(*request, service, listener);
    const bool accepted = icn_sim_choose(4) != 3;
    icn_sim_trace("filter", port_of(request->remote), accepted);
    note_asked(port_of(request->remote), accepted);
    if (icn_sim_chance(world.configuration.host.busy)) {
        act_at_random();
    }
    listener.in_filter = false;
    return accepted ? 1 : 0;
}

void check_admitted(const Listener &listener, const Peer &peer)
{
    if (peer.asked != listener.filters || peer.turned_away) {
        icn_sim_violation(invariant::admission, "peer %u: it was %s, and is a session", peer.index,
                          peer.asked ? "turned away" : "not asked about");
    }
}

/* Its header was good and whole, and the session has the address in it. */
void check_proxied(const Listener &listener, const Peer &peer, const Session &session)
{
    const PeerHeader &header = peer.header;
    if (!listener.proxied) {
        return;
    }
    if (!header.good || header.written != header.bytes.size()) {
        icn_sim_violation(invariant::admission, "peer %u: it has sent no good header, and is a session", peer.index);
    }
    char remote[64];
    const int32_t length = iocpnet_session_remote_address(session.handle, remote, sizeof remote);
    if (length > 0 && header.remote != remote) {
        icn_sim_violation(invariant::admission, "peer %u: its header said %s, its session %s", peer.index,
                          header.remote.c_str(), remote);
    }
}

/* ---- limits of the address that all peers have ---- */

namespace
{

uint32_t count_live(const Service &service)
{
    uint32_t live = 0;
    for (const uint32_t index : world.model.live()) {
        const Session &session = world.model.session(index);
        live += session.service == service.index && session.connected && !session.outbound && !session.proxied ? 1 : 0;
    }
    return live;
}

} // namespace

void check_address_limits(const Service &service)
{
    const iocpnet_service_options &options = service.configuration->options;
    const uint32_t live = count_live(service);
    /* Of one dispatcher the host sees all in order. */
    if (options.sessions_per_address_max != 0 && options.dispatcher_count == 1 &&
        live > options.sessions_per_address_max) {
        icn_sim_violation(invariant::admission, "service %u: %u sessions of one address", service.index, live);
    }
    const uint64_t rate = options.accepts_per_address_per_s;
    const uint64_t passed_ms = icn_sim_now_ms() - service.made_ms;
    const uint64_t burst = options.accepts_per_address_burst != 0 ? options.accepts_per_address_burst : rate;
    if (rate != 0 && service.accepted > burst + (rate * passed_ms + 999) / 1000) {
        icn_sim_violation(invariant::admission, "service %u: %u sessions within %llu ms", service.index,
                          service.accepted, static_cast<unsigned long long>(passed_ms));
    }
}

/* ---- deadlines ---- */

namespace
{

/* What it receives is cut into messages, or may have been. */
bool may_be_cut(const Session &session)
{
    return session.framing.cut == Cut::messages || session.framing.cut == Cut::lines || session.framing_begun != 0;
}

} // namespace

Causes causes_of_limits(const Session &session)
{
    const iocpnet_session_limits &limits = session.limits;
    const bool messages = limits.receive_messages_per_s != 0 && may_be_cut(session);
    const bool rates = limits.receive_bytes_per_s != 0 || limits.receive_events_per_s != 0 || messages;
    Causes causes = 0;
    if (limits.first_bytes_timeout_ms != 0 && session.connected && session.received_bytes == 0) {
        causes |= cause(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT);
    }
    if (limits.idle_timeout_ms != 0 && session.connected) {
        causes |= cause(IOCPNET_CLOSE_IDLE);
    }
    if (rates && limits.receive_policy == IOCPNET_RECEIVE_DISCONNECT) {
        causes |= cause(IOCPNET_CLOSE_RECEIVE_OVERFLOW);
    }
    if (limits.message_bytes_per_s != 0 && may_be_cut(session) && session.connected) {
        causes |= cause(IOCPNET_CLOSE_TOO_SLOW);
    }
    return causes;
}

uint64_t earliest_by_limits(uint32_t reason, const Session &session)
{
    const uint64_t begun_ms = session.peer != none ? world.peers.at(session.peer).begun_ms : 0;
    if (reason == IOCPNET_CLOSE_HANDSHAKE_TIMEOUT && session.connected) {
        return begun_ms + session.limits.first_bytes_timeout_ms;
    }
    if (reason == IOCPNET_CLOSE_IDLE) {
        return std::max(begun_ms, session.received_ms) + session.limits.idle_timeout_ms;
    }
    if (reason == IOCPNET_CLOSE_TOO_SLOW) {
        return begun_ms + 1000;
    }
    return 0;
}

bool has_limits(const Session &session)
{
    static const iocpnet_session_limits nothing = {};
    return std::memcmp(&session.limits, &nothing, sizeof nothing) != 0;
}

} // namespace sim_test
