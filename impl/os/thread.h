/* Threads, locks, and values of a thread. Locks are leaves: while one is held no callback runs and no other is taken. */
#ifndef ICN_OS_THREAD_H
#define ICN_OS_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"

/* Storage for the system's own types; the implementations assert that they fit. */
typedef struct icn_mutex {
    uint64_t storage[6];
} icn_mutex;

typedef struct icn_condition {
    uint64_t storage[7];
} icn_condition;

typedef struct icn_thread {
    uint64_t storage[2];
} icn_thread;

typedef void icn_thread_main(void *argument);

/* A mutex that was never initialised may be used if it is zero (static storage). */
void icn_mutex_init(icn_mutex *mutex);
void icn_mutex_fini(icn_mutex *mutex);
void icn_mutex_lock(icn_mutex *mutex);
void icn_mutex_unlock(icn_mutex *mutex);

/* A zero condition may be used as well. Waits on the monotonic clock. */
void icn_condition_init(icn_condition *condition);
void icn_condition_fini(icn_condition *condition);
void icn_condition_wait(icn_condition *condition, icn_mutex *mutex);
/* May return early; the caller checks its condition again. `timeout_ms`: IOCPNET_INFINITE waits without end. */
void icn_condition_wait_ms(icn_condition *condition, icn_mutex *mutex, uint32_t timeout_ms);
void icn_condition_signal_all(icn_condition *condition);

/* Starts a thread with the host's signals blocked, so that its handlers run on its threads; faults stay open, and the
 * signals by which language run-times stop a thread. `name`: 15 bytes. */
icn_result icn_thread_start(icn_thread *thread, const char *name, icn_thread_main *main, void *argument);
void icn_thread_join(icn_thread *thread);
/* Lets a thread end by itself. */
void icn_thread_detach(icn_thread *thread);

/* A number for the calling thread, never 0, the same as long as it lives. */
uint64_t icn_thread_self(void);

/*
 * Values of the calling thread; each is 0 at first. Callback depth: how many callbacks of the library run on this
 * thread, one inside another. Last error: what iocpnet_last_os_error returns. Loop: the icn_loop that this thread drives,
 * the innermost one; NULL: none. Gate: the icn_gate that this thread left last, of those it may borrow.
 */
uint32_t icn_thread_callback_depth(void);
void icn_thread_callback_enter(void);
void icn_thread_callback_leave(void);
int32_t icn_thread_last_os_error(void);
void icn_thread_set_last_os_error(int32_t os_error);
void *icn_thread_loop(void);
void icn_thread_set_loop(void *loop);
void *icn_thread_gate(void);
void icn_thread_set_gate(void *gate);

#endif
