/*
 * What only some sessions need, in a block of its own: their groups, the timers that the host sets on them, their place
 * among those that the budget has refused, the state that is still to be sent. Made when it is first needed; ended by the
 * owner, before the session's last event.
 *
 * Any thread with a pin makes it by replacing the session's empty pointer; the owner ends it by exchanging the pointer for
 * a mark that stays. Whoever looks at the pointer under one of the mutexes below may use what it finds until it unlocks:
 * the owner exchanges it under that of the groups, and takes the others after it, before it frees the block.
 */
#ifndef ICN_NET_EXTENSION_H
#define ICN_NET_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"
#include "net/budget.h"
#include "net/latest.h"

struct icn_conditioner;
struct icn_group;
struct icn_session;

typedef struct icn_extension {
    struct icn_session *session; /* constant */
    struct icn_group **groups;   /* under the mutex of the service's groups */
    uint32_t group_count;
    uint32_t group_capacity;
    uint32_t alarm_count; /* under the mutex of the loop's schedule, as the next */
    icn_list alarms;      /* timers that the host has set */

    icn_budget_place budget; /* under the mutex of the budget */
    icn_latest latest;       /* under the mutex of loop->latest */

    struct icn_conditioner *conditioner;        /* owner thread; NULL: never had one */
    struct icn_conditioner *conditioner_wanted; /* under the mutex of the groups, as the next; NULL: none */
    bool conditioner_off;                       /* the host wants none any more */
    icn_atomic_u32 conditioner_changed;         /* any thread: 1 until the owner has looked at these two */
} icn_extension;

/*
 * The session is to have one. Any thread with a pin. Returns IOCPNET_OK, IOCPNET_E_INVALID_STATE (still connecting),
 * IOCPNET_E_CLOSED (closing) or IOCPNET_E_NO_MEMORY.
 */
int32_t icn_extension_make(struct icn_session *session);

/* The same for one that is not open yet. Owner thread. IOCPNET_OK or IOCPNET_E_NO_MEMORY. */
int32_t icn_extension_make_early(struct icn_session *session);

/* Under one of the mutexes, or on the owner thread, for its own part. NULL: there is none, or the session has ended. */
icn_extension *icn_extension_now(const struct icn_session *session);

/* Owner thread, once, before the last event of the session. */
void icn_extension_end(struct icn_session *session);

#endif
