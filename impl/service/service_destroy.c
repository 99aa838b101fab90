#include <stddef.h>

#include "base/check.h"
#include "base/list.h"
#include "net/group.h"
#include "os/thread.h"
#include "service/dispatcher.h"
#include "service/service.h"
#include "util/handle.h"
#include "util/live.h"

/* A thread that waits for another one to destroy a service. On its stack, in the list until `done`. */
typedef struct waiter {
    icn_list_node node;
    uint64_t handle;
    bool done;
} waiter;

/* Guards every service's claim and `finalized`, and the waiters. */
static icn_mutex destroy_mutex;
static icn_condition destroy_progress;
static icn_list waiters = {&waiters, &waiters};

void icn_service_finalized(void *object)
{
    icn_service *service = object;
    icn_mutex_lock(&destroy_mutex);
    service->finalized = true;
    icn_condition_signal_all(&destroy_progress);
    icn_mutex_unlock(&destroy_mutex);
}

static void wait_finalized(icn_service *service)
{
    icn_mutex_lock(&destroy_mutex);
    while (!service->finalized) {
        icn_condition_wait(&destroy_progress, &destroy_mutex);
    }
    icn_mutex_unlock(&destroy_mutex);
}

/* The first caller destroys. The others are put on the list in the same breath: the first can not be done before. */
static bool claim_or_join(icn_service *service, waiter *self)
{
    icn_mutex_lock(&destroy_mutex);
    bool first = icn_u32_exchange(&service->destroying, 1) == 0;
    if (!first) {
        *self = (waiter){.handle = service->roster.service};
        icn_list_append(&waiters, &self->node);
    }
    icn_mutex_unlock(&destroy_mutex);
    return first;
}

static void wait_done(waiter *self)
{
    icn_mutex_lock(&destroy_mutex);
    while (!self->done) {
        icn_condition_wait(&destroy_progress, &destroy_mutex);
    }
    icn_mutex_unlock(&destroy_mutex);
}

static void announce_done(uint64_t handle)
{
    icn_mutex_lock(&destroy_mutex);
    for (icn_list_node *node = waiters.next, *next; node != &waiters; node = next) {
        next = node->next;
        waiter *each = ICN_CONTAINER(node, waiter, node);
        if (each->handle == handle) {
            icn_list_remove(node);
            each->done = true;
        }
    }
    icn_condition_signal_all(&destroy_progress);
    icn_mutex_unlock(&destroy_mutex);
}

/* Ends everything that runs. Afterwards no callback runs, and nothing is left that could start one. */
static void quiesce(icn_service *service)
{
    icn_service_abort(service);
    /* `started` does not change any more. */
    if (service->started && service->options.driving == IOCPNET_DRIVING_LIBRARY) {
        icn_service_wait_stopped(service);
        icn_service_join_threads(service);
    } else {
        icn_service_drive_until_stopped(service);
    }
    /* Whoever was inside poll has left, and `destroying` keeps others out. */
    for (uint32_t i = 0; i < service->options.dispatcher_count; i++) {
        icn_dispatcher_claim(&service->dispatchers[i]);
        icn_event_queue_discard(&service->dispatchers[i].queue);
        /* What was lent is gone, and may not have had a turn since. */
        service->dispatchers[i].loop.answers = (icn_answers){0};
        icn_dispatcher_leave(&service->dispatchers[i]);
    }
    icn_groups_end(&service->roster);
    icn_resolver_end(&service->roster.resolver);
}

/* The caller's pin is the last thing of its own that keeps the service from being finalized. */
static void end_handle(icn_service *service)
{
    icn_handle_retire(service->roster.service);
    icn_handle_unpin(service->roster.service);
    wait_finalized(service);
}

static void call_destroyed(const icn_callback *callback, uint64_t handle)
{
    if (callback->function == NULL) {
        return;
    }
    iocpnet_event event = {0};
    event.kind = IOCPNET_EVENT_SERVICE_DESTROYED;
    event.service = handle;
    icn_thread_callback_enter();
    callback->function(&event, callback->user);
    icn_thread_callback_leave();
}

/* Everything is freed before the last callback runs; the other callers return after it. */
static void destroy(icn_service *service)
{
    const icn_callback callback = service->callbacks[IOCPNET_EVENT_SERVICE_DESTROYED];
    uint64_t handle = service->roster.service;
    quiesce(service);
    end_handle(service);
    bool promised = service->destroyed_due;
    icn_service_free(service);
    if (promised) {
        call_destroyed(&callback, handle);
    }
    announce_done(handle);
}

/* The thread that destroys a service for a callback. */
static void destroy_in_background(void *argument)
{
    destroy(argument);
    icn_live_remove(ICN_LIVE_THREADS);
}

/* With the mutex, so that the claim of a destroy that can not be begun is never seen. The pin goes to the thread. */
static icn_result begin_in_background(icn_service *service)
{
    icn_thread thread;
    icn_live_add(ICN_LIVE_THREADS);
    icn_result result = icn_thread_start(&thread, "iocpnet-end", destroy_in_background, service);
    if (result.status != IOCPNET_OK) {
        icn_live_remove(ICN_LIVE_THREADS);
        icn_u32_exchange(&service->destroying, 0);
        return result;
    }
    icn_thread_detach(&thread);
    return icn_ok();
}

/* Inside a callback, which does not wait for the end: it may be what the end waits for. */
static icn_result destroy_later(icn_service *service)
{
    uint64_t handle = service->roster.service;
    icn_result result = icn_ok();
    icn_mutex_lock(&destroy_mutex);
    bool first = icn_u32_exchange(&service->destroying, 1) == 0;
    if (first) {
        result = begin_in_background(service);
    }
    bool begun = result.status == IOCPNET_OK;
    if (begun) {
        /* Whoever destroys takes the mutex before it looks: it can not be that far yet. */
        service->destroyed_due = true;
        result.status = IOCPNET_PENDING;
    }
    icn_mutex_unlock(&destroy_mutex);
    if (!first || !begun) {
        icn_handle_unpin(handle);
    }
    return result;
}

/* Another call was first. */
static icn_result join_other(icn_service *service, waiter *self)
{
    icn_handle_unpin(service->roster.service);
    wait_done(self);
    return icn_ok();
}

icn_result icn_service_destroy(icn_service *service)
{
    waiter self;
    if (icn_thread_callback_depth() != 0) {
        return destroy_later(service);
    }
    if (!claim_or_join(service, &self)) {
        return join_other(service, &self);
    }
    destroy(service);
    return icn_ok();
}
