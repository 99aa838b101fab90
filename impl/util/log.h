/*
 * Log lines. Writing one formats it and hands it to a thread of its own; it never waits for the host and never calls it.
 * The thread exists while a callback is set and a service is alive; without it lines are not kept. The queue is static:
 * writing allocates nothing.
 */
#ifndef ICN_UTIL_LOG_H
#define ICN_UTIL_LOG_H

#include <stdint.h>

#include "base/result.h"

#define ICN_LOG_TEXT_MAX 240 /* bytes of a line; longer ones are cut */
#define ICN_LOG_QUEUE_MAX 1024

/* iocpnet_set_log_callback; `level` was checked. When it turns the log off, what is queued is not written. Fails when the
 * thread can not be made; the log is then off, as before. */
int32_t icn_log_set_callback(iocpnet_log_callback callback, int32_t level, void *user);

/* Each service holds the log from its creation to its end. Releasing the last one writes what is queued, then ends the
 * thread, and waits for that unless it is called on the log thread itself. */
icn_result icn_log_acquire(void);
void icn_log_release(void);

/* Any thread; cheap when the level is off. `component` has static storage. Attributes are checked by the compiler. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void icn_log_write(int32_t level, const char *component, const char *format, ...);

/* Lines that were dropped because the queue was full. A later line tells the host. */
uint64_t icn_log_dropped(void);

#endif
