/*
 * The conditioner of a session, for tests: what it receives waits between the port and the session, framing included; what
 * it sends waits in its send queue. Only a session that has one has any of this, in a block of its own, and a bit and a
 * state (ICN_CLOSE_UNCLAIMED_CONDITIONED) that keep the ways for others as short as they are.
 *
 * A loop with such sessions has a wheel of timers for them, and one timer in its own wheel that fires when one of these is
 * due. The service's settings are under a mutex, as are those of a session that its owner has still to take over.
 */
#ifndef ICN_NET_CONDITIONER_H
#define ICN_NET_CONDITIONER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/lane.h"
#include "net/loop.h"

struct icn_session;

typedef struct icn_conditioner icn_conditioner;

/* Checked; as the host gives them. */
typedef struct icn_conditioner_settings {
    icn_lane_rules receive;
    icn_lane_rules send;
    uint64_t seed;
    uint32_t hold_bytes_max;
} icn_conditioner_settings;

/* ---- any thread ---- */

/* For sessions that open from now on; NULL: none. The seed is not 0. IOCPNET_OK or IOCPNET_E_NO_MEMORY. */
int32_t icn_roster_set_conditioner(icn_roster *roster, const icn_conditioner_settings *settings);
/* Nobody uses the roster any more. */
void icn_roster_end_conditioner(icn_roster *roster);
/* NULL: none. IOCPNET_OK, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED or IOCPNET_E_NO_MEMORY. */
int32_t icn_session_set_conditioner(struct icn_session *session, const icn_conditioner_settings *settings);

/* One that was never used; NULL is ignored. */
void icn_conditioner_destroy_unused(icn_conditioner *conditioner);

/* ---- owner thread ---- */

/* A session of a service with a conditioner is about to open. False: no memory, and it fails. */
bool icn_conditioner_begin(struct icn_session *session);
/* The session was kicked: it may have new settings, or may receive again. */
void icn_conditioner_look(struct icn_session *session);
/* Bytes came, which are counted, to an open session that has one. */
void icn_conditioner_receive(struct icn_session *session, const void *data, uint32_t size);
/* The peer ended its stream. True: that is told later. */
bool icn_conditioner_keeps_end(struct icn_session *session);
/* It holds as much as it may of what a session has received. */
bool icn_conditioner_is_full(const struct icn_session *session);
/* Sends what is due. The session has one, and may send. */
void icn_conditioner_send(struct icn_session *session);
/* A timer of the loop is due: false when it is not the conditioners'. */
bool icn_conditioners_due(icn_loop *loop, const icn_timer *timer);
/* The session ends, or nobody else knows of it. NULL is ignored. */
void icn_conditioner_destroy(icn_conditioner *conditioner);
/* No session is left. */
void icn_conditioners_fini(icn_loop *loop);

#endif
