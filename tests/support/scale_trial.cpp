#include "support/scale_trial.hpp"

#include <algorithm>

#include "support/api_environment.hpp"

extern "C" {
#include "util/handle.h"
}

namespace scale_test
{

using api_test::Clock;
using api_test::Socket;

namespace
{

void ignore_object(void *)
{
}

} // namespace

void Peer::look()
{
    while (!ended && socket.readable_within(0)) {
        const std::string bytes = socket.receive_some(1 << 16);
        received += bytes;
        if (bytes.empty()) {
            ended = true;
            socket.close();
        }
    }
}

void Peer::send(const std::string &bytes)
{
    if (!ended) {
        socket.send(bytes); /* fails when the session was given up: the end is seen by the next look */
    }
}

Trial::Trial(const api_test::Mode &mode, const Injector &injector, const Shortage &shortage)
    : mode_(mode), injector_(injector), shortage_(shortage)
{
    iocpnet_service_options_init(&options, sizeof options);
    options.port = mode.port;
    options.driving = mode.driving;
    options.delivery = mode.delivery;
    options.batch_events |= IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT);
    injector_.fail(shortage.first, shortage.for_ever);
}

bool Trial::was_short() const
{
    return was_short_ || (!relieved_ && shortage_.first != 0 && injector_.attempts() >= shortage_.first);
}

void Trial::complain(const std::string &text)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    complaints_.push_back(text);
}

bool Trial::allow(int32_t status, std::initializer_list<int32_t> also)
{
    if (status >= 0) {
        return true;
    }
    const bool expected = status == IOCPNET_E_NO_MEMORY || std::find(also.begin(), also.end(), status) != also.end();
    /* A handler may still have to do with what failed before. */
    const bool strict = relieved_ && std::this_thread::get_id() == owner_;
    if (!expected || strict || !was_short()) {
        complain(std::string("a call gave ") + iocpnet_status_name(status));
    }
    return false;
}

void Trial::create()
{
    iocpnet_service service = 0;
    if (!allow(iocpnet_service_create(&options, &service))) {
        return;
    }
    service_ = service;
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        if (!polls() || kind == IOCPNET_EVENT_SERVICE_DESTROYED) {
            allow(iocpnet_service_set_callback(service_, kind, deliver, this));
        }
    }
}

void Trial::listen()
{
    if (service_ == 0) {
        return;
    }
    if (allow(iocpnet_listener_open(service_, "127.0.0.1:0", nullptr, &listener_))) {
        address_ = api_test::session_address(iocpnet_listener_address, listener_);
    }
}

void Trial::start()
{
    if (service_ != 0) {
        started_ = allow(iocpnet_service_start(service_));
    }
}

void Trial::serve()
{
    create();
    listen();
    start();
}

Peer &Trial::add_peer(Socket socket)
{
    peers_.emplace_back();
    peers_.back().socket = std::move(socket);
    peers_.back().ended = !peers_.back().socket.is_open();
    return peers_.back();
}

Peer &Trial::connect_peer(int receive_buffer)
{
    return add_peer(is_serving() ? Socket::connect(address_, receive_buffer) : Socket());
}

iocpnet_session Trial::connect(const std::string &address)
{
    iocpnet_session session = 0;
    if (!started_ || !allow(iocpnet_session_connect(service_, address.c_str(), nullptr, &session))) {
        return 0;
    }
    return session;
}

void Trial::send(iocpnet_session session, const std::string &bytes)
{
    if (session != 0 && !allow(iocpnet_session_send(session, bytes.data(), bytes.size()),
                               {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE})) {
        disconnect(session, IOCPNET_DISCONNECT_ABORT, gave_up, nullptr);
    }
}

void Trial::send_and_note(iocpnet_session session, const std::string &bytes)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    if (iocpnet_session_send(session, bytes.data(), bytes.size()) == IOCPNET_OK) {
        accepted_ += bytes;
    }
}

std::string Trial::accepted()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return accepted_;
}

void Trial::disconnect(iocpnet_session session, uint32_t mode, int64_t code, const char *text)
{
    if (session != 0) {
        allow(api_test::disconnect(session, mode, 0, code, text), {IOCPNET_E_INVALID_HANDLE});
    }
}

void Trial::fill_handle_table()
{
    constexpr auto of_test = static_cast<icn_handle_kind>(ICN_HANDLE_KINDS_MAX - 1);
    icn_handle_limit_growth(true);
    uint64_t handle = 0;
    while (icn_handle_create(of_test, nullptr, ignore_object, &handle) == IOCPNET_OK) {
    }
    icn_handle_limit_growth(false);
}

void IOCPNET_CALL Trial::deliver(const iocpnet_event *event, void *user)
{
    static_cast<Trial *>(user)->handle(*event);
}

void Trial::handle(const iocpnet_event &event)
{
    recorder_.begin(event);
    if (proving_ && event.kind == IOCPNET_EVENT_RECEIVED) {
        iocpnet_session_send(event.session, event.data, event.size);
    } else if (!proving_ && handlers_[event.kind]) {
        handlers_[event.kind](event);
    }
    recorder_.end(event);
    counts_[event.kind]++;
}

void Trial::drive(uint32_t dispatcher)
{
    const uint32_t timeout_ms = options.dispatcher_count == 1 ? 1 : 0;
    if (!polls()) {
        allow(iocpnet_service_dispatch(service_, dispatcher, timeout_ms));
        return;
    }
    std::vector<iocpnet_event> events(capacity);
    const int32_t stored = iocpnet_service_poll(service_, dispatcher, events.data(), capacity, timeout_ms);
    allow(stored);
    for (int32_t i = 0; i < stored; i++) {
        handle(events[static_cast<size_t>(i)]);
    }
}

void Trial::drive_all()
{
    if (!started_ || service_ == 0 || (!drives() && !polls())) {
        api_test::pause_briefly();
        return;
    }
    for (uint32_t i = 0; i < options.dispatcher_count && service_ != 0; i++) {
        drive(i);
    }
}

/* The listener tries again and again, and its clients wait in the backlog as long as the shortage lasts. */
bool Trial::accepts_in_vain() const
{
    iocpnet_service_statistics statistics = {};
    return shortage_.for_ever && !relieved_ && was_short() &&
           iocpnet_service_stats(service_, &statistics, sizeof statistics) == IOCPNET_OK &&
           statistics.accept_backoffs > 0;
}

void Trial::look_at_peers()
{
    const bool in_vain = accepts_in_vain();
    for (Peer &peer : peers_) {
        peer.look();
        if (in_vain && !peer.ended) {
            peer.socket.close();
            peer.ended = true;
        }
    }
}

void Trial::run_until(const Condition &condition)
{
    const auto deadline = Clock::now() + api_test::wait_limit;
    look_at_peers();
    while (!condition()) {
        if (Clock::now() > deadline) {
            complain("waited in vain: " + api_test::describe(recorder_.copy()));
            return;
        }
        drive_all();
        look_at_peers();
    }
}

void Trial::run_until_ended(uint64_t sessions)
{
    run_until([=] { return count(IOCPNET_EVENT_DISCONNECTED) + count(IOCPNET_EVENT_CONNECT_FAILED) >= sessions; });
}

void Trial::run_until_idle()
{
    run_until([this] {
        return count(IOCPNET_EVENT_CONNECTED) == count(IOCPNET_EVENT_DISCONNECTED) &&
               std::all_of(peers_.begin(), peers_.end(), [](const Peer &peer) { return peer.ended; });
    });
}

/* In library driving stop waits for the end, which the peers, played by this thread, have their part in. */
void Trial::stop_by_another_thread(uint32_t drain_ms)
{
    std::atomic<bool> done{false};
    std::thread stopper([&] {
        allow(iocpnet_service_stop(service_, drain_ms, nullptr));
        done = true;
    });
    run_until([&] { return done.load(); });
    stopper.join();
}

void Trial::stop(uint32_t drain_ms)
{
    if (service_ == 0) {
        return;
    }
    stopped_ = true;
    if (drives()) {
        allow(iocpnet_service_stop(service_, drain_ms, nullptr));
    } else {
        stop_by_another_thread(drain_ms);
    }
    if (started_) {
        run_until([this] { return count(IOCPNET_EVENT_SERVICE_STOPPED) == 1; });
    }
}

void Trial::relieve()
{
    was_short_ = was_short();
    if (!relieved_) {
        allocations_ = injector_.attempts();
    }
    relieved_ = true;
    injector_.fail(0, 0);
}

void Trial::prove_it_serves()
{
    proving_ = true;
    if (service_ == 0) {
        create();
    }
    if (listener_ == 0) {
        listen();
    }
    if (!started_) {
        start();
    }
    Peer &peer = connect_peer();
    peer.send("alive");
    run_until([&] { return peer.ended || peer.received.size() >= 5; });
    if (peer.received != "alive") {
        complain("it does not serve any more: '" + peer.received + "' came back");
    }
}

/* What failed on the way holds nothing: once the peers have gone, no session is counted and no byte is queued. */
void Trial::prove_it_is_empty()
{
    for (Peer &peer : peers_) {
        peer.socket.close();
        peer.ended = true;
    }
    run_until([this] {
        iocpnet_service_statistics statistics = {};
        return iocpnet_service_stats(service_, &statistics, sizeof statistics) == IOCPNET_OK &&
               statistics.sessions_live == 0 && statistics.send_queue_bytes == 0 && statistics.event_queue_bytes == 0;
    });
}

void Trial::prove_it_refuses()
{
    iocpnet_listener listener = 0;
    if (iocpnet_listener_open(service_, "127.0.0.1:0", nullptr, &listener) != IOCPNET_E_CLOSED) {
        complain("a stopped service listens");
    }
}

/* Neither a stop nor a destroy needs memory: each succeeds in any shortage. */
void Trial::end()
{
    if (service_ == 0) {
        return;
    }
    if (polls()) {
        /* What is not fetched is discarded by destroy. */
        stop(0);
    }
    const int32_t status = iocpnet_service_destroy(service_);
    if (status != IOCPNET_OK) {
        complain(std::string("destroy gave ") + iocpnet_status_name(status));
    }
    if (iocpnet_service_wake(service_, 0) != IOCPNET_E_INVALID_HANDLE) {
        complain("the handle outlives the service");
    }
    service_ = 0;
}

std::vector<std::string> Trial::finish()
{
    const bool destroyed = service_ == 0 && started_;
    if (shortage_.first != 0 && (shortage_.relieved || !shortage_.for_ever)) {
        relieve();
        if (stopped_) {
            prove_it_refuses();
        } else if (!destroyed) {
            prove_it_serves();
            prove_it_is_empty();
        }
    }
    end();
    relieve();
    if (!was_short_ && !reached_) {
        complain("not a single allocation failed, and still it did not reach what it is for");
    }
    const api_test::Records records = recorder_.copy();
    if (!records.violations.empty() || records.connected() != records.disconnected()) {
        complain(api_test::describe(records));
    }
    return complaints_;
}

} // namespace scale_test
