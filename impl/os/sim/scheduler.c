#include "os/sim/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/check.h"
#include "os/sim/choice.h"
#include "os/sim/context.h"
#include "os/sim/trace.h"

#define FIBERS_MAX 256
#define NEVER UINT64_MAX

/* One preemption in this many sends the fiber aside for a while, so that the others get far ahead of it: of these, one in
 * some for long enough for a service to end meanwhile. */
#define ASIDE_ONE_IN 8
#define ASIDE_STEPS_MAX 64
#define ASIDE_LONG_ONE_IN 8
#define ASIDE_LONG_STEPS 4000

/* The clock moves by itself once in a while, though somebody could run. */
#define DRIFT_STEPS 16
#define DRIFT_CHANCE 200
#define DRIFT_MS_MAX 50
#define JUMP_MS_MAX 60000

typedef enum fiber_state {
    FIBER_FREE = 0,
    FIBER_READY,
    FIBER_BLOCKED,
    FIBER_ENDED
} fiber_state;

struct icn_sim_fiber {
    icn_sim_context context;
    fiber_state state;
    uint32_t number;
    uint32_t aside; /* steps of others before it may run again */
    bool detached;
    bool woken;
    const char *name;
    icn_sim_fiber_main *main;
    void *argument;
    const void *waits_for;
    const char *why;
    uint64_t deadline_ms;
    uint64_t values[4];
};

uint32_t icn_interleave_countdown;

static icn_sim_fiber fibers[FIBERS_MAX];
static icn_sim_fiber *alive[FIBERS_MAX]; /* not free, in the order in which they last became ready or blocked */
static uint32_t alive_count;
static uint32_t fibers_made;
static icn_sim_fiber *running; /* NULL: the scheduler or the world */
static icn_sim_context scheduler;
static const icn_sim_options *options;
static const icn_sim_world *world;
static icn_sim_result *outcome;
static jmp_buf violated;
static uint64_t now_ms;
static uint64_t looked_us; /* the last look at the clock in microseconds */
static uint32_t forbidden; /* preemption */

/* ---- ends of a run ---- */

void icn_sim_violation(const char *invariant, const char *format, ...)
{
    va_list arguments;

    outcome->violated = true;
    snprintf(outcome->invariant, sizeof outcome->invariant, "%s", invariant);
    va_start(arguments, format);
    vsnprintf(outcome->text, sizeof outcome->text, format, arguments);
    va_end(arguments);
    if (running != NULL) {
        icn_sim_context_switch(&running->context, &scheduler, 0);
    }
    longjmp(violated, 1);
}

/* ---- preemption ---- */

static void set_countdown(void)
{
    uint32_t gap = options->preemption_gap;

    icn_interleave_countdown = gap == 0 ? UINT32_MAX : gap - icn_sim_choose(gap);
}

static void leave_to_scheduler(void)
{
    icn_sim_fiber *self = running;

    icn_sim_context_switch(&self->context, &scheduler, 0);
}

void icn_interleave_now(void)
{
    if (running == NULL || forbidden != 0 || options->preemption_gap == 0) {
        icn_interleave_countdown = running == NULL || forbidden != 0 ? 1 : UINT32_MAX;
        return;
    }
    outcome->preemptions++;
    if (icn_sim_choose(ASIDE_ONE_IN) == ASIDE_ONE_IN - 1) {
        bool is_long = icn_sim_choose(ASIDE_LONG_ONE_IN) == ASIDE_LONG_ONE_IN - 1;
        running->aside = is_long ? ASIDE_LONG_STEPS : 1 + icn_sim_choose(ASIDE_STEPS_MAX);
    }
    set_countdown();
    leave_to_scheduler();
}

void icn_sim_forbid_preemption(void)
{
    forbidden++;
}

void icn_sim_allow_preemption(void)
{
    ICN_CHECK(forbidden != 0);
    forbidden--;
}

/* ---- fibers ---- */

static void fiber_entry(void)
{
    icn_sim_fiber *self = running;

    icn_sim_context_begun(&self->context);
    self->main(self->argument);
    self->state = FIBER_ENDED;
    icn_sim_wake_all(self);
    icn_sim_context_switch(&self->context, &scheduler, 1);
}

icn_sim_fiber *icn_sim_fiber_start(const char *name, icn_sim_fiber_main *main, void *argument)
{
    for (uint32_t i = 0; i < FIBERS_MAX; i++) {
        icn_sim_fiber *fiber = &fibers[i];
        if (fiber->state != FIBER_FREE) {
            continue;
        }
        *fiber = (icn_sim_fiber){.state = FIBER_READY, .name = name, .main = main, .argument = argument};
        fiber->number = ++fibers_made;
        if (!icn_sim_context_make(&fiber->context, fiber_entry)) {
            break;
        }
        alive[alive_count++] = fiber;
        return fiber;
    }
    icn_sim_violation("progress", "too many threads, or no memory for a stack");
}

static void fiber_free(icn_sim_fiber *fiber)
{
    uint32_t kept = 0;

    icn_sim_context_free(&fiber->context);
    fiber->state = FIBER_FREE;
    for (uint32_t i = 0; i < alive_count; i++) {
        if (alive[i] != fiber) {
            alive[kept++] = alive[i];
        }
    }
    alive_count = kept;
}

void icn_sim_fiber_join(icn_sim_fiber *fiber)
{
    while (fiber->state != FIBER_ENDED) {
        (void)icn_sim_block(fiber, "join", NEVER);
    }
    fiber_free(fiber);
}

void icn_sim_fiber_detach(icn_sim_fiber *fiber)
{
    fiber->detached = true;
    if (fiber->state == FIBER_ENDED) {
        fiber_free(fiber);
    }
}

icn_sim_fiber *icn_sim_fiber_self(void)
{
    return running;
}

uint32_t icn_sim_fiber_number(const icn_sim_fiber *fiber)
{
    return fiber->number;
}

uint64_t *icn_sim_fiber_values(icn_sim_fiber *fiber)
{
    return fiber->values;
}

void icn_sim_yield(void)
{
    ICN_CHECK(running != NULL);
    leave_to_scheduler();
}

bool icn_sim_block(const void *object, const char *why, uint64_t deadline_ms)
{
    icn_sim_fiber *self = running;

    if (self == NULL || forbidden != 0) {
        icn_sim_violation("progress", "would block outside of a thread: %s", why);
    }
    if (deadline_ms <= now_ms) {
        leave_to_scheduler();
        return false;
    }
    self->state = FIBER_BLOCKED;
    self->woken = false;
    self->waits_for = object;
    self->why = why;
    self->deadline_ms = deadline_ms;
    leave_to_scheduler();
    return self->woken;
}

void icn_sim_wake_all(const void *object)
{
    for (uint32_t i = 0; i < alive_count; i++) {
        if (alive[i]->state == FIBER_BLOCKED && alive[i]->waits_for == object) {
            alive[i]->state = FIBER_READY;
            alive[i]->woken = true;
        }
    }
}

void icn_sim_sleep(uint32_t milliseconds)
{
    uint64_t deadline_ms = now_ms + milliseconds;

    while (now_ms < deadline_ms) {
        (void)icn_sim_block(&now_ms, "sleep", deadline_ms);
    }
}

uint64_t icn_sim_now_ms(void)
{
    return now_ms;
}

uint64_t icn_sim_look_us(void)
{
    const uint64_t now_us = now_ms * 1000;
    looked_us = looked_us < now_us ? now_us : looked_us + 1;
    return looked_us;
}

/* ---- who runs next ---- */

static void report_deadlock(void)
{
    char text[200];
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < alive_count && used < sizeof text; i++) {
        int length = snprintf(text + used, sizeof text - used, " %s %u (%s)", alive[i]->name,
                              (unsigned)alive[i]->number, alive[i]->why);
        used += length > 0 ? (size_t)length : 0;
    }
    icn_sim_violation("progress", "all wait for ever:%s", text);
}

static uint64_t next_deadline(void)
{
    uint64_t next = world->next_ms(world->user);

    for (uint32_t i = 0; i < alive_count; i++) {
        if (alive[i]->state == FIBER_BLOCKED && alive[i]->deadline_ms < next) {
            next = alive[i]->deadline_ms;
        }
    }
    return next;
}

static void move_clock(uint64_t to_ms)
{
    now_ms = to_ms;
    icn_sim_trace("clock", now_ms, 0);
    for (uint32_t i = 0; i < alive_count; i++) {
        if (alive[i]->state == FIBER_BLOCKED && alive[i]->deadline_ms <= now_ms) {
            alive[i]->state = FIBER_READY;
        }
    }
}

/* True when there were any that could run but for that. */
static bool call_back_from_aside(void)
{
    bool any = false;

    for (uint32_t i = 0; i < alive_count; i++) {
        any = any || alive[i]->state == FIBER_READY;
        alive[i]->aside = 0;
    }
    return any;
}

/* Nobody can run: those that were sent aside do, or time passes. */
static void go_on(void)
{
    if (call_back_from_aside()) {
        return;
    }
    world->quiet(world->user);
    uint64_t next_ms = next_deadline();
    if (next_ms == NEVER) {
        report_deadlock();
    }
    if (icn_sim_chance(options->clock_jump_chance)) {
        next_ms += icn_sim_choose(JUMP_MS_MAX);
    }
    move_clock(next_ms > now_ms ? next_ms : now_ms + 1);
}

static void drift(void)
{
    if (outcome->steps % DRIFT_STEPS == 0 && icn_sim_chance(DRIFT_CHANCE)) {
        move_clock(now_ms + 1 + icn_sim_choose(DRIFT_MS_MAX));
    }
}

static void run_fiber(uint32_t position)
{
    icn_sim_fiber *fiber = alive[position];

    /* To the end: the plainest choice, 0, lets all run in turn. */
    for (uint32_t i = position + 1; i < alive_count; i++) {
        alive[i - 1] = alive[i];
    }
    alive[alive_count - 1] = fiber;
    icn_sim_trace(fiber->name, fiber->number, 0);
    running = fiber;
    icn_sim_context_switch(&scheduler, &fiber->context, 0);
    running = NULL;
    if (outcome->violated) {
        longjmp(violated, 1);
    }
    if (fiber->state == FIBER_ENDED && fiber->detached) {
        fiber_free(fiber);
    }
}

/* Stores where in `alive` the fibers are that can run; counts those that were sent aside down. */
static uint32_t find_ready(uint32_t *positions)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < alive_count; i++) {
        if (alive[i]->state != FIBER_READY) {
            continue;
        }
        if (alive[i]->aside == 0) {
            positions[count++] = i;
        } else {
            alive[i]->aside--;
        }
    }
    return count;
}

static void step(void)
{
    uint32_t positions[FIBERS_MAX];
    uint32_t ready = find_ready(positions);
    uint32_t actors = world->ready(world->user);

    if (ready + actors == 0) {
        go_on();
        return;
    }
    uint32_t chosen = icn_sim_choose(ready + actors);
    if (chosen < ready) {
        run_fiber(positions[chosen]);
    } else {
        world->act(world->user, chosen - ready);
    }
    world->stepped(world->user);
    if (++outcome->steps > options->steps_max) {
        icn_sim_violation("progress", "not finished after %llu steps", (unsigned long long)outcome->steps);
    }
    drift();
}

void icn_sim_run(const icn_sim_options *chosen, const icn_sim_world *outside, icn_sim_fiber_main *main, void *argument,
                 icn_sim_result *result)
{
    options = chosen;
    world = outside;
    outcome = result;
    *outcome = (icn_sim_result){.violated = false};
    alive_count = 0;
    fibers_made = 0;
    forbidden = 0;
    now_ms = 1000;
    looked_us = 0;
    if (setjmp(violated) == 0) {
        set_countdown();
        icn_sim_fiber_detach(icn_sim_fiber_start("main", main, argument));
        while (alive_count != 0) {
            step();
        }
    }
    running = NULL;
    outcome->hash = icn_sim_trace_hash();
}
