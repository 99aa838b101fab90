/* The timers of one session, or of one dispatcher, as the host has set them; and which of them an event may be of. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sim_test
{

/* Whether an event may still come of a timer that a call has ended or moved. */
enum class Leftover {
    nothing, /* the call was made in the order of the events */
    one,     /* made elsewhere: one may be on its way */
    queued   /* or in a queue, and in batches */
};

class TimerLog
{
public:
    /* A call that sets the timer begins; returns its number. */
    size_t set_begins(uint64_t id, uint32_t delay_ms, uint32_t period_ms, uint64_t stamp, uint64_t now_ms);
    void set_returned(size_t number, bool accepted, uint64_t stamp, uint64_t now_ms, Leftover leftover);
    /* The same for a call that cancels it. */
    void cancel_begins(uint64_t id);
    void cancel_returned(uint64_t id, bool accepted, uint64_t begun, Leftover leftover);

    /* An event came. False: no timer that was set explains it. */
    bool due(uint64_t id, uint64_t count, uint64_t now_ms);
    /* One that has to come should have come at least so many milliseconds ago. */
    bool overdue_by(uint64_t ms, uint64_t now_ms) const;

private:
    struct Arming {
        uint64_t id;
        uint64_t begun;
        uint64_t returned;  /* UINT64_MAX: not yet */
        uint64_t due_ms;    /* the next time, at the earliest */
        uint64_t called_ms; /* how long the call took: it is due so much later at most */
        uint32_t period_ms;
        uint32_t left;   /* events that may come; UINT32_MAX: for ever */
        bool certain;    /* no other call, and no event of another one, may have ended it */
        bool overridden; /* a later call has returned */
    };

    void call_begins(uint64_t id);
    void call_returned(uint64_t id);
    void doubt(uint64_t id);
    void override_earlier(uint64_t id, uint64_t begun, Leftover leftover);

    std::vector<Arming> armings_;
    std::vector<uint64_t> under_way_; /* ids of calls */
};

} // namespace sim_test
