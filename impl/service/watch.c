#include "service/watch.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/check.h"
#include "base/status.h"
#include "os/clock.h"
#include "service/dispatcher.h"
#include "util/log.h"

static icn_dispatcher *dispatcher_of(icn_loop *loop)
{
    return ICN_CONTAINER(loop, icn_dispatcher, loop);
}

static bool is_timed(const icn_dispatcher *dispatcher)
{
    const iocpnet_service_options *options = &dispatcher->service->options;
    return options->slow_callback_us != 0 && options->delivery == IOCPNET_DELIVERY_CALLBACKS;
}

uint32_t icn_watch_bucket(uint64_t time_us)
{
    uint32_t bucket = 0;
    while (bucket < IOCPNET_CALLBACK_TIMES - 1 && time_us >> bucket != 0) {
        bucket++;
    }
    return bucket;
}

static void record(icn_watch *watch, const iocpnet_event *event)
{
    if (watch->trace.places != NULL) {
        const iocpnet_trace_record made = {.time_us = icn_os_clock_us(),
                                           .session = event->session,
                                           .size = event->size,
                                           .kind = event->kind,
                                           .close_reason = event->close_reason};
        icn_trace_ring_write(&watch->trace, &made);
    }
}

static uint64_t begin_callback(const icn_dispatcher *dispatcher)
{
    return is_timed(dispatcher) ? icn_os_clock_us() : 0;
}

/* The session may be gone: its handle is only a number here. */
static void end_callback(icn_dispatcher *dispatcher, uint64_t began_us, uint32_t kind, uint64_t session)
{
    if (!is_timed(dispatcher)) {
        return;
    }
    icn_watch *watch = &dispatcher->watch;
    uint64_t took_us = icn_os_clock_us() - began_us;
    icn_u64_count(&watch->times[icn_watch_bucket(took_us)], 1);
    icn_u64_count(&watch->time_us, took_us);
    if (took_us >= dispatcher->service->options.slow_callback_us) {
        icn_u64_count(&watch->slow, 1);
        icn_log_write(IOCPNET_LOG_WARNING, "callback",
                      "%s of session 0x%" PRIx64 " on dispatcher %u took %" PRIu64 " us", icn_event_name(kind), session,
                      dispatcher->loop.index, took_us);
    }
}

static bool deliver_watched(icn_loop *loop, icn_session *session, const iocpnet_event *event)
{
    icn_dispatcher *dispatcher = dispatcher_of(loop);
    uint32_t kind = event->kind;
    uint64_t handle = event->session;
    record(&dispatcher->watch, event);
    uint64_t began_us = begin_callback(dispatcher);
    bool delivered = dispatcher->watch.deliver(loop, session, event);
    end_callback(dispatcher, began_us, kind, handle);
    return delivered;
}

/* The RECEIVED callback of a loop that is watched. */
static void IOCPNET_CALL received_watched(const iocpnet_event *event, void *user)
{
    icn_dispatcher *dispatcher = user;
    const icn_callback *callback = &dispatcher->service->callbacks[IOCPNET_EVENT_RECEIVED];
    uint64_t handle = event->session;
    record(&dispatcher->watch, event);
    uint64_t began_us = begin_callback(dispatcher);
    callback->function(event, callback->user);
    end_callback(dispatcher, began_us, IOCPNET_EVENT_RECEIVED, handle);
}

static void record_received(icn_watch *watch, const icn_session *session, uint32_t size)
{
    const iocpnet_event event = {.kind = IOCPNET_EVENT_RECEIVED, .session = session->handle, .size = size};
    record(watch, &event);
}

static void deliver_received_watched(icn_loop *loop, icn_session *session, const void *data, uint32_t size)
{
    icn_watch *watch = &dispatcher_of(loop)->watch;
    record_received(watch, session, size);
    watch->deliver_received(loop, session, data, size);
}

/* Messages that do not lie where they are to be handed out. */
static void deliver_copied_watched(icn_loop *loop, icn_session *session, const void *data, uint32_t size)
{
    icn_watch *watch = &dispatcher_of(loop)->watch;
    record_received(watch, session, size);
    watch->deliver_copied(loop, session, data, size);
}

#if defined(ICN_DEBUG_CHECKS)

#define DUMPED_RECORDS 64

/* The last events of the dispatcher that the calling thread drives, on standard error: a check of the library has failed. */
static void dump_trace(void)
{
    icn_loop *loop = icn_thread_loop();
    if (loop == NULL) {
        return;
    }
    iocpnet_trace_record records[DUMPED_RECORDS];
    uint32_t count = icn_trace_ring_read(&dispatcher_of(loop)->watch.trace, records, DUMPED_RECORDS);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(stderr, "event %" PRIu64 " at %" PRIu64 " us: %s, session 0x%" PRIx64 ", size %" PRIu64 "\n",
                records[i].number, records[i].time_us, icn_event_name(records[i].kind), records[i].session,
                records[i].size);
    }
}

#endif

/* Each service that keeps a trace sets it anew, to the same. */
static void dump_with_checks(void)
{
#if defined(ICN_DEBUG_CHECKS)
    icn_check_set_dump(dump_trace);
#endif
}

int32_t icn_watch_init(icn_dispatcher *dispatcher)
{
    const iocpnet_service_options *options = &dispatcher->service->options;
    icn_watch *watch = &dispatcher->watch;
    icn_loop *loop = &dispatcher->loop;
    if (!icn_trace_ring_init(&watch->trace, options->trace_records)) {
        return IOCPNET_E_NO_MEMORY;
    }
    if (!is_timed(dispatcher) && watch->trace.places == NULL) {
        return IOCPNET_OK;
    }
    dump_with_checks();
    watch->deliver = loop->deliver;
    loop->deliver = deliver_watched;
    if (loop->deliver_received != NULL) {
        watch->deliver_received = loop->deliver_received;
        loop->deliver_received = deliver_received_watched;
        watch->deliver_copied = loop->deliver_copied;
        loop->deliver_copied = deliver_copied_watched;
    }
    return IOCPNET_OK;
}

void icn_watch_fini(icn_watch *watch)
{
    icn_trace_ring_fini(&watch->trace);
}

void icn_watch_start(icn_dispatcher *dispatcher)
{
    icn_loop *loop = &dispatcher->loop;
    if (dispatcher->watch.deliver != NULL && loop->on_received != NULL) {
        loop->on_received = received_watched;
        loop->on_received_user = dispatcher;
    }
}
