/*
 * The memory budget of a service: what all its sessions together hold for their peers. Any thread.
 *
 * Up to the low mark bytes are taken by one atomic addition. Above it a mutex orders what is taken with who waits: the last
 * part is kept for sessions that hold little, so that a peer that reads goes on while others let theirs pile up; between the
 * low mark and that part only those go on whose turn it is, once somebody waits. Who was refused has its turn, and WRITABLE,
 * in the order of the refusals, one by one: the next one when the one before was told, and there is still room.
 */
#ifndef ICN_NET_BUDGET_H
#define ICN_NET_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"
#include "net/loop.h"
#include "os/thread.h"

struct icn_extension;
struct icn_session;

/* Parts of a budget: up to which somebody is told that there is room, and up to which everybody may take. */
#define ICN_BUDGET_LOW(bytes) ((bytes) / 2)
#define ICN_BUDGET_SHARED(bytes) ((bytes) / 4 * 3)
/* Most bytes of one session: what was refused always fits between the two. */
#define ICN_BUDGET_SESSION(bytes) ((bytes) / 4)

typedef struct icn_budget {
    icn_atomic_u64 used;
    icn_atomic_u64 refused; /* times */
    icn_atomic_u32 waiting; /* length of `waiters`; written under the mutex */
    uint64_t bytes_max;     /* constant */

    icn_mutex mutex;
    icn_list
        waiters; /* under the mutex, as the next: extensions of sessions, the one that was refused first in front */
    uint64_t log_again_ms;
} icn_budget;

/* What an extension has of it, under the mutex of the budget. */
typedef struct icn_budget_place {
    icn_list_node node; /* budget->waiters */
    uint64_t bytes;     /* most that was refused since it waits */
    bool has_turn;      /* it was told that there is room */
} icn_budget_place;

/* For loop->wanted. */
static inline uint64_t icn_budget_bit(const icn_budget *budget)
{
    return budget != NULL ? ICN_LOOP_BUDGETED : 0;
}

/* NULL: no memory. */
icn_budget *icn_budget_create(uint64_t bytes_max);
/* NULL: nothing. Everything was given back. */
void icn_budget_destroy(icn_budget *budget);

/*
 * Takes bytes for the session, which holds `held` with them. IOCPNET_OK, IOCPNET_E_NO_MEMORY, or IOCPNET_E_WOULD_BLOCK: then
 * WRITABLE follows, unless such sessions are disconnected. The caller has a pin of the session, or is its owner.
 */
int32_t icn_budget_take(struct icn_session *session, uint64_t bytes, uint64_t held);
/* True when the session was refused, and was not told yet that there is room. As icn_budget_take. */
bool icn_budget_is_awaited(const struct icn_session *session);
/* Gives back what was taken, and tells the next one that waits, when there is room. */
void icn_budget_give_back(icn_budget *budget, uint64_t bytes);
/* Tells the next one. */
void icn_budget_look(icn_budget *budget);
/* Owner thread: the session ends, and its extension is not to be found any more. */
void icn_budget_leave(icn_budget *budget, struct icn_extension *extension);

#endif
