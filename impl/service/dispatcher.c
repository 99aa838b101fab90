#include "service/dispatcher.h"

#include <stddef.h>

#include "os/thread.h"
#include "service/delivery.h"
#include "util/live.h"
#include "util/log.h"

/* When a port fails as a whole, short of memory, it is tried again after this time. */
#define PORT_RETRY_MS 10

void icn_dispatcher_init(icn_dispatcher *dispatcher, icn_service *service, uint32_t index, icn_port *port)
{
    dispatcher->service = service;
    icn_loop_init(&dispatcher->loop, index, port, &service->roster);
    if (service->options.driving == IOCPNET_DRIVING_HOST) {
        dispatcher->gate = icn_gate_take(&dispatcher->loop);
    }
    if (dispatcher->gate == NULL) {
        dispatcher->gate = &dispatcher->own_gate;
    }
    dispatcher->loop.gate = dispatcher->gate;
    icn_delivery_init(dispatcher);
}

void icn_dispatcher_fini(icn_dispatcher *dispatcher)
{
    icn_gate_give_up(dispatcher->gate);
    icn_event_queue_fini(&dispatcher->queue);
    icn_watch_fini(&dispatcher->watch);
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

icn_result icn_dispatcher_run(icn_dispatcher *dispatcher, uint32_t timeout_ms, uint32_t budget)
{
    icn_result result = icn_loop_turn(&dispatcher->loop, timeout_ms, budget);
    icn_event_queue_publish(&dispatcher->queue);
    return result;
}

void icn_dispatcher_begin_driving(icn_dispatcher *dispatcher)
{
    icn_loop_begin_driving(&dispatcher->loop);
    icn_thread_callback_enter();
    icn_loop_send_waiting(&dispatcher->loop);
    icn_event_queue_publish(&dispatcher->queue);
}

void icn_dispatcher_end_driving(icn_dispatcher *dispatcher)
{
    icn_thread_callback_leave();
    icn_loop_end_driving(&dispatcher->loop);
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
    icn_dispatcher_begin_driving(dispatcher);
    while (icn_u32_load(&dispatcher->leaving) == 0) {
        icn_result result = icn_dispatcher_run(dispatcher, IOCPNET_INFINITE, ICN_TURN_BUDGET);
        if (result.status != IOCPNET_OK) {
            wait_for_resources(dispatcher, result);
        }
    }
    /* What was kicked before `leaving` was set, such as the news that the service is stopped. */
    (void)icn_dispatcher_run(dispatcher, 0, ICN_TURN_BUDGET);
    icn_dispatcher_end_driving(dispatcher);
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
    icn_loop_wake(&dispatcher->loop);
    icn_thread_join(&dispatcher->thread);
    icn_live_remove(ICN_LIVE_THREADS);
}

int32_t icn_dispatcher_enter(icn_dispatcher *dispatcher)
{
    icn_service *service = dispatcher->service;
    if (!icn_gate_enter(dispatcher->gate)) {
        return icn_u32_load(&service->destroying) != 0 ? IOCPNET_E_CLOSED : IOCPNET_E_BUSY;
    }
    if (icn_u32_load(&service->destroying) != 0) {
        icn_gate_leave(dispatcher->gate, false);
        return IOCPNET_E_CLOSED;
    }
    return IOCPNET_OK;
}

void icn_dispatcher_leave(icn_dispatcher *dispatcher)
{
    icn_gate *gate = dispatcher->gate;
    if (gate->kept && dispatcher->service->options.delivery == IOCPNET_DELIVERY_BATCHES) {
        /* Only these are answered. */
        icn_thread_set_gate(gate);
    }
    icn_gate_leave(gate, gate->kept);
}

void icn_dispatcher_claim(icn_dispatcher *dispatcher)
{
    icn_gate_begin_claim(dispatcher->gate);
    icn_dispatcher_wake(dispatcher);
    icn_gate_claim(dispatcher->gate);
}

void icn_dispatcher_turn(icn_dispatcher *dispatcher, uint32_t timeout_ms)
{
    icn_dispatcher_begin_driving(dispatcher);
    icn_result result = icn_dispatcher_run(dispatcher, timeout_ms, ICN_TURN_BUDGET);
    icn_dispatcher_end_driving(dispatcher);
    if (result.status != IOCPNET_OK) {
        wait_for_resources(dispatcher, result);
    }
}

void icn_dispatcher_wake(icn_dispatcher *dispatcher)
{
    icn_u32_store(&dispatcher->woken, 1);
    icn_loop_wake(&dispatcher->loop);
    icn_event_queue_wake(&dispatcher->queue);
}
