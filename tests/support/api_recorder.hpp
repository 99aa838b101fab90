/*
 * Remembers the events of a service and checks what the contract says about their order and their fields. Any thread may
 * record; tests read under the lock, in the condition that they wait for, or take copies.
 */
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "iocpnet.h"

namespace api_test
{

/* An event with copies of what it points to. */
struct Event {
    Event() = default;
    explicit Event(const iocpnet_event &event);

    iocpnet_event fields = {}; /* its pointers, but for `user`, are NULL */
    std::string data;
    std::string close_text;
    bool has_close_text = false;
    std::thread::id thread;
};

struct SessionRecord {
    std::vector<uint32_t> kinds; /* of its events, in order, without RECEIVED and SENT */
    std::string received;
    uint64_t received_bytes = 0;
    uint64_t sent_bytes = 0;
    Event first; /* CONNECTED or CONNECT_FAILED */
    Event last;  /* DISCONNECTED or CONNECT_FAILED */
    bool connected = false;
    bool ended = false;
    bool in_event = false; /* an event of it is being handled */
    uint64_t begun = 0;    /* events of it, the one that is being handled included */

    /* Events of a kind, not RECEIVED or SENT. */
    uint64_t count(uint32_t kind) const;
};

/* All that was seen. */
struct Records {
    std::map<iocpnet_session, SessionRecord> sessions;
    std::vector<iocpnet_session> order; /* sessions, in the order of their first events */
    uint64_t counts[IOCPNET_EVENT_KIND_COUNT] = {};
    std::vector<std::string> violations;

    uint64_t connected() const { return counts[IOCPNET_EVENT_CONNECTED]; }
    uint64_t disconnected() const { return counts[IOCPNET_EVENT_DISCONNECTED]; }
    /* Bytes of all sessions. */
    uint64_t received_bytes() const;
};

class Recorder
{
public:
    using Condition = std::function<bool(const Records &)>;

    /* The bytes that sessions receive are counted, not kept. */
    void keep_no_data() { keep_data_ = false; }
    /* Around the handling of an event, on the thread that handles it. */
    void begin(const iocpnet_event &event);
    void end(const iocpnet_event &event);
    void violate(const std::string &text);

    /*
     * Waits until the condition holds and the handlers of the events that made it hold have returned; false, with a
     * report, after wait_limit. Not inside a handler.
     */
    bool wait(const Condition &condition);
    /* A copy of the record of one session. */
    SessionRecord session(iocpnet_session session);
    /* The session whose first event came as the n-th. */
    iocpnet_session nth(size_t n);
    /* Sessions that were seen. */
    size_t session_count();
    /* Bytes that all sessions received. */
    uint64_t received_bytes();
    Records copy();

private:
    /* Events that are being handled: the session, and which of its events it is. */
    using UnderWay = std::vector<std::pair<iocpnet_session, uint64_t>>;

    void note_session_event(const iocpnet_event &event);
    UnderWay under_way() const;
    bool has_ended(const UnderWay &events) const;

    std::mutex mutex_;
    std::condition_variable changed_;
    Records records_;
    bool keep_data_ = true;
};

/* What is wrong with the fields of an event, each by itself; empty: nothing. */
std::string field_violation(const iocpnet_event &event);

std::string describe(const Records &records);

} // namespace api_test
