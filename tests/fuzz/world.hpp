/*
 * A small world around the library for calls in any order: up to two services that the host drives, their listeners and
 * sessions, and raw peers in the same thread. It remembers what it did and what it was told, so that each result, each
 * event and each byte can be judged. Callbacks make further calls.
 */
#pragma once

#include <deque>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/input.hpp"
#include "iocpnet.h"
#include "support/api_recorder.hpp"
#include "support/api_socket.hpp"

namespace fuzz
{

/* One end of a connection. */
struct End {
    std::string connection; /* the address of the end that connected, and of the other one: both ends know it */
    bool connected_out = false;
    std::string sent; /* accepted for sending */
    std::string received;
    bool ended_in_order = false; /* disconnected gracefully, and nothing cut that short */
    bool cut = false;            /* into messages: the beginning of one may be missing at the end */
    bool unknown = false;        /* what it sent was changed on the way */
};

class World
{
public:
    explicit World(Input &input) : input_(input) { recorder_.keep_no_data(); }

    /* Makes calls until the input is used up, then ends everything and judges. */
    void run();

private:
    struct Service {
        iocpnet_service handle = 0;
        uint32_t delivery = 0;
        uint32_t dispatchers = 1;
        bool started = false;
        bool stopping = false;
        bool stopped = false;    /* SERVICE_STOPPED came */
        bool fetched = false;    /* and then all that the other dispatchers had queued */
        bool destroying = false; /* a call of destroy runs */
        bool destroyed = false;
        bool cut = false; /* destroyed with events that were never fetched */
    };

    struct Session {
        iocpnet_session handle = 0;
        Service *service = nullptr;
        uint32_t dispatcher = 0;
        bool valid = true;
        bool lent = false; /* its last event was fetched: the handle ends with the next poll */
        bool connected = false;
        bool ended = false;
        bool aborted = false; /* by a disconnect */
        uint32_t close_reason = 0;
        uint64_t bytes_unsent = 0;
        void *user = nullptr;
        End end;
    };

    struct Listener {
        iocpnet_listener handle = 0;
        Service *service = nullptr;
        bool closed = false;
        bool guarded = false; /* has limits */
        std::string address;
    };

    struct Group {
        iocpnet_group handle = 0;
        const Service *service = nullptr;
        bool destroyed = false;
    };

    /* What a job is given. */
    struct Job {
        World *world = nullptr;
        const Service *service = nullptr; /* NULL: not known */
        bool accepted = false;
        uint32_t runs = 0;
    };

    struct Peer {
        api_test::Socket socket;
        End end;
        bool failed = false; /* a send took the error: whether the stream ended in order is not known any more */
    };

    /* ---- calls (world_calls.cpp, world_sessions.cpp) ---- */
    void step();
    void call_service(Service &service);
    void call_session();
    void call_peer();
    void call_process();
    void create_service();
    void set_callback(Service &service);
    void start(Service &service);
    void stop(Service &service, uint32_t drain_ms);
    void destroy(Service &service);
    void drive(Service &service, uint32_t dispatcher, uint32_t timeout_ms = 0);
    void drive_wrongly(Service &service);
    int32_t poll(Service &service, uint32_t dispatcher, uint32_t timeout_ms);
    void read_service(Service &service);
    void read_trace(const Service &service);
    void open_listener(Service &service);
    void close_listener();
    void read_listener();
    void connect(Service &service);
    void send();
    void send_pieces();
    void disconnect();
    void pause_or_resume();
    void condition();
    void change_user();
    void read_session();
    void connect_peer();
    void accept_peer();
    void peer_sends();
    void peer_receives();
    void peer_ends();

    /* ---- features (world_features.cpp) ---- */
    void call_feature();
    void set_framing();
    void send_message();
    void forget_stream(Session *session);
    void set_timer(const Service &service);
    void post(const Service &service);
    static void IOCPNET_CALL posted(const iocpnet_event *event, void *user);
    void judge_jobs();
    void open_guarded_listener(Service &service);
    bool is_guarded(const std::string &connection) const;
    void create_group(Service &service);
    void change_group();
    void broadcast();

    /* ---- what happened (world.cpp) ---- */
    static void IOCPNET_CALL called_back(const iocpnet_event *event, void *user);
    void handle(const iocpnet_event &event, bool may_call);
    void note(const iocpnet_event &event);
    void note_connected(Session &session, const iocpnet_event &event);
    void give_back(const Service &service, uint32_t dispatcher);
    void receive_all(Peer &peer);
    void end_service(Service &service);
    void drive_to_the_end(Service &service, uint32_t dispatcher);
    void judge();
    void judge_session(const Session &session);
    void judge_peer(const Peer &peer);
    const End *other_end(const End &end) const;

    /* ---- picking ---- */
    struct Picked {
        uint64_t handle;
        Session *session; /* NULL: none of ours, or a handle that was tampered with */
    };
    Picked pick_session();
    uint64_t forged();
    Service *service_of(iocpnet_service handle);
    Session *session_of(iocpnet_session handle);
    std::string any_address();
    int32_t read_text(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), uint64_t handle);

    /* Judges the result of a call on a handle: INVALID_HANDLE when it is not valid, else one of those. */
    void expect(int32_t status, const Picked &picked, std::initializer_list<int32_t> allowed) const;
    void expect(int32_t status, std::initializer_list<int32_t> allowed) const;

    Input &input_;
    api_test::Recorder recorder_;
    std::deque<Service> services_; /* pointers to what is in these stay good */
    std::deque<Session> sessions_;
    std::deque<Listener> listeners_;
    std::deque<Group> groups_;
    std::deque<Job> jobs_;
    std::deque<Peer> peers_;
    api_test::Socket raw_listener_;
    std::set<std::pair<iocpnet_service, uint32_t>> driven_; /* dispatchers that a call is inside of */
    uint32_t depth_ = 0;                                    /* of callbacks */
    bool failing_ = false;                                  /* an allocation was made to fail */
    bool ending_ = false;
    bool cut_unknown_ = false; /* a framing was set on a session that nobody has heard of */
    bool all_unknown_ = false; /* something was sent to sessions that are not told apart */
};

} // namespace fuzz
