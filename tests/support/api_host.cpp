#include "support/api_host.hpp"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <gtest/gtest.h>

#include "support/api_environment.hpp"

namespace api_test
{

namespace
{

/* What the send queues did not take, by session. */
class Echo
{
public:
    void received(const iocpnet_event &event)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::string &kept = kept_[event.session];
        if (kept.empty() && iocpnet_session_send(event.session, event.data, event.size) != IOCPNET_E_WOULD_BLOCK) {
            return;
        }
        iocpnet_session_pause_receive(event.session);
        kept.append(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
    }

    void writable(const iocpnet_event &event)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::string &kept = kept_[event.session];
        if (iocpnet_session_send(event.session, kept.data(), kept.size()) != IOCPNET_E_WOULD_BLOCK) {
            kept.clear();
            iocpnet_session_resume_receive(event.session);
        }
    }

private:
    std::mutex mutex_;
    std::unordered_map<iocpnet_session, std::string> kept_;
};

} // namespace

std::vector<uint32_t> all_ports()
{
#if defined(_WIN32)
    return {IOCPNET_PORT_IOCP};
#else
    return {IOCPNET_PORT_EPOLL, IOCPNET_PORT_IO_URING};
#endif
}

std::vector<Mode> all_modes()
{
    std::vector<Mode> modes;
    for (const uint32_t port : all_ports()) {
        modes.push_back({port, IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
        modes.push_back({port, IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_BATCHES});
        modes.push_back({port, IOCPNET_DRIVING_HOST, IOCPNET_DELIVERY_CALLBACKS});
        modes.push_back({port, IOCPNET_DRIVING_HOST, IOCPNET_DELIVERY_BATCHES});
    }
    return modes;
}

std::string port_name(uint32_t port)
{
    static const char *const names[] = {"auto", "epoll", "io_uring", "iocp"};
    return names[port];
}

std::string mode_name(const Mode &mode)
{
    return port_name(mode.port) + (mode.driving == IOCPNET_DRIVING_LIBRARY ? "_library" : "_host") +
           (mode.delivery == IOCPNET_DELIVERY_CALLBACKS ? "_callbacks" : "_batches");
}

bool port_works(uint32_t port)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port;
    if (iocpnet_service_create(&options, &service) != IOCPNET_OK) {
        return false;
    }
    return iocpnet_service_destroy(service) == IOCPNET_OK;
}

Host::Host(const Mode &mode, const Adjust &adjust) : mode_(mode)
{
    iocpnet_service_options options;
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_options_init(&options, sizeof options));
    options.port = mode.port;
    options.driving = mode.driving;
    options.delivery = mode.delivery;
    if (mode.delivery == IOCPNET_DELIVERY_BATCHES) {
        options.batch_events |= IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT);
    }
    if (adjust) {
        adjust(options);
    }
    dispatcher_count_ = options.dispatcher_count;
    const int32_t status = iocpnet_service_create(&options, &service_);
    EXPECT_EQ(IOCPNET_OK, status) << iocpnet_status_name(status);
}

Host::~Host()
{
    if (destroy_pending_) {
        EXPECT_TRUE(wait([](const Records &r) { return r.counts[IOCPNET_EVENT_SERVICE_DESTROYED] == 1; }));
    } else if (!destroyed_) {
        EXPECT_EQ(IOCPNET_OK, destroy());
    }
    join();
    const Records records = recorder_.copy();
    EXPECT_TRUE(records.violations.empty()) << describe(records);
}

int32_t Host::start()
{
    /* With batches SERVICE_DESTROYED is the only callback there is. */
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        if (!polls() || kind == IOCPNET_EVENT_SERVICE_DESTROYED) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_callback(service_, kind, deliver, this));
        }
    }
    const int32_t status = iocpnet_service_start(service_);
    const bool needs_threads = polls() || mode_.driving == IOCPNET_DRIVING_HOST;
    if (status == IOCPNET_OK && needs_threads && !by_hand_) {
        for (uint32_t i = 0; i < dispatcher_count_; i++) {
            drivers_.emplace_back([this, i] { drive(i); });
        }
    }
    return status;
}

void IOCPNET_CALL Host::deliver(const iocpnet_event *event, void *user)
{
    auto *host = static_cast<Host *>(user);
    if (host->polls() && event->kind != IOCPNET_EVENT_SERVICE_DESTROYED) {
        host->recorder_.violate("a callback in spite of delivery by batches");
    }
    host->handle(*event);
}

void Host::handle(const iocpnet_event &event)
{
    recorder_.begin(event);
    if (event.service != service_) {
        recorder_.violate("event of another service");
    }
    if (event.kind < IOCPNET_EVENT_KIND_COUNT && handlers_[event.kind]) {
        handlers_[event.kind](event);
    }
    recorder_.end(event);
}

int32_t Host::drive_once(uint32_t dispatcher, uint32_t timeout_ms)
{
    if (!polls()) {
        return iocpnet_service_dispatch(service_, dispatcher, timeout_ms);
    }
    std::vector<iocpnet_event> events(capacity_);
    const int32_t count = iocpnet_service_poll(service_, dispatcher, events.data(), capacity_, timeout_ms);
    /* A handler may destroy the service, and with it what the rest of the batch points to. */
    for (int32_t i = 0; i < count && !destroyed_; i++) {
        handle(events[static_cast<size_t>(i)]);
    }
    return count;
}

void Host::drive(uint32_t dispatcher)
{
    while (!quit_) {
        const int32_t count = drive_once(dispatcher, IOCPNET_INFINITE);
        if (count == IOCPNET_E_CLOSED || count == IOCPNET_E_INVALID_HANDLE) {
            return;
        }
        if (count == IOCPNET_E_BUSY) {
            pause_briefly(); /* a thread that stops or destroys the service drives it for a moment */
            continue;
        }
        if (count < 0 || (polls() && count > static_cast<int32_t>(capacity_))) {
            recorder_.violate("driving gave " + std::to_string(count));
            return;
        }
    }
}

void Host::join()
{
    for (std::thread &driver : drivers_) {
        driver.join();
    }
    drivers_.clear();
}

int32_t Host::destroy()
{
    if (polls()) {
        /* A batch that is still being handled points to what destroy frees. */
        quit_ = true;
        for (uint32_t i = 0; i < dispatcher_count_; i++) {
            iocpnet_service_wake(service_, i);
        }
        join();
    }
    const int32_t status = iocpnet_service_destroy(service_);
    destroyed_ = true;
    join();
    return status;
}

int32_t Host::destroy_inside()
{
    /* In batches a handler runs outside callbacks, on the thread that polls: a plain destroy. */
    const int32_t status = iocpnet_service_destroy(service_);
    destroy_pending_ = status == IOCPNET_PENDING;
    destroyed_ = status == IOCPNET_OK;
    return status;
}

std::string Host::listen(const iocpnet_listener_options *options, const char *address)
{
    const int32_t status = iocpnet_listener_open(service_, address, options, &listener_);
    EXPECT_EQ(IOCPNET_OK, status) << iocpnet_status_name(status);
    return session_address(iocpnet_listener_address, listener_);
}

std::string Host::listen_with_small_buffers()
{
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.socket.send_buffer_bytes = 65536;
    return listen(&options);
}

iocpnet_session Host::connect(const std::string &address, void *user)
{
    iocpnet_session session = 0;
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.user = user;
    const int32_t status = iocpnet_session_connect(service_, address.c_str(), &options, &session);
    EXPECT_EQ(IOCPNET_OK, status) << iocpnet_status_name(status);
    return session;
}

std::vector<Socket> Host::connect_peers(const std::string &address, uint32_t count)
{
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < count; i++) {
        peers.push_back(Socket::connect(address));
    }
    EXPECT_TRUE(wait_connected(count));
    return peers;
}

std::string Host::fill(iocpnet_session session, size_t piece_size)
{
    std::string accepted;
    for (uint64_t i = 0; i < 1000000; i++) {
        const std::string piece(piece_size, static_cast<char>('a' + i % 26));
        const int32_t status = send(session, piece);
        if (status != IOCPNET_OK) {
            EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, status) << iocpnet_status_name(status);
            return accepted;
        }
        accepted += piece;
    }
    ADD_FAILURE() << "the queue never fills up";
    return accepted;
}

std::string Host::fill_to_the_brim(iocpnet_session session, size_t piece_size)
{
    std::string accepted;
    uint64_t before = 0;
    fix_send_buffer(session_address(iocpnet_session_local_address, session),
                    session_address(iocpnet_session_remote_address, session));
    do {
        before = session_details(session).bytes_sent;
        accepted += fill(session, piece_size);
        for (int i = 0; i < 20; i++) {
            pause_briefly();
        }
        wait_for_turns(session_details(session).dispatcher); /* on a busy machine it may have had none */
    } while (session_details(session).bytes_sent != before);
    return accepted;
}

void Host::wait_for_turns(uint32_t dispatcher)
{
    const uint64_t before = stats().turns;
    EXPECT_TRUE(wait_until([&] {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_wake(service_, dispatcher));
        return stats().turns > before + 3; /* each is counted when it begins */
    }));
}

int32_t Host::send(iocpnet_session session, const std::string &bytes)
{
    return iocpnet_session_send(session, bytes.data(), bytes.size());
}

iocpnet_stop_result Host::stop(uint32_t drain_ms)
{
    iocpnet_stop_result result = {};
    int32_t status = iocpnet_service_stop(service_, drain_ms, &result);
    EXPECT_GE(status, 0) << iocpnet_status_name(status);
    if (status == IOCPNET_PENDING) {
        EXPECT_EQ(IOCPNET_DRIVING_HOST, mode_.driving);
        EXPECT_TRUE(wait([](const Records &r) { return r.counts[IOCPNET_EVENT_SERVICE_STOPPED] > 0; }));
        status = iocpnet_service_stop(service_, drain_ms, &result);
        EXPECT_EQ(IOCPNET_OK, status) << iocpnet_status_name(status);
    }
    EXPECT_TRUE(wait([](const Records &r) { return r.counts[IOCPNET_EVENT_SERVICE_STOPPED] > 0; }));
    return result;
}

std::vector<std::thread::id> Host::driver_threads() const
{
    std::vector<std::thread::id> ids;
    for (const std::thread &driver : drivers_) {
        ids.push_back(driver.get_id());
    }
    return ids;
}

bool Host::wait_connected(uint64_t n)
{
    return wait([n](const Records &r) { return r.connected() >= n; });
}

bool Host::wait_disconnected(uint64_t n)
{
    return wait([n](const Records &r) { return r.disconnected() >= n; });
}

bool Host::wait_received(iocpnet_session session, uint64_t bytes)
{
    return wait([=](const Records &r) {
        const auto found = r.sessions.find(session);
        return found != r.sessions.end() && found->second.received_bytes >= bytes;
    });
}

iocpnet_service_statistics Host::stats() const
{
    iocpnet_service_statistics statistics = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_stats(service_, &statistics, sizeof statistics));
    return statistics;
}

void Host::echo()
{
    const auto echo = std::make_shared<Echo>();
    on(IOCPNET_EVENT_RECEIVED, [echo](const iocpnet_event &event) { echo->received(event); });
    on(IOCPNET_EVENT_WRITABLE, [echo](const iocpnet_event &event) { echo->writable(event); });
}

iocpnet_live_objects live_objects()
{
    iocpnet_live_objects counts = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_count_live_objects(&counts, sizeof counts));
    return counts;
}

iocpnet_session_details session_details(iocpnet_session session)
{
    iocpnet_session_details details = {};
    iocpnet_session_info(session, &details, sizeof details);
    return details;
}

std::string session_address(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle)
{
    char text[64] = "";
    const int32_t length = function(handle, text, sizeof text);
    return length > 0 && length < 64 ? text : iocpnet_status_name(length);
}

int32_t disconnect(iocpnet_session session, uint32_t mode, uint32_t timeout_ms, int64_t code, const char *text)
{
    iocpnet_disconnect_options options;
    iocpnet_disconnect_options_init(&options, sizeof options);
    options.mode = mode;
    options.timeout_ms = timeout_ms;
    options.code = code;
    options.text = text;
    return iocpnet_session_disconnect(session, &options);
}

} // namespace api_test
