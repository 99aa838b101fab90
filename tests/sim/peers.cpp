#include "peers.hpp"

#include <algorithm>
#include <cerrno>

#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

constexpr uint32_t piece_bytes_max = 4096;

uint8_t piece[piece_bytes_max];

void tell_main_if_done(const Peers &peers)
{
    if (peers.are_done()) {
        icn_sim_wake_all(&world.peers);
    }
}

} // namespace

void Peers::begin(uint32_t connectors, uint32_t connections, uint32_t nasty)
{
    used_ = 0;
    open_.clear();
    connectors_.assign(connectors, Connector());
    for (uint32_t i = 0; i < connections; i++) {
        connectors_[i % connectors].left++;
    }
    nasty_ = nasty;
    decide_ms_ = 0;
}

/* ---- what could be done now ---- */

void Peers::find_tasks(Peer &peer, uint64_t now)
{
    if (now >= peer.patience_ms) {
        ready_.push_back({Task::give_up, peer.index});
        return;
    }
    if (now < peer.next_ms) {
        return;
    }
    const bool broken = icn_sim_broken(peer.end);
    const bool news = !peer.eof_seen && (icn_sim_readable(peer.end) != 0 || icn_sim_ended(peer.end));
    if (broken || (peer.reads && news)) {
        ready_.push_back({Task::read, peer.index});
    }
    if (broken) {
        return;
    }
    if (!peer.output_done) {
        const bool no_more = peer.messages == 0 && peer.header.written == peer.header.bytes.size();
        if (no_more || icn_sim_writable(peer.end) != 0) {
            ready_.push_back({Task::write, peer.index});
        }
    } else if (!peer.fin_sent && (peer.ending != Ending::wait || peer.eof_seen)) {
        ready_.push_back({Task::end, peer.index});
    }
}

uint32_t Peers::ready()
{
    const uint64_t now = icn_sim_now_ms();
    ready_.clear();
    for (uint32_t i = 0; i < connectors_.size(); i++) {
        const Connector &connector = connectors_[i];
        if (connector.left != 0 && connector.peer == none && now >= connector.next_ms) {
            ready_.push_back({Task::connect, i});
        }
    }
    if (now >= decide_ms_ && icn_sim_connects_pending() != 0) {
        ready_.push_back({Task::decide, 0});
    }
    for (const uint32_t index : open_) {
        find_tasks(peers_[index], now);
    }
    return static_cast<uint32_t>(ready_.size());
}

uint64_t Peers::wakes_at(Peer &peer) const
{
    const uint64_t now = icn_sim_now_ms();
    return peer.next_ms > now ? std::min(peer.next_ms, peer.patience_ms) : peer.patience_ms;
}

uint64_t Peers::next_ms()
{
    uint64_t next = icn_sim_connects_pending() != 0 ? decide_ms_ : UINT64_MAX;
    for (const Connector &connector : connectors_) {
        if (connector.left != 0 && connector.peer == none) {
            next = std::min(next, connector.next_ms);
        }
    }
    for (const uint32_t index : open_) {
        next = std::min(next, wakes_at(peers_[index]));
    }
    return next;
}

void Peers::act(uint32_t which)
{
    static const char *const names[] = {"peer connects", "peer decides", "peer reads",
                                        "peer writes",   "peer ends",    "peer gives up"};
    const Ready chosen = ready_[which];
    icn_sim_trace(names[static_cast<int>(chosen.task)], chosen.which, 0);
    switch (chosen.task) {
    case Task::connect:
        connect(connectors_[chosen.which]);
        break;
    case Task::decide:
        decide();
        break;
    case Task::read:
        read(peers_[chosen.which]);
        break;
    case Task::write:
        write(peers_[chosen.which]);
        break;
    case Task::end:
        end_output(peers_[chosen.which]);
        break;
    case Task::give_up: {
        Peer &peer = peers_[chosen.which];
        peer.reset = true;
        peer.error = ECONNRESET;
        icn_sim_reset(peer.end, ECONNRESET);
        give_back(peer);
        break;
    }
    }
}

/* ---- connections ---- */

Peer &Peers::add(icn_sim_end *end)
{
    if (used_ == peers_.size()) {
        peers_.emplace_back();
    }
    Peer &peer = peers_[used_];
    peer = Peer();
    peer.index = used_++;
    peer.end = end;
    peer.client_port = icn_sim_client_port(end);
    peer.begun_ms = icn_sim_now_ms();
    peer.stream = world.model.ledger.open();
    peer.received.begin(peer.stream, invariant::sent_bytes);
    open_.push_back(peer.index);
    draw_plan(peer);
    return peer;
}

/* A listener that the host has told its peers of; 0: there is none now. */
static uint16_t choose_port()
{
    uint16_t ports[services_made_max * listeners_max];
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        const Service &service = world.model.service(i);
        for (uint32_t j = 0; j < service.listener_count && !service.destroy_called; j++) {
            const Listener &listener = service.listeners[j];
            if (listener.open && !listener.closed && listener.port != 0) {
                ports[count++] = listener.port;
            }
        }
    }
    return count != 0 ? ports[icn_sim_choose(count)] : uint16_t{0};
}

/* One that the host has told its peers of. */
static const Listener &listener_at(uint16_t port)
{
    for (uint32_t i = world.model.service_count(); i-- > 0;) {
        const Service &service = world.model.service(i);
        for (uint32_t j = service.listener_count; j-- > 0;) {
            if (service.listeners[j].open && service.listeners[j].port == port) {
                return service.listeners[j];
            }
        }
    }
    icn_sim_violation(invariant::progress, "nobody was told of port %u", port);
}

void Peers::connect(Connector &connector)
{
    const uint16_t port = choose_port();
    icn_sim_end *end = port != 0 ? icn_sim_peer_connect(port) : nullptr;
    connector.left--;
    if (end == nullptr) {
        connector.next_ms = icn_sim_now_ms() + 5 + icn_sim_choose(100);
        tell_main_if_done(*this);
        return;
    }
    Peer &peer = add(end);
    connector.peer = peer.index;
    const Listener &listener = listener_at(port);
    if (listener.proxied) {
        peer.header = draw_header(peer.client_port, listener.trusting);
    }
}

void Peers::decide()
{
    static const int32_t errors[] = {0, 0, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT};
    const uint32_t which = icn_sim_choose(icn_sim_connects_pending());
    Session *session = world.model.session_to(icn_sim_connect_port(which));
    if (session == nullptr) {
        (void)icn_sim_connect_decide(which, ECONNREFUSED);
        return;
    }
    const uint32_t verdict = icn_sim_choose(7);
    if (verdict == 6) {
        decide_ms_ = icn_sim_now_ms() + 1 + icn_sim_choose(2000);
        return;
    }
    const int32_t error = errors[verdict];
    session->far_causes |= error == 0              ? 0
                           : error == ECONNREFUSED ? cause(IOCPNET_CLOSE_RESET)
                                                   : cause(IOCPNET_CLOSE_ABORTED);
    icn_sim_end *end = icn_sim_connect_decide(which, error);
    if (end != nullptr) {
        Peer &peer = add(end);
        peer.session = session->index;
        session->peer = peer.index;
        session->received.expect(peer.stream);
        peer.received.expect(session->stream);
    }
}

Peer *Peers::from_port(uint16_t client_port)
{
    for (uint32_t i = used_; i-- > 0;) {
        if (peers_[i].client_port == client_port && peers_[i].session == none) {
            return &peers_[i];
        }
    }
    return nullptr;
}

void Peers::give_back(Peer &peer)
{
    icn_sim_close(peer.end);
    peer.end = nullptr;
    open_.erase(std::remove(open_.begin(), open_.end(), peer.index), open_.end());
    for (Connector &connector : connectors_) {
        if (connector.peer == peer.index) {
            connector.peer = none;
            connector.next_ms = icn_sim_now_ms() + icn_sim_choose(4);
        }
    }
    tell_main_if_done(*this);
}

void Peers::retire()
{
    for (Connector &connector : connectors_) {
        connector.left = 0;
    }
}

bool Peers::are_done() const
{
    for (const Connector &connector : connectors_) {
        if (connector.left != 0 || connector.peer != none) {
            return false;
        }
    }
    return open_.empty();
}

void Peers::close_all()
{
    while (!open_.empty()) {
        give_back(peers_[open_.back()]);
    }
}

/* ---- one connection ---- */

void Peers::read(Peer &peer)
{
    const uint32_t most = std::min(peer.chunk, piece_bytes_max);
    const int64_t count = icn_sim_read(peer.end, piece, most);
    peer.next_ms = icn_sim_now_ms() + peer.pace_ms;
    if (count > 0) {
        (void)peer.received.feed(world.model.ledger, piece, static_cast<uint64_t>(count));
    } else if (count == -1) {
        peer.broken_seen = true;
        give_back(peer);
    } else if (count == -2) {
        peer.eof_seen = true;
        /* An end in the middle of a message, or all of it first. */
        if (!peer.output_done && icn_sim_choose(2) == 1) {
            peer.output_done = true;
        }
        if (peer.fin_sent) {
            give_back(peer);
        }
    }
}

void Peers::begin_message(Peer &peer)
{
    peer.size = header_bytes + icn_sim_choose(peer.message_bytes + 1);
    peer.number = world.model.ledger.at(peer.stream).send_begins(peer.size, world.model.stamp());
    peer.offset = 0;
}

void Peers::write_header(Peer &peer)
{
    PeerHeader &header = peer.header;
    const auto left = static_cast<uint32_t>(header.bytes.size()) - header.written;
    const int64_t taken = icn_sim_write(peer.end, header.bytes.data() + header.written, std::min(left, peer.chunk));
    peer.next_ms = icn_sim_now_ms() + peer.pace_ms;
    header.written += taken > 0 ? static_cast<uint32_t>(taken) : 0;
}

void Peers::write(Peer &peer)
{
    if (peer.header.written < peer.header.bytes.size()) {
        write_header(peer);
        return;
    }
    if (peer.messages == 0 || (peer.cut_after != 0 && peer.written >= peer.cut_after)) {
        peer.output_done = true;
        return;
    }
    if (peer.size == 0) {
        begin_message(peer);
    }
    uint32_t count = std::min({peer.size - peer.offset, peer.chunk, piece_bytes_max});
    if (peer.cut_after != 0) {
        count = std::min(count, static_cast<uint32_t>(peer.cut_after - peer.written));
    }
    Stream &stream = world.model.ledger.at(peer.stream);
    stream.fill(peer.number, peer.size, peer.offset, piece, count);
    const int64_t taken = icn_sim_write(peer.end, piece, count);
    peer.next_ms = icn_sim_now_ms() + peer.pace_ms;
    if (taken < 0) {
        return;
    }
    for (int64_t i = 0; i < taken; i++) {
        if (piece[i] == line_end) {
            peer.lines_written = peer.written + static_cast<uint64_t>(i) + 1;
        }
    }
    peer.offset += static_cast<uint32_t>(taken);
    peer.written += static_cast<uint64_t>(taken);
    if (peer.offset == peer.size) {
        stream.send_returned(peer.number, true, world.model.stamp());
        peer.size = 0;
        peer.messages--;
    }
}

void Peers::end_output(Peer &peer)
{
    peer.ended_ms = icn_sim_now_ms();
    switch (peer.ending) {
    case Ending::fin:
    case Ending::half_close:
        peer.fin_sent = true;
        peer.reads = peer.ending == Ending::fin;
        icn_sim_shutdown(peer.end);
        if (peer.eof_seen) {
            give_back(peer);
        }
        break;
    case Ending::close:
    case Ending::wait:
        peer.closed = true;
        peer.unread = icn_sim_readable(peer.end) != 0;
        give_back(peer);
        break;
    case Ending::reset:
    case Ending::network:
        peer.reset = true;
        icn_sim_reset(peer.end, peer.error);
        give_back(peer);
        break;
    }
}

/* ---- plans ---- */

void Peers::draw_nasty_plan(Peer &peer)
{
    static const uint32_t chunks[] = {piece_bytes_max, 1, 5, 100};
    static const uint32_t paces[] = {0, 1, 30, 200};
    static const int32_t errors[] = {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH};
    peer.ending = static_cast<Ending>(icn_sim_choose(6));
    peer.chunk = chunks[icn_sim_choose(4)];
    peer.pace_ms = paces[icn_sim_choose(4)];
    peer.reads = icn_sim_choose(4) != 1;
    if (icn_sim_choose(3) == 1) {
        peer.messages = 0;
    }
    if (icn_sim_choose(3) == 1) {
        peer.cut_after = 1 + icn_sim_choose(40);
    }
    if (peer.chunk < 10) {
        peer.message_bytes = 8;
    }
    peer.error = peer.ending == Ending::network ? errors[icn_sim_choose(3)] : ECONNRESET;
    peer.patience_ms = icn_sim_now_ms() + 50 + icn_sim_choose(4000);
}

void Peers::draw_plan(Peer &peer)
{
    static const uint32_t sizes[] = {32, 0, 200, 1200};
    peer.messages = 1 + icn_sim_choose(4);
    peer.message_bytes = sizes[icn_sim_choose(4)];
    peer.chunk = piece_bytes_max;
    peer.patience_ms = icn_sim_now_ms() + 4000;
    if (icn_sim_chance(nasty_)) {
        draw_nasty_plan(peer);
    }
}

} // namespace sim_test
