#include "service/delivery.h"

#include <stddef.h>

#include "base/attributes.h"
#include "net/budget.h"
#include "service/dispatcher.h"
#include "util/log.h"

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

static ICN_RARE void starve(icn_loop *loop, icn_event_queue *queue)
{
    icn_sessions_starve(loop, true);
    if (!icn_event_queue_starve(queue)) {
        icn_sessions_starve(loop, false);
    }
}

static inline bool must_starve(const icn_loop *loop, const icn_event_queue *queue)
{
    return !loop->starved && icn_event_queue_is_full(queue);
}

/* Counts an event that was queued; no session receives any more once the queue is full. */
static inline void queued(icn_loop *loop, icn_event_queue *queue)
{
    icn_u64_count(&loop->counters.events, 1);
    if (must_starve(loop, queue)) {
        starve(loop, queue);
    }
}

static bool deliver_to_queue(icn_loop *loop, icn_session *session, const iocpnet_event *event)
{
    icn_event_queue *queue = &dispatcher_of(loop)->queue;
    if (is_last_event(event->kind)) {
        icn_event_queue_append_end(queue, session);
    } else if (!icn_event_queue_append(queue, session, event)) {
        return false;
    }
    queued(loop, queue);
    return true;
}

static ICN_APART void deliver_copy_to_queue(icn_loop *loop, icn_session *session, const void *data, uint32_t size)
{
    icn_event_queue *queue = &dispatcher_of(loop)->queue;
    if (icn_event_queue_append_received(queue, session, data, size)) {
        queued(loop, queue);
    } else {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
}

static ICN_RARE void make_room(icn_loop *loop, icn_event_queue *queue, icn_event_landing landing)
{
    if (landing == ICN_EVENT_LANDED_LAST) {
        icn_event_queue_land_elsewhere(queue);
    }
    if (must_starve(loop, queue)) {
        starve(loop, queue);
    }
}

static void deliver_landed_to_queue(icn_loop *loop, icn_session *session, const void *data, uint32_t size)
{
    icn_event_queue *queue = &dispatcher_of(loop)->queue;
    const icn_event_landing landing = icn_event_queue_append_landed(queue, session, data, size);
    if (landing == ICN_EVENT_NOT_LANDED) {
        deliver_copy_to_queue(loop, session, data, size);
        return;
    }
    icn_u64_count(&loop->counters.events, 1);
    if (landing == ICN_EVENT_LANDED_LAST || must_starve(loop, queue)) {
        make_room(loop, queue, landing);
    }
}

/* In its place among the events: the session closes once the host has had the chance to answer them. */
static bool deliver_end_of_stream_to_queue(icn_loop *loop, icn_session *session)
{
    return icn_event_queue_append_end_of_stream(&dispatcher_of(loop)->queue, session);
}

static void feed(icn_kick *kick)
{
    icn_dispatcher *dispatcher = ICN_CONTAINER(kick, icn_dispatcher, feed_kick);
    icn_event_queue *queue = &dispatcher->queue;
    icn_u32_exchange(&kick->pending, 0);
    /* What the port had received already may have filled the queue again since there was room. */
    if (!icn_event_queue_is_full(queue) || !icn_event_queue_starve(queue)) {
        icn_sessions_starve(&dispatcher->loop, false);
    }
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
    event.service = dispatcher->service->roster.service;
    (void)loop->deliver(loop, NULL, &event);
}

void icn_delivery_init(icn_dispatcher *dispatcher)
{
    const iocpnet_service_options *options = &dispatcher->service->options;
    const uint64_t ends =
        IOCPNET_EVENT_BIT(IOCPNET_EVENT_DISCONNECTED) | IOCPNET_EVENT_BIT(IOCPNET_EVENT_CONNECT_FAILED);
    icn_loop *loop = &dispatcher->loop;
    if (options->delivery == IOCPNET_DELIVERY_BATCHES) {
        loop->deliver = deliver_to_queue;
        loop->deliver_received = deliver_copy_to_queue;
        loop->deliver_copied = deliver_copy_to_queue;
        loop->port->complete[ICN_OPERATION_RECEIVE] = icn_session_receive_to_queue;
        loop->deliver_end_of_stream = deliver_end_of_stream_to_queue;
        /* Ends go through the queue even when the host does not want to see them: records point to their sessions. */
        loop->wanted = options->batch_events | ends | icn_budget_bit(loop->roster->budget);
    } else {
        loop->deliver = deliver_by_callback;
    }
    icn_event_queue_init(&dispatcher->queue, options->event_queue_bytes_max, options->batch_events);
    if (options->delivery == IOCPNET_DELIVERY_BATCHES && loop->port->landing_own != NULL) {
        loop->deliver_received = deliver_landed_to_queue;
        icn_event_queue_receive_directly(&dispatcher->queue, &loop->port->landing, loop->port->landing_own,
                                         options->receive_buffer_bytes);
    }
    loop->kick_handlers[ICN_KICK_FEED] = feed;
    loop->kick_handlers[ICN_KICK_STOPPED] = announce_stopped;
    icn_kick_init(&dispatcher->feed_kick, ICN_KICK_FEED);
    icn_kick_init(&dispatcher->stopped_kick, ICN_KICK_STOPPED);
}
