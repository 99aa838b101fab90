/*
 * The loop of one dispatcher: its port, its timers, its sessions and listeners, and the kicks from other threads.
 * One thread at a time drives a loop (its owner); sessions and listeners belong to it. Other threads only kick.
 */
#ifndef ICN_NET_LOOP_H
#define ICN_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"
#include "net/event_record.h"
#include "net/gate.h"
#include "net/inbox.h"
#include "net/latest_entry.h"
#include "net/roster.h"
#include "net/send_queue.h"
#include "net/spin.h"
#include "os/thread.h"
#include "port/port.h"
#include "util/timer.h"

struct icn_conditioners;
struct icn_session;

typedef struct icn_loop icn_loop;
typedef struct icn_kick icn_kick;

typedef void icn_kick_handle(icn_kick *kick);

/*
 * "Look at this object": embedded in what other threads want the owner to look at. Several kicks before it looks are one.
 * Closed by the owner when the object ends; whoever keeps the object in memory does so until then.
 */
struct icn_kick {
    icn_kick *next;         /* in the loop's stack */
    icn_atomic_u32 pending; /* 1 from the first kick until the owner looks; stays 1 once closed */
    bool closed;            /* owner thread */
    uint8_t kind;           /* icn_kick_kind */
    uint16_t opened_low;    /* not the kick's: half of what icn_session_age_ms needs, where there was room for it */
};

/* Who looks: loop->kick_handlers. */
typedef enum icn_kick_kind {
    ICN_KICK_SESSION,
    ICN_KICK_LISTENER,
    ICN_KICK_INBOX,
    ICN_KICK_SCHEDULE,
    ICN_KICK_STOP,
    ICN_KICK_FEED,    /* the sink's: its queue has room again */
    ICN_KICK_STOPPED, /* the sink's: the service has stopped */
    ICN_KICK_KINDS
} icn_kick_kind;

/* Why a connection is not let in. */
typedef enum icn_refusal {
    ICN_REFUSAL_NONE = 0,
    ICN_REFUSAL_BY_LIST,
    ICN_REFUSAL_BY_SESSIONS,
    ICN_REFUSAL_BY_RATE,
    ICN_REFUSAL_BY_FILTER,
    ICN_REFUSAL_BY_TRUST,          /* of a proxy: it is none that the listener trusts */
    ICN_REFUSAL_BY_HEADER,         /* what it sent first is no header */
    ICN_REFUSAL_BY_HEADER_TIMEOUT, /* it has sent none in time */
    ICN_REFUSAL_BY_SERVICE,        /* sessions_max; only the sum of all refusals has a place for it */
    ICN_REFUSALS
} icn_refusal;

/* Each has one writer, the owner, but for those named `foreign`. */
typedef struct icn_loop_counters {
    icn_atomic_u64 accepts;
    icn_atomic_u64 accepts_refused;
    icn_atomic_u64 accepts_refused_by[ICN_REFUSALS];
    icn_atomic_u64 accepts_shed;
    icn_atomic_u64 accept_backoffs;
    icn_atomic_u64 connects;
    icn_atomic_u64 connects_failed;
    icn_atomic_u64 disconnects;
    icn_atomic_u64 receive_throttles;
    icn_atomic_u64 bytes_received;
    icn_atomic_u64 bytes_sent;
    icn_atomic_u64 bytes_accepted; /* by send */
    icn_atomic_u64 bytes_dropped;  /* accepted, and never sent */
    icn_atomic_u64 sends;
    icn_atomic_u64 send_operations;
    icn_atomic_u64 events;
    icn_atomic_u64 turns;
    icn_atomic_u64 operations_live;
    icn_atomic_u64 disconnects_by_reason[16];
    icn_atomic_u64 foreign_refusals; /* the owner's refusals too */
} icn_loop_counters;

/*
 * Where events go. Owner thread, inside a turn. False: no memory to keep the event, nothing was delivered.
 * DISCONNECTED and CONNECT_FAILED are never refused; with them the session passes to the sink, which ends it with
 * icn_session_release once the host has seen the event.
 */
typedef bool icn_loop_deliver(icn_loop *loop, struct icn_session *session, const iocpnet_event *event);

/* The same for RECEIVED that goes to a queue: when it can not be kept, the session closes with NO_RESOURCES. */
typedef void icn_loop_deliver_received(icn_loop *loop, struct icn_session *session, const void *data, uint32_t size);

/*
 * The peer of an open session ended its stream. True: the host has still to see what came before; once it has, the sink
 * calls icn_session_end_seen. False: there is nothing to wait for.
 */
typedef bool icn_loop_deliver_end_of_stream(icn_loop *loop, struct icn_session *session);

/*
 * The RECEIVED callback that runs now. What it sends to its own session leaves when it returns, in one piece. Received
 * bytes that it sends back are not copied before, for they stay where they are until then.
 */
typedef struct icn_service_window {
    struct icn_session *session;
    iocpnet_event event;      /* what the callback is given; its size is 0 when none runs */
    const char *reply;        /* in the received bytes: sent back, and not copied yet */
    uint64_t reply_bytes;     /* 0: none; in the budget of the session's queue */
    uint64_t reply_bytes_max; /* constant; 0: this port does not send at once */
} icn_service_window;

/*
 * What the last poll handed out, where the host drives: until the next one the bytes stay where they are, and those that are
 * sent back to where they came from are not copied. Whoever is inside the gate, or borrows it.
 */
typedef struct icn_answers {
    icn_event_record *first;
    icn_event_record *next; /* behind the last one that the host sent on */
} icn_answers;

/* What the port of a loop tells of its operations. */
extern icn_operation_complete *const icn_loop_completions[ICN_OPERATION_KINDS];

/* In `wanted`, behind all kinds of events: what the system takes is given back to the budget. */
#define ICN_LOOP_BUDGETED (UINT64_C(1) << 30)

struct icn_loop {
    icn_port *port;
    icn_operation_complete
        *receive_completed; /* owner thread: behind that of guards; NULL: no session has had a rate */
    icn_roster *roster;
    icn_gate *gate; /* of the dispatcher: whoever borrows it may queue what is to be sent */
    icn_loop_deliver *deliver;
    icn_loop_deliver_received *deliver_received; /* NULL: by callback */
    icn_loop_deliver_received *deliver_copied;   /* the same for bytes that lie anywhere; NULL: by callback */
    iocpnet_callback on_received;                /* NULL: the host does not want RECEIVED, or not by callback */
    void *on_received_user;
    icn_loop_deliver_end_of_stream *deliver_end_of_stream;
    icn_kick_handle *kick_handlers[ICN_KICK_KINDS]; /* owner thread, inside a turn; constant once started */
    uint64_t wanted; /* IOCPNET_EVENT_BIT of the kinds that the host wants, ICN_LOOP_BUDGETED; constant once started */
    uint32_t index;

    /* Any thread. */
    icn_atomic_pointer kicks; /* stack of icn_kick */
    icn_atomic_u32 wakes;     /* calls of icn_loop_wake */
    icn_atomic_u32 sleeping;  /* 1 while the owner waits, or is about to, and wants a wake with a kick */
    icn_atomic_u64 driver;    /* icn_thread_self of the thread inside a turn, 0: none */
    icn_atomic_u32 placed;    /* sessions given to this loop, for placement */
    icn_mutex socket_mutex;   /* a session's socket is not closed while another thread asks for its address */
    icn_loop_counters counters;
    icn_inbox inbox;             /* what other threads send */
    icn_kick inbox_kick;         /* the inbox was empty, and is no more */
    icn_latest_pool latest;      /* of what is sent by key */
    icn_atomic_pointer schedule; /* see schedule.h; NULL: never needed */

    /* Owner thread. */
    icn_service_window served;
    icn_answers answers; /* none inside a turn */
    void *outer;         /* the loop that the owner was driving when it began with this one; NULL: none */
    bool stopping;
    bool starved;              /* no session receives, because the event queue is full */
    uint64_t stop_deadline_ms; /* once stopping: when what is left is cut off */
    icn_timers timers;
    icn_spin spin;
    uint32_t wakes_seen; /* by a spin */
    icn_list sessions;
    icn_list listeners;
    icn_list unflushed;           /* sessions with something to send, until the end of the turn */
    icn_list finishing;           /* sessions with nothing in flight, until the end of the turn */
    icn_list finishing_listeners; /* the same */
    icn_send_pool send_pool;
    icn_kick stop_kick;                    /* stop was called */
    struct icn_conditioners *conditioners; /* NULL: no session has had one */
    uint64_t offence_logged_ms;            /* the last line about a session that was cut off; 0: none yet */
    uint64_t offences_not_logged;          /* since then */
};

/* The port is the loop's from here on. Any thread; nobody drives the loop yet. */
void icn_loop_init(icn_loop *loop, uint32_t index, icn_port *port, icn_roster *roster);
/* Frees what the loop keeps, and its port. Nobody drives it any more; no session or listener is left. */
void icn_loop_fini(icn_loop *loop);

/*
 * One turn: waits at most `timeout_ms` for completions, delivers at most `budget` of them, looks at what was kicked, fires
 * timers, sends what was queued and ends what is finished. The caller is the owner for the turn.
 */
icn_result icn_loop_turn(icn_loop *loop, uint32_t timeout_ms, uint32_t budget);

/* The calling thread owns the loop from here to the end: it drives it by turns. */
void icn_loop_begin_driving(icn_loop *loop);
void icn_loop_end_driving(icn_loop *loop);
/* Sends what a thread that borrowed the gate has answered and queued. It may deliver events. */
void icn_loop_send_waiting(icn_loop *loop);

/*
 * The session of this handle when the calling thread is inside its RECEIVED callback; else NULL. It needs no pin: it can
 * not end before its owner, this thread, comes back from the callback.
 */
static inline struct icn_session *icn_loop_served(const icn_loop *loop, uint64_t handle)
{
    return loop->served.event.size != 0 && loop->served.event.session == handle ? loop->served.session : NULL;
}

/* Makes the turn that waits end, or the next one that would wait. Any thread. */
void icn_loop_wake(icn_loop *loop);

/* True when the calling thread, `self`, is inside a turn of this loop. */
static inline bool icn_loop_is_driven_by(const icn_loop *loop, uint64_t self)
{
    /* Relaxed: only this thread itself ever stores its own number here. */
    return icn_u64_load_relaxed(&loop->driver) == self;
}

static inline bool icn_loop_is_mine(const icn_loop *loop)
{
    return icn_loop_is_driven_by(loop, icn_thread_self());
}

/* Owner thread: what the system takes is to be told to somebody. One look at both. */
static inline bool icn_loop_follows_sent(const icn_loop *loop)
{
    return (loop->wanted & (IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT) | ICN_LOOP_BUDGETED)) != 0;
}

/* Owner thread: an operation was started, or had its last completion. */
static inline void icn_loop_operation_started(icn_loop *loop)
{
    icn_u64_count(&loop->counters.operations_live, 1);
}

static inline void icn_loop_operation_ended(icn_loop *loop)
{
    ICN_CHECK(icn_u64_load_relaxed(&loop->counters.operations_live) != 0);
    icn_u64_count(&loop->counters.operations_live, UINT64_MAX);
}

/* Owner thread. */
static inline bool icn_loop_wants(const icn_loop *loop, uint32_t event_kind)
{
    return (loop->wanted & IOCPNET_EVENT_BIT(event_kind)) != 0;
}

/* The inbox has begun to fill: the owner shares it out in its next turn. Any thread with a pin on a session of the loop. */
void icn_loop_kick_inbox(icn_loop *loop);

void icn_kick_init(icn_kick *kick, icn_kick_kind kind);

/*
 * A kick takes two steps. Claim: true for the one thread that is to push; what keeps the object alive passes to the loop,
 * until the handler runs. Push: the owner calls the handler in its next turn, and is woken. Any thread that keeps the object alive.
 */
bool icn_kick_claim(icn_kick *kick);
void icn_kick_push(icn_loop *loop, icn_kick *kick);

/*
 * Owner thread: no kick will ever be pushed again. False when one is on its way: the handler runs once more, and then the
 * kick is closed.
 */
bool icn_kick_close(icn_kick *kick);

#endif
