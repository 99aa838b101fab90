#include <stddef.h>

#include "base/check.h"
#include "os/thread.h"
#include "service/dispatcher.h"
#include "service/service.h"

static void tell_loops(icn_roster *roster)
{
    for (uint32_t i = 0; i < roster->loop_count; i++) {
        icn_loop *loop = roster->loops[i];
        if (icn_kick_claim(&loop->stop_kick)) {
            icn_kick_push(loop, &loop->stop_kick);
        }
    }
}

bool icn_service_begin_stop(icn_service *service, uint32_t drain_ms)
{
    icn_roster *roster = &service->roster;
    icn_mutex_lock(&service->mutex);
    while (service->starting) {
        icn_condition_wait(&service->changed, &service->mutex);
    }
    bool first = icn_service_state(service) < IOCPNET_SERVICE_STOPPING;
    bool never_started = first && !service->started;
    if (first) {
        icn_u32_store(&roster->drain_ms, drain_ms);
        icn_u32_store(&service->state, IOCPNET_SERVICE_STOPPING);
    }
    icn_mutex_unlock(&service->mutex);
    if (first) {
        tell_loops(roster);
    }
    return never_started;
}

void icn_service_abort(icn_service *service)
{
    (void)icn_service_begin_stop(service, 0);
    if (icn_u32_exchange(&service->roster.drain_ms, 0) != 0) {
        /* It is draining, with a deadline in the future: the loops bring it forward. */
        tell_loops(&service->roster);
    }
}

/* All under the mutex: whoever sees STOPPED, and has then had the mutex, finds the news kicked. */
void icn_service_stopped(icn_roster *roster)
{
    icn_service *service = ICN_CONTAINER(roster, icn_service, roster);
    icn_dispatcher *first = &service->dispatchers[0];
    icn_mutex_lock(&service->mutex);
    ICN_CHECK(icn_service_state(service) == IOCPNET_SERVICE_STOPPING);
    icn_u32_store(&service->state, IOCPNET_SERVICE_STOPPED);
    if (icn_kick_claim(&first->stopped_kick)) {
        icn_kick_push(&first->loop, &first->stopped_kick);
    }
    icn_condition_signal_all(&service->changed);
    icn_mutex_unlock(&service->mutex);
}

void icn_service_wait_stopped(icn_service *service)
{
    icn_mutex_lock(&service->mutex);
    while (icn_service_state(service) != IOCPNET_SERVICE_STOPPED) {
        icn_condition_wait(&service->changed, &service->mutex);
    }
    icn_mutex_unlock(&service->mutex);
}

/* Several dispatchers take turns on this thread, so none of them may wait long for the others. */
#define DRIVE_WAIT_MS 1

void icn_service_drive_until_stopped(icn_service *service)
{
    uint32_t count = service->options.dispatcher_count;
    uint32_t wait_ms = count == 1 ? IOCPNET_INFINITE : DRIVE_WAIT_MS;
    for (uint32_t i = 0; i < count; i++) {
        icn_dispatcher_claim(&service->dispatchers[i]);
    }
    while (icn_service_state(service) != IOCPNET_SERVICE_STOPPED) {
        for (uint32_t i = 0; i < count; i++) {
            icn_dispatcher_turn(&service->dispatchers[i], wait_ms);
        }
    }
    /* With the mutex once: then the news that it is stopped has been kicked. */
    icn_service_wait_stopped(service);
    if (service->started) {
        icn_dispatcher_turn(&service->dispatchers[0], 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        icn_dispatcher_leave(&service->dispatchers[i]);
    }
}

static void store_result(const icn_service *service, iocpnet_stop_result *result)
{
    const icn_roster *roster = &service->roster;
    if (result != NULL) {
        result->sessions_drained = icn_u64_load(&roster->sessions_drained);
        result->sessions_aborted = icn_u64_load(&roster->sessions_aborted);
        result->bytes_unsent = icn_u64_load(&roster->bytes_unsent);
    }
}

int32_t icn_service_stop(icn_service *service, uint32_t drain_ms, iocpnet_stop_result *result)
{
    bool driven_here = icn_service_begin_stop(service, drain_ms);
    bool by_threads = service->options.driving == IOCPNET_DRIVING_LIBRARY;
    if (driven_here) {
        /* Nobody else would: there are listeners at most, and no callback can come of them. */
        icn_service_drive_until_stopped(service);
    } else if (!service->started || (by_threads && icn_thread_callback_depth() == 0)) {
        /* Never started: the first caller is just driving it to its end. */
        icn_service_wait_stopped(service);
    }
    if (icn_service_state(service) != IOCPNET_SERVICE_STOPPED) {
        return IOCPNET_PENDING;
    }
    store_result(service, result);
    return IOCPNET_OK;
}
