#include "net/gate.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

#define STATE_MASK ((UINT64_C(1) << ICN_GATE_STATE_BITS) - 1)

/* More services than this, driven by the host at a time, make do without borrowing. */
#define KEPT_MAX 128

static icn_gate kept[KEPT_MAX];
static icn_mutex kept_mutex;

icn_gate *icn_gate_take(struct icn_loop *loop)
{
    icn_gate *found = NULL;
    icn_mutex_lock(&kept_mutex);
    for (uint32_t i = 0; i < KEPT_MAX && found == NULL; i++) {
        if (!kept[i].taken) {
            found = &kept[i];
            found->taken = true;
            found->kept = true;
            found->loop = loop;
        }
    }
    icn_mutex_unlock(&kept_mutex);
    return found;
}

void icn_gate_give_up(icn_gate *gate)
{
    /* Whoever left it last finds no gate to borrow. */
    icn_u64_store(&gate->holder, 0);
    if (gate->kept) {
        icn_mutex_lock(&kept_mutex);
        gate->taken = false;
        icn_mutex_unlock(&kept_mutex);
    }
}

static uint64_t self_as(icn_gate_state state)
{
    return icn_gate_word(icn_thread_self(), state);
}

static uint64_t state_of(uint64_t holder)
{
    return holder & STATE_MASK;
}

/* True when nobody was inside; else `*holder` is what was found. */
static bool try_enter(icn_gate *gate, uint64_t *holder)
{
    *holder = icn_u64_load(&gate->holder);
    while (state_of(*holder) < ICN_GATE_INSIDE) {
        if (icn_u64_replace(&gate->holder, holder, self_as(ICN_GATE_INSIDE))) {
            return true;
        }
    }
    return false;
}

/* Counts before it looks, and who leaves looks at the count after it has left: one of the two sees the other. */
static void begin_waiting(icn_gate *gate, uint32_t count)
{
    icn_u32_add(&gate->waiting, count);
    icn_fence_after_change();
}

void icn_gate_begin_claim(icn_gate *gate)
{
    begin_waiting(gate, ICN_GATE_CLAIMANT);
}

static void wait_until_given_back(icn_gate *gate)
{
    begin_waiting(gate, 1);
    icn_mutex_lock(&gate->mutex);
    while (state_of(icn_u64_load(&gate->holder)) == ICN_GATE_BORROWED) {
        icn_condition_wait(&gate->left, &gate->mutex);
    }
    icn_mutex_unlock(&gate->mutex);
    icn_u32_subtract(&gate->waiting, 1);
}

bool icn_gate_enter(icn_gate *gate)
{
    uint64_t holder;
    while (!try_enter(gate, &holder)) {
        if (state_of(holder) != ICN_GATE_BORROWED) {
            return false;
        }
        wait_until_given_back(gate);
    }
    if (icn_u32_load(&gate->waiting) >= ICN_GATE_CLAIMANT) {
        /* A thread that stops the service waits for its turn: it must not starve. */
        icn_gate_leave(gate, false);
        return false;
    }
    return true;
}

void icn_gate_claim(icn_gate *gate)
{
    uint64_t holder;
    icn_mutex_lock(&gate->mutex);
    while (!try_enter(gate, &holder)) {
        icn_condition_wait(&gate->left, &gate->mutex);
    }
    icn_mutex_unlock(&gate->mutex);
    icn_u32_subtract(&gate->waiting, ICN_GATE_CLAIMANT);
}

void icn_gate_tell(icn_gate *gate)
{
    icn_mutex_lock(&gate->mutex);
    icn_condition_signal_all(&gate->left);
    icn_mutex_unlock(&gate->mutex);
}

void icn_gate_leave(icn_gate *gate, bool borrows)
{
    icn_gate_pass_on(gate, self_as(ICN_GATE_INSIDE), borrows ? self_as(ICN_GATE_LEFT) : 0);
}

bool icn_gate_is_entered(const icn_gate *gate)
{
    return state_of(icn_u64_load(&gate->holder)) == ICN_GATE_INSIDE;
}

#if defined(ICN_TEST_HOOKS)

void icn_gate_forget_all(void)
{
    memset(kept, 0, sizeof kept);
}

#endif
