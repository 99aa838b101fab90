/* Threads and locks of the simulated machine: os/thread.h on fibers. */
#include "os/thread.h"

#include "os/error.h"
#include "os/sim/choice.h"
#include "os/sim/fault.h"
#include "os/sim/scheduler.h"

/* What the checks of the simulated world are, which run outside of any fiber. */
#define NO_FIBER UINT64_C(0xFFFF)

/* One wait in this many returns early, as the contract allows. */
#define EARLY_ONE_IN 32

enum {
    VALUE_CALLBACK_DEPTH,
    VALUE_LAST_ERROR,
    VALUE_LOOP,
    VALUE_GATE
};

static uint64_t *owner_of(icn_mutex *mutex)
{
    return &mutex->storage[0];
}

void icn_mutex_init(icn_mutex *mutex)
{
    *owner_of(mutex) = 0;
}

void icn_mutex_fini(icn_mutex *mutex)
{
    if (*owner_of(mutex) != 0) {
        icn_sim_violation("lock", "a mutex is destroyed while it is held");
    }
    *owner_of(mutex) = UINT64_MAX;
}

void icn_mutex_lock(icn_mutex *mutex)
{
    icn_interleave();
    if (*owner_of(mutex) == UINT64_MAX) {
        icn_sim_violation("lock", "a destroyed mutex is locked");
    }
    if (*owner_of(mutex) == icn_thread_self()) {
        icn_sim_violation("lock", "a mutex is locked twice by one thread");
    }
    while (*owner_of(mutex) != 0) {
        (void)icn_sim_block(mutex, "mutex", UINT64_MAX);
    }
    *owner_of(mutex) = icn_thread_self();
}

void icn_mutex_unlock(icn_mutex *mutex)
{
    if (*owner_of(mutex) != icn_thread_self()) {
        icn_sim_violation("lock", "a mutex is unlocked by a thread that does not hold it");
    }
    *owner_of(mutex) = 0;
    icn_sim_wake_all(mutex);
    icn_interleave();
}

void icn_condition_init(icn_condition *condition)
{
    condition->storage[0] = 0;
}

void icn_condition_fini(icn_condition *condition)
{
    if (condition->storage[0] != 0) {
        icn_sim_violation("lock", "a condition is destroyed while somebody waits for it");
    }
}

static void wait_until(icn_condition *condition, icn_mutex *mutex, uint64_t deadline_ms)
{
    *owner_of(mutex) = 0;
    icn_sim_wake_all(mutex);
    condition->storage[0]++;
    if (icn_sim_choose(EARLY_ONE_IN) == EARLY_ONE_IN - 1) {
        icn_sim_yield();
    } else {
        (void)icn_sim_block(condition, "condition", deadline_ms);
    }
    condition->storage[0]--;
    icn_mutex_lock(mutex);
}

void icn_condition_wait(icn_condition *condition, icn_mutex *mutex)
{
    wait_until(condition, mutex, UINT64_MAX);
}

void icn_condition_wait_ms(icn_condition *condition, icn_mutex *mutex, uint32_t timeout_ms)
{
    wait_until(condition, mutex, timeout_ms == IOCPNET_INFINITE ? UINT64_MAX : icn_sim_now_ms() + timeout_ms);
}

void icn_condition_signal_all(icn_condition *condition)
{
    icn_interleave();
    icn_sim_wake_all(condition);
}

icn_result icn_thread_start(icn_thread *thread, const char *name, icn_thread_main *main, void *argument)
{
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_THREAD);

    if (error == 0) {
        thread->storage[0] = (uintptr_t)icn_sim_fiber_start(name, main, argument);
        icn_interleave();
    }
    return icn_os_result(error);
}

static icn_sim_fiber *fiber_of(const icn_thread *thread)
{
    return (icn_sim_fiber *)(uintptr_t)thread->storage[0];
}

void icn_thread_join(icn_thread *thread)
{
    icn_sim_fiber_join(fiber_of(thread));
}

void icn_thread_detach(icn_thread *thread)
{
    icn_sim_fiber_detach(fiber_of(thread));
}

uint64_t icn_thread_self(void)
{
    const icn_sim_fiber *self = icn_sim_fiber_self();

    return self != NULL ? icn_sim_fiber_number(self) : NO_FIBER;
}

static uint64_t *value(int which)
{
    static uint64_t outside[4];
    icn_sim_fiber *self = icn_sim_fiber_self();

    return self != NULL ? &icn_sim_fiber_values(self)[which] : &outside[which];
}

uint32_t icn_thread_callback_depth(void)
{
    return (uint32_t)*value(VALUE_CALLBACK_DEPTH);
}

void icn_thread_callback_enter(void)
{
    ++*value(VALUE_CALLBACK_DEPTH);
}

void icn_thread_callback_leave(void)
{
    --*value(VALUE_CALLBACK_DEPTH);
}

int32_t icn_thread_last_os_error(void)
{
    return (int32_t)(uint32_t)*value(VALUE_LAST_ERROR);
}

void icn_thread_set_last_os_error(int32_t os_error)
{
    *value(VALUE_LAST_ERROR) = (uint32_t)os_error;
}

void *icn_thread_loop(void)
{
    return (void *)(uintptr_t)*value(VALUE_LOOP);
}

void icn_thread_set_loop(void *loop)
{
    *value(VALUE_LOOP) = (uintptr_t)loop;
}

void *icn_thread_gate(void)
{
    return (void *)(uintptr_t)*value(VALUE_GATE);
}

void icn_thread_set_gate(void *gate)
{
    *value(VALUE_GATE) = (uintptr_t)gate;
}
