#include "util/timer.h"

#include "base/check.h"
#include "iocpnet.h"

#define NEVER UINT64_MAX

/* Rounded up: a timer is never early. */
static uint64_t due_tick(uint64_t deadline_ms)
{
    return deadline_ms / ICN_TIMER_TICK_MS + (deadline_ms % ICN_TIMER_TICK_MS != 0);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void icn_timers_init(icn_timers *timers, uint64_t now_ms, icn_timer_fire *fire)
{
    timers->fire = fire;
    for (uint32_t i = 0; i < ICN_TIMER_SLOTS; i++) {
        icn_list_init(&timers->slots[i]);
        timers->slot_earliest[i] = NEVER;
    }
    timers->earliest = NEVER;
    timers->tick = now_ms / ICN_TIMER_TICK_MS;
    timers->count = 0;
}

void icn_timer_init(icn_timer *timer)
{
    icn_list_init(&timer->node);
    timer->deadline_ms = 0;
}

bool icn_timer_is_set(const icn_timer *timer)
{
    return icn_list_holds(&timer->node);
}

void icn_timer_set(icn_timers *timers, icn_timer *timer, uint64_t deadline_ms)
{
    uint64_t tick = due_tick(deadline_ms);
    uint32_t slot = (uint32_t)(tick % ICN_TIMER_SLOTS);

    icn_timer_cancel(timers, timer);
    timer->deadline_ms = deadline_ms;
    icn_list_append(&timers->slots[slot], &timer->node);
    timers->slot_earliest[slot] = min_u64(timers->slot_earliest[slot], tick);
    timers->earliest = min_u64(timers->earliest, tick);
    timers->count++;
}

void icn_timer_cancel(icn_timers *timers, icn_timer *timer)
{
    uint32_t slot = (uint32_t)(due_tick(timer->deadline_ms) % ICN_TIMER_SLOTS);

    if (!icn_timer_is_set(timer)) {
        return;
    }
    ICN_CHECK(timers->count != 0);
    icn_list_remove(&timer->node);
    timers->count--;
    if (icn_list_is_empty(&timers->slots[slot])) {
        timers->slot_earliest[slot] = NEVER;
    }
}

uint32_t icn_timers_wait_ms(const icn_timers *timers, uint64_t now_ms)
{
    uint64_t now = now_ms / ICN_TIMER_TICK_MS;
    uint64_t ticks;

    if (timers->count == 0) {
        return IOCPNET_INFINITE;
    }
    if (timers->earliest <= now) {
        return 0;
    }
    ticks = min_u64(timers->earliest - now, (IOCPNET_INFINITE - 1) / ICN_TIMER_TICK_MS);
    return (uint32_t)(ticks * ICN_TIMER_TICK_MS - now_ms % ICN_TIMER_TICK_MS);
}

/* Moves what is due from one slot to a list. */
static void slot_collect(icn_timers *timers, uint32_t slot, uint64_t now, icn_list *due)
{
    icn_list waiting;

    icn_list_init(&waiting);
    icn_list_splice(&waiting, &timers->slots[slot]);
    timers->slot_earliest[slot] = NEVER;
    while (!icn_list_is_empty(&waiting)) {
        icn_list_node *node = icn_list_take_first(&waiting);
        uint64_t tick = due_tick(ICN_CONTAINER(node, icn_timer, node)->deadline_ms);
        if (tick <= now) {
            icn_list_append(due, node);
        } else {
            icn_list_append(&timers->slots[slot], node);
            timers->slot_earliest[slot] = min_u64(timers->slot_earliest[slot], tick);
        }
    }
}

/* Visits each slot at most once, however long ago the last run was; in order of time when that is less than a turn. */
static void collect(icn_timers *timers, uint64_t now, icn_list *due)
{
    timers->earliest = NEVER;
    for (uint32_t i = 0; i < ICN_TIMER_SLOTS; i++) {
        uint32_t slot = (uint32_t)((timers->tick + i) % ICN_TIMER_SLOTS);
        if (timers->slot_earliest[slot] <= now) {
            slot_collect(timers, slot, now, due);
        }
        timers->earliest = min_u64(timers->earliest, timers->slot_earliest[slot]);
    }
    timers->tick = now;
}

uint32_t icn_timers_run(icn_timers *timers, uint64_t now_ms)
{
    uint64_t now = now_ms / ICN_TIMER_TICK_MS;
    uint32_t fired = 0;
    icn_list due;

    if (timers->earliest > now) {
        return 0;
    }
    icn_list_init(&due);
    collect(timers, now, &due);
    while (!icn_list_is_empty(&due)) {
        icn_timer *timer = ICN_CONTAINER(icn_list_take_first(&due), icn_timer, node);
        timers->count--;
        fired++;
        timers->fire(timers, timer);
    }
    return fired;
}
