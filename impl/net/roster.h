/*
 * What all loops of one service share: its limits, the count of what keeps it from being stopped, and where the next
 * session goes. Any thread.
 */
#ifndef ICN_NET_ROSTER_H
#define ICN_NET_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"
#include "iocpnet.h"
#include "net/resolver.h"
#include "os/thread.h"
#include "util/address_table.h"

struct icn_budget;
struct icn_loop;

typedef struct icn_roster icn_roster;

/* See group.h. */
typedef struct icn_groups {
    icn_mutex mutex;
    icn_list all;
    bool closed; /* the service is being destroyed: no more are made */
} icn_groups;

struct icn_roster {
    uint64_t service; /* handle; each session and listener pins it */
    struct icn_loop **loops;
    uint32_t loop_count;
    uint32_t sessions_max; /* 0: no limit */
    uint32_t close_timeout_ms;
    uint32_t spin_us;
    icn_address_table *addresses; /* NULL: they have no limits. Constant */
    uint32_t send_policy;         /* IOCPNET_SEND_* */
    uint64_t send_queue_bytes_max;
    uint64_t send_queue_bytes_low;
    uint32_t receive_buffer_bytes;
    uint64_t created_ms;            /* when ages begin. Constant */
    struct icn_budget *budget;      /* NULL: none. Constant */
    icn_atomic_pointer conditioner; /* see conditioner.h; once there is one until the service is gone. NULL: none */

    icn_groups groups;
    icn_resolver resolver;
    icn_atomic_u64 jitter; /* where the random numbers of reconnects are, see backoff.h */

    /* Loops that have not stopped, sessions and listeners. At 0, for ever, the service is stopped. */
    icn_atomic_u64 holds;
    void (*stopped)(icn_roster *roster); /* runs once, on the thread that dropped the last hold */

    icn_atomic_u64 sessions_live;
    icn_atomic_u64 sessions_peak;
    icn_atomic_u64 broadcasts;      /* calls that were accepted */
    icn_atomic_u64 broadcast_sends; /* of sessions that got one */
    icn_atomic_u64 broadcast_skips; /* of sessions without room */
    icn_atomic_u32 drain_ms;        /* once it stops; written before the loops are told, lowered to 0 by destroy */

    /* What became of the sessions that ended while stopping. */
    icn_atomic_u64 sessions_drained;
    icn_atomic_u64 sessions_aborted;
    icn_atomic_u64 bytes_unsent;
};

/* False when the service is stopped already. */
bool icn_roster_hold(icn_roster *roster);
void icn_roster_drop(icn_roster *roster);

/* Counts one session more; false when sessions_max is reached. */
bool icn_roster_admit(icn_roster *roster);
void icn_roster_dismiss(icn_roster *roster);

/* The loop with this index, or for IOCPNET_DISPATCHER_ANY the one with the fewest sessions. NULL: no such index. */
struct icn_loop *icn_roster_choose_loop(icn_roster *roster, uint32_t index);

#endif
