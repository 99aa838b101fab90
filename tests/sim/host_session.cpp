#include <algorithm>
#include <cstdio>
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

constexpr uint32_t pieces_max = 4;

/* Whether the host may have lost the handle without knowing it: its last event is on its way. */
bool may_be_stale(const Session &session)
{
    const Service &service = world.model.service(session.service);
    return session.ended || service.destroy_called;
}

/* What every function of a session may say of its handle. */
void check_handle(const char *function, const Session &session, int32_t status)
{
    if (status == IOCPNET_E_INVALID_HANDLE && !may_be_stale(session)) {
        wrong_status(function, status, "the session has not ended");
    }
}

int32_t send_pieces(const Session &session, const uint8_t *bytes, uint32_t size)
{
    iocpnet_iovec pieces[pieces_max + 1] = {};
    const uint32_t count = 1 + icn_sim_choose(pieces_max);
    uint32_t done = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t part = i + 1 == count ? size - done : icn_sim_choose(size - done + 1);
        pieces[i].size = part;
        pieces[i].data = part != 0 ? bytes + done : nullptr;
        done += part;
    }
    return iocpnet_session_sendv(session.handle, pieces, count);
}

/* What a broadcast to one session says, as a send would say it. */
int32_t broadcast_to(const Session &session, iocpnet_buffer buffer)
{
    iocpnet_broadcast_result result = {};
    const iocpnet_service service = world.model.service(session.service).handle;
    const int32_t status = iocpnet_service_broadcast(service, buffer, &session.handle, 1, 0, &result);
    check_status("broadcast", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED));
    if (status == IOCPNET_OK && result.queued + result.skipped + result.disconnected + result.gone != 1) {
        wrong_status("broadcast", status, "not one session was counted");
    }
    if (status != IOCPNET_OK || result.queued == 1) {
        return status;
    }
    if (result.gone == 1) {
        return IOCPNET_E_CLOSED;
    }
    return world.memory_fails() ? IOCPNET_E_NO_MEMORY : IOCPNET_E_WOULD_BLOCK;
}

/* From a buffer that the host lets go at once. */
int32_t send_shared(const Session &session, const uint8_t *bytes, uint32_t size, bool broadcast)
{
    iocpnet_buffer buffer = 0;
    int32_t status = iocpnet_buffer_create(bytes, size, &buffer);
    check_status("buffer create", status, statuses(IOCPNET_OK, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_OK) {
        status = broadcast ? broadcast_to(session, buffer) : iocpnet_session_send_buffer(session.handle, buffer);
        check_status("buffer release", iocpnet_buffer_release(buffer), statuses(IOCPNET_OK));
    }
    return status;
}

/* By the framing of the session, whose header the message has; as it is when that may not be its framing any more. */
int32_t send_framed(const Session &session, const uint8_t *bytes, uint32_t size)
{
    const uint32_t changes = session.framing_returned;
    if (session.framing.cut != Cut::messages || size > session.framing.bytes_max || !session.connected) {
        return iocpnet_session_send(session.handle, bytes, size);
    }
    const int32_t status = iocpnet_session_send_message(session.handle, bytes, size);
    const bool known = session.framing_begun == changes && !session.framing_doubtful;
    const bool refused = status == IOCPNET_E_INVALID_STATE || status == IOCPNET_E_INVALID_ARGUMENT;
    return refused && !known ? iocpnet_session_send(session.handle, bytes, size) : status;
}

/* The same for state. */
int32_t send_latest(const Session &session, uint32_t key, const uint8_t *bytes, uint32_t size)
{
    const uint32_t changes = session.framing_returned;
    if (session.framing.cut != Cut::messages || size > session.framing.bytes_max || !session.connected) {
        return iocpnet_session_send_latest(session.handle, key, bytes, size, 0);
    }
    const int32_t status = iocpnet_session_send_latest(session.handle, key, bytes, size, IOCPNET_LATEST_MESSAGE);
    const bool known = session.framing_begun == changes && !session.framing_doubtful;
    const bool refused = status == IOCPNET_E_INVALID_STATE || status == IOCPNET_E_INVALID_ARGUMENT;
    return refused && !known ? iocpnet_session_send_latest(session.handle, key, bytes, size, 0) : status;
}

int32_t send_somehow(const Session &session, const uint8_t *bytes, uint32_t size)
{
    switch (icn_sim_choose(5)) {
    case 0:
        return iocpnet_session_send(session.handle, bytes, size);
    case 4:
        return send_framed(session, bytes, size);
    case 1:
        return send_pieces(session, bytes, size);
    case 2:
        return send_shared(session, bytes, size, false);
    default:
        return send_shared(session, bytes, size, true);
    }
}

/* What is accepted from here on may come too late to be sent. */
bool may_be_closing(const Session &session)
{
    if (session.ended || session.disconnect_count != 0 || session.peer == none || has_limits(session)) {
        return true;
    }
    const Peer &peer = world.peers.at(session.peer);
    return peer.fin_sent || peer.end == nullptr;
}

struct SendConditions {
    uint32_t cost; /* of the queue */
    uint64_t begun;
    bool was_over;      /* ended, or a disconnect had returned */
    bool was_connected; /* CONNECTED had been seen */
};

void check_send(Session &session, int32_t status, const SendConditions &before)
{
    const iocpnet_service_options &options = world.model.service(session.service).configuration->options;
    const bool too_large = before.cost > options.send_queue_bytes_max;
    check_handle("send", session, status);
    if (status == IOCPNET_OK && before.was_over) {
        wrong_status("send", status, "the session was closed before");
    }
    if ((status == IOCPNET_E_TOO_LARGE) != too_large &&
        (status == IOCPNET_OK || status == IOCPNET_E_TOO_LARGE || status == IOCPNET_E_WOULD_BLOCK)) {
        wrong_status("send", status, "its size says otherwise");
    }
    if (status == IOCPNET_E_INVALID_STATE && before.was_connected) {
        wrong_status("send", status, "CONNECTED had been seen");
    }
    if (status == IOCPNET_E_WOULD_BLOCK) {
        session.refused_at = std::max(session.refused_at, before.begun);
        const uint64_t broadcast = world.model.service(session.service).broadcast_bytes;
        const bool fits = world.model.ledger.at(session.stream).begun() + broadcast <= options.send_queue_bytes_max;
        if (fits && options.memory_budget_bytes == 0) {
            icn_sim_violation(invariant::send_queue_limit, "session %u: %u bytes were refused, %llu in all fit",
                              session.index, before.cost,
                              static_cast<unsigned long long>(options.send_queue_bytes_max));
        }
    }
}

constexpr Statuses send_statuses =
    statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED,
             IOCPNET_E_INVALID_STATE, IOCPNET_E_NO_MEMORY);

SendConditions conditions_of(const Session &session, uint32_t cost, uint64_t begun)
{
    return {cost, begun, session.ended || session.disconnect_returned != UINT64_MAX, session.connected};
}

void send_begins(Session &session, uint32_t size)
{
    session.calls_in_progress++;
    world.model.touch(session);
    icn_sim_trace("send begins", session.index, size);
}

void send_returned(Session &session, int32_t status, uint32_t number, uint32_t size, const SendConditions &before)
{
    session.calls_in_progress--;
    world.model.ledger.at(session.stream).send_returned(number, status == IOCPNET_OK, world.model.stamp());
    if (status == IOCPNET_OK && may_be_closing(session)) {
        session.late_bytes += size;
    }
    check_status("send", status, send_statuses);
    check_send(session, status, before);
    if (session.totals_known && session.calls_in_progress == 0) {
        check_session_totals(session);
    }
}

} // namespace

uint32_t draw_message_size(const Session &session)
{
    const iocpnet_service_options &options = world.model.service(session.service).configuration->options;
    const auto limit = static_cast<uint32_t>(options.send_queue_bytes_max);
    const uint32_t size = header_bytes + icn_sim_choose(world.configuration.host.message_bytes + 1);
    return size <= limit || icn_sim_choose(8) == 1 ? size : limit;
}

namespace
{

/* A batch is nobody's once the service is being destroyed. No choice of its own: recorded ones stay what they are. */
uint8_t *place_in_batch(Session &session, const Service &service, uint8_t *own)
{
    if (service.destroy_called || world.model.stamp() % 4 == 0) {
        return own;
    }
    uint8_t *place = session.lent;
    session.lent = nullptr;
    return place;
}

/* Where the message is sent from: bytes that were received in the event that is looked at, once in each, or memory of its
 * own. */
uint8_t *place_message(Session &session, uint32_t size, uint8_t *own)
{
    const bool lent = session.lent != nullptr && session.lent_to == icn_thread_self() && size <= session.lent_bytes;
    const Service &service = world.model.service(session.service);
    if (lent && service.batches()) {
        return place_in_batch(session, service, own);
    }
    if (!lent || icn_sim_choose(4) == 0) {
        return own;
    }
    uint8_t *place = session.lent + icn_sim_choose(static_cast<uint32_t>(session.lent_bytes) - size + 1);
    session.lent = nullptr;
    return place;
}

} // namespace

void send_message(Session &session, uint32_t size)
{
    uint8_t own[message_bytes_max];
    uint8_t *bytes = place_message(session, size, own);
    Stream &stream = world.model.ledger.at(session.stream);
    const uint64_t begun = world.model.stamp();
    const SendConditions before = conditions_of(session, size, begun);
    const uint32_t number = stream.send_begins(size, begun);
    stream.fill(number, size, 0, bytes, size);
    send_begins(session, size);
    Service &service = world.model.service(session.service);
    const uint32_t lent = service.batches() && bytes != own ? 1 : 0;
    service.sent_from_batches += lent;
    const int32_t status = send_somehow(session, bytes, size);
    service.sent_from_batches -= lent;
    /* The copy is the library's own. */
    std::memset(own, 0xEE, size);
    send_returned(session, status, number, size, before);
    /*
     * Without a choice of its own: recorded ones stay what they are. Not without end: a broadcast makes an event SENT in each
     * session, and what the host sends in one may be a broadcast.
     */
    if (begun % 16 == 1 && world.model.ledger.broadcast_count() < broadcasts_max) {
        broadcast_to_others(session);
    }
}

void send_state(Session &session, uint32_t size, uint32_t key)
{
    uint8_t bytes[message_bytes_max];
    Stream &stream = world.model.ledger.at(session.stream);
    const uint64_t begun = world.model.stamp();
    const SendConditions before = conditions_of(session, size + latest_extra, begun);
    const uint32_t number = stream.send_begins(size, begun, key);
    stream.fill(number, size, 0, bytes, size);
    send_begins(session, size);
    const int32_t status = send_latest(session, key, bytes, size);
    std::memset(bytes, 0xEE, size);
    send_returned(session, status, number, size, before);
}

void broadcast_to_others(const Session &session)
{
    uint8_t bytes[header_bytes + 256];
    Service &service = world.model.service(session.service);
    const uint64_t begun = world.model.stamp();
    const auto size = static_cast<uint32_t>(header_bytes + begun % 256);
    const uint32_t number = world.model.ledger.broadcast_begins(size, begun, bytes);
    service.broadcast_bytes += size;
    iocpnet_buffer buffer = 0;
    if (iocpnet_buffer_create(bytes, size, &buffer) != IOCPNET_OK) {
        return;
    }
    icn_sim_trace("broadcast begins", number, size);
    iocpnet_broadcast_result result = {};
    const int32_t status =
        iocpnet_service_broadcast(service.handle, buffer, &session.handle, 1, IOCPNET_BROADCAST_EXCEPT, &result);
    world.model.ledger.broadcast_returned(number, world.model.stamp());
    check_status("broadcast to all", status,
                 statuses(IOCPNET_OK, IOCPNET_PENDING, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED,
                          IOCPNET_E_NO_MEMORY, IOCPNET_E_WOULD_BLOCK));
    if (status >= 0 && (status == IOCPNET_PENDING) != (result.pending != 0)) {
        wrong_status("broadcast to all", status, "its result says otherwise");
    }
    check_status("buffer release", iocpnet_buffer_release(buffer), statuses(IOCPNET_OK));
}

void send_nothing(Session &session)
{
    const bool was_over = session.ended || session.disconnect_returned != UINT64_MAX;
    const int32_t status = iocpnet_session_send(session.handle, nullptr, 0);
    check_status("send of nothing", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE));
    check_handle("send of nothing", session, status);
    if (status == IOCPNET_OK && was_over) {
        wrong_status("send of nothing", status, "the session was closed before");
    }
}

void send_too_much(Session &session)
{
    constexpr uint64_t gib4 = uint64_t{1} << 32;
    constexpr uint64_t half = uint64_t{1} << 63;
    static const uint64_t sizes[][2] = {{UINT64_MAX, 0}, {UINT64_MAX, 9},  {half, half},
                                        {UINT64_MAX, 1}, {gib4, 0},        {gib4 + 8, 0},
                                        {gib4 - 8, 16},  {half, half + 8}, {UINT64_MAX - 7, 16}};
    static const uint8_t bytes[16] = {};
    const uint64_t *chosen = sizes[icn_sim_choose(sizeof sizes / sizeof sizes[0])];
    const bool was_connected = session.connected;
    const iocpnet_iovec pieces[] = {{chosen[0], bytes}, {chosen[1], bytes}};
    const int32_t status = chosen[1] == 0 ? iocpnet_session_send(session.handle, bytes, chosen[0])
                                          : iocpnet_session_sendv(session.handle, pieces, 2);
    check_status("send of too much", status,
                 statuses(IOCPNET_E_TOO_LARGE, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE));
    check_handle("send of too much", session, status);
    if (status == IOCPNET_E_INVALID_STATE && was_connected) {
        wrong_status("send of too much", status, "CONNECTED had been seen");
    }
}

void disconnect_session(Session &session)
{
    static const char long_text[] =
        "A text that is longer than the library keeps of it. 0123456789 0123456789 0123456789 0123456789 0123456789 "
        "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
        "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";
    static const char *const texts[] = {nullptr, "bye", long_text, ""};
    static const uint32_t timeouts[] = {0, 1, 50, 400};
    iocpnet_disconnect_options options;
    (void)iocpnet_disconnect_options_init(&options, sizeof options);
    const bool plain = icn_sim_choose(3) == 0;
    if (!plain) {
        options.mode = icn_sim_choose(2);
        options.timeout_ms = timeouts[icn_sim_choose(4)];
        options.text = texts[icn_sim_choose(4)];
        options.code = static_cast<int64_t>(world.model.stamp());
    }
    if (session.disconnect_count < disconnect_calls_max) {
        const Service &service = world.model.service(session.service);
        const uint32_t timeout =
            options.timeout_ms != 0 ? options.timeout_ms : service.configuration->options.close_timeout_ms;
        session.disconnects[session.disconnect_count++] = {world.model.stamp(), options.code, options.text,
                                                           options.mode == IOCPNET_DISCONNECT_ABORT,
                                                           icn_sim_now_ms() + timeout};
    } else {
        session.disconnects_dropped = true;
    }
    session.abort_asked = session.abort_asked || options.mode == IOCPNET_DISCONNECT_ABORT;
    icn_sim_trace("disconnect begins", session.index, options.mode);
    const int32_t status = iocpnet_session_disconnect(session.handle, plain ? nullptr : &options);
    check_status("disconnect", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("disconnect", session, status);
    if (status == IOCPNET_OK) {
        session.closed_between_events = session.closed_between_events || is_between_events(session);
        session.disconnect_returned = std::min(session.disconnect_returned, world.model.stamp());
    }
}

void pause_session(Session &session, bool pause)
{
    session.paused = pause;
    icn_sim_trace(pause ? "pause begins" : "resume begins", session.index, 0);
    const int32_t status =
        pause ? iocpnet_session_pause_receive(session.handle) : iocpnet_session_resume_receive(session.handle);
    check_status("pause", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED));
    check_handle("pause", session, status);
}

void *user_value(const Session &session, uint32_t variant)
{
    return reinterpret_cast<void *>((uintptr_t{session.index} + 1) << 8 | variant);
}

void set_user(Session &session)
{
    session.user_was_set = true;
    const int32_t status = iocpnet_session_set_user(session.handle, user_value(session, icn_sim_choose(4)));
    check_status("set user", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("set user", session, status);
}

void get_user(Session &session)
{
    void *user = nullptr;
    const int32_t status = iocpnet_session_get_user(session.handle, &user);
    check_status("get user", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("get user", session, status);
    const bool own = reinterpret_cast<uintptr_t>(user) >> 8 == uintptr_t{session.index} + 1;
    if (status == IOCPNET_OK && !own && (user != nullptr || session.outbound)) {
        icn_sim_violation(invariant::event_fields, "session %u has the user value of another one", session.index);
    }
}

namespace
{

void check_text_result(const char *function, Session &session, int32_t result, const char *text, uint32_t capacity,
                       Statuses documented)
{
    check_status(function, result < 0 ? result : IOCPNET_OK, documented);
    check_handle(function, session, result);
    if (result >= 0 && static_cast<uint32_t>(result) < capacity && std::strlen(text) != static_cast<size_t>(result)) {
        wrong_status(function, result, "the length of the text is another");
    }
}

} // namespace

void ask_addresses(Session &session)
{
    static const uint32_t capacities[] = {64, 0, 5};
    char text[64] = "";
    const uint32_t capacity = capacities[icn_sim_choose(3)];
    int32_t result = iocpnet_session_remote_address(session.handle, text, capacity);
    check_text_result("remote address", session, result, text, capacity,
                      statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    /* The system may refuse to tell: it has closed a connection that was reset. */
    result = iocpnet_session_local_address(session.handle, text, capacity);
    check_text_result("local address", session, result, text, capacity,
                      statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED,
                               IOCPNET_E_NO_MEMORY, IOCPNET_E_NO_DESCRIPTORS, IOCPNET_E_ACCESS_DENIED,
                               IOCPNET_E_CONNECTION_RESET));
}

void ask_info(Session &session)
{
    iocpnet_session_details details;
    const bool was_connected = session.connected;
    const int32_t status = iocpnet_session_info(session.handle, &details, sizeof details);
    check_status("session info", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("session info", session, status);
    if (status != IOCPNET_OK) {
        return;
    }
    const Service &service = world.model.service(session.service);
    const bool identity = details.service == service.handle && (details.listener == 0) == session.outbound;
    const bool state = details.state >= IOCPNET_SESSION_CONNECTING && details.state <= IOCPNET_SESSION_CLOSED &&
                       (!was_connected || details.state != IOCPNET_SESSION_CONNECTING);
    if (!identity || !state || details.reserved != 0 || details.receive_paused > 1) {
        icn_sim_violation(invariant::event_fields, "session %u: its info is not its own", session.index);
    }
    if (details.send_queue_bytes > service.configuration->options.send_queue_bytes_max) {
        icn_sim_violation(invariant::send_queue_limit, "session %u: %llu bytes are queued", session.index,
                          static_cast<unsigned long long>(details.send_queue_bytes));
    }
}

namespace
{

/* A listener of the library itself, of any service; 0: none. */
uint16_t own_listener_port()
{
    const Service &service = world.model.service(icn_sim_choose(world.model.service_count()));
    if (service.listener_count == 0) {
        return 0;
    }
    return service.listeners[icn_sim_choose(service.listener_count)].port;
}

bool connect_to(Service &service, Session &session, uint16_t port)
{
    static const uint32_t timeouts[] = {10000, 0, 1, 100, 1500};
    char address[32];
    iocpnet_connect_options options;
    iocpnet_framing framing;
    (void)iocpnet_connect_options_init(&options, sizeof options);
    begin_framing(session, draw_framing());
    options.framing = options_of(session.framing, framing);
    session.limits = draw_session_limits();
    options.limits = session.limits;
    options.timeout_ms = timeouts[icn_sim_choose(5)];
    options.user = user_value(session, 0);
    if (icn_sim_choose(3) == 1) {
        options.dispatcher = icn_sim_choose(service.configuration->options.dispatcher_count);
    }
    session.connect_timeout = options.timeout_ms;
    session.connect_begun_ms = icn_sim_now_ms();
    session.user_was_set = true;
    std::snprintf(address, sizeof address, "127.0.0.1:%u", static_cast<unsigned>(port));
    icn_sim_trace("connect begins", session.index, port);
    const int32_t status = iocpnet_session_connect(service.handle, address, &options, &session.handle);
    session.connect_returned = true;
    check_status("connect", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED,
                          IOCPNET_E_NO_MEMORY, IOCPNET_E_NO_DESCRIPTORS, IOCPNET_E_LIMIT_REACHED, IOCPNET_E_SYSTEM,
                          IOCPNET_E_ACCESS_DENIED));
    if (status != IOCPNET_OK) {
        session.refused = true;
        if (session.handle != 0 || session.connected || session.ended) {
            wrong_status("connect", status, "there is a session all the same");
        }
        world.model.forget_session(session);
    } else if (service.destroyed && service.batches() && !session.ended) {
        discard_session(session);
    }
    return status == IOCPNET_OK;
}

} // namespace

bool connect_out(Service &service)
{
    if (!world.model.has_room()) {
        return false;
    }
    Session &session = world.model.add_session(service.index, true);
    uint16_t port = icn_sim_choose(4) == 1 ? own_listener_port() : uint16_t{0};
    if (port == 0) {
        port = static_cast<uint16_t>(outbound_port_base + world.outbound++);
        session.target_port = port;
    }
    return connect_to(service, session, port);
}

} // namespace sim_test
