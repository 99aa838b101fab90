#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/check.h"
#include "os/error.h"

_Static_assert(sizeof(icn_mutex) >= sizeof(pthread_mutex_t), "icn_mutex is too small");
_Static_assert(sizeof(icn_condition) >= sizeof(pthread_cond_t), "icn_condition is too small");
_Static_assert(sizeof(icn_thread) >= sizeof(pthread_t), "icn_thread is too small");

/* Initial-exec: other models call the dynamic loader's __tls_get_addr. */
#define THREAD_VALUE static _Thread_local __attribute__((tls_model("initial-exec")))

THREAD_VALUE uint32_t callback_depth;
THREAD_VALUE int32_t last_os_error;
THREAD_VALUE void *driven_loop;
THREAD_VALUE void *left_gate;

static pthread_mutex_t *mutex_of(icn_mutex *mutex)
{
    return (pthread_mutex_t *)(void *)mutex->storage;
}

static pthread_cond_t *condition_of(icn_condition *condition)
{
    return (pthread_cond_t *)(void *)condition->storage;
}

static pthread_t *thread_of(icn_thread *thread)
{
    return (pthread_t *)(void *)thread->storage;
}

void icn_mutex_init(icn_mutex *mutex)
{
    const int error = pthread_mutex_init(mutex_of(mutex), NULL);
    ICN_CHECK(error == 0);
}

void icn_mutex_fini(icn_mutex *mutex)
{
    const int error = pthread_mutex_destroy(mutex_of(mutex));
    ICN_CHECK(error == 0);
}

void icn_mutex_lock(icn_mutex *mutex)
{
    const int error = pthread_mutex_lock(mutex_of(mutex));
    ICN_CHECK(error == 0);
}

void icn_mutex_unlock(icn_mutex *mutex)
{
    const int error = pthread_mutex_unlock(mutex_of(mutex));
    ICN_CHECK(error == 0);
}

void icn_condition_init(icn_condition *condition)
{
    const int error = pthread_cond_init(condition_of(condition), NULL);
    ICN_CHECK(error == 0);
}

void icn_condition_fini(icn_condition *condition)
{
    const int error = pthread_cond_destroy(condition_of(condition));
    ICN_CHECK(error == 0);
}

void icn_condition_wait(icn_condition *condition, icn_mutex *mutex)
{
    const int error = pthread_cond_wait(condition_of(condition), mutex_of(mutex));
    ICN_CHECK(error == 0);
}

static struct timespec moment_after(uint32_t timeout_ms)
{
    struct timespec moment;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += (time_t)(timeout_ms / 1000);
    moment.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_nsec -= 1000000000;
        ++moment.tv_sec;
    }
    return moment;
}

void icn_condition_wait_ms(icn_condition *condition, icn_mutex *mutex, uint32_t timeout_ms)
{
    struct timespec deadline;
    int error;

    if (timeout_ms == IOCPNET_INFINITE) {
        icn_condition_wait(condition, mutex);
        return;
    }
    deadline = moment_after(timeout_ms);
    error = pthread_cond_clockwait(condition_of(condition), mutex_of(mutex), CLOCK_MONOTONIC, &deadline);
    ICN_CHECK(error == 0 || error == ETIMEDOUT);
}

void icn_condition_signal_all(icn_condition *condition)
{
    const int error = pthread_cond_broadcast(condition_of(condition));
    ICN_CHECK(error == 0);
}

/* Lives on the stack of icn_thread_start until the new thread has read it. */
typedef struct thread_start {
    const char *name;
    icn_thread_main *main;
    void *argument;
    sem_t read;
} thread_start;

static void *run_thread(void *argument)
{
    thread_start *start = argument;
    icn_thread_main *thread_main = start->main;
    void *thread_argument = start->argument;

    (void)pthread_setname_np(pthread_self(), start->name);
    /* The post orders the reads above before the starter's return, which ends the life of `start`. */
    sem_post(&start->read);
    thread_main(thread_argument);
    return NULL;
}

/*
 * Everything but what a thread causes itself (a host may handle faults), and the signals by which language run-times stop
 * a thread for their garbage collection (Unity's Mono: SIGPWR and SIGXCPU; others: real-time ones): a callback into one
 * of them makes this thread theirs.
 */
static void fill_blocked_signals(sigset_t *signals)
{
    static const int kept[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPWR, SIGXCPU};

    sigfillset(signals);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; ++i) {
        sigdelset(signals, kept[i]);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
        sigdelset(signals, number);
    }
}

icn_result icn_thread_start(icn_thread *thread, const char *name, icn_thread_main *main, void *argument)
{
    thread_start start = {.name = name, .main = main, .argument = argument};
    sigset_t blocked;
    sigset_t before;
    int error;

    sem_init(&start.read, 0, 0);
    fill_blocked_signals(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(thread_of(thread), NULL, run_thread, &start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    while (error == 0 && sem_wait(&start.read) != 0) {
        ICN_CHECK(errno == EINTR);
    }
    sem_destroy(&start.read);
    return icn_os_result(error);
}

void icn_thread_join(icn_thread *thread)
{
    const int error = pthread_join(*thread_of(thread), NULL);
    ICN_CHECK(error == 0);
}

void icn_thread_detach(icn_thread *thread)
{
    const int error = pthread_detach(*thread_of(thread));
    ICN_CHECK(error == 0);
}

uint64_t icn_thread_self(void)
{
    /* An address that no other thread has, without a call. */
    return (uint64_t)(uintptr_t)&callback_depth;
}

uint32_t icn_thread_callback_depth(void)
{
    return callback_depth;
}

void icn_thread_callback_enter(void)
{
    ++callback_depth;
}

void icn_thread_callback_leave(void)
{
    ICN_CHECK(callback_depth > 0);
    --callback_depth;
}

int32_t icn_thread_last_os_error(void)
{
    return last_os_error;
}

void icn_thread_set_last_os_error(int32_t os_error)
{
    last_os_error = os_error;
}

void *icn_thread_loop(void)
{
    return driven_loop;
}

void icn_thread_set_loop(void *loop)
{
    driven_loop = loop;
}

void *icn_thread_gate(void)
{
    return left_gate;
}

void icn_thread_set_gate(void *gate)
{
    left_gate = gate;
}
