/*
 * A dispatcher: a loop, who drives it, and where its events go.
 * Driving by the library: a thread of its own. Driving by the host: whoever is inside dispatch or poll.
 */
#ifndef ICN_SERVICE_DISPATCHER_H
#define ICN_SERVICE_DISPATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "net/loop.h"
#include "os/thread.h"
#include "service/event_queue.h"
#include "service/service.h"
#include "service/watch.h"

/* Completions of one turn: enough to share its costs, few enough to look at kicks and timers often. */
#define ICN_TURN_BUDGET 512

typedef struct icn_dispatcher {
    icn_loop loop;
    icn_service *service;
    icn_event_queue queue; /* delivery by batches */
    icn_watch watch;
    icn_thread thread;      /* driving by the library */
    icn_atomic_u32 leaving; /* 1: the thread ends */
    icn_gate *gate;         /* around dispatch and poll, and those that drive it to its end */
    icn_gate own_gate;      /* where there is nothing to borrow */
    icn_atomic_u32 woken;   /* 1: dispatch or poll is to return */
    icn_kick feed_kick;     /* there is room in the queue: sessions receive again */
    icn_kick stopped_kick;  /* the service is stopped: tell the host (dispatcher 0) */
} icn_dispatcher;

/* The port is the dispatcher's from here on. */
void icn_dispatcher_init(icn_dispatcher *dispatcher, icn_service *service, uint32_t index, icn_port *port);
void icn_dispatcher_fini(icn_dispatcher *dispatcher);

/* Starts and ends its thread. */
icn_result icn_dispatcher_start(icn_dispatcher *dispatcher);
void icn_dispatcher_join(icn_dispatcher *dispatcher);

/* iocpnet_service_dispatch and iocpnet_service_poll. The status is a count of events or an error. */
icn_result icn_dispatcher_dispatch(icn_dispatcher *dispatcher, uint32_t timeout_ms);
icn_result icn_dispatcher_poll(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                               uint32_t timeout_ms);

/* Any thread. */
void icn_dispatcher_wake(icn_dispatcher *dispatcher);

/* Wakes whoever is inside and waits until it has left, then keeps everybody out until this thread leaves. */
void icn_dispatcher_claim(icn_dispatcher *dispatcher);
void icn_dispatcher_leave(icn_dispatcher *dispatcher);

/* ---- for dispatcher_drive.c; the calling thread is inside the dispatcher ---- */

/* IOCPNET_OK, IOCPNET_E_BUSY or IOCPNET_E_CLOSED. */
int32_t icn_dispatcher_enter(icn_dispatcher *dispatcher);
/* The calling thread owns the loop from here to end_driving. What was sent meanwhile leaves, which may deliver events. */
void icn_dispatcher_begin_driving(icn_dispatcher *dispatcher);
void icn_dispatcher_end_driving(icn_dispatcher *dispatcher);
/* One turn, whose events are published. */
icn_result icn_dispatcher_run(icn_dispatcher *dispatcher, uint32_t timeout_ms, uint32_t budget);

/* ---- for service_stop.c ---- */

/* One turn on the calling thread, which has claimed the dispatcher. */
void icn_dispatcher_turn(icn_dispatcher *dispatcher, uint32_t timeout_ms);

#endif
