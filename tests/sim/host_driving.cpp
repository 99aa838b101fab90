#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

constexpr uint32_t batch_max = 32;

constexpr Statuses drive_statuses = statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE,
                                             IOCPNET_E_BUSY, IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY, IOCPNET_E_SYSTEM);

/* False: it is of no use to go on. */
bool check_driven(const char *function, const Service &service, int32_t result, bool was_started)
{
    check_status(function, result < 0 ? result : IOCPNET_OK, drive_statuses);
    if ((result == IOCPNET_E_INVALID_HANDLE || result == IOCPNET_E_CLOSED) && !service.destroy_called) {
        wrong_status(function, result, "nobody destroys the service");
    }
    if (result == IOCPNET_E_INVALID_STATE && was_started) {
        wrong_status(function, result, "it was started");
    }
    if (result < 0) {
        /* Others have to do something first. */
        icn_sim_sleep(result == IOCPNET_E_BUSY ? 100 : 5);
    }
    return result != IOCPNET_E_INVALID_HANDLE && !service.destroyed;
}

bool dispatch_once(Service &service, uint32_t dispatcher, uint32_t timeout_ms)
{
    const bool was_started = service.start_returned;
    const int32_t result = iocpnet_service_dispatch(service.handle, dispatcher, timeout_ms);
    return check_driven("dispatch", service, result, was_started);
}

void react_to_batch(const iocpnet_event &event, Service &service)
{
    Session *session = world.model.session_of(event.session);
    if (session != nullptr) {
        lend(event, *session);
    }
    react(event, service);
    if (session != nullptr) {
        session->lent = nullptr;
    }
}

bool poll_once(Service &service, uint32_t dispatcher, uint32_t timeout_ms)
{
    static const uint32_t capacities[] = {batch_max, 1, 3};
    iocpnet_event events[batch_max];
    const uint32_t capacity = capacities[icn_sim_choose(3)];
    const bool was_started = service.start_returned;
    const int32_t result = iocpnet_service_poll(service.handle, dispatcher, events, capacity, timeout_ms);
    if (result > static_cast<int32_t>(capacity)) {
        icn_sim_violation(invariant::event_fields, "a batch of %d events for %u", result, capacity);
    }
    /* First all is written down, at once; then what the host does may take its time. Unless it is gone already. */
    for (int32_t i = 0; i < result && !service.destroyed; i++) {
        note_event(events[i], service, !service.destroy_called);
    }
    service.reacting[dispatcher] = true;
    for (int32_t i = 0; i < result && !service.destroy_called; i++) {
        react_to_batch(events[i], service);
    }
    service.reacting[dispatcher] = false;
    return check_driven("poll", service, result, was_started);
}

} // namespace

bool drive_once(Service &service, uint32_t dispatcher, uint32_t timeout_ms)
{
    if (!service.batches()) {
        return dispatch_once(service, dispatcher, timeout_ms);
    }
    if (service.batch_in_use[dispatcher]) {
        /* What a batch points to is its fiber's until it polls again. */
        icn_sim_sleep(100);
        return !service.destroyed;
    }
    service.batch_in_use[dispatcher] = true;
    const bool go_on = poll_once(service, dispatcher, timeout_ms);
    service.batch_in_use[dispatcher] = false;
    return go_on;
}

void pump(Service &service, uint32_t dispatcher)
{
    static const uint32_t timeouts[] = {IOCPNET_INFINITE, 0, 20, 300};
    const uint32_t usual = timeouts[icn_sim_choose(4)];
    while (!service.destroyed) {
        if (!drive_once(service, dispatcher, usual)) {
            return;
        }
        if (usual == 0) {
            icn_sim_sleep(5 + icn_sim_choose(100));
        } else if (icn_sim_chance(20)) {
            icn_sim_sleep(icn_sim_choose(200));
        }
    }
}

} // namespace sim_test
