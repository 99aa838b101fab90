#include "util/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/atomic.h"
#include "base/check.h"
#include "os/thread.h"
#include "util/live.h"

typedef enum thread_state {
    THREAD_NONE,
    THREAD_RUNNING,
    THREAD_ENDED /* it has given up the lock for good: joining it takes no time */
} thread_state;

typedef struct log_line {
    int32_t level;
    uint32_t dropped;      /* lines that were dropped since the one before */
    const char *component; /* NULL: no line, only a count of dropped ones */
    char text[ICN_LOG_TEXT_MAX + 1];
} log_line;

static icn_atomic_u32 level_max;  /* any thread reads it; written under the lock */
static icn_atomic_u64 drop_total; /* likewise */

/* Everything from here on is under the lock. It is not held while the host's callback runs. */
static icn_mutex lock;
static icn_condition changed;

static uint32_t service_count;
static iocpnet_log_callback callback; /* NULL: the log is off */
static void *callback_user;
static uint64_t calls_begun;
static uint64_t calls_ended;

static thread_state state;
static icn_thread thread;
static uint64_t thread_number; /* icn_thread_self of the log thread; 0 when there is none */

static log_line queue[ICN_LOG_QUEUE_MAX];
static uint32_t queue_first;
static uint32_t queue_count;
static uint32_t dropped; /* since the last line that was queued */

static bool is_wanted(void)
{
    return service_count != 0 && callback != NULL;
}

static bool is_log_thread(void)
{
    return thread_number == icn_thread_self();
}

static void queue_append(const log_line *line)
{
    log_line *place = &queue[(queue_first + queue_count) % ICN_LOG_QUEUE_MAX];

    if (queue_count == ICN_LOG_QUEUE_MAX) {
        dropped++;
        icn_u64_add(&drop_total, 1);
        return;
    }
    *place = *line;
    place->dropped = dropped;
    dropped = 0;
    if (queue_count++ == 0) {
        icn_condition_signal_all(&changed);
    }
}

/* The next line, or what was dropped after the last one. */
static bool queue_take(log_line *line)
{
    if (queue_count == 0) {
        *line = (log_line){.dropped = dropped};
        dropped = 0;
        return line->dropped != 0;
    }
    *line = queue[queue_first];
    queue_first = (queue_first + 1) % ICN_LOG_QUEUE_MAX;
    queue_count--;
    return true;
}

static void queue_clear(void)
{
    queue_count = 0;
    dropped = 0;
}

/* The log thread, as the following. Gives up the lock while the host runs. */
static void deliver(int32_t level, const char *component, const char *text)
{
    iocpnet_log_callback called = callback;
    void *user = callback_user;

    if (called == NULL) {
        return;
    }
    calls_begun++;
    icn_mutex_unlock(&lock);
    icn_thread_callback_enter();
    called(level, component, text, user);
    icn_thread_callback_leave();
    icn_mutex_lock(&lock);
    calls_ended++;
    icn_condition_signal_all(&changed);
}

static void deliver_line(const log_line *line)
{
    char text[64];

    if (line->dropped != 0) {
        snprintf(text, sizeof text, "lines dropped because the queue was full: %u", (unsigned)line->dropped);
        deliver(IOCPNET_LOG_WARNING, "log", text);
    }
    if (line->component != NULL) {
        deliver(line->level, line->component, line->text);
    }
}

static void thread_end(void)
{
    thread_number = 0;
    state = THREAD_ENDED;
    icn_live_remove(ICN_LIVE_THREADS);
    icn_condition_signal_all(&changed);
}

static void thread_main(void *argument)
{
    log_line line;

    (void)argument;
    icn_mutex_lock(&lock);
    thread_number = icn_thread_self();
    for (;;) {
        if (queue_take(&line)) {
            deliver_line(&line);
        } else if (is_wanted()) {
            icn_condition_wait(&changed, &lock);
        } else {
            break;
        }
    }
    thread_end();
    icn_mutex_unlock(&lock);
}

/* A thread whose end was asked for on itself is joined by the next call that starts or stops it. */
static void thread_join_ended(void)
{
    if (state == THREAD_ENDED) {
        icn_thread_join(&thread);
        state = THREAD_NONE;
    }
}

/* A thread that runs goes on, even when its end was asked for: it looks again under the lock before it ends. */
static icn_result thread_start(void)
{
    icn_result result;

    thread_join_ended();
    if (!is_wanted()) {
        return icn_ok();
    }
    if (state == THREAD_RUNNING) {
        icn_condition_signal_all(&changed); /* whoever waits for its end need not any more */
        return icn_ok();
    }
    result = icn_thread_start(&thread, "iocpnet log", thread_main, NULL);
    if (result.status == IOCPNET_OK) {
        state = THREAD_RUNNING;
        icn_live_add(ICN_LIVE_THREADS);
    }
    return result;
}

/* Waits until the thread has written what is queued and ended, or is wanted again. */
static void thread_stop(void)
{
    if (is_log_thread()) {
        return;
    }
    icn_condition_signal_all(&changed);
    while (!is_wanted() && state == THREAD_RUNNING) {
        icn_condition_wait(&changed, &lock);
    }
    thread_join_ended();
}

/* A call that runs now began with the callback of before; the next one reads the new one, under the lock. */
static void wait_for_running_call(void)
{
    uint64_t running = calls_begun;

    while (!is_log_thread() && calls_ended < running) {
        icn_condition_wait(&changed, &lock);
    }
}

static void set_callback(iocpnet_log_callback chosen, int32_t level, void *user)
{
    bool off = chosen == NULL || level == IOCPNET_LOG_NONE;

    callback = off ? NULL : chosen;
    callback_user = user;
    icn_u32_store(&level_max, off ? IOCPNET_LOG_NONE : (uint32_t)level);
    if (off) {
        queue_clear();
    }
}

int32_t icn_log_set_callback(iocpnet_log_callback chosen, int32_t level, void *user)
{
    icn_result result;

    ICN_CHECK(level >= IOCPNET_LOG_NONE && level <= IOCPNET_LOG_DEBUG);
    icn_mutex_lock(&lock);
    set_callback(chosen, level, user);
    result = thread_start();
    if (result.status != IOCPNET_OK) {
        set_callback(NULL, IOCPNET_LOG_NONE, NULL); /* it was off, or there would be a thread */
    }
    wait_for_running_call();
    if (!is_wanted()) {
        thread_stop();
    }
    icn_mutex_unlock(&lock);
    return result.status;
}

icn_result icn_log_acquire(void)
{
    icn_result result;

    icn_mutex_lock(&lock);
    service_count++;
    result = thread_start();
    if (result.status != IOCPNET_OK) {
        service_count--;
    }
    icn_mutex_unlock(&lock);
    return result;
}

void icn_log_release(void)
{
    icn_mutex_lock(&lock);
    ICN_CHECK(service_count != 0);
    service_count--;
    if (!is_wanted()) {
        thread_stop();
    }
    icn_mutex_unlock(&lock);
}

void icn_log_write(int32_t level, const char *component, const char *format, ...)
{
    log_line line;
    va_list arguments;

    ICN_CHECK(level > IOCPNET_LOG_NONE && level <= IOCPNET_LOG_DEBUG);
    if ((uint32_t)level > icn_u32_load_relaxed(&level_max)) {
        return;
    }
    line.level = level;
    line.component = component;
    va_start(arguments, format);
    vsnprintf(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    icn_mutex_lock(&lock);
    if (is_wanted()) {
        queue_append(&line);
    }
    icn_mutex_unlock(&lock);
}

uint64_t icn_log_dropped(void)
{
    return icn_u64_load(&drop_total);
}
