#include "stress/host.hpp"

#include <algorithm>

#include "stress/check.hpp"
#include "stress/watchdog.hpp"

namespace stress
{

namespace
{

constexpr size_t recent_max = 64;

constexpr uint64_t queue_limits[] = {1, 1000, 20000, 65536, 300000, 1 << 20};
constexpr uint32_t receive_sizes[] = {1024, 4096, 16384, 65536, 1 << 18};
constexpr uint64_t event_limits[] = {0, 1000, 20000, 65536, 1 << 20};

} // namespace

Host::Host(World &world, uint64_t seed) : world_(world), seed_(seed), random_(seed)
{
    choose_options();
    for (uint32_t i = 0; i < dispatchers_max; i++) {
        dispatcher_random_.emplace_back(derive(seed, part_dispatcher, i));
    }
}

void Host::choose_options()
{
    iocpnet_service_options_init(&options_, sizeof options_);
    options_.port = world_.ports[random_.below(world_.ports.size())];
    options_.driving = random_.below(2);
    options_.delivery = random_.below(2);
    options_.dispatcher_count = random_.between(1, dispatchers_max);
    options_.close_timeout_ms = random_.chance(50) ? random_.between(1, 200) : 1000;
    options_.sessions_max = random_.chance(25) ? random_.between(1, 20) : 0;
    options_.receive_buffer_bytes = random_.one_of(receive_sizes);
    options_.spin_us = random_.chance(25) ? random_.between(1, 1000) : 0;
    options_.send_queue_bytes_max = random_.one_of(queue_limits);
    options_.send_queue_bytes_low = random_.below(options_.send_queue_bytes_max);
    if (is_batches()) {
        options_.event_queue_bytes_max = random_.one_of(event_limits);
        if (random_.chance(70)) {
            options_.batch_events |= IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT);
        }
    }
}

bool Host::create()
{
    const Doing doing("create");
    const int32_t status = iocpnet_service_create(&options_, &service_);
    world_.expect("create", status, {});
    if (status != IOCPNET_OK) {
        gone_ = true;
        return false;
    }
    set_callbacks();
    world_.tally.hosts++;
    return true;
}

void Host::set_callbacks()
{
    for (uint32_t kind = IOCPNET_EVENT_CONNECTED; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        if (is_batches() && kind != IOCPNET_EVENT_SERVICE_DESTROYED) {
            continue;
        }
        world_.expect("set_callback", iocpnet_service_set_callback(service_, kind, deliver, this), {});
    }
}

void Host::open_listener(Random &random)
{
    iocpnet_listener listener = 0;
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.backlog = random.chance(20) ? 1 : options.backlog;
    const NoCallbacks none;
    const int32_t status = iocpnet_listener_open(service_, "127.0.0.1:0", &options, &listener);
    world_.expect("listener_open", status,
                  {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_ADDRESS_NOT_AVAILABLE});
    if (status == IOCPNET_OK) {
        const std::lock_guard<std::mutex> lock(mutex_);
        listeners_.push_back(listener);
    }
}

void Host::start()
{
    for (uint32_t i = random_.between(1, 3); i > 0; i--) {
        open_listener(random_);
    }
    if (random_.chance(5)) {
        return;
    }
    const Doing doing("start");
    const int32_t status = iocpnet_service_start(service_);
    world_.expect("start", status, {IOCPNET_E_INVALID_STATE, IOCPNET_E_INVALID_HANDLE});
    started_ = status == IOCPNET_OK;
    if (started_ && (is_batches() || options_.driving == IOCPNET_DRIVING_HOST)) {
        for (uint32_t i = 0; i < options_.dispatcher_count + random_.below(3); i++) {
            drivers_.emplace_back([this, i] { drive(i); });
        }
    }
}

void Host::live(const std::shared_ptr<Host> &self)
{
    world_.add(self);
    start();
    const auto until = Clock::now() + std::chrono::milliseconds(random_.between(1, 900));
    while (started_ && Clock::now() < until && !world_.over) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    end();
    world_.remove(self);
}

std::string Host::pick_address(Random &random)
{
    char text[64] = "";
    const std::lock_guard<std::mutex> lock(mutex_);
    if (listeners_.empty() || quiet_) {
        return "";
    }
    const int32_t length = iocpnet_listener_address(listeners_[random.below(listeners_.size())], text, sizeof text);
    world_.expect("listener_address", length < 0 ? length : IOCPNET_OK, {IOCPNET_E_INVALID_HANDLE});
    return text;
}

bool Host::begin_honest_peer()
{
    honest_peers_++;
    if (quiet_) {
        honest_peers_--;
        return false;
    }
    return true;
}

std::shared_ptr<Talk> Host::talk_of(iocpnet_session session, bool outbound)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<Talk> &talk = talks_[session];
    if (talk == nullptr) {
        talk = std::make_shared<Talk>(session, outbound);
        if (recent_.size() < recent_max) {
            recent_.push_back(talk);
        } else {
            recent_[recent_next_ % recent_max] = talk;
        }
        recent_next_++;
    }
    return talk;
}

std::shared_ptr<Talk> Host::pick_talk(Random &random)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    if (recent_.empty()) {
        return nullptr;
    }
    /* Often one of the newest, so that several threads meet. */
    const size_t count = recent_.size();
    const size_t newest = (recent_next_ + count - 1) % count;
    return recent_[random.chance(60) ? (newest + count - random.below(std::min<size_t>(count, 3))) % count
                                     : random.below(count)];
}

Host::Talks Host::all_talks()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    Talks all;
    for (const auto &entry : talks_) {
        all.push_back(entry.second);
    }
    return all;
}

void IOCPNET_CALL Host::deliver(const iocpnet_event *event, void *user)
{
    auto *host = static_cast<Host *>(user);
    if (NoCallbacks::in_force()) {
        violate("a callback inside of a call that never runs one: " + host->describe());
    }
    if (host->is_batches() && event->kind != IOCPNET_EVENT_SERVICE_DESTROYED) {
        violate("a callback in spite of delivery by batches: " + host->describe());
    }
    host->handle(*event);
}

void Host::handle_service(const iocpnet_event &event)
{
    const bool last = event.kind == IOCPNET_EVENT_SERVICE_DESTROYED;
    if (counts_[event.kind]++ != 0) {
        violate("event " + std::to_string(event.kind) + " twice: " + describe());
    }
    if (!is_batches() && counts_[IOCPNET_EVENT_CONNECTED] != counts_[IOCPNET_EVENT_DISCONNECTED]) {
        violate("the service ended before its sessions: " + describe());
    }
    if (last && pending_destroys_ == 0) {
        violate("SERVICE_DESTROYED without a destroy inside a callback: " + describe());
    }
    if (last) {
        gone_ = true;
    }
}

void Host::handle(const iocpnet_event &event)
{
    world_.tally.events++;
    if (gone_) {
        violate("event " + std::to_string(event.kind) + " after the service was destroyed: " + describe());
        return;
    }
    if (event.service != service_ || event.kind == 0 || event.kind >= IOCPNET_EVENT_KIND_COUNT) {
        violate("an event of another service, or of no kind: " + describe());
        return;
    }
    const bool of_session = event.kind < IOCPNET_EVENT_SERVICE_STOPPED;
    if (of_session && counts_[IOCPNET_EVENT_SERVICE_STOPPED] != 0 && !is_batches()) {
        violate("event " + std::to_string(event.kind) + " after SERVICE_STOPPED: " + describe());
    }
    if (of_session) {
        const std::shared_ptr<Talk> talk = talk_of(event.session, event.listener == 0);
        talk->begin_event(event);
        react(dispatcher_random_[event.dispatcher], *talk, event);
        talk->end_event();
        /* Last: whoever waits for the count reads what the event left behind. */
        counts_[event.kind]++;
    } else {
        handle_service(event);
    }
    changed_.notify_all();
}

std::string Host::describe()
{
    static const char *const ports[] = {"auto", "epoll", "io_uring", "iocp"};
    iocpnet_service_details details = {};
    iocpnet_service_statistics statistics = {};
    const int32_t status = iocpnet_service_info(service_, &details, sizeof details);
    iocpnet_service_stats(service_, &statistics, sizeof statistics);
    std::string text =
        std::string("service on ") + ports[options_.port] + ", driven by " +
        (options_.driving == IOCPNET_DRIVING_HOST ? "host" : "library") + (is_batches() ? ", batches" : ", callbacks") +
        ", dispatchers " + std::to_string(options_.dispatcher_count) + ", info " + iocpnet_status_name(status) +
        ", state " + std::to_string(details.state) + ", sessions " + std::to_string(statistics.sessions_live) +
        ", operations " + std::to_string(statistics.operations_live) + ", event queue " +
        std::to_string(statistics.event_queue_bytes) + ", honest peers " + std::to_string(honest_peers_) +
        (gone_ ? ", gone" : "") + ", events";
    for (const std::atomic<uint64_t> &count : counts_) {
        text += " " + std::to_string(count);
    }
    return text;
}

} // namespace stress
