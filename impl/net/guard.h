/*
 * Deadlines and limits of a session, and where its address is counted: only sessions that have any of it have a guard, in
 * front of them in the same block of memory. Nothing is done for a message of others: the deadline of silence looks at the
 * count of bytes four times while it runs, a receive is charged by a function that stands before the usual one in loops that
 * have had a session with a rate, and messages are looked at where a session has a limit of theirs. Owner thread, unless
 * marked otherwise.
 */
#ifndef ICN_NET_GUARD_H
#define ICN_NET_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/port.h"
#include "util/address_table.h"
#include "util/token_bucket.h"

struct icn_loop;
struct icn_session;

/* As the host gives them, 0: none. Constant. */
typedef struct icn_guard_options {
    uint32_t first_bytes_timeout_ms;
    uint32_t idle_timeout_ms;
    uint64_t receive_bytes_per_s;
    uint32_t receive_events_per_s;
    uint32_t receive_messages_per_s;
    uint32_t message_bytes_per_s;
    bool disconnect; /* when it receives too much; else it is throttled */
    uint32_t linger_ms;
    icn_address_place place; /* in roster->addresses */
} icn_guard_options;

typedef struct icn_guard {
    icn_guard_options options;
    icn_bucket bytes;
    icn_bucket events;
    icn_bucket messages;
    uint64_t opened_ms;       /* or the last time that the host did not let it receive, before the first bytes */
    uint64_t active_ms;       /* when it was seen last that something had come, or that nothing could */
    uint64_t bytes_seen;      /* by then */
    uint64_t throttled_until; /* 0: it receives as it wants */
    uint64_t second_ms;       /* when the present second of an incomplete message began; 0: none is incomplete */
    uint64_t second_bytes;    /* that the session had received by then */
} icn_guard;

/* True: what is cut into messages is to be told to icn_guard_messages_came. Constant: any thread. */
static inline bool icn_guard_counts_messages(const icn_guard *guard)
{
    return guard != NULL && (guard->options.receive_messages_per_s != 0 || guard->options.message_bytes_per_s != 0);
}

/* False: a session with these needs no guard. Any thread. */
bool icn_guard_is_needed(const icn_guard_options *options);

/* The session is open: its deadlines begin. It uses the timer of the session, which an open one does not need. */
void icn_guard_start(struct icn_session *session, icn_guard *guard);
/* The timer of an open session is due. */
void icn_guard_look(struct icn_session *session, icn_guard *guard);

/* What a session received was looked at: `whole` messages were handed out, and there are so many bytes of one that has
 * begun, or none. */
void icn_guard_messages_came(struct icn_session *session, icn_guard *guard, uint32_t whole, uint32_t begun);

/* In front of the usual function for receives. */
void icn_guard_receive_completed(icn_operation *operation, const icn_completion *completion);

#endif
