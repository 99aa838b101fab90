#include "service/service.h"

#include <stddef.h>

#include "base/check.h"
#include "net/budget.h"
#include "net/buffer.h"
#include "net/conditioner.h"
#include "net/group.h"
#include "net/schedule.h"
#include "os/clock.h"
#include "port/port.h"
#include "service/dispatcher.h"
#include "util/handle.h"
#include "util/live.h"
#include "util/log.h"
#include "util/memory.h"

static size_t dispatchers_size(const icn_service *service)
{
    return sizeof(icn_dispatcher) * service->options.dispatcher_count;
}

static size_t loops_size(const icn_service *service)
{
    return sizeof(icn_loop *) * service->options.dispatcher_count;
}

static void set_limits(icn_service *service)
{
    const iocpnet_service_options *options = &service->options;
    icn_roster *roster = &service->roster;
    roster->sessions_max = options->sessions_max;
    roster->close_timeout_ms = options->close_timeout_ms;
    roster->spin_us = options->spin_us;
    roster->send_policy = options->send_policy;
    roster->send_queue_bytes_max = options->send_queue_bytes_max;
    roster->send_queue_bytes_low = options->send_queue_bytes_low;
    roster->receive_buffer_bytes = options->receive_buffer_bytes;
    roster->stopped = icn_service_stopped;
    /* Each loop holds the service until it was told to stop. */
    icn_u64_store(&roster->holds, options->dispatcher_count);
}

/* Opens one port; the first one decides what `auto` means for all. */
static icn_result add_dispatcher(icn_service *service)
{
    const icn_port_options port_options = {.receive_buffer_bytes = service->options.receive_buffer_bytes,
                                           .one_thread = service->options.driving == IOCPNET_DRIVING_LIBRARY,
                                           .complete = icn_loop_completions};
    icn_roster *roster = &service->roster;
    uint32_t index = roster->loop_count;
    uint32_t kind = index == 0 ? service->options.port : service->port;
    icn_result refused;
    icn_port *port;
    icn_result result = icn_port_open(kind, &port_options, &port, &refused);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    if (index == 0) {
        service->port = port->functions->kind;
        service->port_refused = refused;
    }
    icn_dispatcher_init(&service->dispatchers[index], service, index, port);
    roster->loops[index] = &service->dispatchers[index].loop;
    roster->loop_count++;
    return icn_failure(icn_watch_init(&service->dispatchers[index]));
}

static icn_result add_dispatchers(icn_service *service)
{
    icn_roster *roster = &service->roster;
    service->dispatchers = icn_memory_allocate_zeroed(dispatchers_size(service), ICN_MEMORY_SERVICE);
    roster->loops = icn_memory_allocate_zeroed(loops_size(service), ICN_MEMORY_SERVICE);
    if (service->dispatchers == NULL || roster->loops == NULL) {
        return icn_failure(IOCPNET_E_NO_MEMORY);
    }
    while (roster->loop_count < service->options.dispatcher_count) {
        icn_result result = add_dispatcher(service);
        if (result.status != IOCPNET_OK) {
            return result;
        }
    }
    return icn_ok();
}

/* Only with a limit for them. */
static icn_result add_addresses(icn_service *service)
{
    const iocpnet_service_options *options = &service->options;
    uint64_t rate = options->accepts_per_address_per_s;
    uint64_t burst = options->accepts_per_address_burst;
    const icn_address_limits limits = {.addresses_max = options->addresses_max,
                                       .sessions_max = options->sessions_per_address_max,
                                       .rate = {.rate = rate, .burst = burst != 0 ? burst : rate}};
    if (limits.sessions_max == 0 && rate == 0) {
        return icn_ok();
    }
    service->roster.addresses = icn_address_table_create(&limits, icn_os_clock_ms());
    return icn_failure(service->roster.addresses != NULL ? IOCPNET_OK : IOCPNET_E_NO_MEMORY);
}

/* Only when it is asked for. */
static icn_result add_budget(icn_service *service)
{
    const uint64_t bytes_max = service->options.memory_budget_bytes;
    if (bytes_max == 0) {
        return icn_ok();
    }
    service->roster.budget = icn_budget_create(bytes_max);
    return icn_failure(service->roster.budget != NULL ? IOCPNET_OK : IOCPNET_E_NO_MEMORY);
}

static void remove_dispatchers(icn_service *service)
{
    for (uint32_t i = 0; i < service->roster.loop_count; i++) {
        icn_dispatcher_fini(&service->dispatchers[i]);
    }
    icn_memory_release(service->dispatchers, dispatchers_size(service), ICN_MEMORY_SERVICE);
    icn_memory_release(service->roster.loops, loops_size(service), ICN_MEMORY_SERVICE);
}

static icn_service *allocate(const iocpnet_service_options *options)
{
    icn_service *service = icn_memory_allocate_zeroed(sizeof *service, ICN_MEMORY_SERVICE);
    if (service != NULL) {
        service->options = *options;
        icn_mutex_init(&service->mutex);
        icn_condition_init(&service->changed);
        icn_u32_store(&service->state, IOCPNET_SERVICE_CREATED);
        icn_groups_init(&service->roster);
        icn_resolver_init(&service->roster.resolver);
        /* Hosts that were started together part in their microseconds. */
        icn_u64_store(&service->roster.jitter, icn_os_clock_us());
        service->roster.created_ms = icn_os_clock_ms();
        set_limits(service);
    }
    return service;
}

static void release(icn_service *service)
{
    icn_groups_fini(&service->roster);
    icn_roster_end_conditioner(&service->roster);
    icn_resolver_fini(&service->roster.resolver);
    icn_address_table_destroy(service->roster.addresses);
    icn_budget_destroy(service->roster.budget);
    icn_condition_fini(&service->changed);
    icn_mutex_fini(&service->mutex);
    icn_memory_release(service, sizeof *service, ICN_MEMORY_SERVICE);
}

static void log_created(const icn_service *service)
{
    icn_log_write(IOCPNET_LOG_NOTICE, "service", "created, port %u, %u dispatchers", service->port,
                  service->options.dispatcher_count);
    if (service->port_refused.status != IOCPNET_OK) {
        icn_log_write(IOCPNET_LOG_NOTICE, "service", "a better port was refused (status %d, system %d)",
                      (int)service->port_refused.status, (int)service->port_refused.os_error);
    }
}

icn_result icn_service_create(const iocpnet_service_options *options, uint64_t *handle)
{
    icn_result result = icn_failure(IOCPNET_E_NO_MEMORY);
    icn_service *service = allocate(options);
    if (service == NULL) {
        return result;
    }
    result = icn_log_acquire();
    if (result.status != IOCPNET_OK) {
        goto fail_memory;
    }
    result = add_addresses(service);
    if (result.status == IOCPNET_OK) {
        result = add_budget(service);
    }
    if (result.status == IOCPNET_OK) {
        result = add_dispatchers(service);
    }
    if (result.status != IOCPNET_OK) {
        goto fail_dispatchers;
    }
    result.status = icn_handle_create(ICN_HANDLE_SERVICE, service, icn_service_finalized, &service->roster.service);
    if (result.status != IOCPNET_OK) {
        goto fail_dispatchers;
    }
    icn_live_add(ICN_LIVE_SERVICES);
    log_created(service);
    *handle = service->roster.service;
    icn_handle_unpin(service->roster.service);
    return result;

fail_dispatchers:
    remove_dispatchers(service);
    icn_log_release();
fail_memory:
    release(service);
    return result;
}

void icn_service_free(icn_service *service)
{
    remove_dispatchers(service);
    release(service);
    icn_live_remove(ICN_LIVE_SERVICES);
    icn_log_release();
}

int32_t icn_service_set_callback(icn_service *service, uint32_t kind, iocpnet_callback function, void *user)
{
    int32_t status = IOCPNET_E_INVALID_STATE;
    icn_mutex_lock(&service->mutex);
    if (icn_service_state(service) == IOCPNET_SERVICE_CREATED && !service->starting) {
        service->callbacks[kind] = (icn_callback){.function = function, .user = user};
        status = IOCPNET_OK;
    }
    icn_mutex_unlock(&service->mutex);
    return status;
}

int32_t icn_service_check_broadcast(const icn_service *service, const icn_buffer *buffer)
{
    uint32_t state = icn_service_state(service);
    if (state != IOCPNET_SERVICE_RUNNING) {
        return state == IOCPNET_SERVICE_CREATED ? IOCPNET_E_INVALID_STATE : IOCPNET_E_CLOSED;
    }
    return buffer->size <= service->roster.send_queue_bytes_max ? IOCPNET_OK : IOCPNET_E_TOO_LARGE;
}

static uint64_t registered_events(const icn_service *service)
{
    uint64_t kinds = 0;
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        kinds |= service->callbacks[kind].function != NULL ? IOCPNET_EVENT_BIT(kind) : 0;
    }
    return kinds;
}

static void join_first(icn_service *service, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        icn_dispatcher_join(&service->dispatchers[i]);
        icn_u32_store(&service->dispatchers[i].leaving, 0);
    }
}

static icn_result start_threads(icn_service *service)
{
    for (uint32_t i = 0; i < service->options.dispatcher_count; i++) {
        icn_result result = icn_dispatcher_start(&service->dispatchers[i]);
        if (result.status != IOCPNET_OK) {
            join_first(service, i);
            return result;
        }
    }
    return icn_ok();
}

void icn_service_join_threads(icn_service *service)
{
    join_first(service, service->options.dispatcher_count);
}

static void set_wanted(icn_service *service)
{
    if (service->options.delivery != IOCPNET_DELIVERY_CALLBACKS) {
        return;
    }
    /* The function of a job comes with it. */
    service->callbacks[IOCPNET_EVENT_POSTED] = (icn_callback){.function = icn_job_call};
    uint64_t wanted = registered_events(service);
    for (uint32_t i = 0; i < service->options.dispatcher_count; i++) {
        icn_loop *loop = &service->dispatchers[i].loop;
        loop->wanted = wanted | icn_budget_bit(service->roster.budget);
        loop->on_received = service->callbacks[IOCPNET_EVENT_RECEIVED].function;
        loop->on_received_user = service->callbacks[IOCPNET_EVENT_RECEIVED].user;
        icn_watch_start(&service->dispatchers[i]);
    }
}

/* False: it is not CREATED, or another thread is starting it. */
static bool begin_start(icn_service *service)
{
    icn_mutex_lock(&service->mutex);
    bool possible = icn_service_state(service) == IOCPNET_SERVICE_CREATED && !service->starting;
    if (possible) {
        service->starting = true;
    }
    icn_mutex_unlock(&service->mutex);
    return possible;
}

static void end_start(icn_service *service, bool started)
{
    icn_mutex_lock(&service->mutex);
    service->starting = false;
    service->started = started;
    if (started) {
        icn_u32_store(&service->state, IOCPNET_SERVICE_RUNNING);
    }
    icn_condition_signal_all(&service->changed);
    icn_mutex_unlock(&service->mutex);
}

icn_result icn_service_start(icn_service *service)
{
    if (!begin_start(service)) {
        return icn_failure(IOCPNET_E_INVALID_STATE);
    }
    set_wanted(service);
    icn_result result = icn_ok();
    if (service->options.driving == IOCPNET_DRIVING_LIBRARY) {
        result = start_threads(service);
    }
    end_start(service, result.status == IOCPNET_OK);
    icn_log_write(IOCPNET_LOG_NOTICE, "service", "start: status %d, system %d", (int)result.status,
                  (int)result.os_error);
    return result;
}
