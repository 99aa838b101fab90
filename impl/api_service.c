/* Exported: services. */
#include <stddef.h>

#include "api_support.h"
#include "net/budget.h"
#include "service/dispatcher.h"
#include "service/service.h"
#include "service/statistics.h"
#include "util/handle.h"

#define POLL_CAPACITY_MAX 65536
#define SPIN_US_MAX 1000
#define ADDRESSES_MIN 16
#define ADDRESSES_MAX (1 << 20)
#define KIB ((uint64_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TIB (GIB * 1024)

static const iocpnet_service_options default_options = {
    .struct_size = sizeof(iocpnet_service_options),
    .port = IOCPNET_PORT_AUTO,
    .driving = IOCPNET_DRIVING_LIBRARY,
    .delivery = IOCPNET_DELIVERY_CALLBACKS,
    .dispatcher_count = 1,
    .close_timeout_ms = 5000,
    .receive_buffer_bytes = 64 * KIB,
    .send_queue_bytes_max = MIB,
    .send_queue_bytes_low = 256 * KIB,
    .event_queue_bytes_max = 4 * MIB,
    .addresses_max = 65536,
    .batch_events = ((UINT64_C(1) << IOCPNET_EVENT_KIND_COUNT) - 2) & ~IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT),
};

int32_t IOCPNET_CALL iocpnet_service_options_init(iocpnet_service_options *options, uint32_t size)
{
    iocpnet_service_options defaults = default_options;
    return icn_api_status(icn_api_init(options, size, &defaults, sizeof defaults));
}

static bool choices_are_valid(const iocpnet_service_options *options)
{
    return options->port <= IOCPNET_PORT_IOCP && options->driving <= IOCPNET_DRIVING_HOST &&
           options->delivery <= IOCPNET_DELIVERY_BATCHES && options->dispatcher_count >= 1 &&
           options->dispatcher_count <= IOCPNET_DISPATCHERS_MAX &&
           (options->batch_events & ~((UINT64_C(1) << IOCPNET_EVENT_KIND_COUNT) - 2)) == 0;
}

static bool limits_are_valid(const iocpnet_service_options *options)
{
    return options->receive_buffer_bytes >= KIB && options->receive_buffer_bytes <= MIB &&
           options->send_queue_bytes_max >= 1 && options->send_queue_bytes_max <= GIB &&
           options->event_queue_bytes_max <= GIB && options->spin_us <= SPIN_US_MAX &&
           options->send_policy <= IOCPNET_SEND_DISCONNECT && options->trace_records <= IOCPNET_TRACE_RECORDS_MAX &&
           options->addresses_max >= ADDRESSES_MIN && options->addresses_max <= ADDRESSES_MAX &&
           (options->memory_budget_bytes == 0 ||
            (options->memory_budget_bytes >= KIB && options->memory_budget_bytes <= TIB)) &&
           (options->accepts_per_address_burst == 0 || options->accepts_per_address_per_s != 0);
}

/* The limit of a session is a part of it: the default follows it down. */
static int32_t settle_budget(iocpnet_service_options *options)
{
    const uint64_t bytes_max = options->memory_budget_bytes;
    if (bytes_max == 0 || options->send_queue_bytes_max <= ICN_BUDGET_SESSION(bytes_max)) {
        return IOCPNET_OK;
    }
    if (options->send_queue_bytes_max != default_options.send_queue_bytes_max) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    options->send_queue_bytes_max = ICN_BUDGET_SESSION(bytes_max);
    return IOCPNET_OK;
}

/* The low watermark is only a hint to how early WRITABLE comes: with a small maximum the default follows it down. */
static int32_t settle_watermark(iocpnet_service_options *options)
{
    if (options->send_queue_bytes_low < options->send_queue_bytes_max) {
        return IOCPNET_OK;
    }
    if (options->send_queue_bytes_low != default_options.send_queue_bytes_low) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    options->send_queue_bytes_low = options->send_queue_bytes_max / 4;
    return IOCPNET_OK;
}

int32_t IOCPNET_CALL iocpnet_service_create(const iocpnet_service_options *options, iocpnet_service *service)
{
    iocpnet_service_options complete = default_options;
    int32_t status = icn_api_read(options, &complete, sizeof complete);
    if (status != IOCPNET_OK) {
        return icn_api_status(status);
    }
    if (service == NULL || !choices_are_valid(&complete) || !limits_are_valid(&complete) ||
        settle_budget(&complete) != IOCPNET_OK || settle_watermark(&complete) != IOCPNET_OK) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    return icn_api_return(icn_service_create(&complete, service));
}

int32_t IOCPNET_CALL iocpnet_service_set_callback(iocpnet_service service, uint32_t kind, iocpnet_callback callback,
                                                  void *user)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    bool polled = pinned->options.delivery == IOCPNET_DELIVERY_BATCHES && kind != IOCPNET_EVENT_SERVICE_DESTROYED;
    int32_t status = IOCPNET_E_INVALID_ARGUMENT;
    if (kind >= IOCPNET_EVENT_CONNECTED && kind < IOCPNET_EVENT_KIND_COUNT && !polled) {
        status = icn_service_set_callback(pinned, kind, callback, user);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_service_start(iocpnet_service service)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_result result = icn_service_start(pinned);
    icn_handle_unpin(service);
    return icn_api_return(result);
}

/* Whether a dispatcher of this service can be driven or polled so. */
static int32_t check_drivable(const icn_service *service, uint32_t dispatcher, uint32_t delivery)
{
    if (dispatcher >= service->options.dispatcher_count) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    bool started = icn_service_state(service) != IOCPNET_SERVICE_CREATED;
    return started && service->options.delivery == delivery ? IOCPNET_OK : IOCPNET_E_INVALID_STATE;
}

int32_t IOCPNET_CALL iocpnet_service_dispatch(iocpnet_service service, uint32_t dispatcher, uint32_t timeout_ms)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_result result = icn_failure(check_drivable(pinned, dispatcher, IOCPNET_DELIVERY_CALLBACKS));
    if (result.status == IOCPNET_OK && pinned->options.driving != IOCPNET_DRIVING_HOST) {
        result = icn_failure(IOCPNET_E_INVALID_STATE);
    }
    if (result.status == IOCPNET_OK) {
        result = icn_dispatcher_dispatch(&pinned->dispatchers[dispatcher], timeout_ms);
    }
    icn_handle_unpin(service);
    return icn_api_return(result);
}

int32_t IOCPNET_CALL iocpnet_service_poll(iocpnet_service service, uint32_t dispatcher, iocpnet_event *events,
                                          uint32_t capacity, uint32_t timeout_ms)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_result result = icn_failure(IOCPNET_E_INVALID_ARGUMENT);
    if (events != NULL && capacity >= 1 && capacity <= POLL_CAPACITY_MAX) {
        result = icn_failure(check_drivable(pinned, dispatcher, IOCPNET_DELIVERY_BATCHES));
    }
    if (result.status == IOCPNET_OK) {
        result = icn_dispatcher_poll(&pinned->dispatchers[dispatcher], events, capacity, timeout_ms);
    }
    icn_handle_unpin(service);
    return icn_api_return(result);
}

int32_t IOCPNET_CALL iocpnet_service_wake(iocpnet_service service, uint32_t dispatcher)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_ARGUMENT;
    if (dispatcher < pinned->options.dispatcher_count) {
        icn_dispatcher_wake(&pinned->dispatchers[dispatcher]);
        status = IOCPNET_OK;
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_service_stop(iocpnet_service service, uint32_t drain_ms, iocpnet_stop_result *result)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_service_stop(pinned, drain_ms, result);
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_service_destroy(iocpnet_service service)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    /* The pin goes with it. */
    return icn_api_return(icn_service_destroy(pinned));
}

int32_t IOCPNET_CALL iocpnet_service_stats(iocpnet_service service, iocpnet_service_statistics *statistics,
                                           uint32_t size)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_api_check_output(statistics, size);
    if (status == IOCPNET_OK) {
        iocpnet_service_statistics now;
        icn_service_statistics(pinned, &now);
        icn_api_write(statistics, size, &now, sizeof now);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_service_info(iocpnet_service service, iocpnet_service_details *details, uint32_t size)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_api_check_output(details, size);
    if (status == IOCPNET_OK) {
        const iocpnet_service_details now = {
            .state = icn_service_state(pinned),
            .port = pinned->port,
            .fallback_status = pinned->port_refused.status,
            .fallback_os_error = pinned->port_refused.os_error,
            .dispatcher_count = pinned->options.dispatcher_count,
            .driving = pinned->options.driving,
            .delivery = pinned->options.delivery,
        };
        icn_api_write(details, size, &now, sizeof now);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}
