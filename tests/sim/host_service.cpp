#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
#include "os/thread.h"
}

namespace sim_test
{

namespace
{

/* What every function of a service may say of its handle. */
void check_handle(const char *function, const Service &service, int32_t status)
{
    if (status == IOCPNET_E_INVALID_HANDLE && !service.destroy_called) {
        wrong_status(function, status, "nobody destroyed the service");
    }
}

void register_callbacks(Service &service)
{
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        const bool polled = service.batches() && kind != IOCPNET_EVENT_SERVICE_DESTROYED;
        if (polled || kind == IOCPNET_EVENT_POSTED || !service.wants(kind)) {
            continue;
        }
        const int32_t status = iocpnet_service_set_callback(service.handle, kind, on_event, &service);
        check_status("set callback", status, statuses(IOCPNET_OK));
    }
}

void learn_port(Listener &listener)
{
    char text[64];
    const int32_t length = iocpnet_listener_address(listener.handle, text, sizeof text);
    if (length > 0) {
        listener.port = static_cast<uint16_t>(std::atoi(std::strrchr(text, ':') + 1));
    }
}

} // namespace

bool inside_callback()
{
    return icn_thread_callback_depth() != 0;
}

bool make_service(uint32_t slot)
{
    const ServiceConfiguration &configuration = world.configuration.service[slot];
    iocpnet_service handle = 0;
    const uint64_t made_ms = icn_sim_now_ms();
    const int32_t status = iocpnet_service_create(&configuration.options, &handle);
    check_status("create", status,
                 statuses(IOCPNET_OK, IOCPNET_E_NOT_SUPPORTED, IOCPNET_E_NO_MEMORY, IOCPNET_E_NO_DESCRIPTORS,
                          IOCPNET_E_LIMIT_REACHED, IOCPNET_E_SYSTEM, IOCPNET_E_ACCESS_DENIED));
    if (status != IOCPNET_OK) {
        return false;
    }
    Service &service = world.model.add_service(slot, configuration);
    service.handle = handle;
    service.made_ms = made_ms;
    register_callbacks(service);
    service.made = true;
    for (uint32_t i = 0; i < configuration.listeners && !configuration.listen_after_start; i++) {
        open_listener(service);
    }
    start_service(service);
    for (uint32_t i = 0; i < configuration.listeners && configuration.listen_after_start; i++) {
        open_listener(service);
    }
    return true;
}

void start_service(Service &service)
{
    service.start_called = true;
    service.start_calls++;
    const int32_t status = iocpnet_service_start(service.handle);
    check_status(
        "start", status,
        statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_NO_MEMORY, IOCPNET_E_SYSTEM));
    check_handle("start", service, status);
    if (status == IOCPNET_OK) {
        if (service.start_returned) {
            wrong_status("start", status, "it was started before");
        }
        service.start_returned = true;
    } else if (status == IOCPNET_E_INVALID_STATE && service.start_calls == 1 && !service.stop_called) {
        wrong_status("start", status, "it was neither started nor stopped");
    } else if (status == IOCPNET_E_NO_MEMORY || status == IOCPNET_E_SYSTEM) {
        service.start_called = service.start_returned;
    }
}

namespace
{

void stop_begins(Service &service, uint32_t drain_ms)
{
    service.stop_called = true;
    service.stop_begun = std::min(service.stop_begun, world.model.stamp());
    service.stop_deadline_ms = std::min(service.stop_deadline_ms, icn_sim_now_ms() + drain_ms);
}

void check_stop_result(Service &service, const iocpnet_stop_result &result)
{
    const uint64_t sessions = result.sessions_drained + result.sessions_aborted;
    bool right = true;
    if (service.stop_result_known) {
        right = std::memcmp(&result, &service.stop_result, sizeof result) == 0;
    }
    if (!service.batches()) {
        right = right && sessions >= service.ended_by_stop && sessions <= service.ended_while_stopping &&
                result.bytes_unsent >= service.unsent_by_stop && result.bytes_unsent <= service.unsent_while_stopping;
    }
    if (!right) {
        icn_sim_violation(invariant::stop_result,
                          "service %u: %llu drained, %llu aborted, %llu bytes; %u to %u sessions, %llu to %llu bytes",
                          service.index, static_cast<unsigned long long>(result.sessions_drained),
                          static_cast<unsigned long long>(result.sessions_aborted),
                          static_cast<unsigned long long>(result.bytes_unsent), service.ended_by_stop,
                          service.ended_while_stopping, static_cast<unsigned long long>(service.unsent_by_stop),
                          static_cast<unsigned long long>(service.unsent_while_stopping));
    }
    service.stop_result = result;
    service.stop_result_known = true;
}

} // namespace

void stop_service(Service &service, uint32_t drain_ms)
{
    iocpnet_stop_result result = {};
    const bool may_wait = !inside_callback() && !service.driven_by_host();
    const bool must_be_over = service.stopped_seen;
    stop_begins(service, drain_ms);
    icn_sim_trace("stop begins", service.index, drain_ms);
    const int32_t status = iocpnet_service_stop(service.handle, drain_ms, &result);
    check_status("stop", status, statuses(IOCPNET_OK, IOCPNET_PENDING, IOCPNET_E_INVALID_HANDLE));
    check_handle("stop", service, status);
    if (status == IOCPNET_PENDING && (may_wait || must_be_over)) {
        wrong_status("stop", status, may_wait ? "it could have waited" : "SERVICE_STOPPED had been seen");
    }
    if (status == IOCPNET_OK) {
        service.stopped = true;
        if (!service.destroy_called) {
            check_stop_result(service, result);
        }
    }
}

bool destroy_service(Service &service)
{
    const bool inside = inside_callback();
    const bool was_destroyed = service.destroyed;
    stop_begins(service, 0);
    service.destroy_called = true;
    service.destroy_calls++;
    while (service.sent_from_batches != 0) {
        /* Their bytes end with the service. */
        icn_sim_sleep(1);
    }
    icn_sim_trace("destroy begins", service.index, inside);
    const int32_t status = iocpnet_service_destroy(service.handle);
    check_status(
        "destroy", status,
        statuses(IOCPNET_OK, IOCPNET_PENDING, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_NO_MEMORY, IOCPNET_E_SYSTEM));
    if (status == IOCPNET_E_NO_MEMORY || status == IOCPNET_E_SYSTEM) {
        return false;
    }
    const bool only_one = service.destroy_calls == 1;
    if ((status == IOCPNET_E_INVALID_HANDLE && only_one) || (status != IOCPNET_E_INVALID_HANDLE && was_destroyed) ||
        (status == IOCPNET_OK && inside) || (status == IOCPNET_PENDING && !inside)) {
        wrong_status("destroy", status, "it does not fit");
    }
    if (status == IOCPNET_PENDING) {
        service.destroy_promised = true;
    }
    if (status == IOCPNET_OK) {
        if (service.destroy_promised && !service.destroyed_seen) {
            icn_sim_violation(invariant::destroyed_once, "service %u: destroy returned before SERVICE_DESTROYED",
                              service.index);
        }
        service_is_gone(service);
    }
    return true;
}

void open_listener(Service &service)
{
    if (service.listener_count == listeners_max) {
        return;
    }
    const uint32_t number = service.listener_count++;
    Listener &listener = service.listeners[number];
    listener = Listener();
    char address[32];
    const uint32_t port = icn_sim_choose(3) == 1 ? 0 : listener_port_base + service.index * 100 + number;
    std::snprintf(address, sizeof address, "127.0.0.1:%u", port);
    iocpnet_listener_options options;
    iocpnet_framing framing;
    (void)iocpnet_listener_options_init(&options, sizeof options);
    listener.service = service.index;
    listener.framing = draw_framing();
    listener.limits = draw_session_limits();
    const uint32_t admission = icn_sim_choose(12);
    listener.filters = admission == 5;
    listener.proxied = admission == 6 || admission == 7;
    listener.trusting = admission == 6;
    service.proxied = service.proxied || listener.proxied;
    options.framing = options_of(listener.framing, framing);
    options.limits = listener.limits;
    if (listener.filters) {
        options.accept_filter = on_accept;
        options.accept_filter_user = &listener;
    }
    if (listener.proxied) {
        options.proxy_protocol = IOCPNET_PROXY_REQUIRED;
        options.proxy_trusted = listener.trusting ? "127.0.0.0/8" : "10.0.0.0/8";
    }
    if (icn_sim_choose(3) == 1) {
        options.dispatcher = icn_sim_choose(service.configuration->options.dispatcher_count);
        options.backlog = 2;
    }
    const int32_t status = iocpnet_listener_open(service.handle, address, &options, &listener.handle);
    check_status("listener open", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_ACCESS_DENIED, IOCPNET_E_NO_MEMORY,
                          IOCPNET_E_NO_DESCRIPTORS, IOCPNET_E_LIMIT_REACHED, IOCPNET_E_CLOSED, IOCPNET_E_SYSTEM));
    check_handle("listener open", service, status);
    if (status == IOCPNET_E_CLOSED && !service.stop_called) {
        wrong_status("listener open", status, "nobody stops the service");
    }
    if (status == IOCPNET_OK) {
        learn_port(listener);
        listener.open = true;
    }
}

void close_listener(Service &service)
{
    if (service.listener_count == 0) {
        return;
    }
    Listener &listener = service.listeners[icn_sim_choose(service.listener_count)];
    if (!listener.open) {
        return;
    }
    listener.closed = true;
    listener.close_calls++;
    const int32_t status = iocpnet_listener_close(listener.handle);
    check_status("listener close", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    const bool explained = listener.close_calls != 1 || service.stop_called || world.system_fails();
    if (status == IOCPNET_E_INVALID_HANDLE && !explained) {
        wrong_status("listener close", status, "nobody closed the listener");
    }
}

void wake_service(Service &service)
{
    const uint32_t dispatcher = icn_sim_choose(service.configuration->options.dispatcher_count);
    const int32_t status = iocpnet_service_wake(service.handle, dispatcher);
    check_status("wake", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("wake", service, status);
}

void ask_service(Service &service)
{
    iocpnet_service_statistics statistics;
    iocpnet_service_details details;
    const uint32_t limit = service.configuration->options.sessions_max;
    const bool was_stopped = service.stopped;
    int32_t status = iocpnet_service_stats(service.handle, &statistics, sizeof statistics);
    check_status("stats", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("stats", service, status);
    /* For a moment one more is counted, before it is refused. */
    if (status == IOCPNET_OK && limit != 0 && statistics.sessions_peak > limit) {
        icn_sim_violation(invariant::sessions_limit, "service %u: %llu sessions at a time", service.index,
                          static_cast<unsigned long long>(statistics.sessions_peak));
    }
    status = iocpnet_service_info(service.handle, &details, sizeof details);
    check_status("info", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    check_handle("info", service, status);
    if (status == IOCPNET_OK && was_stopped && details.state != IOCPNET_SERVICE_STOPPED) {
        icn_sim_violation(invariant::stopped_once, "service %u is not stopped any more", service.index);
    }
}

namespace
{

bool log_changes; /* a call that changes it is under way */

void IOCPNET_CALL on_log(int32_t level, const char *component, const char *text, void *user)
{
    const auto round = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(user));
    if (round != world.log_round && !log_changes) {
        icn_sim_violation(invariant::callback_after_destroy, "a log callback that was removed");
    }
    if (level < IOCPNET_LOG_ERROR || level > IOCPNET_LOG_DEBUG || component == nullptr || text == nullptr) {
        icn_sim_violation(invariant::event_fields, "a log line without level, component or text");
    }
}

} // namespace

void set_log(bool on)
{
    if (log_changes) {
        return;
    }
    log_changes = true;
    const uint32_t round = on ? ++world.log_rounds : 0;
    const int32_t status = iocpnet_set_log_callback(on ? on_log : nullptr, on ? IOCPNET_LOG_DEBUG : IOCPNET_LOG_NONE,
                                                    reinterpret_cast<void *>(uintptr_t{round}));
    check_status("set log callback", status, statuses(IOCPNET_OK, IOCPNET_E_NO_MEMORY, IOCPNET_E_SYSTEM));
    world.log_round = status == IOCPNET_OK ? round : 0;
    log_changes = false;
}

} // namespace sim_test
