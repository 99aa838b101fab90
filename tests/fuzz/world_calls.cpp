#include <iterator>

#include "fuzz/world.hpp"

extern "C" {
#include "util/memory.h"
}

namespace fuzz
{

namespace
{

constexpr size_t services_max = 2;
constexpr size_t listeners_max = 6;
constexpr size_t sessions_max = 24;
constexpr size_t peers_max = 12;

template <typename T>
T pick_one(Input &input, std::initializer_list<T> values)
{
    return *std::next(values.begin(), input.below(static_cast<uint32_t>(values.size())));
}

/* Buffers for texts: too small, large enough, none at all. */
uint32_t check_text(Input &input, int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle,
                    int32_t *status)
{
    char text[64];
    std::memset(text, untouched, sizeof text);
    const uint32_t capacity = input.below(sizeof text + 1);
    char *target = input.below(8) == 0 ? nullptr : text;
    *status = function(handle, target, capacity);
    const bool fits = *status >= 0 && static_cast<uint32_t>(*status) < capacity;
    if (fits) {
        FUZZ_REQUIRE(target != nullptr && std::strlen(text) == static_cast<size_t>(*status));
    } else {
        FUZZ_REQUIRE(is_untouched(text, sizeof text));
    }
    return capacity;
}

} // namespace

void World::expect(int32_t status, std::initializer_list<int32_t> allowed) const
{
    const bool known = std::find(allowed.begin(), allowed.end(), status) != allowed.end();
    const bool no_memory = status == IOCPNET_E_NO_MEMORY && failing_;
    if (!known && !no_memory) {
        std::fprintf(stderr, "unexpected status %s\n", iocpnet_status_name(status));
    }
    FUZZ_REQUIRE(known || no_memory);
}

void World::expect(int32_t status, const Picked &picked, std::initializer_list<int32_t> allowed) const
{
    if (picked.session != nullptr) {
        FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == !picked.session->valid);
    }
    if (status != IOCPNET_E_INVALID_HANDLE) {
        expect(status, allowed);
    }
}

/* A bit of a handle turned over, another kind's handle, or any number. It may still hit something that lives. */
uint64_t World::forged()
{
    uint64_t handle = 0;
    if (!sessions_.empty() && input_.flag()) {
        handle = sessions_[input_.below(static_cast<uint32_t>(sessions_.size()))].handle;
    } else if (!listeners_.empty()) {
        handle = listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))].handle;
    }
    return input_.flag() ? handle ^ UINT64_C(1) << input_.below(64) : input_.number(8);
}

World::Picked World::pick_session()
{
    if (sessions_.empty() || input_.below(12) == 0) {
        const uint64_t handle = forged();
        return {handle, session_of(handle)};
    }
    /* Of the newest ones. */
    const auto count = static_cast<uint32_t>(std::min<size_t>(sessions_.size(), 8));
    Session &session = sessions_[sessions_.size() - 1 - input_.below(count)];
    return {session.handle, &session};
}

std::string World::any_address()
{
    if (!listeners_.empty() && input_.below(4) != 0) {
        return listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))].address;
    }
    return pick_one<std::string>(input_, {raw_listener_.address(), raw_listener_.address(), "127.0.0.1:1", "[::1]:1",
                                          "127.0.0.1:0", "[::]:0", "1.2.3:4", ""});
}

void World::step()
{
    Service &service = services_[input_.below(static_cast<uint32_t>(services_.size()))];
    switch (input_.below(8)) {
    case 0:
    case 1:
        drive(service, input_.below(service.dispatchers));
        break;
    case 2:
        call_service(service);
        break;
    case 3:
    case 4:
        call_session();
        break;
    case 5:
        connect(service);
        break;
    case 6:
        call_peer();
        break;
    default:
        call_process();
        break;
    }
}

void World::call_service(Service &service)
{
    switch (input_.below(12)) {
    case 0:
        create_service();
        break;
    case 1:
        set_callback(service);
        break;
    case 2:
    case 3:
        start(service);
        break;
    case 4:
        stop(service, pick_one<uint32_t>(input_, {0, 1, 5000}));
        break;
    case 5:
        if (depth_ == 0) { /* inside a callback it goes on in a thread of its own */
            destroy(service);
        }
        break;
    case 6:
        read_service(service);
        break;
    case 7:
        drive_wrongly(service);
        break;
    case 8:
        close_listener();
        break;
    case 9:
        read_listener();
        break;
    default:
        open_listener(service);
        break;
    }
}

void World::call_session()
{
    switch (input_.below(8)) {
    case 0:
    case 1:
        send();
        break;
    case 2:
        send_pieces();
        break;
    case 3:
        disconnect();
        break;
    case 4:
    case 5:
        pause_or_resume();
        break;
    case 6:
        change_user();
        break;
    default:
        read_session();
        break;
    }
}

void World::call_peer()
{
    switch (input_.below(8)) {
    case 0:
    case 1:
        connect_peer();
        break;
    case 2:
        accept_peer();
        break;
    case 3:
    case 4:
        peer_sends();
        break;
    case 5:
        peer_receives();
        break;
    default:
        peer_ends();
        break;
    }
}

void World::call_process()
{
    switch (input_.below(8)) {
    case 0:
        failing_ = true;
        icn_memory_fail(input_.below(8), input_.flag() ? 1 : 0);
        break;
    case 1:
        FUZZ_REQUIRE(iocpnet_status_name(static_cast<int32_t>(input_.number(4))) != nullptr);
        FUZZ_REQUIRE(iocpnet_status_text(-static_cast<int32_t>(input_.below(40))) != nullptr);
        break;
    case 2:
        FUZZ_REQUIRE(iocpnet_close_reason_name(input_.below(256)) != nullptr);
        FUZZ_REQUIRE(iocpnet_version() == IOCPNET_VERSION);
        break;
    case 3: {
        uint32_t offset = 0;
        uint32_t size = 0;
        const std::string name = pick_one<std::string>(input_, {"iocpnet_event", "iocpnet_event.size", "no such name"});
        expect(iocpnet_layout(name.c_str(), &offset, &size), {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT});
        break;
    }
    case 4:
        expect(iocpnet_set_log_callback(nullptr, static_cast<int32_t>(input_.below(8)) - 2, nullptr),
               {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT});
        break;
    case 5:
        static_cast<void>(iocpnet_last_os_error());
        expect(iocpnet_set_allocator(nullptr), {IOCPNET_E_INVALID_ARGUMENT});
        break;
    default:
        icn_memory_fail(0, 0);
        break;
    }
}

/* ---- services ---- */

void World::create_service()
{
    if (services_.size() == services_max) {
        return;
    }
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    const uint8_t choices = input_.byte();
    options.port = IOCPNET_PORT_EPOLL;
    options.driving = IOCPNET_DRIVING_HOST;
    options.delivery = choices & 1;
    options.dispatcher_count = 1 + (choices >> 1 & 1);
    options.receive_buffer_bytes = (choices >> 2 & 1) != 0 ? 1024 : 65536;
    options.batch_events = ~UINT64_C(0) & ((UINT64_C(1) << IOCPNET_EVENT_KIND_COUNT) - 2);
    options.sessions_max = pick_one<uint32_t>(input_, {0, 0, 1, 3});
    options.send_queue_bytes_max = pick_one<uint64_t>(input_, {1024 * 1024, 5000, 16, 1});
    options.event_queue_bytes_max = pick_one<uint64_t>(input_, {4 * 1024 * 1024, 3000, 0});
    options.close_timeout_ms = pick_one<uint32_t>(input_, {5000, 1, 0});
    Service made;
    const int32_t status = iocpnet_service_create(&options, &made.handle);
    expect(status, {IOCPNET_OK});
    if (status != IOCPNET_OK) {
        made.destroyed = true;
    }
    made.delivery = options.delivery;
    made.dispatchers = options.dispatcher_count;
    services_.push_back(made);
    for (uint32_t kind = IOCPNET_EVENT_CONNECTED; kind <= IOCPNET_EVENT_SERVICE_STOPPED; kind++) {
        if (made.delivery == IOCPNET_DELIVERY_CALLBACKS && status == IOCPNET_OK) {
            FUZZ_REQUIRE(iocpnet_service_set_callback(made.handle, kind, called_back, this) == IOCPNET_OK);
        }
    }
}

/* The callback of a kind stays what it is, or the call is refused. */
void World::set_callback(Service &service)
{
    const uint32_t kind = input_.below(12);
    const int32_t status = iocpnet_service_set_callback(service.handle, kind, called_back, this);
    if (service.destroyed) {
        expect(status, {IOCPNET_E_INVALID_HANDLE});
    } else if (kind == 0 || kind >= IOCPNET_EVENT_KIND_COUNT) {
        expect(status, {IOCPNET_E_INVALID_ARGUMENT});
    } else {
        expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_STATE, IOCPNET_E_INVALID_ARGUMENT});
        FUZZ_REQUIRE(status != IOCPNET_OK || !service.started);
    }
}

void World::start(Service &service)
{
    const int32_t status = iocpnet_service_start(service.handle);
    const bool can = !service.started && !service.stopping && !service.destroyed;
    expect(status, {can ? IOCPNET_OK : service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_E_INVALID_STATE});
    service.started = service.started || status == IOCPNET_OK;
}

void World::stop(Service &service, uint32_t drain_ms)
{
    iocpnet_stop_result result;
    std::memset(&result, untouched, sizeof result);
    const int32_t status = iocpnet_service_stop(service.handle, drain_ms, input_.below(4) != 0 ? &result : nullptr);
    const bool done = !service.started || service.stopped;
    expect(status,
           {service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_OK, service.destroyed ? IOCPNET_E_INVALID_HANDLE
                                                                       : done            ? IOCPNET_OK
                                                                                         : IOCPNET_PENDING});
    FUZZ_REQUIRE(status == IOCPNET_OK || is_untouched(&result, sizeof result));
    service.stopping = service.stopping || status >= 0;
}

void World::destroy(Service &service)
{
    const bool was_destroyed = service.destroyed;
    service.stopping = true; /* the callbacks that run inside see it so */
    service.destroying = true;
    const int32_t status = iocpnet_service_destroy(service.handle);
    service.destroying = false;
    expect(status, {was_destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_OK});
    service.destroyed = true;
    service.cut = service.delivery == IOCPNET_DELIVERY_BATCHES && service.started && !service.stopped;
    for (Session &each : sessions_) {
        each.valid = each.valid && each.service != &service;
    }
}

int32_t World::poll(Service &service, uint32_t dispatcher, uint32_t timeout_ms)
{
    const uint32_t capacity = 1 + input_.below(4) * 5;
    std::vector<iocpnet_event> events(capacity);
    const int32_t count = iocpnet_service_poll(service.handle, dispatcher, events.data(), capacity, timeout_ms);
    if (count >= 0) {
        give_back(service, dispatcher);
    }
    FUZZ_REQUIRE(count <= static_cast<int32_t>(capacity));
    for (int32_t i = 0; i < count; i++) {
        handle(events[static_cast<size_t>(i)], false);
    }
    return count;
}

void World::drive(Service &service, uint32_t dispatcher, uint32_t timeout_ms)
{
    const std::pair<iocpnet_service, uint32_t> driven(service.handle, dispatcher);
    const bool busy = driven_.count(driven) != 0;
    const bool runs = service.started || service.stopping; /* one that stopped without a start has no events */
    const bool works = !service.destroyed && !service.destroying && runs && !busy;
    if (works) {
        driven_.insert(driven);
    }
    const bool calls_back = service.delivery == IOCPNET_DELIVERY_CALLBACKS;
    const int32_t result = calls_back ? iocpnet_service_dispatch(service.handle, dispatcher, timeout_ms)
                                      : poll(service, dispatcher, timeout_ms);
    if (works) {
        driven_.erase(driven);
        expect(std::min(result, 0), {IOCPNET_OK});
    } else {
        expect(result, {service.destroyed    ? IOCPNET_E_INVALID_HANDLE
                        : !runs              ? IOCPNET_E_INVALID_STATE
                        : service.destroying ? IOCPNET_E_CLOSED
                                             : IOCPNET_E_BUSY});
    }
}

/* In a way that it was not made for, or a dispatcher that it does not have. */
void World::drive_wrongly(Service &service)
{
    iocpnet_event event;
    const bool calls_back = service.delivery == IOCPNET_DELIVERY_CALLBACKS;
    const uint32_t dispatcher = input_.flag() ? 0 : service.dispatchers + input_.below(300);
    const int32_t status = calls_back ? iocpnet_service_poll(service.handle, dispatcher, &event, input_.below(2), 0)
                                      : iocpnet_service_dispatch(service.handle, dispatcher, 0);
    expect(status, {service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_E_INVALID_STATE,
                    service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_E_INVALID_ARGUMENT});
    const uint32_t woken = input_.below(4);
    const int32_t expected = woken < service.dispatchers ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT;
    expect(iocpnet_service_wake(service.handle, woken), {service.destroyed ? IOCPNET_E_INVALID_HANDLE : expected});
}

void World::read_service(Service &service)
{
    iocpnet_service_statistics statistics = {};
    iocpnet_service_details details = {};
    const int32_t expected = service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_OK;
    expect(iocpnet_service_stats(service.handle, &statistics, sizeof statistics), {expected});
    expect(iocpnet_service_info(service.handle, &details, sizeof details), {expected});
    FUZZ_REQUIRE(service.destroyed ||
                 (details.state >= IOCPNET_SERVICE_RUNNING) == (service.started || service.stopping));
    FUZZ_REQUIRE(statistics.disconnects <= statistics.accepts + statistics.connects);
    FUZZ_REQUIRE(statistics.sessions_live <= statistics.sessions_peak);
}

/* ---- listeners ---- */

void World::open_listener(Service &service)
{
    if (listeners_.size() == listeners_max) {
        return;
    }
    const std::string address =
        input_.below(4) != 0 ? pick_one<std::string>(input_, {"127.0.0.1:0", "[::1]:0", "[::]:0"}) : any_address();
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.backlog = input_.below(3);
    options.dispatcher = pick_one<uint32_t>(input_, {IOCPNET_DISPATCHER_ANY, 0, 1, 2});
    Listener opened;
    const int32_t status = iocpnet_listener_open(service.handle, input_.below(16) == 0 ? nullptr : address.c_str(),
                                                 &options, &opened.handle);
    expect(status,
           {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_ADDRESS,
            IOCPNET_E_ADDRESS_IN_USE, IOCPNET_E_ACCESS_DENIED, IOCPNET_E_CLOSED, IOCPNET_E_ADDRESS_NOT_AVAILABLE});
    FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == service.destroyed);
    FUZZ_REQUIRE(status != IOCPNET_OK || !service.stopping);
    FUZZ_REQUIRE((status == IOCPNET_OK) == (opened.handle != 0));
    if (status == IOCPNET_OK) {
        char text[64] = "";
        FUZZ_REQUIRE(iocpnet_listener_address(opened.handle, text, sizeof text) > 0);
        opened.address = text;
        opened.service = &service;
        if (opened.address.rfind("[::]", 0) == 0) {
            opened.address.replace(0, 4, input_.flag() ? "[::1]" : "127.0.0.1");
        }
        listeners_.push_back(opened);
    }
}

void World::close_listener()
{
    if (listeners_.empty()) {
        return;
    }
    Listener &listener = listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))];
    const int32_t status = iocpnet_listener_close(listener.handle);
    const bool ended = listener.closed || listener.service->destroyed;
    expect(status, {ended ? IOCPNET_E_INVALID_HANDLE : IOCPNET_OK,
                    listener.service->stopping ? IOCPNET_E_INVALID_HANDLE : status});
    listener.closed = true;
}

void World::read_listener()
{
    if (listeners_.empty()) {
        return;
    }
    const Listener &listener = listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))];
    int32_t status = 0;
    check_text(input_, iocpnet_listener_address, listener.handle, &status);
    FUZZ_REQUIRE(status > 0 || status == IOCPNET_E_INVALID_HANDLE || status == IOCPNET_E_INVALID_ARGUMENT);
    FUZZ_REQUIRE(status == IOCPNET_E_INVALID_HANDLE || (!listener.closed && !listener.service->destroyed));
}

/* ---- sessions ---- */

void World::connect(Service &service)
{
    if (sessions_.size() >= sessions_max) {
        return;
    }
    const std::string address = any_address();
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.user = &sessions_;
    options.dispatcher = pick_one<uint32_t>(input_, {IOCPNET_DISPATCHER_ANY, 0, 1});
    options.timeout_ms = pick_one<uint32_t>(input_, {10000, 1, 0});
    const bool has_options = input_.flag();
    iocpnet_session handle = 0;
    const int32_t status =
        iocpnet_session_connect(service.handle, address.c_str(), has_options ? &options : nullptr, &handle);
    expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_ADDRESS,
                    IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED, IOCPNET_E_LIMIT_REACHED});
    FUZZ_REQUIRE((status == IOCPNET_OK) == (handle != 0));
    FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == service.destroyed);
    FUZZ_REQUIRE(status != IOCPNET_OK || (service.started && !service.stopping));
    if (status == IOCPNET_OK) {
        sessions_.emplace_back();
        sessions_.back().handle = handle;
        sessions_.back().service = &service;
        sessions_.back().user = has_options ? options.user : nullptr;
    }
}

void World::send()
{
    const Picked picked = pick_session();
    /* A forged handle may hit a session that nobody has heard of yet: its stream is left alone. */
    const uint32_t size = picked.session != nullptr ? pick_one<uint32_t>(input_, {0, 1, 10, 100, 2000, 70000}) : 0;
    const uint64_t at = picked.session != nullptr ? picked.session->end.sent.size() : 0;
    const std::string bytes = stream(at, size, picked.handle);
    const bool has_data = input_.below(16) != 0;
    const int32_t status = iocpnet_session_send(picked.handle, has_data ? bytes.data() : nullptr, size);
    expect(status, picked,
           {IOCPNET_OK, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE,
            has_data || size == 0 ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        picked.session->end.sent += bytes;
    }
}

void World::send_pieces()
{
    const Picked picked = pick_session();
    const uint64_t at = picked.session != nullptr ? picked.session->end.sent.size() : 0;
    const std::string bytes = stream(at, picked.session != nullptr ? input_.below(600) : 0, picked.handle);
    std::vector<iocpnet_iovec> pieces(input_.below(16) == 0 ? IOCPNET_IOVEC_MAX + 1 : 1 + input_.below(8));
    size_t taken = 0;
    for (iocpnet_iovec &each : pieces) {
        each.size = std::min<size_t>(bytes.size() - taken, input_.below(200));
        each.data = each.size == 0 ? nullptr : bytes.data() + taken;
        taken += static_cast<size_t>(each.size);
    }
    const auto count = static_cast<uint32_t>(pieces.size());
    const int32_t status = iocpnet_session_sendv(picked.handle, pieces.data(), count);
    expect(status, picked,
           {IOCPNET_OK, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE,
            count <= IOCPNET_IOVEC_MAX ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        picked.session->end.sent.append(bytes, 0, taken);
    }
}

void World::disconnect()
{
    const Picked picked = pick_session();
    iocpnet_disconnect_options options;
    iocpnet_disconnect_options_init(&options, sizeof options);
    const std::string text(input_.bytes(input_.below(8)).c_str());
    options.mode = input_.below(3);
    options.timeout_ms = pick_one<uint32_t>(input_, {0, 1, 5000});
    options.code = static_cast<int64_t>(input_.byte());
    options.text = text.empty() ? nullptr : text.c_str();
    const int32_t status = iocpnet_session_disconnect(picked.handle, input_.below(4) == 0 ? nullptr : &options);
    expect(status, picked, {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT});
}

void World::pause_or_resume()
{
    const Picked picked = pick_session();
    expect((input_.flag() ? iocpnet_session_pause_receive : iocpnet_session_resume_receive)(picked.handle), picked,
           {IOCPNET_OK, IOCPNET_E_CLOSED});
}

void World::change_user()
{
    const Picked picked = pick_session();
    const bool has_target = input_.below(8) != 0;
    void *user = this;
    const int32_t status = iocpnet_session_get_user(picked.handle, has_target ? &user : nullptr);
    expect(status, picked, {has_target ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    FUZZ_REQUIRE(user == this || status == IOCPNET_OK);
    FUZZ_REQUIRE(status != IOCPNET_OK || picked.session == nullptr || user == picked.session->user);
    /* A handle that was tampered with may hit a session that nobody has heard of yet. */
    if (picked.session != nullptr) {
        void *next = &peers_;
        expect(iocpnet_session_set_user(picked.handle, next), picked, {IOCPNET_OK});
        picked.session->user = picked.session->valid ? next : picked.session->user;
    }
}

void World::read_session()
{
    const Picked picked = pick_session();
    int32_t status = 0;
    check_text(input_, input_.flag() ? iocpnet_session_local_address : iocpnet_session_remote_address, picked.handle,
               &status);
    expect(std::min(status, 0), picked,
           {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE});
    iocpnet_session_details details = {};
    status = iocpnet_session_info(picked.handle, &details, sizeof details);
    expect(status, picked, {IOCPNET_OK});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        FUZZ_REQUIRE(details.service == picked.session->service->handle);
        FUZZ_REQUIRE(details.bytes_sent + details.send_queue_bytes <= picked.session->end.sent.size());
        FUZZ_REQUIRE(details.bytes_received >= picked.session->end.received.size());
    }
}

/* ---- raw peers ---- */

void World::connect_peer()
{
    if (listeners_.empty() || peers_.size() == peers_max) {
        return;
    }
    const std::string &address = listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))].address;
    Peer made;
    made.socket = api_test::Socket::connect_later(address);
    made.end.connected_out = true;
    made.end.connection = made.socket.address() + " " + address;
    peers_.push_back(std::move(made));
}

void World::accept_peer()
{
    if (peers_.size() == peers_max || !raw_listener_.readable_within(0)) {
        return;
    }
    Peer made;
    made.socket = raw_listener_.accept();
    made.end.connection = made.socket.peer_address() + " " + raw_listener_.address();
    peers_.push_back(std::move(made));
}

void World::peer_sends()
{
    if (peers_.empty()) {
        return;
    }
    Peer &peer = peers_[input_.below(static_cast<uint32_t>(peers_.size()))];
    if (peer.socket.is_open()) {
        const uint32_t size = pick_one<uint32_t>(input_, {1, 10, 1000, 20000});
        const uint64_t at = peer.end.sent.size();
        const std::string bytes = stream(at, size, static_cast<uint64_t>(&peer - &peers_[0]));
        peer.end.sent.append(bytes, 0, peer.socket.send_some(bytes));
    }
}

void World::peer_receives()
{
    if (!peers_.empty()) {
        receive_all(peers_[input_.below(static_cast<uint32_t>(peers_.size()))]);
    }
}

void World::peer_ends()
{
    if (peers_.empty()) {
        return;
    }
    Peer &peer = peers_[input_.below(static_cast<uint32_t>(peers_.size()))];
    if (!peer.socket.is_open()) {
        return;
    }
    switch (input_.below(4)) {
    case 0:
    case 1:
        peer.socket.shutdown_send();
        break;
    case 2:
        peer.socket.close();
        break;
    default:
        peer.socket.reset();
        break;
    }
}

} // namespace fuzz
