/* Timers and jobs of the simulated host. */
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

constexpr Statuses session_statuses = statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE,
                                               IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY, IOCPNET_E_LIMIT_REACHED);

struct Timing {
    uint64_t id;
    uint32_t delay_ms;
    uint32_t period_ms;
};

Timing draw_timing()
{
    static const uint32_t delays[] = {10, 0, 1, 100, 5000};
    static const uint32_t periods[] = {0, 0, 0, 40, 300};
    Timing drawn = {};
    drawn.id = icn_sim_choose(3);
    drawn.delay_ms = delays[icn_sim_choose(5)];
    drawn.period_ms = periods[icn_sim_choose(5)];
    return drawn;
}

bool drives(const Service &service, uint32_t dispatcher)
{
    return dispatcher != none && service.callback_thread[dispatcher] == icn_thread_self();
}

/* What a call of this thread leaves behind: nothing when it is made in the order of the events. */
Leftover leftover_of(const Service &service, bool in_order)
{
    return service.batches() ? Leftover::queued : in_order ? Leftover::nothing : Leftover::one;
}

Leftover leftover_of(const Session &session)
{
    const Service &service = world.model.service(session.service);
    return leftover_of(service, is_between_events(session));
}

struct Before {
    bool ended;
    bool connected;
};

void check_session_status(const char *function, const Session &session, int32_t status, const Before &before)
{
    check_status(function, status, session_statuses);
    const Service &service = world.model.service(session.service);
    if (status == IOCPNET_E_INVALID_HANDLE && !session.ended && !service.destroy_called) {
        wrong_status(function, status, "the session has not ended");
    }
    if (status == IOCPNET_OK && before.ended && !service.batches()) {
        wrong_status(function, status, "the session had ended");
    }
    if (status == IOCPNET_E_INVALID_STATE && before.connected && service.wants(IOCPNET_EVENT_POSTED)) {
        wrong_status(function, status, "CONNECTED had been seen");
    }
}

Before before_call(const Session &session)
{
    return {session.ended && !session.in_event, session.connected};
}

uint32_t some_dispatcher(const Service &service)
{
    return icn_sim_choose(service.configuration->options.dispatcher_count);
}

void check_service_status(const char *function, const Service &service, int32_t status, bool was_started)
{
    check_status(function, status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED,
                          IOCPNET_E_NO_MEMORY, IOCPNET_E_LIMIT_REACHED));
    if (status == IOCPNET_E_INVALID_HANDLE && !service.destroy_called) {
        wrong_status(function, status, "nobody destroyed the service");
    }
    if (status == IOCPNET_E_CLOSED && !service.stop_called) {
        wrong_status(function, status, "nobody stops the service");
    }
    if (status == IOCPNET_E_INVALID_STATE && was_started && service.wants(IOCPNET_EVENT_POSTED)) {
        wrong_status(function, status, "it was started");
    }
}

/* In batches they are lost with the memory for their event. */
bool keeps_jobs(const Service &service)
{
    return !service.batches() || !world.memory_fails();
}

/* The argument of a job is its number, never NULL. */
void *argument_of(uint32_t job)
{
    return reinterpret_cast<void *>(uintptr_t{job} + 1);
}

uint64_t owner_of(const iocpnet_event &event, const Service &service)
{
    const Session *session = world.model.session_of(event.session);
    return session != nullptr ? JobLog::owner_of_session(session->index)
                              : JobLog::owner_of_dispatcher(service.index, event.dispatcher);
}

/* The iocpnet_callback of a job. */
void IOCPNET_CALL on_job(const iocpnet_event *event, void *argument)
{
    Service *service = world.model.service_of(event->service);
    if (service == nullptr || event->kind != IOCPNET_EVENT_POSTED || event->data != argument) {
        icn_sim_violation(invariant::event_fields, "a job with the event of something else");
    }
    on_event(event, service);
}

iocpnet_callback job_function(const Service &service)
{
    return service.batches() ? nullptr : on_job;
}

} // namespace

void set_timer(Session &session)
{
    const Timing drawn = draw_timing();
    const Before before = before_call(session);
    const Leftover leftover = leftover_of(session);
    const size_t number =
        session.timers.set_begins(drawn.id, drawn.delay_ms, drawn.period_ms, world.model.stamp(), icn_sim_now_ms());
    icn_sim_trace("set timer begins", session.index, drawn.id);
    const int32_t status = iocpnet_session_set_timer(session.handle, drawn.id, drawn.delay_ms, drawn.period_ms);
    session.timers.set_returned(number, status == IOCPNET_OK, world.model.stamp(), icn_sim_now_ms(), leftover);
    check_session_status("set timer", session, status, before);
}

void cancel_timer(Session &session)
{
    const uint64_t id = icn_sim_choose(3);
    const Before before = before_call(session);
    const Leftover leftover = leftover_of(session);
    const uint64_t begun = world.model.stamp();
    session.timers.cancel_begins(id);
    icn_sim_trace("cancel timer begins", session.index, id);
    const int32_t status = iocpnet_session_cancel_timer(session.handle, id);
    session.timers.cancel_returned(id, status == IOCPNET_OK, begun, leftover);
    check_session_status("cancel timer", session, status, before);
}

void post_job(Session &session)
{
    const Service &service = world.model.service(session.service);
    const uint64_t owner = JobLog::owner_of_session(session.index);
    const Before before = before_call(session);
    const uint32_t job = world.jobs.post_begins(owner, world.model.stamp());
    icn_sim_trace("post begins", session.index, job);
    const int32_t status = iocpnet_session_post(session.handle, job_function(service), argument_of(job));
    world.jobs.post_returned(job, status == IOCPNET_OK, world.model.stamp());
    check_session_status("post", session, status, before);
    if (session.ended && !session.discarded) {
        check_jobs_ran(service, owner);
    }
}

void set_service_timer(Service &service)
{
    const Timing drawn = draw_timing();
    const uint32_t dispatcher = some_dispatcher(service);
    const bool was_started = service.start_returned;
    const Leftover leftover = leftover_of(service, drives(service, dispatcher));
    TimerLog &timers = service.timers[dispatcher];
    const size_t number =
        timers.set_begins(drawn.id, drawn.delay_ms, drawn.period_ms, world.model.stamp(), icn_sim_now_ms());
    icn_sim_trace("set service timer begins", service.index, drawn.id);
    const int32_t status =
        iocpnet_service_set_timer(service.handle, dispatcher, drawn.id, drawn.delay_ms, drawn.period_ms);
    timers.set_returned(number, status == IOCPNET_OK, world.model.stamp(), icn_sim_now_ms(), leftover);
    check_service_status("set service timer", service, status, was_started);
}

void cancel_service_timer(Service &service)
{
    const uint64_t id = icn_sim_choose(3);
    const uint32_t dispatcher = some_dispatcher(service);
    const bool was_started = service.start_returned;
    const Leftover leftover = leftover_of(service, drives(service, dispatcher));
    TimerLog &timers = service.timers[dispatcher];
    const uint64_t begun = world.model.stamp();
    timers.cancel_begins(id);
    icn_sim_trace("cancel service timer begins", service.index, id);
    const int32_t status = iocpnet_service_cancel_timer(service.handle, dispatcher, id);
    timers.cancel_returned(id, status == IOCPNET_OK, begun, leftover);
    check_service_status("cancel service timer", service, status, was_started);
}

void post_to_dispatcher(Service &service)
{
    const uint32_t dispatcher = some_dispatcher(service);
    const bool was_started = service.start_returned;
    const uint64_t owner = JobLog::owner_of_dispatcher(service.index, dispatcher);
    const uint32_t job = world.jobs.post_begins(owner, world.model.stamp());
    icn_sim_trace("post to dispatcher begins", service.index, job);
    const int32_t status = iocpnet_dispatcher_post(service.handle, dispatcher, job_function(service), argument_of(job));
    world.jobs.post_returned(job, status == IOCPNET_OK, world.model.stamp());
    check_service_status("post to dispatcher", service, status, was_started);
    if (service.stopped_seen) {
        check_jobs_ran(service, owner);
    }
}

void check_jobs_ran(const Service &service, uint64_t owner)
{
    if (keeps_jobs(service)) {
        world.jobs.check_all_ran(owner);
    }
}

void note_timer(const iocpnet_event &event, Service &service, TimerLog &timers)
{
    if (!timers.due(event.timer_id, event.timer_count, icn_sim_now_ms())) {
        icn_sim_violation(invariant::timers, "service %u: timer %llu of session %#llx came %llu times, and was not due",
                          service.index, static_cast<unsigned long long>(event.timer_id),
                          static_cast<unsigned long long>(event.session),
                          static_cast<unsigned long long>(event.timer_count));
    }
}

void note_job(const iocpnet_event &event, const Service &service)
{
    const auto number = reinterpret_cast<uintptr_t>(event.data) - 1;
    world.jobs.runs(number < UINT32_MAX ? static_cast<uint32_t>(number) : UINT32_MAX, owner_of(event, service),
                    keeps_jobs(service));
}

} // namespace sim_test
