/* What the simulated host knows of the library's objects, written down beside each call and each event. */
#pragma once

#include <cstdint>
#include <vector>

#include "configuration.hpp"
#include "iocpnet.h"
#include "ledger.hpp"
#include "timer_log.hpp"

namespace sim_test
{

constexpr uint32_t disconnect_calls_max = 8;
constexpr uint32_t listeners_max = 6;
constexpr uint32_t sessions_max = 512;

/* What may have ended a session, as bits of IOCPNET_CLOSE_*. */
using Causes = uint32_t;

constexpr Causes cause(uint32_t reason)
{
    return Causes{1} << reason;
}

/* How a session cuts what it receives. */
enum class Cut {
    bytes,
    messages,
    lines, /* that end with `line_end` */
    stream
};

constexpr uint8_t line_end = 0x0A;

struct Framing {
    Cut cut = Cut::bytes;
    uint32_t bytes_max = 0;
};

struct DisconnectCall {
    uint64_t begun;
    int64_t code;
    const char *text;
    bool abort;
    uint64_t deadline_ms; /* graceful: the earliest at which it may be cut */
};

struct Session {
    uint32_t index = none;
    iocpnet_session handle = 0;
    uint32_t service = none;
    bool outbound = false;
    bool proxied = false;     /* its address is what a header said */
    uint16_t target_port = 0; /* outbound: a port of its own; 0: it went to a listener of the library */
    uint32_t connect_timeout = 0;
    uint64_t connect_begun_ms = 0;
    bool connect_returned = false;
    bool refused = false;   /* outbound: the call failed, there is no session */
    uint32_t peer = none;   /* the far end, when it is a scripted peer */
    uint32_t stream = none; /* what the host sends */
    Decoder received;
    uint64_t received_bytes = 0;
    bool received_all_known = true; /* false: a batch could not be looked at */
    Framing framing;
    uint64_t framed_from = 0;      /* received_bytes when it was set */
    bool framing_doubtful = false; /* a call outside its events changes it: nobody knows when */
    uint32_t framing_begun = 0;    /* calls that change it */
    uint32_t framing_returned = 0;
    bool was_framed = false; /* now, or at some time */
    bool may_be_stream = false;
    bool may_be_too_long = false; /* a message */
    uint64_t unconsumed = 0;      /* of the last event of a stream */
    bool overflowed = false;      /* more than may be */
    bool answers = true;          /* no call that consumes is under way */

    bool connected = false; /* CONNECTED was seen */
    bool ended = false;     /* the last event was seen */
    bool discarded = false; /* its last event was not fetched before destroy */
    bool in_event = false;
    uint8_t *lent = nullptr; /* while its RECEIVED is looked at: the received bytes, which a send may refer to */
    uint64_t lent_bytes = 0;
    uint64_t lent_to = 0; /* the thread that looks */
    bool user_was_set = false;
    bool paused = false; /* by the last call that began */
    uint32_t dispatcher = none;

    TimerLog timers;
    iocpnet_session_limits limits = {};
    uint64_t received_ms = 0; /* when its last bytes came, at the earliest */
    bool conditioned = false; /* by a call for it, at some time */
    bool conditioner_resets = false;
    bool reset_by_library = false; /* so it ended: by its conditioner */

    uint64_t refused_at = 0;        /* begin of the last call that returned WOULD_BLOCK */
    uint64_t writable_at = 0;       /* the last WRITABLE */
    uint64_t sent_events = 0;       /* bytes */
    uint32_t calls_in_progress = 0; /* sends */
    uint64_t late_bytes = 0;        /* accepted when its end may have begun */

    DisconnectCall disconnects[disconnect_calls_max];
    uint32_t disconnect_count = 0;
    bool disconnects_dropped = false;          /* there were more calls */
    uint64_t disconnect_returned = UINT64_MAX; /* the first of them that did */
    bool abort_asked = false;
    bool closed_between_events = false; /* in one of its callbacks: nothing more is received, no timer comes */

    uint32_t reason = 0; /* of the end */
    int32_t status = 0;
    uint64_t bytes_unsent = 0;
    uint64_t bytes_sent = 0; /* as the library said at the end */
    bool totals_known = false;
    bool aborted = false;     /* a call that aborts was the first */
    bool cut_by_stop = false; /* its service was being stopped or destroyed when it ended */
    Causes far_causes = 0;    /* what the far end of a connect did */
};

/* The back-offs of a dispatcher's listeners, as they were when all waited. */
struct BackOffs {
    uint64_t count;
    uint64_t shed;
    uint32_t in_vain; /* times that all waited: with more back-offs, and no client shed of those that wait */
};

struct Listener {
    iocpnet_listener handle = 0;
    uint16_t port = 0; /* 0: not known */
    uint32_t service = none;
    Framing framing; /* of its sessions, as the next */
    iocpnet_session_limits limits = {};
    bool filters = false; /* it has an accept filter */
    bool in_filter = false;
    bool proxied = false; /* its connections begin with a header */
    bool trusting = false;
    bool open = false;
    bool closed = false; /* close was called */
    uint32_t close_calls = 0;
};

struct Service {
    uint32_t index = none;
    uint32_t slot = none; /* its configuration */
    iocpnet_service handle = 0;
    const ServiceConfiguration *configuration = nullptr;
    uint64_t broadcast_bytes = 0; /* each session may have got so many */
    Listener listeners[listeners_max];
    uint32_t listener_count = 0;
    bool made = false;           /* its callbacks are registered: others may use it */
    bool start_returned = false; /* with success */
    bool start_called = false;
    uint32_t start_calls = 0;
    bool stop_called = false; /* or destroy */
    uint64_t stop_begun = UINT64_MAX;
    uint64_t stop_deadline_ms = UINT64_MAX; /* the earliest of all its stops, and of destroy */
    uint64_t end_seen_ms[8] = {};           /* callbacks: the last end of a session, of each dispatcher */
    bool stopped_seen = false;
    bool stopped = false; /* stop returned OK */
    bool stop_result_known = false;
    iocpnet_stop_result stop_result = {};
    uint64_t unsent_while_stopping = 0; /* of sessions that ended since stop was called */
    uint32_t ended_while_stopping = 0;
    uint32_t ended_by_stop = 0; /* with the reason SERVICE_STOPPED */
    uint64_t unsent_by_stop = 0;
    uint32_t failed = 0;   /* connects */
    uint32_t accepted = 0; /* sessions, from the one address of all peers */
    bool proxied = false;  /* a listener was */
    uint64_t made_ms = 0;
    bool conditioned = false; /* at some time */
    bool conditioner_resets = false;
    uint32_t ended_by_reason[IOCPNET_CLOSE_REASON_COUNT] = {};
    bool destroy_inside = false; /* the next callback is to destroy it */
    bool destroy_called = false;
    uint32_t destroy_calls = 0;
    bool destroy_promised = false;    /* a call returned PENDING */
    bool destroyed_seen = false;      /* SERVICE_DESTROYED */
    bool destroyed = false;           /* nothing of it may be seen any more */
    BackOffs back_offs[8] = {};       /* of each dispatcher */
    TimerLog timers[8];               /* of each dispatcher */
    bool in_callback[8] = {};         /* of each dispatcher */
    uint64_t callback_thread[8] = {}; /* that is in it; 0: none */
    bool batch_in_use[8] = {};        /* a fiber polls, or looks at what it got */
    bool reacting[8] = {};            /* it looks */
    uint32_t sent_from_batches = 0;   /* sends in progress whose bytes are in a batch */

    bool batches() const { return configuration->options.delivery == IOCPNET_DELIVERY_BATCHES; }
    bool driven_by_host() const { return configuration->options.driving == IOCPNET_DRIVING_HOST; }
    bool wants(uint32_t kind) const { return (configuration->callbacks & IOCPNET_EVENT_BIT(kind)) != 0; }
};

constexpr size_t groups_max = 6; /* of one run, alive or not */

struct Group {
    iocpnet_group handle;
    uint32_t number; /* its place */
    uint32_t service;
    uint32_t destroy_calls;
};

constexpr uint32_t services_made_max = 8;

class Model
{
public:
    void begin();

    /* The order of what the host does and sees. */
    uint64_t stamp() { return ++stamp_; }

    Service &add_service(uint32_t slot, const ServiceConfiguration &configuration);
    uint32_t service_count() const { return service_count_; }
    Service &service(uint32_t index) { return services_[index]; }
    Service *service_of(iocpnet_service handle);

    bool has_room() const { return session_count_ < sessions_max; }
    Session &add_session(uint32_t service, bool outbound);
    uint32_t session_count() const { return session_count_; }
    Session &session(uint32_t index) { return sessions_[index]; }
    /* NULL: none has this handle. */
    Session *session_of(iocpnet_session handle);
    /* The session that was connected to this port of the peers. */
    Session *session_to(uint16_t target_port);
    /* Sessions that may be alive; the host chooses among them. */
    const std::vector<uint32_t> &live() const { return live_; }
    void end_session(const Session &session);
    /* Sessions whose send queue a call is changing, or has changed in this step. */
    const std::vector<uint32_t> &touched() const { return touched_; }
    void touch(const Session &session);
    /* Those that no call is changing any more. */
    void forget_untouched();
    /* There was none after all. */
    void forget_session(const Session &session);

    /* All groups that were made, at most groups_max: references stay good. */
    std::vector<Group> &groups() { return groups_; }

    /* Sessions that have ended, each a life cycle. */
    uint64_t life_cycles = 0;
    Ledger ledger;

private:
    uint64_t stamp_ = 0;
    uint32_t service_count_ = 0;
    uint32_t session_count_ = 0;
    Service services_[services_made_max];
    Session sessions_[sessions_max];
    std::vector<Group> groups_;
    std::vector<uint32_t> live_;
    std::vector<uint32_t> touched_;
};

} // namespace sim_test
