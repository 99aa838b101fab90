/*
 * What is watched of the events of a dispatcher, where the options ask for it: how long callbacks take, and the last events.
 * It stands between the loop and where events go; a dispatcher that is not watched has nothing of it in its way.
 */
#ifndef ICN_SERVICE_WATCH_H
#define ICN_SERVICE_WATCH_H

#include <stdint.h>

#include "base/atomic.h"
#include "net/loop.h"
#include "util/trace_ring.h"

struct icn_dispatcher;

/* Written by whoever drives the dispatcher; any thread reads. */
typedef struct icn_watch {
    icn_atomic_u64 slow;
    icn_atomic_u64 time_us;
    icn_atomic_u64 times[IOCPNET_CALLBACK_TIMES];
    icn_trace_ring trace;
    icn_loop_deliver *deliver; /* where events go */
    icn_loop_deliver_received *deliver_received;
    icn_loop_deliver_received *deliver_copied;
} icn_watch;

/* After its delivery. IOCPNET_OK or IOCPNET_E_NO_MEMORY. */
int32_t icn_watch_init(struct icn_dispatcher *dispatcher);
void icn_watch_fini(icn_watch *watch);

/* When the service starts, after the callback for RECEIVED was set. */
void icn_watch_start(struct icn_dispatcher *dispatcher);

/* The bucket of a callback that took so long, in whole microseconds. */
uint32_t icn_watch_bucket(uint64_t time_us);

#endif
