/*
 * One session as its host sees it: what was sent and received, and whether its events come as the contract says.
 * Events come one at a time; sends come from any thread, each with a writer number of its own.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "iocpnet.h"
#include "stress/codec.hpp"
#include "stress/ledger.hpp"
#include "stress/random.hpp"

namespace stress
{

constexpr uint32_t writers_max = 16;
constexpr uint32_t actor_writer = 8; /* the first of them; those below are the dispatchers' */

/* While it lives, no callback may run on this thread: it is inside a call that never runs one. */
class NoCallbacks
{
public:
    NoCallbacks();
    ~NoCallbacks();
    NoCallbacks(const NoCallbacks &) = delete;
    NoCallbacks &operator=(const NoCallbacks &) = delete;
    static bool in_force();
};

/* The text that goes with a close code. */
std::string close_text(int64_t code);

class Talk
{
public:
    enum State {
        made,
        connected,
        ended,
        failed /* CONNECT_FAILED */
    };

    Talk(iocpnet_session session, bool outbound) : session_(session), outbound_(outbound) {}

    /* Around the handling of each event. */
    void begin_event(const iocpnet_event &event);
    void end_event();

    /* Sends one or several messages of at most `bytes_max` in all, or a little more; the status. */
    int32_t send(Random &random, uint32_t writer, uint64_t bytes_max);
    /* Before disconnect is called. */
    void note_disconnect(bool graceful);

    iocpnet_session session() const { return session_; }
    State state() const { return state_; }
    bool is_outbound() const { return outbound_; }
    uint64_t accepted() const { return accepted_; }
    uint64_t sends() const { return sends_; }
    uint64_t received() const { return reader_.bytes(); }
    /* A disconnect was asked for, and the last event is still to come. */
    bool is_to_end() const { return disconnect_asked_ && (state_ == made || state_ == connected); }
    /* WRITABLE has to come, once the queue is empty. */
    bool writable_is_due() const { return writable_due_ > writables_; }

    /* After the last event, when nobody sends any more. `sent_events`: every SENT was seen. */
    void settle(Ledger &ledger, bool sent_events) const;
    /* Any thread: which one it is. */
    std::string name() const;
    /* Inside an event, or when there are none any more: all that is known of it. */
    std::string describe() const;
    uint32_t close_reason() const { return last_.close_reason; }
    uint64_t bytes_unsent() const { return last_.bytes_unsent; }

private:
    void connected_event(const iocpnet_event &event);
    void last_event(const iocpnet_event &event);
    void received_event(const iocpnet_event &event);
    void violate(const std::string &text) const;
    int32_t send_pieces(Random &random, const std::string &bytes) const;

    const iocpnet_session session_;
    const bool outbound_;
    std::atomic<State> state_{made};
    std::atomic<bool> in_event_{false};

    /* Inside events. */
    Reader reader_;
    uint64_t received_ = 0;
    uint64_t sent_ = 0; /* by SENT */
    uint32_t dispatcher_ = 0;
    std::string local_;
    std::string remote_;
    iocpnet_event last_ = {};

    /* Any thread. */
    std::atomic<bool> disconnect_asked_{false};
    std::atomic<bool> graceful_asked_{false};
    uint32_t numbers_[writers_max] = {}; /* next message of a writer; its own */
    std::atomic<uint64_t> accepted_{0};  /* bytes */
    std::atomic<uint64_t> sends_{0};
    std::atomic<uint64_t> writables_{0};
    std::atomic<uint64_t> writable_due_{0}; /* so many WRITABLE are to come in all */
};

} // namespace stress
