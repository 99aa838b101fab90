/* What the host calls: dispatch and poll. */
#include <stddef.h>

#include "os/clock.h"
#include "service/dispatcher.h"

/* When a wait begins that has an end; else 0, for the clock costs as much as a look-up or two. */
static uint64_t start_of_wait(uint32_t timeout_ms)
{
    return timeout_ms == 0 || timeout_ms == IOCPNET_INFINITE ? 0 : icn_os_clock_ms();
}

/* Milliseconds left of a wait; IOCPNET_INFINITE stays that. */
static uint32_t time_left(uint32_t timeout_ms, uint64_t started_ms)
{
    if (timeout_ms == IOCPNET_INFINITE) {
        return timeout_ms;
    }
    uint64_t passed_ms = icn_os_clock_ms() - started_ms;
    return passed_ms < timeout_ms ? (uint32_t)(timeout_ms - passed_ms) : 0;
}

/* Grows with whatever the host may have to look at. */
static uint64_t progress(const icn_dispatcher *dispatcher)
{
    return icn_u64_load_relaxed(&dispatcher->loop.counters.events) + icn_u64_load_relaxed(&dispatcher->queue.written);
}

static icn_result count_of(uint64_t events)
{
    return (icn_result){.status = (int32_t)events};
}

/* A wake that comes after the load has woken the port too: the next turn does not wait. */
static bool take_wake(icn_dispatcher *dispatcher)
{
    if (icn_u32_load(&dispatcher->woken) == 0) {
        return false;
    }
    /* An exchange: whoever woke once more in between is answered as well, and what it did before is seen. */
    (void)icn_u32_exchange(&dispatcher->woken, 0);
    return true;
}

/*
 * Turns until there is something for the host since `before`, a wake, or the time is over. A turn may also end for the
 * loop's own sake.
 */
static icn_result drive(icn_dispatcher *dispatcher, uint64_t before, uint32_t timeout_ms, uint32_t budget, bool *woken)
{
    uint64_t started_ms = start_of_wait(timeout_ms);
    uint32_t left_ms = timeout_ms;
    icn_result result;
    for (;;) {
        result = icn_dispatcher_run(dispatcher, left_ms, budget);
        *woken = take_wake(dispatcher);
        if (left_ms == 0 || *woken || progress(dispatcher) != before || result.status != IOCPNET_OK) {
            break;
        }
        left_ms = time_left(timeout_ms, started_ms);
    }
    icn_result submitted = icn_port_submit(dispatcher->loop.port);
    return result.status != IOCPNET_OK ? result : submitted;
}

icn_result icn_dispatcher_dispatch(icn_dispatcher *dispatcher, uint32_t timeout_ms)
{
    int32_t status = icn_dispatcher_enter(dispatcher);
    if (status != IOCPNET_OK) {
        return icn_failure(status);
    }
    bool woken;
    uint64_t before = progress(dispatcher);
    icn_dispatcher_begin_driving(dispatcher);
    uint32_t wait_ms = progress(dispatcher) == before ? timeout_ms : 0;
    icn_result result = drive(dispatcher, before, wait_ms, ICN_TURN_BUDGET, &woken);
    icn_dispatcher_end_driving(dispatcher);
    uint64_t delivered = progress(dispatcher) - before;
    icn_dispatcher_leave(dispatcher);
    return delivered != 0 ? count_of(delivered) : result;
}

static void offer_room(icn_dispatcher *dispatcher)
{
    if (icn_event_queue_may_feed(&dispatcher->queue) && icn_kick_claim(&dispatcher->feed_kick)) {
        icn_kick_push(&dispatcher->loop, &dispatcher->feed_kick);
    }
}

/* Also when nothing is stored, there may be room: for records that the host does not see, before it waits for more. */
static uint32_t fetch(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity)
{
    uint32_t count = icn_event_queue_fetch(&dispatcher->queue, events, capacity);
    offer_room(dispatcher);
    return count;
}

/* What was handed out may be answered from where it is, if its port sends at once, and any one of them fits the queue. */
static void lend(icn_dispatcher *dispatcher)
{
    icn_loop *loop = &dispatcher->loop;
    icn_event_record *received = dispatcher->queue.lent_received;
    if (loop->served.reply_bytes_max >= dispatcher->service->options.receive_buffer_bytes) {
        loop->answers = (icn_answers){.first = received, .next = received};
    }
}

/* Driving by the host: does the I/O, without waiting when there are events from before. */
static icn_result drive_and_fetch(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                                  uint32_t timeout_ms)
{
    uint32_t budget = capacity < ICN_TURN_BUDGET ? capacity : ICN_TURN_BUDGET;
    uint64_t started_ms = start_of_wait(timeout_ms);
    uint32_t left_ms = timeout_ms;
    for (;;) {
        bool woken;
        uint32_t wait_ms = icn_event_queue_has_events(&dispatcher->queue) ? 0 : left_ms;
        icn_result result = drive(dispatcher, progress(dispatcher), wait_ms, budget, &woken);
        uint32_t count = fetch(dispatcher, events, capacity);
        if (count != 0) {
            lend(dispatcher);
            return count_of(count);
        }
        if (result.status != IOCPNET_OK || woken || left_ms == 0) {
            return result;
        }
        left_ms = time_left(timeout_ms, started_ms);
    }
}

/* Driving by the library: waits until its thread has published something. */
static icn_result fetch_or_wait(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                                uint32_t timeout_ms)
{
    uint64_t started_ms = start_of_wait(timeout_ms);
    uint32_t left_ms = timeout_ms;
    for (;;) {
        uint32_t count = fetch(dispatcher, events, capacity);
        if (count != 0 || left_ms == 0 || icn_event_queue_wait(&dispatcher->queue, left_ms)) {
            return count_of(count);
        }
        left_ms = time_left(timeout_ms, started_ms);
    }
}

static void name_service(const icn_dispatcher *dispatcher, iocpnet_event *event)
{
    if (event->kind == IOCPNET_EVENT_SERVICE_STOPPED) {
        event->service = dispatcher->service->roster.service;
        event->dispatcher = dispatcher->loop.index;
    }
}

static icn_result poll_entered(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                               uint32_t timeout_ms)
{
    icn_result result;
    if (dispatcher->service->options.driving == IOCPNET_DRIVING_HOST) {
        icn_dispatcher_begin_driving(dispatcher);
        icn_event_queue_reclaim(&dispatcher->queue);
        result = drive_and_fetch(dispatcher, events, capacity, timeout_ms);
        icn_dispatcher_end_driving(dispatcher);
    } else {
        icn_event_queue_reclaim(&dispatcher->queue);
        result = fetch_or_wait(dispatcher, events, capacity, timeout_ms);
    }
    if (result.status > 0) {
        name_service(dispatcher, &events[result.status - 1]);
    }
    return result;
}

icn_result icn_dispatcher_poll(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                               uint32_t timeout_ms)
{
    int32_t status = icn_dispatcher_enter(dispatcher);
    if (status != IOCPNET_OK) {
        return icn_failure(status);
    }
    icn_result result = poll_entered(dispatcher, events, capacity, timeout_ms);
    icn_dispatcher_leave(dispatcher);
    return result;
}
