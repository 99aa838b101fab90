#include "net/loop.h"

#include <stddef.h>

#include "base/check.h"
#include "net/conditioner.h"
#include "net/listener.h"
#include "net/schedule.h"
#include "net/session.h"
#include "os/clock.h"

static void stop_requested(icn_kick *kick);
static void inbox_filled(icn_kick *kick);
static void timer_fired(icn_timers *timers, icn_timer *timer);

icn_operation_complete *const icn_loop_completions[ICN_OPERATION_KINDS] = {
    [ICN_OPERATION_ACCEPT] = icn_listener_accept_completed,
    [ICN_OPERATION_CONNECT] = icn_session_connect_completed,
    [ICN_OPERATION_RECEIVE] = icn_session_receive_completed,
    [ICN_OPERATION_SEND] = icn_session_send_completed,
};

void icn_loop_init(icn_loop *loop, uint32_t index, icn_port *port, icn_roster *roster)
{
    loop->port = port;
    loop->roster = roster;
    icn_spin_init(&loop->spin, roster->spin_us);
    loop->index = index;
    loop->served.event.kind = IOCPNET_EVENT_RECEIVED;
    loop->served.event.dispatcher = index;
    /* What is sent back without being copied is accepted before it is known whether it has to be kept: not with a budget. */
    loop->served.reply_bytes_max =
        icn_port_sends_now(port) && roster->budget == NULL ? roster->send_queue_bytes_max : 0;
    icn_mutex_init(&loop->socket_mutex);
    icn_timers_init(&loop->timers, icn_os_clock_ms(), timer_fired);
    icn_list_init(&loop->sessions);
    icn_list_init(&loop->listeners);
    icn_list_init(&loop->unflushed);
    icn_list_init(&loop->finishing);
    icn_list_init(&loop->finishing_listeners);
    loop->kick_handlers[ICN_KICK_SESSION] = icn_session_look;
    loop->kick_handlers[ICN_KICK_LISTENER] = icn_listener_look;
    loop->kick_handlers[ICN_KICK_INBOX] = inbox_filled;
    loop->kick_handlers[ICN_KICK_SCHEDULE] = icn_schedule_look;
    loop->kick_handlers[ICN_KICK_STOP] = stop_requested;
    icn_kick_init(&loop->stop_kick, ICN_KICK_STOP);
    icn_inbox_init(&loop->inbox);
    icn_latest_pool_init(&loop->latest);
    icn_kick_init(&loop->inbox_kick, ICN_KICK_INBOX);
}

void icn_loop_fini(icn_loop *loop)
{
    ICN_CHECK(icn_list_is_empty(&loop->sessions));
    ICN_CHECK(icn_list_is_empty(&loop->listeners));
    icn_schedule_fini(loop);
    icn_conditioners_fini(loop);
    icn_inbox_fini(&loop->inbox);
    icn_send_pool_fini(&loop->send_pool);
    icn_latest_pool_fini(&loop->latest);
    icn_mutex_fini(&loop->socket_mutex);
    icn_port_close(loop->port);
}

void icn_loop_begin_driving(icn_loop *loop)
{
    icn_u64_store(&loop->driver, icn_thread_self());
    loop->served.event.service = loop->roster->service;
    loop->outer = icn_thread_loop();
    icn_thread_set_loop(loop);
}

void icn_loop_end_driving(icn_loop *loop)
{
    icn_thread_set_loop(loop->outer);
    icn_u64_store(&loop->driver, 0);
}

void icn_kick_init(icn_kick *kick, icn_kick_kind kind)
{
    kick->next = NULL;
    icn_u32_store_relaxed(&kick->pending, 0);
    kick->closed = false;
    kick->kind = (uint8_t)kind;
}

bool icn_kick_claim(icn_kick *kick)
{
    return icn_u32_exchange(&kick->pending, 1) == 0;
}

void icn_kick_push(icn_loop *loop, icn_kick *kick)
{
    void *first = icn_pointer_load(&loop->kicks);
    do {
        kick->next = first;
    } while (!icn_pointer_replace(&loop->kicks, &first, kick));
    if (icn_loop_is_mine(loop)) {
        /* This turn, or the next before it waits, looks. */
        return;
    }
    /* Both this replace and the owner's store of `sleeping` come before a load of the other one, in one total order: either
     * the owner sees the kick before it waits, or this thread sees that it sleeps. */
    icn_fence_after_change();
    if (icn_u32_load(&loop->sleeping) != 0 && icn_u32_exchange(&loop->sleeping, 0) != 0) {
        icn_port_wake(loop->port);
    }
}

void icn_loop_kick_inbox(icn_loop *loop)
{
    if (icn_kick_claim(&loop->inbox_kick)) {
        icn_kick_push(loop, &loop->inbox_kick);
    }
}

bool icn_kick_close(icn_kick *kick)
{
    if (!kick->closed && icn_kick_claim(kick)) {
        kick->closed = true;
    }
    return kick->closed;
}

static icn_kick *in_order_of_kicks(icn_kick *newest)
{
    icn_kick *oldest = NULL;
    while (newest != NULL) {
        icn_kick *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void look_at_kicked(icn_loop *loop)
{
    if (icn_pointer_load_relaxed(&loop->kicks) == NULL) {
        return;
    }
    icn_kick *kick = in_order_of_kicks(icn_pointer_exchange(&loop->kicks, NULL));
    while (kick != NULL) {
        /* The handler may free the object, and the kick with it. */
        icn_kick *next = kick->next;
        loop->kick_handlers[kick->kind](kick);
        kick = next;
    }
}

/* Swaps the list out first: what is flushed or finished may queue more, which then waits for the next turn. */
static void flush_sessions(icn_loop *loop)
{
    icn_list flushing;
    icn_list_init(&flushing);
    icn_list_splice(&flushing, &loop->unflushed);
    icn_list_node *node;
    while ((node = icn_list_take_first(&flushing)) != NULL) {
        icn_session_flush(ICN_CONTAINER(node, icn_session, endpoint.writer.node));
    }
}

static void finish_all(icn_list *finishing, void (*finish)(icn_list_node *node))
{
    icn_list ended;
    icn_list_init(&ended);
    icn_list_splice(&ended, finishing);
    icn_list_node *node;
    while ((node = icn_list_take_first(&ended)) != NULL) {
        finish(node);
    }
}

void icn_loop_send_waiting(icn_loop *loop)
{
    ICN_CHECK(icn_loop_is_mine(loop));
    icn_answers_send(loop);
    if (!icn_list_is_empty(&loop->unflushed)) {
        flush_sessions(loop);
    }
}

static void finish_ended(icn_loop *loop)
{
    if (!icn_list_is_empty(&loop->finishing)) {
        finish_all(&loop->finishing, icn_session_finish);
    }
    if (!icn_list_is_empty(&loop->finishing_listeners)) {
        finish_all(&loop->finishing_listeners, icn_listener_finish);
    }
}

static bool has_work(const icn_loop *loop)
{
    return !icn_list_is_empty(&loop->unflushed) || !icn_list_is_empty(&loop->finishing) ||
           !icn_list_is_empty(&loop->finishing_listeners);
}

static uint32_t wait_time(icn_loop *loop, uint32_t timeout_ms)
{
    if (timeout_ms == 0 || has_work(loop)) {
        return 0;
    }
    uint32_t wait_ms = timeout_ms;
    if (loop->timers.count != 0) {
        uint32_t timers_ms = icn_timers_wait_ms(&loop->timers, icn_os_clock_ms());
        wait_ms = timers_ms < timeout_ms ? timers_ms : timeout_ms;
        if (wait_ms == 0) {
            return 0;
        }
    }
    icn_u32_exchange(&loop->sleeping, 1);
    icn_fence_after_change();
    return icn_pointer_load(&loop->kicks) == NULL ? wait_ms : 0;
}

void icn_loop_wake(icn_loop *loop)
{
    /* First: a spin that takes the port's wake sees this count before it lets the loop sleep. */
    icn_u32_add(&loop->wakes, 1);
    icn_port_wake(loop->port);
}

static bool was_woken(icn_loop *loop)
{
    uint32_t wakes = icn_u32_load(&loop->wakes);
    bool woken = wakes != loop->wakes_seen;
    loop->wakes_seen = wakes;
    return woken;
}

/* Looks until something came, somebody asks for the loop, or the time is over. True: no sleep is to follow. */
static bool spin(icn_loop *loop, uint64_t began_us, uint32_t budget, icn_result *result, uint32_t *delivered)
{
    bool over = false;
    while (!over && icn_os_clock_us() - began_us < loop->spin.now_us) {
        *result = icn_port_run(loop->port, 0, budget, delivered);
        over = result->status != IOCPNET_OK || *delivered != 0 || icn_pointer_load_relaxed(&loop->kicks) != NULL ||
               icn_u32_load_relaxed(&loop->wakes) != loop->wakes_seen;
    }
    return was_woken(loop) || over;
}

static icn_result wait_and_deliver(icn_loop *loop, uint32_t timeout_ms, uint32_t budget)
{
    uint32_t delivered = 0;
    if (loop->spin.max_us == 0 || timeout_ms == 0 || has_work(loop)) {
        return icn_port_run(loop->port, wait_time(loop, timeout_ms), budget, &delivered);
    }
    icn_result result = icn_ok();
    uint64_t began_us = icn_os_clock_us();
    if (!spin(loop, began_us, budget, &result, &delivered)) {
        result = icn_port_run(loop->port, wait_time(loop, timeout_ms), budget, &delivered);
    }
    icn_spin_learn(&loop->spin, icn_os_clock_us() - began_us);
    return result;
}

icn_result icn_loop_turn(icn_loop *loop, uint32_t timeout_ms, uint32_t budget)
{
    ICN_CHECK(icn_loop_is_mine(loop) && loop->answers.first == NULL);
    if (icn_pointer_load_relaxed(&loop->kicks) != NULL) {
        /* What the host asked for between two turns goes out before this one waits. */
        look_at_kicked(loop);
        flush_sessions(loop);
        /* That may have delivered events: whoever drives looks at them before it waits. */
        timeout_ms = 0;
    }
    icn_result result = wait_and_deliver(loop, timeout_ms, budget);
    icn_u32_store(&loop->sleeping, 0);
    look_at_kicked(loop);
    if (loop->timers.count != 0) {
        icn_timers_run(&loop->timers, icn_os_clock_ms());
    }
    flush_sessions(loop);
    finish_ended(loop);
    icn_u64_count(&loop->counters.turns, 1);
    return result;
}

static void stop_requested(icn_kick *kick)
{
    icn_loop *loop = ICN_CONTAINER(kick, icn_loop, stop_kick);
    bool first = !loop->stopping;
    /* Before looking: a deadline that is brought forward from here on kicks again. */
    icn_u32_exchange(&kick->pending, 0);
    loop->stopping = true;
    loop->stop_deadline_ms = icn_os_deadline_ms(icn_u32_load(&loop->roster->drain_ms));
    icn_listeners_stop(loop);
    icn_sessions_stop(loop);
    if (first) {
        icn_schedule_stop(loop);
        /* From here on this loop turns away whatever is handed to it. */
        icn_roster_drop(loop->roster);
    }
}

static void inbox_filled(icn_kick *kick)
{
    /* Before looking: whoever finds the inbox empty from here on kicks again. */
    icn_u32_exchange(&kick->pending, 0);
    icn_sessions_collect(ICN_CONTAINER(kick, icn_loop, inbox_kick));
}

static void timer_fired(icn_timers *timers, icn_timer *timer)
{
    icn_loop *loop = ICN_CONTAINER(timers, icn_loop, timers);
    if (!icn_schedule_due(loop, timer) && !icn_conditioners_due(loop, timer) && !icn_listeners_retry(loop, timer)) {
        icn_session_deadline_passed(timer);
    }
}
