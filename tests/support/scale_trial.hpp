/*
 * A trial: a service lives while an allocation of the library fails, and every call, every event and every peer is held
 * against what a shortage of memory explains. One trial at a time. The test's thread drives or polls, and plays the
 * peers; handlers run on it as well, or on threads of the library.
 */
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "iocpnet.h"
#include "support/api_host.hpp"
#include "support/api_recorder.hpp"
#include "support/api_socket.hpp"

namespace scale_test
{

/* How allocations are made to fail: by the library's own hook, or in an allocator of the host. */
struct Injector {
    void (*fail)(uint64_t first, int for_ever); /* as icn_memory_fail */
    uint64_t (*attempts)();                     /* as icn_memory_attempts */
};

struct Shortage {
    uint64_t first = 0;    /* the number of the allocation that fails; 0: none does */
    bool for_ever = false; /* and all after it */
    bool relieved = false; /* memory comes back: the service has to serve then. Else it is destroyed in its shortage */
};

/* The close code of a session that could not send. */
constexpr int64_t gave_up = -1;

/* The other end of a session. It closes when it sees the end of the stream. */
struct Peer {
    /* Takes what there is. */
    void look();
    void send(const std::string &bytes);

    api_test::Socket socket;
    std::string received;
    bool ended = false;
};

class Trial
{
public:
    using Handler = std::function<void(const iocpnet_event &)>;
    using Condition = std::function<bool()>;

    Trial(const api_test::Mode &mode, const Injector &injector, const Shortage &shortage);
    Trial(const Trial &) = delete;
    Trial &operator=(const Trial &) = delete;

    /* ---- what a scenario does; each step is left out when one that it needs has failed ---- */

    void create();
    void on(uint32_t kind, Handler handler) { handlers_[kind] = std::move(handler); }
    void listen();
    void start();
    void serve();
    /* A raw peer, connected to the listener; one that has ended when nobody accepts. */
    Peer &connect_peer(int receive_buffer = 0);
    /* A raw peer that a listener of the test's own has accepted. */
    Peer &add_peer(api_test::Socket socket);
    iocpnet_session connect(const std::string &address);
    /* Gives the session up when it fails. */
    void send(iocpnet_session session, const std::string &bytes);
    /* Remembers what was accepted, in the order of the calls. One session of a trial only. */
    void send_and_note(iocpnet_session session, const std::string &bytes);
    void disconnect(iocpnet_session session, uint32_t mode, int64_t code, const char *text);
    /* Returns when the service has stopped. */
    void stop(uint32_t drain_ms);
    /* The session whose first event came as the n-th, or 0. */
    iocpnet_session session(size_t n) { return recorder_.nth(n); }
    /* Uses up, for good, the handles that the table has: the next one needs memory. */
    static void fill_handle_table();

    /* Drives, polls and plays the peers until the condition holds; it has to allow for what may be lost. */
    void run_until(const Condition &condition);
    /* Until so many sessions, or attempts at one, have come to their end. */
    void run_until_ended(uint64_t sessions);
    /* Until every session that was connected has ended, and every peer has seen it. */
    void run_until_idle();

    /* True for a success. A failure has to be explained by the shortage: NO_MEMORY, or a status of `also`. */
    bool allow(int32_t status, std::initializer_list<int32_t> also = {});
    /* What the scenario is there for; without a failed allocation it has to be true. */
    void reach(bool goal) { reached_ = goal; }
    void complain(const std::string &text);

    uint64_t count(uint32_t kind) const { return counts_[kind]; }
    uint64_t received_bytes() { return recorder_.received_bytes(); }
    api_test::SessionRecord record(iocpnet_session session) { return recorder_.session(session); }
    std::string accepted();
    bool is_serving() const { return started_ && listener_ != 0; }
    bool is_started() const { return started_; }
    bool is_listening() const { return listener_ != 0; }
    bool polls() const { return mode_.delivery == IOCPNET_DELIVERY_BATCHES; }
    bool drives() const { return mode_.driving == IOCPNET_DRIVING_HOST; }
    const std::string &address() const { return address_; }
    iocpnet_service service() const { return service_; }
    /* A handler has destroyed the service, or has had it promised. */
    void forget_service() { service_ = 0; }

    iocpnet_service_options options;
    uint32_t capacity = 64; /* of one poll */

    /* ---- what the sweep does ---- */

    /* After the scenario: the proof that the service serves, and its end. What was wrong, one text each. */
    std::vector<std::string> finish();
    bool was_short() const;
    /* Allocations asked for up to the end. */
    uint64_t allocations() const { return allocations_; }

private:
    static void IOCPNET_CALL deliver(const iocpnet_event *event, void *user);
    void handle(const iocpnet_event &event);
    void drive(uint32_t dispatcher);
    void drive_all();
    bool accepts_in_vain() const;
    void look_at_peers();
    void relieve();
    void prove_it_serves();
    void prove_it_is_empty();
    void prove_it_refuses();
    void stop_by_another_thread(uint32_t drain_ms);
    void end();

    const api_test::Mode mode_;
    const Injector injector_;
    const Shortage shortage_;
    std::atomic<iocpnet_service> service_{0}; /* a handler may destroy it */
    iocpnet_listener listener_ = 0;
    std::string address_;
    bool started_ = false;
    bool stopped_ = false;
    bool reached_ = false;
    std::atomic<bool> relieved_{false}; /* no failure of the test's own calls is explained any more */
    std::atomic<bool> was_short_{false};
    const std::thread::id owner_ = std::this_thread::get_id();
    uint64_t allocations_ = 0;
    std::atomic<bool> proving_{false};
    std::deque<Peer> peers_;
    Handler handlers_[IOCPNET_EVENT_KIND_COUNT];
    std::atomic<uint64_t> counts_[IOCPNET_EVENT_KIND_COUNT] = {};
    api_test::Recorder recorder_;
    std::mutex mutex_; /* of the following */
    std::vector<std::string> complaints_;
    std::string accepted_;
};

} // namespace scale_test
