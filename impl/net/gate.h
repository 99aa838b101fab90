/*
 * The gate of a dispatcher: one thread at a time is inside, to drive it or to poll it.
 *
 * Where the host drives, the thread that was inside last may borrow what the gate guards: between its turns, by one
 * compare-and-exchange, for as long as a send takes. It fails as soon as any other thread has been inside, or waits to be.
 * Each that gets in acquires what the one before released, so whoever is inside or borrows owns the loop.
 *
 * These gates are never freed: a thread may try the one that it left last, whatever has become of the service since.
 */
#ifndef ICN_NET_GATE_H
#define ICN_NET_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/check.h"
#include "os/thread.h"

struct icn_loop;

/* In the lower bits of `holder`. */
typedef enum icn_gate_state {
    ICN_GATE_LEFT = 1, /* nobody is inside; this thread was the last one, and may borrow */
    ICN_GATE_INSIDE = 2,
    ICN_GATE_BORROWED = 3
} icn_gate_state;

#define ICN_GATE_STATE_BITS 2

/* In the upper half of `waiting`: those that have claimed the gate, before whom nobody new gets in. */
#define ICN_GATE_CLAIMANT (UINT32_C(1) << 16)

typedef struct icn_gate {
    icn_atomic_u64 holder;  /* a thread and what it is to the gate; 0: none */
    icn_atomic_u32 waiting; /* threads that wait for a borrower, and, times CLAIMANT, that are to have the gate next */
    bool kept;              /* constant: never freed, so that it may be borrowed */
    bool taken;             /* of those kept: in use */
    struct icn_loop *loop;  /* constant while it is in use */
    icn_mutex mutex;
    icn_condition left;
} icn_gate;

/* A gate that may be borrowed, or NULL: too many are in use. Any thread. */
icn_gate *icn_gate_take(struct icn_loop *loop);
/* Nobody is inside any more, or ever will be. */
void icn_gate_give_up(icn_gate *gate);

/* False: a thread is inside, or waits for its turn. It waits for one that borrows. Any thread that keeps the gate. */
bool icn_gate_enter(icn_gate *gate);
/* Two steps: from the first one on nobody new gets in; the second waits until nobody is inside, and is inside. */
void icn_gate_begin_claim(icn_gate *gate);
void icn_gate_claim(icn_gate *gate);
/* `borrows`: the calling thread may borrow it from now on. */
void icn_gate_leave(icn_gate *gate, bool borrows);
/* True while a thread is inside. */
bool icn_gate_is_entered(const icn_gate *gate);

static inline uint64_t icn_gate_word(uint64_t thread, icn_gate_state state)
{
    return thread << ICN_GATE_STATE_BITS | (uint64_t)state;
}

/* Tells those that wait that it was left. */
ICN_RARE void icn_gate_tell(icn_gate *gate);

/*
 * False: the calling thread, `self`, was not the last one inside, or another one waits. `gate`: one in use, or one that this
 * thread has left.
 */
static inline bool icn_gate_borrow(icn_gate *gate, uint64_t self)
{
    uint64_t left = icn_gate_word(self, ICN_GATE_LEFT);
    /* Only this thread stores this value, when it leaves: found again, nobody has been inside since. */
    return icn_u64_load_relaxed(&gate->holder) == left && icn_u32_load(&gate->waiting) == 0 &&
           icn_u64_replace(&gate->holder, &left, icn_gate_word(self, ICN_GATE_BORROWED));
}

/* Exchanges what the holder is to the gate. Any thread that holds it. */
static inline void icn_gate_pass_on(icn_gate *gate, uint64_t held, uint64_t next)
{
    uint64_t before = icn_u64_exchange(&gate->holder, next);
    ICN_CHECK(before == held);
    (void)before;
    (void)held;
    /* Leaving comes before this load, the count of who waits before its look at `holder`: one of the two sees the other. */
    icn_fence_after_change();
    if (icn_u32_load(&gate->waiting) != 0) {
        icn_gate_tell(gate);
    }
}

static inline void icn_gate_give_back(icn_gate *gate, uint64_t self)
{
    icn_gate_pass_on(gate, icn_gate_word(self, ICN_GATE_BORROWED), icn_gate_word(self, ICN_GATE_LEFT));
}

#if defined(ICN_TEST_HOOKS)
/* All are as at the start of the process. */
void icn_gate_forget_all(void);
#endif

#endif
