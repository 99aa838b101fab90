#include "service/dispatcher.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/thread.h"
#include "util/live.h"
#include "util/log.h"

/* Completions of one turn: enough to share its costs, few enough to look at kicks and timers often. */
#define TURN_BUDGET 512

/* When a port fails as a whole, short of memory, it is tried again after this time. */
#define PORT_RETRY_MS 10

static icn_dispatcher *dispatcher_of(icn_loop *loop)
{
    return ICN_CONTAINER(loop, icn_dispatcher, loop);
}

static bool is_last_event(uint32_t kind)
{
    return kind == IOCPNET_EVENT_DISCONNECTED || kind == IOCPNET_EVENT_CONNECT_FAILED;
}

static bool deliver_by_callback(icn_loop *loop, icn_session *session, const iocpnet_event *event)
{
    const icn_callback *callback = &dispatcher_of(loop)->service->callbacks[event->kind];
    icn_u64_count(&loop->counters.events, 1);
    callback->function(event, callback->user);
    if (is_last_event(event->kind)) {
        icn_session_release(session);
    }
    return true;
}

static bool deliver_to_queue(icn_loop *loop, icn_session *session, const iocpnet_event *event)
{
    icn_event_queue *queue = &dispatcher_of(loop)->queue;
    if (is_last_event(event->kind)) {
        icn_event_queue_append_end(queue, session);
    } else if (!icn_event_queue_append(queue, session, event)) {
        return false;
    }
    icn_u64_count(&loop->counters.events, 1);
    if (!loop->starved && icn_event_queue_is_full(queue)) {
        icn_sessions_starve(loop, true);
        if (!icn_event_queue_starve(queue)) {
            icn_sessions_starve(loop, false);
        }
    }
    return true;
}

/* In its place among the events: the session closes once the host has had the chance to answer them. */
static bool deliver_end_of_stream_to_queue(icn_loop *loop, icn_session *session)
{
    return icn_event_queue_append_end_of_stream(&dispatcher_of(loop)->queue, session);
}

static void feed(icn_kick *kick)
{
    icn_dispatcher *dispatcher = ICN_CONTAINER(kick, icn_dispatcher, feed_kick);
    icn_u32_exchange(&kick->pending, 0);
    icn_sessions_starve(&dispatcher->loop, false);
}

static void announce_stopped(icn_kick *kick)
{
    icn_dispatcher *dispatcher = ICN_CONTAINER(kick, icn_dispatcher, stopped_kick);
    icn_loop *loop = &dispatcher->loop;
    icn_log_write(IOCPNET_LOG_NOTICE, "service", "stopped");
    if (!dispatcher->service->started || !icn_loop_wants(loop, IOCPNET_EVENT_SERVICE_STOPPED)) {
        /* Also when it was never started: the kick makes whoever drives it to its end look. */
        return;
    }
    if (dispatcher->service->options.delivery == IOCPNET_DELIVERY_BATCHES) {
        icn_u64_count(&loop->counters.events, 1);
        icn_event_queue_append_stopped(&dispatcher->queue);
        return;
    }
    iocpnet_event event = {0};
    event.kind = IOCPNET_EVENT_SERVICE_STOPPED;
    event.service = dispatcher->service->handle;
    (void)deliver_by_callback(loop, NULL, &event);
}

void icn_dispatcher_init(icn_dispatcher *dispatcher, icn_service *service, uint32_t index, icn_port *port)
{
    const uint64_t ends =
        IOCPNET_EVENT_BIT(IOCPNET_EVENT_DISCONNECTED) | IOCPNET_EVENT_BIT(IOCPNET_EVENT_CONNECT_FAILED);
    bool batches = service->options.delivery == IOCPNET_DELIVERY_BATCHES;
    dispatcher->service = service;
    icn_loop_init(&dispatcher->loop, index, port, &service->roster);
    dispatcher->loop.deliver = batches ? deliver_to_queue : deliver_by_callback;
    dispatcher->loop.deliver_end_of_stream = batches ? deliver_end_of_stream_to_queue : NULL;
    /* The ends of sessions go through the queue even when the host does not want to see them: records point to sessions. */
    dispatcher->loop.wanted = batches ? service->options.batch_events | ends : 0;
    icn_event_queue_init(&dispatcher->queue, service->options.event_queue_bytes_max, service->options.batch_events);
    icn_kick_init(&dispatcher->feed_kick, feed);
    icn_kick_init(&dispatcher->stopped_kick, announce_stopped);
}

void icn_dispatcher_fini(icn_dispatcher *dispatcher)
{
    icn_event_queue_fini(&dispatcher->queue);
    icn_loop_fini(&dispatcher->loop);
}

/* The port as a whole fails only when the system is short of something: waiting a little is all that helps. */
static void wait_for_resources(icn_dispatcher *dispatcher, icn_result result)
{
    icn_log_write(IOCPNET_LOG_ERROR, "dispatcher", "port %u failed (status %d, system %d)", dispatcher->loop.index,
                  (int)result.status, (int)result.os_error);
    icn_mutex_lock(&dispatcher->service->mutex);
    icn_condition_wait_ms(&dispatcher->service->changed, &dispatcher->service->mutex, PORT_RETRY_MS);
    icn_mutex_unlock(&dispatcher->service->mutex);
}

static icn_result turn(icn_dispatcher *dispatcher, uint32_t timeout_ms, uint32_t budget)
{
    icn_result result = icn_loop_turn(&dispatcher->loop, timeout_ms, budget);
    icn_event_queue_publish(&dispatcher->queue);
    return result;
}

static void begin_driving(icn_dispatcher *dispatcher)
{
    icn_u64_store(&dispatcher->loop.driver, icn_thread_self());
    icn_thread_callback_enter();
}

static void end_driving(icn_dispatcher *dispatcher)
{
    icn_thread_callback_leave();
    icn_u64_store(&dispatcher->loop.driver, 0);
}

/* No thread touches its port before all of them exist: a start that fails half-way leaves every port as new. */
static void wait_started(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    icn_mutex_lock(&service->mutex);
    while (service->starting && icn_u32_load(&dispatcher->leaving) == 0) {
        icn_condition_wait(&service->changed, &service->mutex);
    }
    icn_mutex_unlock(&service->mutex);
}

static void run(void *argument)
{
    icn_dispatcher *dispatcher = argument;
    wait_started(dispatcher);
    if (icn_service_state(dispatcher->service) == IOCPNET_SERVICE_CREATED) {
        return;
    }
    begin_driving(dispatcher);
    while (icn_u32_load(&dispatcher->leaving) == 0) {
        icn_result result = turn(dispatcher, IOCPNET_INFINITE, TURN_BUDGET);
        if (result.status != IOCPNET_OK) {
            wait_for_resources(dispatcher, result);
        }
    }
    /* What was kicked before `leaving` was set, such as the news that the service is stopped. */
    (void)turn(dispatcher, 0, TURN_BUDGET);
    end_driving(dispatcher);
}

icn_result icn_dispatcher_start(icn_dispatcher *dispatcher)
{
    icn_live_add(ICN_LIVE_THREADS);
    icn_result result = icn_thread_start(&dispatcher->thread, "iocpnet", run, dispatcher);
    if (result.status != IOCPNET_OK) {
        icn_live_remove(ICN_LIVE_THREADS);
    }
    return result;
}

void icn_dispatcher_join(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    icn_mutex_lock(&service->mutex);
    icn_u32_store(&dispatcher->leaving, 1);
    icn_condition_signal_all(&service->changed);
    icn_mutex_unlock(&service->mutex);
    icn_port_wake(dispatcher->loop.port);
    icn_thread_join(&dispatcher->thread);
    icn_live_remove(ICN_LIVE_THREADS);
}

static int32_t enter(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    uint64_t nobody = 0;
    while (!icn_u64_replace(&dispatcher->entered, &nobody, icn_thread_self())) {
        if (nobody != 0) {
            return IOCPNET_E_BUSY;
        }
    }
    if (icn_u32_load(&service->destroying) != 0) {
        icn_dispatcher_leave(dispatcher);
        return IOCPNET_E_CLOSED;
    }
    if (icn_u32_load(&service->claimants) != 0) {
        /* A thread that stops the service waits for its turn: it must not starve. */
        icn_dispatcher_leave(dispatcher);
        return IOCPNET_E_BUSY;
    }
    return IOCPNET_OK;
}

void icn_dispatcher_leave(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    icn_u64_exchange(&dispatcher->entered, 0);
    /* Leaving comes before this load, a claimant's count before its look at `entered`: one of the two sees the other. */
    icn_fence();
    if (icn_u32_load(&service->claimants) != 0) {
        icn_mutex_lock(&service->mutex);
        icn_condition_signal_all(&service->changed);
        icn_mutex_unlock(&service->mutex);
    }
}

static bool try_claim(icn_dispatcher *dispatcher)
{
    uint64_t nobody = 0;
    while (!icn_u64_replace(&dispatcher->entered, &nobody, icn_thread_self())) {
        if (nobody != 0) {
            return false;
        }
    }
    return true;
}

void icn_dispatcher_claim(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    icn_u32_add(&service->claimants, 1);
    icn_fence();
    icn_dispatcher_wake(dispatcher);
    icn_mutex_lock(&service->mutex);
    while (!try_claim(dispatcher)) {
        icn_condition_wait(&service->changed, &service->mutex);
    }
    icn_mutex_unlock(&service->mutex);
    icn_u32_subtract(&service->claimants, 1);
}

void icn_dispatcher_turn(icn_dispatcher *dispatcher, uint32_t timeout_ms)
{
    begin_driving(dispatcher);
    icn_result result = turn(dispatcher, timeout_ms, TURN_BUDGET);
    end_driving(dispatcher);
    if (result.status != IOCPNET_OK) {
        wait_for_resources(dispatcher, result);
    }
}

void icn_dispatcher_wake(icn_dispatcher *dispatcher)
{
    icn_u32_store(&dispatcher->woken, 1);
    icn_port_wake(dispatcher->loop.port);
    icn_event_queue_wake(&dispatcher->queue);
}

/* Milliseconds left until a deadline; IOCPNET_INFINITE stays that. */
static uint32_t time_left(uint32_t timeout_ms, uint64_t started_ms)
{
    if (timeout_ms == 0 || timeout_ms == IOCPNET_INFINITE) {
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

/* Turns until there is something for the host, a wake, or the time is over. A turn may also end for the loop's own sake. */
static int32_t drive(icn_dispatcher *dispatcher, uint32_t timeout_ms, uint32_t budget, bool *woken)
{
    uint64_t before = progress(dispatcher);
    uint64_t started_ms = timeout_ms != 0 ? icn_os_clock_ms() : 0;
    uint32_t left_ms = timeout_ms;
    icn_result result;
    bool over;
    begin_driving(dispatcher);
    do {
        over = left_ms == 0;
        result = turn(dispatcher, left_ms, budget);
        left_ms = time_left(timeout_ms, started_ms);
        *woken = icn_u32_exchange(&dispatcher->woken, 0) != 0;
    } while (!over && !*woken && progress(dispatcher) == before && result.status == IOCPNET_OK);
    icn_result submitted = icn_port_submit(dispatcher->loop.port);
    end_driving(dispatcher);
    return result.status != IOCPNET_OK ? result.status : submitted.status;
}

int32_t icn_dispatcher_dispatch(icn_dispatcher *dispatcher, uint32_t timeout_ms)
{
    const icn_atomic_u64 *events = &dispatcher->loop.counters.events;
    int32_t status = enter(dispatcher);
    if (status != IOCPNET_OK) {
        return status;
    }
    bool woken;
    uint64_t before = icn_u64_load_relaxed(events);
    status = drive(dispatcher, timeout_ms, TURN_BUDGET, &woken);
    uint64_t delivered = icn_u64_load_relaxed(events) - before;
    icn_dispatcher_leave(dispatcher);
    return delivered != 0 ? (int32_t)delivered : status;
}

/* Driving by the host: does the I/O, without waiting when there are events from before. */
static int32_t drive_and_fetch(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity,
                               uint32_t timeout_ms)
{
    uint32_t budget = capacity < TURN_BUDGET ? capacity : TURN_BUDGET;
    uint64_t started_ms = timeout_ms != 0 ? icn_os_clock_ms() : 0;
    uint32_t left_ms = timeout_ms;
    for (;;) {
        bool woken;
        uint32_t wait_ms = icn_event_queue_has_events(&dispatcher->queue) ? 0 : left_ms;
        int32_t status = drive(dispatcher, wait_ms, budget, &woken);
        uint32_t count = icn_event_queue_fetch(&dispatcher->queue, events, capacity);
        if (count != 0) {
            return (int32_t)count;
        }
        if (status != IOCPNET_OK || woken || left_ms == 0) {
            return status;
        }
        left_ms = time_left(timeout_ms, started_ms);
    }
}

/* Driving by the library: waits until its thread has published something. */
static int32_t fetch_or_wait(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity, uint32_t timeout_ms)
{
    uint64_t started_ms = icn_os_clock_ms();
    uint32_t left_ms = timeout_ms;
    for (;;) {
        uint32_t count = icn_event_queue_fetch(&dispatcher->queue, events, capacity);
        if (count != 0 || left_ms == 0 || icn_event_queue_wait(&dispatcher->queue, left_ms)) {
            return (int32_t)count;
        }
        left_ms = time_left(timeout_ms, started_ms);
    }
}

static void offer_room(icn_dispatcher *dispatcher)
{
    if (icn_event_queue_may_feed(&dispatcher->queue) && icn_kick_claim(&dispatcher->feed_kick)) {
        icn_kick_push(&dispatcher->loop, &dispatcher->feed_kick);
    }
}

static void name_service(const icn_dispatcher *dispatcher, iocpnet_event *event)
{
    if (event->kind == IOCPNET_EVENT_SERVICE_STOPPED) {
        event->service = dispatcher->service->handle;
        event->dispatcher = dispatcher->loop.index;
    }
}

static int32_t poll_entered(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity, uint32_t timeout_ms)
{
    bool by_host = dispatcher->service->options.driving == IOCPNET_DRIVING_HOST;
    icn_event_queue_reclaim(&dispatcher->queue);
    int32_t count = by_host ? drive_and_fetch(dispatcher, events, capacity, timeout_ms)
                            : fetch_or_wait(dispatcher, events, capacity, timeout_ms);
    offer_room(dispatcher);
    if (count > 0) {
        name_service(dispatcher, &events[count - 1]);
    }
    return count;
}

int32_t icn_dispatcher_poll(icn_dispatcher *dispatcher, iocpnet_event *events, uint32_t capacity, uint32_t timeout_ms)
{
    int32_t status = enter(dispatcher);
    if (status != IOCPNET_OK) {
        return status;
    }
    int32_t count = poll_entered(dispatcher, events, capacity, timeout_ms);
    icn_dispatcher_leave(dispatcher);
    return count;
}
