#include "fuzz/world.hpp"

extern "C" {
#include "util/memory.h"
}

namespace fuzz
{

namespace
{

constexpr uint32_t depth_max = 2;

bool is_prefix(const std::string &prefix, const std::string &whole)
{
    return whole.compare(0, prefix.size(), prefix) == 0;
}

std::string text_of(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle)
{
    char text[64] = "";
    return function(handle, text, sizeof text) > 0 ? text : "";
}

} // namespace

void World::run()
{
    raw_listener_ = api_test::Socket::listen();
    create_service();
    while (!input_.is_empty()) {
        step();
    }
    ending_ = true;
    icn_memory_fail(0, 0);
    for (Service &each : services_) {
        end_service(each);
    }
    judge();
}

void World::called_back(const iocpnet_event *event, void *user)
{
    static_cast<World *>(user)->handle(*event, true);
}

/* In a callback, or in the loop that polls: there a call could give back what is left of the batch. */
void World::handle(const iocpnet_event &event, bool may_call)
{
    recorder_.begin(event);
    note(event);
    depth_++;
    may_call = may_call && depth_ <= depth_max && !ending_;
    for (uint32_t calls = may_call ? input_.below(4) : 0; calls != 0; calls--) {
        step();
    }
    depth_--;
    Session *session = session_of(event.session);
    if (session != nullptr && session->ended && session->service->delivery == IOCPNET_DELIVERY_CALLBACKS) {
        session->valid = false;
    }
    recorder_.end(event);
}

void World::note(const iocpnet_event &event)
{
    Service *service = service_of(event.service);
    FUZZ_REQUIRE(service != nullptr && service->started && event.dispatcher < service->dispatchers);
    if (event.kind == IOCPNET_EVENT_SERVICE_STOPPED) {
        FUZZ_REQUIRE(service->stopping && !service->stopped);
        service->stopped = true;
        return;
    }
    if (event.kind == IOCPNET_EVENT_POSTED) {
        FUZZ_REQUIRE(event.data != nullptr);
        const_cast<Job *>(static_cast<const Job *>(event.data))->runs++;
    }
    if (event.session == 0) {
        FUZZ_REQUIRE(event.kind == IOCPNET_EVENT_TIMER || event.kind == IOCPNET_EVENT_POSTED);
        return;
    }
    Session *session = session_of(event.session);
    if (session == nullptr) {
        FUZZ_REQUIRE(event.kind == IOCPNET_EVENT_CONNECTED && event.listener != 0);
        sessions_.emplace_back();
        session = &sessions_.back();
        session->handle = event.session;
        session->service = service;
    }
    FUZZ_REQUIRE(event.user == session->user && session->valid);
    FUZZ_REQUIRE(!service->stopped || event.dispatcher != 0);
    session->dispatcher = event.dispatcher;
    switch (event.kind) {
    case IOCPNET_EVENT_CONNECTED:
        note_connected(*session, event);
        break;
    case IOCPNET_EVENT_RECEIVED:
        session->end.received.append(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
        break;
    case IOCPNET_EVENT_DISCONNECTED:
    case IOCPNET_EVENT_CONNECT_FAILED:
        session->ended = true;
        session->lent = true;
        session->close_reason = event.close_reason;
        session->bytes_unsent = event.bytes_unsent;
        session->end.ended_in_order = event.close_reason == IOCPNET_CLOSE_REQUESTED && event.status == IOCPNET_OK &&
                                      !session->aborted && !service->stopping;
        break;
    default:
        break;
    }
}

void World::note_connected(Session &session, const iocpnet_event &event)
{
    session.connected = true;
    session.end.connected_out = event.listener == 0;
    const std::string local = text_of(iocpnet_session_local_address, event.session);
    const std::string remote = text_of(iocpnet_session_remote_address, event.session);
    if (!local.empty()) { /* else the socket is gone already */
        session.end.connection = session.end.connected_out ? local + " " + remote : remote + " " + local;
    }
}

/* A poll has begun: the sessions whose last event the one before it fetched are gone. */
void World::give_back(const Service &service, uint32_t dispatcher)
{
    for (Session &each : sessions_) {
        if (each.service == &service && each.dispatcher == dispatcher && each.lent) {
            each.valid = false;
        }
    }
}

void World::end_service(Service &service)
{
    if (service.destroyed) {
        return;
    }
    if (service.started && input_.flag()) {
        stop(service, 0);
        for (uint32_t at = 0; !service.stopped; at = (at + 1) % service.dispatchers) {
            drive(service, at, 1);
        }
        for (uint32_t at = 0; at < service.dispatchers; at++) {
            drive_to_the_end(service, at);
        }
        service.fetched = true;
    }
    destroy(service);
}

/* Fetches what is left in a queue. */
void World::drive_to_the_end(Service &service, uint32_t dispatcher)
{
    while (service.delivery == IOCPNET_DELIVERY_BATCHES && poll(service, dispatcher, 0) > 0) {
    }
}

World::Service *World::service_of(iocpnet_service handle)
{
    for (Service &each : services_) {
        if (each.handle == handle) {
            return &each;
        }
    }
    return nullptr;
}

World::Session *World::session_of(iocpnet_session handle)
{
    for (Session &each : sessions_) {
        if (each.handle == handle) {
            return &each;
        }
    }
    return nullptr;
}

void World::receive_all(Peer &peer)
{
    bool more = peer.socket.end() == api_test::Socket::End::none; /* after a reset the system reports an end */
    while (more && peer.socket.is_open() && peer.socket.readable_within(0)) {
        const std::string bytes = peer.socket.receive_some(1 << 16);
        peer.end.received += bytes;
        more = !bytes.empty(); /* else the end, or a connection that never was */
    }
}

void World::judge()
{
    for (Peer &each : peers_) {
        receive_all(each);
        judge_peer(each);
    }
    for (const Session &each : sessions_) {
        judge_session(each);
    }
    judge_jobs();
    const api_test::Records records = recorder_.copy();
    if (!records.violations.empty()) {
        std::fprintf(stderr, "%s\n", api_test::describe(records).c_str());
    }
    FUZZ_REQUIRE(records.violations.empty());
    iocpnet_live_objects live;
    const iocpnet_live_objects none = {};
    FUZZ_REQUIRE(iocpnet_count_live_objects(&live, sizeof live) == IOCPNET_OK);
    FUZZ_REQUIRE(std::memcmp(&live, &none, sizeof live) == 0);
}

/* Each session was told its end. A stream that the other end closed in order arrived whole. */
void World::judge_session(const Session &session)
{
    FUZZ_REQUIRE(session.ended || session.service->cut);
    FUZZ_REQUIRE(all_unknown_ || session.end.unknown || session.bytes_unsent <= session.end.sent.size());
    FUZZ_REQUIRE(session.connected || session.end.received.empty());
    const End *other = other_end(session.end);
    if (other != nullptr) {
        FUZZ_REQUIRE(is_prefix(session.end.received, other->sent));
        FUZZ_REQUIRE(session.close_reason != IOCPNET_CLOSE_PEER_CLOSED || session.end.cut || cut_unknown_ ||
                     session.end.received.size() == other->sent.size());
    }
}

void World::judge_peer(const Peer &peer)
{
    const End *other = other_end(peer.end);
    if (other != nullptr) {
        FUZZ_REQUIRE(is_prefix(peer.end.received, other->sent));
        FUZZ_REQUIRE(peer.failed || peer.socket.end() != api_test::Socket::End::closed ||
                     peer.end.received.size() == other->sent.size());
        FUZZ_REQUIRE(peer.socket.end() != api_test::Socket::End::reset || !other->ended_in_order);
    }
}

/* NULL when it is not known, belongs to nobody that was announced, or is not to be judged by. */
const End *World::other_end(const End &end) const
{
    if (all_unknown_ || is_guarded(end.connection)) {
        return nullptr;
    }
    const auto fits = [&end](const End &other) {
        return !end.connection.empty() && other.connection == end.connection &&
               other.connected_out != end.connected_out;
    };
    for (const Session &each : sessions_) {
        if (fits(each.end)) {
            return each.end.unknown ? nullptr : &each.end;
        }
    }
    for (const Peer &each : peers_) {
        if (fits(each.end)) {
            return each.end.unknown ? nullptr : &each.end;
        }
    }
    return nullptr;
}

} // namespace fuzz
