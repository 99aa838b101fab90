#include "net/gate.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

/* In the lower bits of `holder`. */
enum {
    LEFT = 1, /* nobody is inside; this thread was the last one, and may borrow */
    INSIDE = 2,
    BORROWED = 3,
    STATE_BITS = 2,
    STATE_MASK = 3
};

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

static uint64_t self_as(uint64_t state)
{
    return icn_thread_self() << STATE_BITS | state;
}

static uint64_t state_of(uint64_t holder)
{
    return holder & STATE_MASK;
}

/* True when nobody was inside; else `*holder` is what was found. */
static bool try_enter(icn_gate *gate, uint64_t *holder)
{
    *holder = icn_u64_load(&gate->holder);
    while (state_of(*holder) < INSIDE) {
        if (icn_u64_replace(&gate->holder, holder, self_as(INSIDE))) {
            return true;
        }
    }
    return false;
}

/* Counts before it looks, and who leaves looks at the count after it has left: one of the two sees the other. */
void icn_gate_begin_claim(icn_gate *gate)
{
    icn_u32_add(&gate->claimants, 1);
    icn_fence();
}

static void wait_until_given_back(icn_gate *gate)
{
    icn_gate_begin_claim(gate);
    icn_mutex_lock(&gate->mutex);
    while (state_of(icn_u64_load(&gate->holder)) == BORROWED) {
        icn_condition_wait(&gate->left, &gate->mutex);
    }
    icn_mutex_unlock(&gate->mutex);
    icn_u32_subtract(&gate->claimants, 1);
}

bool icn_gate_enter(icn_gate *gate)
{
    uint64_t holder;
    while (!try_enter(gate, &holder)) {
        if (state_of(holder) != BORROWED) {
            return false;
        }
        wait_until_given_back(gate);
    }
    if (icn_u32_load(&gate->claimants) != 0) {
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
    icn_u32_subtract(&gate->claimants, 1);
}

static void pass_on(icn_gate *gate, uint64_t state, uint64_t next)
{
    uint64_t before = icn_u64_exchange(&gate->holder, next);
    ICN_CHECK(before == self_as(state));
    (void)before;
    (void)state;
    /* Leaving comes before this load, a claimant's count before its look at `holder`: one of the two sees the other. */
    icn_fence();
    if (icn_u32_load(&gate->claimants) != 0) {
        icn_mutex_lock(&gate->mutex);
        icn_condition_signal_all(&gate->left);
        icn_mutex_unlock(&gate->mutex);
    }
}

void icn_gate_leave(icn_gate *gate, bool borrows)
{
    pass_on(gate, INSIDE, borrows ? self_as(LEFT) : 0);
}

bool icn_gate_is_entered(const icn_gate *gate)
{
    return state_of(icn_u64_load(&gate->holder)) == INSIDE;
}

bool icn_gate_borrow(icn_gate *gate)
{
    uint64_t left = self_as(LEFT);
    /* Only this thread stores this value, when it leaves: found again, nobody has been inside since. */
    return icn_u64_load_relaxed(&gate->holder) == left && icn_u32_load(&gate->claimants) == 0 &&
           icn_u64_replace(&gate->holder, &left, self_as(BORROWED));
}

void icn_gate_give_back(icn_gate *gate)
{
    pass_on(gate, BORROWED, self_as(LEFT));
}

#if defined(ICN_TEST_HOOKS)

void icn_gate_forget_all(void)
{
    memset(kept, 0, sizeof kept);
}

#endif
