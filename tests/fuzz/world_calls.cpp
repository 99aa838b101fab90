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
    return input_.pick<std::string>({raw_listener_.address(), raw_listener_.address(), "127.0.0.1:1", "[::1]:1",
                                     "127.0.0.1:0", "[::]:0", "1.2.3:4", ""});
}

/* Into buffers that are too small, large enough, or none at all. */
int32_t World::read_text(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle)
{
    char text[64];
    std::memset(text, untouched, sizeof text);
    const uint32_t capacity = input_.below(sizeof text + 1);
    char *target = input_.below(8) == 0 ? nullptr : text;
    const int32_t status = function(handle, target, capacity);
    const bool fits = status >= 0 && static_cast<uint32_t>(status) < capacity;
    if (fits) {
        FUZZ_REQUIRE(target != nullptr && std::strlen(text) == static_cast<size_t>(status));
    } else {
        FUZZ_REQUIRE(is_untouched(text, sizeof text));
    }
    return status;
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
        stop(service, input_.pick<uint32_t>({0, 1, 5000}));
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
    case 11:
        call_feature();
        break;
    default:
        open_listener(service);
        break;
    }
}

void World::call_session()
{
    switch (input_.below(9)) {
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
    case 7:
        condition();
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
        const std::string name = input_.pick<std::string>({"iocpnet_event", "iocpnet_event.size", "no such name"});
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
    case 6:
        for (uint32_t calls = 1 + input_.below(8); calls != 0; calls--) {
            call_feature();
        }
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
    options.send_policy = input_.pick<uint32_t>({IOCPNET_SEND_REFUSE, IOCPNET_SEND_REFUSE, IOCPNET_SEND_DISCONNECT});
    options.slow_callback_us = input_.pick<uint32_t>({0, 0, 1, 1000000});
    options.trace_records = input_.pick<uint32_t>({0, 0, 1, 5});
    const uint8_t choices = input_.byte();
    options.port = IOCPNET_PORT_EPOLL;
    options.driving = IOCPNET_DRIVING_HOST;
    options.delivery = choices & 1;
    options.dispatcher_count = 1 + (choices >> 1 & 1);
    options.receive_buffer_bytes = (choices >> 2 & 1) != 0 ? 1024 : 65536;
    options.batch_events = ~UINT64_C(0) & ((UINT64_C(1) << IOCPNET_EVENT_KIND_COUNT) - 2);
    options.sessions_max = input_.pick<uint32_t>({0, 0, 1, 3});
    options.send_queue_bytes_max = input_.pick<uint64_t>({1024 * 1024, 5000, 16, 1});
    options.event_queue_bytes_max = input_.pick<uint64_t>({4 * 1024 * 1024, 3000, 0});
    options.close_timeout_ms = input_.pick<uint32_t>({5000, 1, 0});
    Service made;
    const int32_t status = iocpnet_service_create(&options, &made.handle);
    expect(status, {IOCPNET_OK});
    if (status != IOCPNET_OK) {
        made.destroyed = true;
    }
    made.delivery = options.delivery;
    made.dispatchers = options.dispatcher_count;
    services_.push_back(made);
    for (uint32_t kind = IOCPNET_EVENT_CONNECTED; kind <= IOCPNET_EVENT_TIMER; kind++) {
        if (kind == IOCPNET_EVENT_SERVICE_DESTROYED) {
            continue; /* nobody destroys inside a callback */
        }
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
    const bool fetched = service.fetched || (service.stopped && service.dispatchers == 1);
    service.cut = service.delivery == IOCPNET_DELIVERY_BATCHES && service.started && !fetched;
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
    const int32_t length = iocpnet_service_metrics(service.handle, "fuzzed", nullptr, 0);
    FUZZ_REQUIRE(service.destroyed ? length == IOCPNET_E_INVALID_HANDLE : length > 0);
    read_trace(service);
}

/* Whatever is kept, it is in order. */
void World::read_trace(const Service &service)
{
    iocpnet_trace_record records[8] = {};
    const uint32_t dispatcher = input_.below(service.dispatchers + 1);
    const int32_t count = iocpnet_service_trace(service.handle, dispatcher, records, 8);
    if (service.destroyed || dispatcher == service.dispatchers) {
        FUZZ_REQUIRE(count == (service.destroyed ? IOCPNET_E_INVALID_HANDLE : IOCPNET_E_INVALID_ARGUMENT));
        return;
    }
    FUZZ_REQUIRE(count >= 0 && count <= 8);
    for (int32_t i = 1; i < count; i++) {
        FUZZ_REQUIRE(records[i].number == records[i - 1].number + 1 && records[i].time_us >= records[i - 1].time_us);
    }
}

/* ---- listeners ---- */

void World::open_listener(Service &service)
{
    if (listeners_.size() == listeners_max) {
        return;
    }
    const std::string address =
        input_.below(4) != 0 ? input_.pick<std::string>({"127.0.0.1:0", "[::1]:0", "[::]:0"}) : any_address();
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.backlog = input_.below(3);
    options.dispatcher = input_.pick<uint32_t>({IOCPNET_DISPATCHER_ANY, 0, 1, 2});
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
    const int32_t status = read_text(iocpnet_listener_address, listener.handle);
    FUZZ_REQUIRE(status > 0 || status == IOCPNET_E_INVALID_HANDLE || status == IOCPNET_E_INVALID_ARGUMENT);
    FUZZ_REQUIRE(status == IOCPNET_E_INVALID_HANDLE || (!listener.closed && !listener.service->destroyed));
}

} // namespace fuzz
