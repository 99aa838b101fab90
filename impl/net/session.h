/*
 * One TCP connection, accepted or connected, on one loop for life.
 *
 * The owner thread of the loop alone changes a session. Other threads, which hold a pin, may do what is marked "any
 * thread": queue bytes, claim the close, ask for a pause, read what is atomic; then they kick the loop.
 *
 * Life: STARTING (made, not seen by its loop yet) -> CONNECTING (outbound) -> OPEN -> FLUSHING (graceful: sending what is
 * queued) -> LINGERING (FIN sent, waiting for the peer's) -> ENDING (waiting for the operations in flight) -> ENDED.
 * Each operation in flight is an owner reference: the session can not end before its last completion.
 * The memory goes when the handle is retired, after the last event was seen, and the last pin is dropped.
 */
#ifndef ICN_NET_SESSION_H
#define ICN_NET_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/check.h"
#include "net/close.h"
#include "net/connector.h"
#include "net/guard.h"
#include "net/loop.h"
#include "net/send_queue.h"
#include "port/port.h"
#include "util/timer.h"

typedef enum icn_session_state {
    ICN_SESSION_STARTING = 0,
    ICN_SESSION_CONNECTING,
    ICN_SESSION_OPEN,
    ICN_SESSION_FLUSHING,
    ICN_SESSION_LINGERING,
    ICN_SESSION_ENDING,
    ICN_SESSION_ENDED
} icn_session_state;

/*
 * Who may write session->close, and whether it may be read. Goes from one of the UNCLAIMED through one WRITING to one of the
 * last two. Not UNCLAIMED itself: what is received is not handed out as it came.
 */
typedef enum icn_close_claim {
    ICN_CLOSE_UNCLAIMED = 0,
    ICN_CLOSE_UNCLAIMED_APART,       /* the session has a framing, or had one */
    ICN_CLOSE_UNCLAIMED_HEADER,      /* the session awaits the header of a proxy */
    ICN_CLOSE_UNCLAIMED_CONDITIONED, /* the session has a conditioner: what is sent waits in the queue, too */
    ICN_CLOSE_WRITING,
    ICN_CLOSE_BY_HOST,   /* iocpnet_session_disconnect */
    ICN_CLOSE_BY_LIBRARY /* the peer, an error, a limit, or the service stops */
} icn_close_claim;

typedef struct icn_session {
    icn_loop *loop;
    uint64_t listener; /* handle; 0: connected out. This and the next in the order of the event's */
    uint64_t handle;

    /* Any thread. */
    icn_atomic_pointer user;
    icn_atomic_pointer extension;  /* see extension.h; NULL: never needed */
    icn_atomic_pointer framing;    /* icn_session_framing, once there is one until the session is gone; NULL: none */
    icn_atomic_u64 bytes_received; /* written by the owner */
    icn_atomic_u64 bytes_sent;     /* written by the owner */
    icn_atomic_u8 state;           /* icn_session_state; written by the owner */
    icn_atomic_u8 close_claim;     /* icn_close_claim */
    icn_atomic_u8 abort_requested; /* 1: a later disconnect asked to cut a graceful close short */
    icn_atomic_u8 pause_requested; /* 1: the host wants no receives */
    icn_atomic_u8 end_seen;        /* 1: the host has seen all that came before the end of the peer's stream */

    /* Owner thread. */
    uint8_t operations;      /* in flight: the owner references */
    bool attached : 1;       /* the socket is tied to the port */
    bool announced : 1;      /* CONNECTED was delivered */
    bool end_of_stream : 1;  /* nothing more can be received: the peer's FIN, or an error */
    uint8_t broken : 1;      /* an error ended an operation: nothing more can be sent either */
    uint8_t conditioned : 1; /* the extension has a conditioner, which is in use. Looked at with `broken` */
    uint8_t late : 1;        /* what is queued is bound as it leaves, some of it. Looked at with these two */
    bool cut : 1;            /* did not end gracefully: the connection is reset when the socket is closed */
    bool unanswered : 1;     /* does not receive before the host has said what it consumed */
    uint8_t cut_error;       /* what cut a graceful close short: minus its status; 0: nothing did */

    icn_endpoint endpoint; /* while no connect or send is in flight, the node of its writer is for loop->unflushed */
    icn_send_queue send_queue; /* any thread, some of it */
    icn_list_node loop_node;   /* loop->sessions; then the event queue's list of ended sessions */
    icn_kick kick;             /* any thread */
    /* One after the other: a session has no deadline any more when it waits for its operations, and is in no list of its
     * loop once it has ended. */
    union {
        icn_timer timer;         /* until ENDING: of the connect, then of the guard, then of the graceful close */
        icn_list_node finishing; /* while ENDING: loop->finishing */
        uint64_t ended_at; /* once ENDED, the event queue's: the last event is due when the host has fetched so far */
    } end;
    icn_close_kept close; /* written once, by the thread that claimed it, before the claim is published */
#if defined(ICN_TEST_HOOKS)
    uint32_t forgotten;            /* last completions that did not drop their hold */
    icn_atomic_u32 drop_forgotten; /* any thread: 1 asks the owner to drop them now */
#endif
    uint16_t cut_os_error; /* the system's code that goes with cut_error; 0: none, or one that needs more */
    /* Packed, of endpoint.family; constant once it is open. Last: a session has only as many bytes of it as its family
     * needs, unless it is behind a proxy, which may tell of another family. */
    uint8_t remote[ICN_ADDRESS_PACKED_MAX];
} icn_session;

struct icn_framing;
struct icn_listener;

typedef struct icn_session_options {
    uint64_t listener;               /* handle; 0: connects out */
    struct icn_listener *proxied_by; /* that listener, when it is behind a proxy: a guard is needed, too; else NULL */
    const icn_address *remote;
    uint32_t connect_timeout_ms;
    bool no_delay;
    void *user;
    const struct icn_framing *framing;      /* copied; NULL: none */
    const icn_guard_options *guard;         /* NULL: none */
    const icn_connector_options *connector; /* NULL: none; else `remote` is, and there is no socket yet */
} icn_session_options;

/* What stands in front of the session, in the same block; NULL: nothing. Constant: any thread. */
static inline icn_guard *icn_session_guard(const icn_session *session)
{
    return (session->endpoint.mark & ICN_MARK_GUARD) != 0 ? (icn_guard *)(uintptr_t)session - 1 : NULL;
}

/* The same for what stands in front of that. */
static inline icn_connector *icn_session_connector(const icn_session *session)
{
    uintptr_t behind = (uintptr_t)session - ((session->endpoint.mark & ICN_MARK_GUARD) != 0 ? sizeof(icn_guard) : 0);
    return (session->endpoint.mark & ICN_MARK_CONNECTOR) != 0 ? (icn_connector *)behind - 1 : NULL;
}

/* The deadline of a graceful close, unless it is told another one. Any thread. */
static inline uint32_t icn_session_close_timeout_ms(const icn_session *session)
{
    const icn_guard *guard = icn_session_guard(session);
    bool own = guard != NULL && guard->options.linger_ms != 0;
    return own ? guard->options.linger_ms : session->loop->roster->close_timeout_ms;
}

/* ---- making (session.c); any thread ---- */

/*
 * Makes a session around a socket, which is the session's on success. It waits to be handed over.
 * Errors: NO_MEMORY, LIMIT_REACHED, CLOSED (the service is stopped).
 */
int32_t icn_session_create(icn_loop *loop, icn_os_socket socket, const icn_session_options *options,
                           icn_session **created);

/* Hands a new session to its loop, once: from then on it can end at any moment. */
void icn_session_hand_over(icn_session *session);

/* The handler of its kick: looks at everything that another thread may have asked for. Owner thread. */
void icn_session_look(icn_kick *kick);

/* Makes the owner look at the session. The caller has a pin, or the session is not retired. */
void icn_session_kick(icn_session *session);

/* Ends the handle; the last pin frees the memory. Called once, by whoever the terminal event went to. */
void icn_session_release(icn_session *session);

/* False: it connects by name, and where its peer is is not known. Any thread. */
bool icn_session_has_remote(const icn_session *session);
/* Where its peer is. Any thread. */
void icn_session_remote(const icn_session *session, icn_address *remote);

/* An event of the session: what all kinds have. One by one: for memset some compilers take an instruction that is slow. */
static inline void icn_session_begin_event(const icn_session *session, const icn_loop *loop, uint32_t kind,
                                           const void *data, uint64_t size, iocpnet_event *event)
{
    event->kind = kind;
    event->dispatcher = loop->index;
    event->service = loop->roster->service;
    event->listener = session->listener;
    event->session = session->handle;
    event->size = size;
    event->status = 0;
    event->os_error = 0;
    event->close_reason = 0;
    event->close_origin = 0;
    event->close_code = 0;
    event->bytes_unsent = 0;
    event->timer_id = 0;
    event->timer_count = 0;
    event->next_session = 0;
    event->data = data;
    event->user = icn_pointer_load(&session->user);
    event->close_text = NULL;
    event->reserved_pointer = NULL;
}

/* The same, and for CONNECT_FAILED and DISCONNECTED the close fields too. */
void icn_session_fill_event(const icn_session *session, uint32_t kind, iocpnet_event *event);

/* The last event of a session that has ENDED: DISCONNECTED or CONNECT_FAILED. */
static inline uint32_t icn_session_last_event(const icn_session *session)
{
    return session->announced ? IOCPNET_EVENT_DISCONNECTED : IOCPNET_EVENT_CONNECT_FAILED;
}

/* Delivers an event of the session; when it can not be kept the session closes with NO_RESOURCES. Owner thread. */
void icn_session_deliver(icn_session *session, const iocpnet_event *event);

static inline icn_session_state icn_session_state_now(const icn_session *session)
{
    return (icn_session_state)icn_u8_load(&session->state);
}

/* ---- opening (session_open.c); owner thread ---- */

/* The first look of the loop at a new session: announces it, or starts its connect. */
void icn_session_start(icn_session *session);
/* The connection is there, and who it is with is known: announces the session. */
void icn_session_opened(icn_session *session);
void icn_session_connect_completed(icn_operation *operation, const icn_completion *completion);

/* Since the session was connected, in steps of 16 ms; 0: it never was. Any thread. */
uint64_t icn_session_age_ms(const icn_session *session);

/* ---- receiving (session_receive.c) ---- */

/* Starts, or stops, receiving as what is asked for demands. Owner thread. */
void icn_session_update_receive(icn_session *session);
void icn_session_receive_completed(icn_operation *operation, const icn_completion *completion);
/* The same where events go to a queue. */
void icn_session_receive_to_queue(icn_operation *operation, const icn_completion *completion);
/* What is received, counted, and held back by nothing but a framing any more. Owner thread. */
void icn_session_hand_on(icn_session *session, const void *data, uint32_t size);
/* The event queue is full, or has room again: no session of the loop receives, or all do as they want. Owner thread. */
void icn_sessions_starve(icn_loop *loop, bool starved);
/* The host has seen all that came before the end of the peer's stream. The session is not retired. Any thread. */
void icn_session_end_seen(icn_session *session);
/* Owner thread: the peer of an open session ended its stream, and all that it sent was handed out. */
void icn_session_tell_end_of_stream(icn_session *session);
/* Owner thread: closes a session whose peer ended the stream, once that was seen, and unless receiving is paused. */
void icn_session_pursue_end_of_stream(icn_session *session);
/* Any thread. Return IOCPNET_OK or IOCPNET_E_CLOSED. */
int32_t icn_session_set_pause(icn_session *session, bool pause);

/* ---- sending (session_send.c) ---- */

/* Any thread. `bytes`: the sum of the pieces. Errors as iocpnet_session_send. */
int32_t icn_session_send(icn_session *session, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes);
/* Any thread: takes room in the queue, and in the budget. WOULD_BLOCK, of which WRITABLE or the end follows, or NO_MEMORY. */
int32_t icn_session_reserve(icn_session *session, uint64_t bytes);
/* Any thread: gives back what was taken, and is not needed after all. */
void icn_session_give_up(icn_session *session, uint64_t bytes);
/* Owner thread: the same for what the queue no longer has. Whoever waits for room is looked at later. */
void icn_session_give_back(icn_session *session, uint64_t bytes);
/* Any thread: WRITABLE is to come once the queue has room for so many bytes. */
void icn_session_owe_writable(icn_session *session, uint64_t bytes);
/* Any thread: WRITABLE is to come, or the session waits for the budget. */
bool icn_session_is_owed_writable(const icn_session *session);
/* Aborts a session without room in its send queue, unless a close was asked for before, which then sends what is queued. Any
 * thread. (session_close.c) */
void icn_session_disconnect_full(icn_session *session);
/* Gives back to the budget what the system has taken, and tells the host of it if it wants to know. Owner thread. */
void icn_session_tell_sent(icn_session *session, uint32_t bytes);

/* The system has taken `bytes`, which are out of the queue. Owner thread. */
static inline void icn_session_account_sent(icn_session *session, icn_loop *loop, uint32_t bytes)
{
    icn_u64_count(&session->bytes_sent, bytes);
    icn_u64_count(&loop->counters.bytes_sent, bytes);
    if (icn_loop_follows_sent(loop)) {
        icn_session_tell_sent(session, bytes);
    }
}
/* What follows once bytes were taken: WRITABLE, the rest of the queue, a close that waits for it. Owner thread. */
void icn_session_go_on_sending(icn_session *session);

/* True when WRITABLE is owed, or a close was asked for. */
static inline bool icn_session_owes(const icn_session *session)
{
    return icn_u32_load(&session->send_queue.writable_below) != 0 ||
           icn_u8_load(&session->close_claim) >= ICN_CLOSE_WRITING;
}
/* The same for all bytes of a shared buffer, which the caller has a pin of, or holds. */
int32_t icn_session_send_buffer(icn_session *session, icn_buffer *buffer);
/* The same for a broadcast that waited in the inbox. Owner thread, while the session is open: a graceful close that was
 * asked for after the broadcast sends it. */
int32_t icn_session_send_promised(icn_session *session, icn_buffer *buffer);
/* Owner thread: shares out what other threads sent, so that it leaves with this turn. */
void icn_sessions_collect(icn_loop *loop);
/* Owner thread, once, when the session has ended: nothing is accepted any more. Returns the bytes that were never sent. */
uint64_t icn_session_close_sends(icn_session *session);
/* Owner or borrower. While a send is in flight its completion does it, and its node is the port's. */
static inline void icn_session_flush_with_turn(icn_session *session)
{
    icn_operation *send = &session->endpoint.writer;
    if (send->state == ICN_OPERATION_IDLE && !icn_list_holds(&send->node)) {
        icn_list_append(&session->loop->unflushed, &send->node);
    }
}
/* Owner thread: submits what is queued, unless a send is in flight. */
void icn_session_flush(icn_session *session);
/* Sends at most so many bytes of what is queued, of a session with a conditioner. Returns how many the system took at once;
 * 0: it takes none now, and the send waits, or one does already, or nothing can be sent. */
uint32_t icn_session_send_some(icn_session *session, uint32_t bytes_max);
/* The same when the system has just taken less than it was offered: the send waits. Something is queued. */
void icn_session_start_send(icn_session *session);

void icn_session_send_completed(icn_operation *operation, const icn_completion *completion);
/* Delivers WRITABLE if it is owed. Owner thread. */
void icn_session_check_writable(icn_session *session);

/* ---- serving (session_serve.c): around the RECEIVED callback; owner thread ---- */

/* Calls the callback for RECEIVED, and sends what it sent to its session. */
void icn_session_serve(icn_session *session, icn_loop *loop, const void *received, uint32_t bytes);
/* The same for a message of a framed session. A function of its own: the other one is to be inlined where it is called. */
void icn_session_serve_message(icn_session *session, icn_loop *loop, const void *message, uint32_t bytes);

/* True inside the RECEIVED callback of this session. */
static inline bool icn_session_is_served(const icn_session *session)
{
    const icn_service_window *served = &session->loop->served;
    return served->event.size != 0 && served->session == session;
}

/* iocpnet_session_send on the thread of the loop: true when the bytes are taken as a reply, to be sent when the callback
 * returns. False: they have to be copied, or refused. */
bool icn_session_reply(icn_loop *loop, uint64_t handle, const void *data, uint64_t bytes);
/*
 * iocpnet_session_send by the borrower of the loop's gate: true when the bytes are those of an event that the last poll
 * handed out, and go back to its session with the next turn. False: as any other send.
 */
bool icn_session_answer(icn_loop *loop, uint64_t handle, const void *data, uint64_t bytes);
/* Owner or borrower: copies all answers to the queues of their sessions. */
void icn_answers_keep(icn_loop *loop);
/* Owner thread, before a turn: sends all answers. */
void icn_answers_send(icn_loop *loop);
/* What was sent back and not copied goes to the queue, before something else does. False: no memory, nothing changed. */
bool icn_session_keep_reply(icn_session *session);
/* The same for the session that is being served, if any: without memory the reply is lost, and the session fails. */
void icn_loop_keep_reply(icn_loop *loop);

/* ---- operations in flight; owner thread ---- */

/* Takes an owner reference, before an operation is started. */
static inline void icn_session_hold(icn_session *session)
{
    session->operations++;
    icn_loop_operation_started(session->loop);
}

/* Drops it, with the last completion of the operation. */
static inline void icn_session_drop(icn_session *session)
{
    ICN_CHECK(session->operations != 0);
    session->operations--;
    icn_loop_operation_ended(session->loop);
}

/* ---- closing (session_close.c) ---- */

/* True when a close was asked for by anybody. Any thread. */
static inline bool icn_session_is_closing(const icn_session *session)
{
    return icn_u8_load(&session->close_claim) >= ICN_CLOSE_WRITING;
}

/* True: what is sent back goes to the queue like the rest, for the session closes, or has a conditioner. Any thread. */
static inline bool icn_session_queues_all(const icn_session *session)
{
    return icn_u8_load(&session->close_claim) >= ICN_CLOSE_UNCLAIMED_CONDITIONED;
}

/* Any thread: iocpnet_session_disconnect. `close` is copied; its note is taken over. */
void icn_session_disconnect(icn_session *session, const icn_close *close);
/* Owner thread: the peer, an error, a limit. Does nothing when a close was claimed before. */
void icn_session_close(icn_session *session, const icn_close *close);
/* Owner thread: acts on a close that was published, if it has not yet. */
void icn_session_pursue_close(icn_session *session);
/* Owner thread: what is queued has been sent. */
void icn_session_flushed(icn_session *session);
/* Owner thread: nothing more is done with a completion. The session finishes if it was the last one it waited for. */
void icn_session_operation_ended(icn_session *session);
/* Owner thread: cancels what is in flight, then finishes. A close was published. */
void icn_session_end(icn_session *session);
/* Owner thread: the connect or the graceful close took too long. */
void icn_session_deadline_passed(icn_timer *timer);
/* Owner thread: an operation failed. */
void icn_session_fail(icn_session *session, int32_t status, int32_t os_error);
/* Owner thread: every session of the loop closes with SERVICE_STOPPED, by loop->stop_deadline_ms at the latest. */
void icn_sessions_stop(icn_loop *loop);

/* ---- the end (session_finish.c); owner thread ---- */

/* From loop->finishing. May find that it is too early after all, and do nothing. */
void icn_session_finish(icn_list_node *node);
/* Ends the session at the end of this turn, if nothing is in flight any more. */
void icn_session_finish_soon(icn_session *session);

#endif
