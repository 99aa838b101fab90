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
#include "os/thread.h"

struct icn_loop;

typedef struct icn_gate {
    icn_atomic_u64 holder;    /* a thread and what it is to the gate; 0: none */
    icn_atomic_u32 claimants; /* threads that wait for it to be left */
    bool kept;                /* constant: never freed, so that it may be borrowed */
    bool taken;               /* of those kept: in use */
    struct icn_loop *loop;    /* constant while it is in use */
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

/* False: the calling thread was not the last one inside, or another one waits. `gate`: one in use, or of this thread. */
bool icn_gate_borrow(icn_gate *gate);
void icn_gate_give_back(icn_gate *gate);

#if defined(ICN_TEST_HOOKS)
/* All are as at the start of the process. */
void icn_gate_forget_all(void);
#endif

#endif
