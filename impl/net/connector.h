/*
 * What a session that connects out needs when there is more to it than one address: a name that is resolved first, several
 * addresses that are tried side by side (RFC 8305), and what follows when the connection ends. It stands in front of the
 * session in the same block of memory, as the guard does; a session that connects to one address has none.
 *
 * Each attempt is a socket of its own, an operation in flight of the session. The first one that is connected becomes the
 * session's socket; the others are closed. Owner thread, unless marked otherwise.
 */
#ifndef ICN_NET_CONNECTOR_H
#define ICN_NET_CONNECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/atomic.h"
#include "base/host_name.h"
#include "net/backoff.h"
#include "net/framer.h"
#include "net/guard.h"
#include "net/resolver.h"
#include "os/socket.h"
#include "port/port.h"

struct icn_loop;
struct icn_session;

/* What the host asked for, the same for each session of a row. Constant. */
typedef struct icn_connect_plan {
    char name[ICN_HOST_NAME_SIZE]; /* "": `remote` is known */
    bool no_delay;
    bool has_socket_options;
    icn_address remote; /* with a name, its port only */
    icn_address local;  /* ICN_ADDRESS_NONE: any */
    icn_os_socket_options socket;
    icn_framing framing;
    icn_guard_options guard;
    icn_backoff reconnect;
    uint32_t timeout_ms; /* 0: none */
    uint32_t attempt_delay_ms;
} icn_connect_plan;

/* What is different in each session of a row. */
typedef struct icn_connector_options {
    const icn_connect_plan *plan;
    uint32_t failures; /* sessions of the row before it that ended soon */
    uint32_t delay_ms; /* before it begins */
    bool asked;        /* its lookup is submitted by whoever makes it, before it is handed over */
} icn_connector_options;

typedef enum icn_attempt_state {
    ICN_ATTEMPT_NONE = 0,
    ICN_ATTEMPT_IN_FLIGHT,
    ICN_ATTEMPT_SUCCEEDED,
    ICN_ATTEMPT_FAILED,
    ICN_ATTEMPT_OVER /* its socket is closed, or the session's */
} icn_attempt_state;

typedef struct icn_attempt {
    icn_endpoint endpoint;
    struct icn_session *session;
    icn_address address;
    icn_result result;
    icn_attempt_state state;
} icn_attempt;

typedef struct icn_connector {
    icn_connect_plan plan;
    icn_atomic_pointer answer; /* icn_lookup; stored by a thread of the resolver, with a pin */
    icn_attempt *attempts;     /* NULL: none are there yet, or any more */
    uint32_t attempt_count;
    uint32_t attempt_capacity;
    uint32_t started;
    uint32_t over;
    uint32_t failures;
    uint32_t delay_ms;
    bool asked;
    bool begun;
    icn_result failure;   /* of the attempts, the one that tells most */
    uint64_t deadline_ms; /* 0: none */
    uint64_t next_ms;     /* when the next attempt is started */
    uint64_t opened_ms;   /* 0: never */
    uint64_t next;        /* the session that follows when this one has ended; 0: none */
    uint32_t next_delay_ms;
} icn_connector;

/* What is in endpoint.mark. */
#define ICN_MARK_GUARD 1u
#define ICN_MARK_CONNECTOR 2u
#define ICN_MARK_ATTEMPT 4u /* an endpoint of an icn_attempt, not of a session */
#define ICN_MARK_PROXIED 8u /* the session has an icn_proxied in front of its guard */
#define ICN_MARK_NO_DELAY 16u

/* Any thread; nobody else knows of it yet, or any more. */
void icn_connector_init(icn_connector *connector, const icn_connector_options *options);
void icn_connector_fini(icn_connector *connector);

/* A thread of the resolver: hands a lookup to its session, or frees it. */
void icn_connector_answer(icn_lookup *lookup);

/* The first look of the loop at its session. */
void icn_connector_start(struct icn_session *session, icn_connector *connector);
/* The session was kicked: an answer, or the end of an attempt. Not inside a completion. */
void icn_connector_look(struct icn_session *session, icn_connector *connector);
/* The timer of a connecting session is due, and not for its deadline. */
void icn_connector_due(struct icn_session *session, icn_connector *connector);
/* True: it has taken longer than it may. */
bool icn_connector_is_late(const icn_connector *connector);

/* ---- attempts (connector_attempt.c) ---- */

/* The addresses are known: starts with the first. */
void icn_connector_try(struct icn_session *session, icn_connector *connector, const icn_address *addresses,
                       uint32_t count);
/* Starts the next attempt that can be started; with none left, and none in flight, the session fails. */
void icn_connector_start_next(struct icn_session *session, icn_connector *connector);
/* Sets the timer: for the deadline, or the next attempt. */
void icn_connector_arm(struct icn_session *session, const icn_connector *connector);
/* Looks at attempts that have ended. Not inside a completion. */
void icn_connector_settle(struct icn_session *session, icn_connector *connector);
/* Nothing is in flight, and all that had begun are over. */
void icn_connector_forget(icn_connector *connector);
void icn_attempt_completed(icn_endpoint *endpoint, const icn_completion *completion);

/* The session ends: asks for the end of what is in flight. */
void icn_connector_cancel(struct icn_session *session, icn_connector *connector);

/* ---- the end ---- */

/* It has ended, and nothing is in flight. */
void icn_connector_finish(struct icn_session *session, icn_connector *connector);
/* Before its last event: makes the session that follows, if one is to. */
void icn_connector_follow(struct icn_session *session, icn_connector *connector);

/*
 * Makes the session of a plan, with the lookup of its name submitted, and hands it over. Any thread. `handle` is stored
 * before. Errors: those of icn_session_create and icn_lookup_create.
 */
icn_result icn_connector_begin(struct icn_loop *loop, const icn_connect_plan *plan, void *user, uint64_t *handle);

/*
 * In the order in which they are tried: the families take turns, the first one's begins, and within a family the system's
 * order stays (RFC 8305, 4). Pure.
 */
void icn_addresses_interleave(icn_address *addresses, uint32_t count);

#endif
