/*
 * The simulated machine: threads as fibers on one real thread, a virtual clock, and the world outside. One fiber runs at a
 * time; another may come in at every icn_interleave, and whenever one blocks. Who runs is a choice.
 */
#ifndef ICN_OS_SIM_SCHEDULER_H
#define ICN_OS_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/interleave.h"

typedef struct icn_sim_fiber icn_sim_fiber;

typedef void icn_sim_fiber_main(void *argument);

/* What is outside: peers and the network. Called between the steps of the fibers, never by one. */
typedef struct icn_sim_world {
    /* How many of its actors could act now; 0: none. */
    uint32_t (*ready)(void *user);
    /* Lets one of those act: 0 to ready - 1. */
    void (*act)(void *user, uint32_t which);
    /* When one more will be ready that is not now; UINT64_MAX: never by time alone. */
    uint64_t (*next_ms)(void *user);
    /* After each step of a fiber or an actor: checks invariants. Preemption is off. */
    void (*stepped)(void *user);
    /* Nothing can run before the clock moves: checks what must not be left undone. Preemption is off. */
    void (*quiet)(void *user);
    void *user;
} icn_sim_world;

typedef struct icn_sim_options {
    uint32_t preemption_gap;    /* most atomic operations and locks between two preemptions, 2 or more; 0: none */
    uint64_t steps_max;         /* more are a violation of "progress" */
    uint32_t clock_jump_chance; /* per mille of the clock's steps: it goes on by up to a minute more than needed */
} icn_sim_options;

typedef struct icn_sim_result {
    bool violated;
    char invariant[64]; /* its name */
    char text[256];     /* what was seen */
    uint64_t steps;
    uint64_t preemptions;
    uint64_t hash;
} icn_sim_result;

/*
 * Runs `main` as the first fiber, until every fiber has ended and nothing is left, or an invariant is violated. After a
 * violation the process is of no more use for simulations: fibers and memory are left as they were.
 */
void icn_sim_run(const icn_sim_options *options, const icn_sim_world *world, icn_sim_fiber_main *main, void *argument,
                 icn_sim_result *result);

/* Ends the run at once: an invariant does not hold. From anywhere inside icn_sim_run. Does not return. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 2, 3)))
#endif
void icn_sim_violation(const char *invariant, const char *format, ...);

/* ---- for fibers ---- */

/* Makes a fiber, ready to run. `name` is borrowed for its life: in the trace. At most 256 in one run. */
icn_sim_fiber *icn_sim_fiber_start(const char *name, icn_sim_fiber_main *main, void *argument);
/* Waits until the fiber has ended, and frees it. */
void icn_sim_fiber_join(icn_sim_fiber *fiber);
/* Frees it when it ends. */
void icn_sim_fiber_detach(icn_sim_fiber *fiber);

/* The running fiber; NULL outside of any: in the world and its checks. */
icn_sim_fiber *icn_sim_fiber_self(void);
/* 1 or more; in the order of their making within a run. */
uint32_t icn_sim_fiber_number(const icn_sim_fiber *fiber);
/* Four values for os/sim/thread.c. */
uint64_t *icn_sim_fiber_values(icn_sim_fiber *fiber);

/* Lets others run; comes back by chance. */
void icn_sim_yield(void);
/*
 * Blocks the running fiber until somebody wakes who waits for `object` (an address that is compared, never used), or the
 * clock reaches `deadline_ms` (UINT64_MAX: never). True: woken. `why` is borrowed: for the report of a deadlock.
 */
bool icn_sim_block(const void *object, const char *why, uint64_t deadline_ms);
/* Makes all run again that are blocked for `object`. Anybody. */
void icn_sim_wake_all(const void *object);
/* Blocks for a while of virtual time. */
void icn_sim_sleep(uint32_t milliseconds);

/* ---- for all ---- */

uint64_t icn_sim_now_ms(void);
/*
 * The same in microseconds. Each look takes one, so that whoever looks again and again comes to an end; the simulated time does
 * not move for it.
 */
uint64_t icn_sim_look_us(void);

/* No preemption until it is allowed again; they nest. Inside checks of the simulated host. */
void icn_sim_forbid_preemption(void);
void icn_sim_allow_preemption(void);

#endif
