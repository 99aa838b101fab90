/*
 * What the host wants of a loop later, or from another thread: its timers, and its jobs. Made when it is first needed.
 *
 * A mutex guards both; it is held for a few instructions, never while the host is told. The loop's own wheel has one timer
 * that fires when one of the host's is due; jobs and a sooner timer kick the loop.
 * A job for a session is accepted under the mutex, as long as the session's extension is not ended: the owner ends that,
 * then takes the mutex and delivers all jobs that wait, and only then ends the session. So each job that was accepted is
 * delivered once, before the session's last event.
 */
#ifndef ICN_NET_SCHEDULE_H
#define ICN_NET_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "iocpnet.h"
#include "net/extension.h"
#include "net/loop.h"

struct icn_session;

/* Of one set of timers, and of one job. */
typedef struct icn_timing {
    uint64_t id;
    uint32_t delay_ms;
    uint32_t period_ms; /* 0: once */
} icn_timing;

typedef struct icn_job icn_job;

/* Any thread with a pin of the session. Errors as iocpnet_session_set_timer, _cancel_timer and _post. */
int32_t icn_session_set_timer(struct icn_session *session, const icn_timing *timing);
int32_t icn_session_cancel_timer(struct icn_session *session, uint64_t id);
int32_t icn_session_post(struct icn_session *session, iocpnet_callback function, void *argument);

/* The same for a loop of a service that was started; any thread with a pin of the service. */
int32_t icn_loop_set_timer(icn_loop *loop, const icn_timing *timing);
int32_t icn_loop_cancel_timer(icn_loop *loop, uint64_t id);
int32_t icn_loop_post(icn_loop *loop, iocpnet_callback function, void *argument);

/* The callback of POSTED: calls the function of the job that the event is about. */
void IOCPNET_CALL icn_job_call(const iocpnet_event *event, void *user);

/* ---- owner thread ---- */

/* The handler of its kick. */
void icn_schedule_look(icn_kick *kick);
/* A timer of the loop is due: false when it is not that of the schedule. */
bool icn_schedule_due(icn_loop *loop, const icn_timer *timer);
/* From icn_extension_end: delivers the jobs of the session, and cancels its timers. */
void icn_schedule_leave(struct icn_session *session, icn_extension *extension);
/* The loop stops: delivers the jobs that it has accepted, and accepts none any more; nor timers. */
void icn_schedule_stop(icn_loop *loop);
/* Nobody drives the loop any more; no session is left. */
void icn_schedule_fini(icn_loop *loop);

#endif
