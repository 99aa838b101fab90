/*
 * Framing of a session: what it received is cut into messages, each of which is an event. A session that never had a framing
 * has none of this, but for a pointer.
 */
#ifndef ICN_NET_SESSION_FRAMING_H
#define ICN_NET_SESSION_FRAMING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/framer.h"
#include "net/receive_buffer.h"
#include "net/session.h"
#include "os/thread.h"

typedef struct icn_session_framing {
    icn_mutex mutex;
    icn_framing wanted; /* under the mutex: as the host has set it; messages are sent by it */
    /* Under the mutex, of a stream: what the last event offered, 0 once the host can consume no more of it; and its answer. */
    uint32_t offered;
    uint32_t consumed;
    bool answered;
    icn_atomic_u32 changed; /* any thread: 1 until the owner has taken over what is wanted */

    /* Owner thread. */
    icn_framing framing;
    icn_receive_buffer kept; /* bytes of a message that is not whole; or of some that have to wait */
    bool looks;              /* at what comes whole, too: it is a stream, or messages are counted */
    uint32_t messages;       /* handed out, and not told to the guard; where it counts them */
    uint32_t scanned;        /* of the message that begins with `kept`: see icn_framing_look */
    bool waits;              /* the session was paused, or closed, before all that is kept was looked at */
    uint32_t seen;           /* of a stream: bytes of `kept` that the host was offered; no event without more */
    bool awaits;             /* of a stream, by batches: the host has still to say what it consumed */
    bool end_untold;         /* the peer ended its stream behind messages that wait */
} icn_session_framing;

/* A new session, which nobody else knows: its framing from the start. False: no memory. */
bool icn_session_begin_framing(icn_session *session, const icn_framing *framing);
/* Any thread; nobody else knows of the session any more. */
void icn_session_end_framing(icn_session *session);

/* Any thread: iocpnet_session_set_framing. OK, NO_MEMORY or CLOSED. */
int32_t icn_session_set_framing(icn_session *session, const icn_framing *framing);
/* Any thread: iocpnet_session_consume. */
int32_t icn_session_consume(icn_session *session, uint64_t bytes);
/* Any thread: iocpnet_session_send_message. */
int32_t icn_session_send_message(icn_session *session, const void *data, uint64_t size);
/* Any thread: iocpnet_session_send_latest of a message. */
int32_t icn_session_send_latest_message(icn_session *session, uint64_t key, const void *data, uint64_t size);

/*
 * With batches the bytes may lie where the records of their own events are to be written: they go to the port's own
 * memory, which is free as long as nothing lands there. What is all that came, and one event, may stay where it is. Owner
 * thread.
 */
static inline const void *icn_session_make_way(const icn_loop *loop, const void *data, uint32_t size)
{
    void *own = loop->port->landing_own;
    if (loop->deliver_received == NULL || own == NULL || data == own) {
        return data;
    }
    memmove(own, data, size);
    return own;
}

/* Owner thread: bytes came, which are counted. The session is open. */
void icn_session_cut_into_messages(icn_session *session, const void *data, uint32_t size);
/* The same for bytes that a conditioner held: with batches they lie in the port's own memory. */
void icn_session_cut_held(icn_session *session, const void *data, uint32_t size);
/* Any thread: from here on what is received is not handed out as it came. The framing was set before. */
void icn_session_receive_apart(icn_session *session);
/* Owner thread: hands out what waited, as far as it may. */
void icn_session_look_at_kept(icn_session *session);
/* Owner thread: the peer ended its stream. True: messages wait to be handed out before that is told. */
bool icn_session_keeps_end(icn_session *session);

#endif
