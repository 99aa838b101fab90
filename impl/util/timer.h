/*
 * Timers of one dispatcher: a wheel of coarse slots. Setting and cancelling cost a few instructions, a timer fires up to
 * ICN_TIMER_TICK_MS late, never early. A deadline further away than one turn of the wheel waits in its slot. Owner thread
 * only.
 */
#ifndef ICN_UTIL_TIMER_H
#define ICN_UTIL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define ICN_TIMER_TICK_MS 8
#define ICN_TIMER_SLOTS 256

typedef struct icn_timer icn_timer;
typedef struct icn_timers icn_timers;
/* Of a timer that is due, and not set any more. */
typedef void icn_timer_fire(icn_timers *timers, icn_timer *timer);

struct icn_timer {
    icn_list_node node; /* in a slot of the wheel while it is set */
    uint64_t deadline_ms;
};

struct icn_timers {
    icn_timer_fire *fire;
    icn_list slots[ICN_TIMER_SLOTS];
    uint64_t slot_earliest[ICN_TIMER_SLOTS]; /* tick before which nothing is due in the slot; UINT64_MAX: it is empty */
    uint64_t earliest;                       /* no slot has a smaller one */
    uint64_t tick;                           /* of the last run */
    uint32_t count;
};

void icn_timers_init(icn_timers *timers, uint64_t now_ms, icn_timer_fire *fire);
void icn_timer_init(icn_timer *timer);
/* Sets a timer, or moves one that is set. A deadline in the past fires with the next run. */
void icn_timer_set(icn_timers *timers, icn_timer *timer, uint64_t deadline_ms);
/* Does nothing when it is not set. */
void icn_timer_cancel(icn_timers *timers, icn_timer *timer);
bool icn_timer_is_set(const icn_timer *timer);
/* Milliseconds until icn_timers_run may have something to do; IOCPNET_INFINITE when no timer is set. After a cancel it may
 * be too short, once. */
uint32_t icn_timers_wait_ms(const icn_timers *timers, uint64_t now_ms);
/* Fires what is due, each once; a timer may set and cancel any timer, also itself: what it sets waits for the next run.
 * Returns how many fired. */
uint32_t icn_timers_run(icn_timers *timers, uint64_t now_ms);

#endif
