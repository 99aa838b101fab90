/* Exported: timers and jobs. */
#include <stddef.h>

#include "api_support.h"
#include "net/schedule.h"
#include "net/session.h"
#include "service/service.h"
#include "util/handle.h"

int32_t IOCPNET_CALL iocpnet_session_set_timer(iocpnet_session session, uint64_t timer_id, uint32_t delay_ms,
                                               uint32_t period_ms)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    const icn_timing timing = {.id = timer_id, .delay_ms = delay_ms, .period_ms = period_ms};
    int32_t status = icn_session_set_timer(pinned, &timing);
    icn_handle_unpin(session);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_session_cancel_timer(iocpnet_session session, uint64_t timer_id)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_session_cancel_timer(pinned, timer_id);
    icn_handle_unpin(session);
    return icn_api_status(status);
}

/* With batches nobody calls a function: the host would wait for it in vain. */
static bool function_fits(const icn_service *service, iocpnet_callback function)
{
    return (function != NULL) == (service->options.delivery == IOCPNET_DELIVERY_CALLBACKS);
}

int32_t IOCPNET_CALL iocpnet_session_post(iocpnet_session session, iocpnet_callback function, void *argument)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_ARGUMENT;
    if (function_fits(ICN_CONTAINER(pinned->loop->roster, icn_service, roster), function)) {
        status = icn_session_post(pinned, function, argument);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

/* The loop of a dispatcher of a service that runs. */
static int32_t find_loop(icn_service *service, uint32_t dispatcher, icn_loop **loop)
{
    uint32_t state = icn_service_state(service);
    if (dispatcher >= service->roster.loop_count) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    *loop = service->roster.loops[dispatcher];
    if (state != IOCPNET_SERVICE_RUNNING) {
        return state == IOCPNET_SERVICE_CREATED ? IOCPNET_E_INVALID_STATE : IOCPNET_E_CLOSED;
    }
    return IOCPNET_OK;
}

int32_t IOCPNET_CALL iocpnet_service_set_timer(iocpnet_service service, uint32_t dispatcher, uint64_t timer_id,
                                               uint32_t delay_ms, uint32_t period_ms)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_loop *loop;
    int32_t status = find_loop(pinned, dispatcher, &loop);
    if (status == IOCPNET_OK) {
        const icn_timing timing = {.id = timer_id, .delay_ms = delay_ms, .period_ms = period_ms};
        status = icn_loop_set_timer(loop, &timing);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_service_cancel_timer(iocpnet_service service, uint32_t dispatcher, uint64_t timer_id)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_ARGUMENT;
    if (dispatcher < pinned->roster.loop_count) {
        status = icn_loop_cancel_timer(pinned->roster.loops[dispatcher], timer_id);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_dispatcher_post(iocpnet_service service, uint32_t dispatcher, iocpnet_callback function,
                                             void *argument)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_loop *loop;
    int32_t status = find_loop(pinned, dispatcher, &loop);
    if (!function_fits(pinned, function)) {
        status = IOCPNET_E_INVALID_ARGUMENT;
    }
    if (status == IOCPNET_OK) {
        status = icn_loop_post(loop, function, argument);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}
