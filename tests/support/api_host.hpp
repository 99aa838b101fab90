/*
 * A host of the library: a service in one of the four modes, the threads that drive or poll it, and a recorder of its
 * events. Handlers look the same in every mode.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "iocpnet.h"
#include "support/api_recorder.hpp"
#include "support/api_socket.hpp"

namespace api_test
{

struct Mode {
    uint32_t port;
    uint32_t driving;
    uint32_t delivery;
};

/* The ports of this platform. One that the system forbids is skipped by its tests. */
std::vector<uint32_t> all_ports();
std::vector<Mode> all_modes();
std::string port_name(uint32_t port);
std::string mode_name(const Mode &mode);
bool port_works(uint32_t port);

class Host
{
public:
    using Adjust = std::function<void(iocpnet_service_options &)>;
    using Handler = std::function<void(const iocpnet_event &)>;

    /* Creates the service; all kinds of events are wanted. */
    explicit Host(const Mode &mode, const Adjust &adjust = {});
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;
    /* Destroys the service, or waits for a destroy that is PENDING. Contract violations become test failures. */
    ~Host();

    /* Before start: what runs in each event of a kind, in the callback or in the loop that polls. */
    void on(uint32_t kind, Handler handler) { handlers_[kind] = std::move(handler); }
    /*
     * Before start: echoes as a server should: what the send queue does not take is kept, receiving pauses meanwhile and
     * goes on when the session is writable again.
     */
    void echo();
    /* No threads are made: the test calls drive_once, dispatch or poll. */
    void drive_by_hand() { by_hand_ = true; }
    /* Events that one poll can fetch. */
    void set_capacity(uint32_t capacity) { capacity_ = capacity; }

    int32_t start();
    /* Opens a listener, by default at a free port of 127.0.0.1, and returns its address. */
    std::string listen(const iocpnet_listener_options *options = nullptr, const char *address = "127.0.0.1:0");
    /* As listen; the system takes little of what a peer does not read. */
    std::string listen_with_small_buffers();
    iocpnet_session connect(const std::string &address, void *user = nullptr);
    /* Raw peers, all accepted. */
    std::vector<Socket> connect_peers(const std::string &address, uint32_t count);
    int32_t send(iocpnet_session session, const std::string &bytes);
    /* Sends pieces until WOULD_BLOCK; what was accepted. */
    std::string fill(iocpnet_session session, size_t piece_size);
    /* As fill, until the system takes nothing more either: the peer does not read. */
    std::string fill_to_the_brim(iocpnet_session session, size_t piece_size);
    /* Stops, and waits for the end in every mode. */
    iocpnet_stop_result stop(uint32_t drain_ms);
    /* Destroys the service and ends the threads. */
    int32_t destroy();
    /* For a handler: destroys from inside an event. */
    int32_t destroy_inside();
    /* The test has destroyed the service by itself. */
    void forget() { destroyed_ = true; }
    /* One turn of one dispatcher, on the calling thread: the events delivered, or an error. */
    int32_t drive_once(uint32_t dispatcher, uint32_t timeout_ms);
    /* For a driver of the test's own: hands a polled event to the handlers. */
    void handle(const iocpnet_event &event);

    iocpnet_service service() const { return service_; }
    iocpnet_listener listener() const { return listener_; }
    Mode mode() const { return mode_; }
    Recorder &recorder() { return recorder_; }
    bool polls() const { return mode_.delivery == IOCPNET_DELIVERY_BATCHES; }
    /* Threads of the host that run handlers of dispatchers, once started. */
    std::vector<std::thread::id> driver_threads() const;

    bool wait(const Recorder::Condition &condition) { return recorder_.wait(condition); }
    bool wait_connected(uint64_t n);
    bool wait_disconnected(uint64_t n);
    bool wait_received(iocpnet_session session, uint64_t bytes);
    iocpnet_service_statistics stats() const;

private:
    static void IOCPNET_CALL deliver(const iocpnet_event *event, void *user);
    void drive(uint32_t dispatcher);
    void join();
    /* Until turns of the service have begun and ended, as a rule those of this dispatcher. */
    void wait_for_turns(uint32_t dispatcher);

    Mode mode_;
    iocpnet_service service_ = 0;
    iocpnet_listener listener_ = 0;
    uint32_t dispatcher_count_ = 1;
    uint32_t capacity_ = 64;
    bool by_hand_ = false;
    std::atomic<bool> quit_{false};
    std::atomic<bool> destroyed_{false};
    std::atomic<bool> destroy_pending_{false};
    Handler handlers_[IOCPNET_EVENT_KIND_COUNT];
    Recorder recorder_;
    std::vector<std::thread> drivers_;
};

iocpnet_live_objects live_objects();
iocpnet_session_details session_details(iocpnet_session session);
std::string session_address(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle);
int32_t disconnect(iocpnet_session session, uint32_t mode, uint32_t timeout_ms = 0, int64_t code = 0,
                   const char *text = nullptr);

} // namespace api_test
