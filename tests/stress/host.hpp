/*
 * A host of the library: one service from its creation to its end, with the threads that drive it or poll it. What it
 * does, and how it ends, is decided by its seed; what is found wrong is a violation.
 */
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "iocpnet.h"
#include "stress/random.hpp"
#include "stress/talk.hpp"
#include "stress/world.hpp"

namespace stress
{

constexpr uint32_t dispatchers_max = 4;

class Host
{
public:
    Host(World &world, uint64_t seed);
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;

    /* False: the faults of the round did not let it. */
    bool create();
    /* Starts it, lets others act on it for a while, and ends it: everything of it is gone afterwards. */
    void live(const std::shared_ptr<Host> &self);
    /* What became of its sessions, once nobody acts any more. */
    void settle();

    /* ---- any thread, at any moment ---- */

    /* One random thing that a host may do. `actor`: the thread's number. */
    void act(Random &random, uint32_t actor);
    /* Of one of its listeners; empty when it has none. */
    std::string pick_address(Random &random);
    /* Around the conversation of an honest peer, which has to come to its end. False: no new ones now. */
    bool begin_honest_peer();
    void end_honest_peer() { honest_peers_--; }
    std::string describe();

private:
    using Clock = std::chrono::steady_clock;
    using Talks = std::vector<std::shared_ptr<Talk>>;

    /* host.cpp */
    void choose_options();
    void set_callbacks();
    void start();
    void open_listener(Random &random);
    static void IOCPNET_CALL deliver(const iocpnet_event *event, void *user);
    void handle(const iocpnet_event &event);
    void handle_service(const iocpnet_event &event);
    std::shared_ptr<Talk> talk_of(iocpnet_session session, bool outbound);
    std::shared_ptr<Talk> pick_talk(Random &random);
    Talks all_talks();

    /* host_drive.cpp */
    void drive(uint32_t thread);
    int32_t drive_once(Random &random, uint32_t dispatcher, uint32_t timeout_ms);
    int32_t poll(Random &random, uint32_t dispatcher, uint32_t timeout_ms);
    bool begin_reading();
    void end_reading();

    /* host_act.cpp */
    void react(Random &random, Talk &talk, const iocpnet_event &event);
    void act_on_talk(Random &random, Talk &talk, uint32_t writer);
    void act_on_service(Random &random);
    void send(Random &random, Talk &talk, uint32_t writer);
    void disconnect(Random &random, Talk &talk);
    void ask(Random &random, Talk &talk);
    void connect(Random &random);
    void close_listener(Random &random);

    /* host_end.cpp */
    void end();
    void become_quiet();
    void wait_until_at_ease();
    void stop_orderly(uint32_t drain_ms);
    bool all_ends_were_seen() const;
    void check_stopped(const iocpnet_stop_result &result, uint64_t ended_before);
    void violate_unended();
    void end_by_many();
    void end_inside();
    int32_t stop(uint32_t drain_ms, iocpnet_stop_result *result);
    int32_t destroy();
    void wait_gone();
    bool is_batches() const { return options_.delivery == IOCPNET_DELIVERY_BATCHES; }
    bool wait(std::chrono::seconds limit, const std::function<bool()> &condition);

    World &world_;
    const uint64_t seed_;
    Random random_; /* the thread that calls live */
    iocpnet_service_options options_ = {};
    iocpnet_service service_ = 0;
    bool started_ = false;
    std::vector<std::thread> drivers_;
    std::vector<Random> dispatcher_random_;              /* in events of a dispatcher, and so by one thread at a time */
    std::array<std::mutex, dispatchers_max> poll_mutex_; /* from a poll until its events were handled */

    std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<iocpnet_session, std::shared_ptr<Talk>> talks_; /* under the mutex */
    Talks recent_;                                                     /* under the mutex */
    size_t recent_next_ = 0;
    std::vector<iocpnet_listener> listeners_; /* under the mutex */
    uint32_t readers_ = 0;                    /* under the mutex: threads that read what a batch points to */
    bool memory_ends_ = false;                /* under the mutex: no new readers, destroy is next */

    std::atomic<uint32_t> actors_{0}; /* inside act */
    std::atomic<uint32_t> honest_peers_{0};
    std::atomic<bool> quiet_{false}; /* nobody acts on it, and no new honest peers */
    std::atomic<bool> destroy_inside_{false};
    std::atomic<bool> strict_{false}; /* every event was seen, in batches too */
    std::atomic<bool> gone_{false};   /* destroy has returned, or SERVICE_DESTROYED came */
    std::atomic<uint32_t> pending_destroys_{0};
    std::atomic<uint64_t> counts_[IOCPNET_EVENT_KIND_COUNT] = {};
    std::atomic<uint64_t> connects_made_{0};
};

} // namespace stress
