#include <vector>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
#include "util/live.h"
#include "util/memory.h"
}

namespace sim_test
{

namespace
{

constexpr uint32_t fibers_max = 64;

/* What a fiber of the host works on. */
struct Job {
    icn_sim_fiber *fiber;
    uint32_t service;
    uint32_t dispatcher;
    uint32_t drain_ms;
};

Job jobs[fibers_max];
uint32_t job_count;

void start(const char *name, icn_sim_fiber_main *main, uint32_t service, uint32_t detail)
{
    if (job_count == fibers_max) {
        return;
    }
    Job &job = jobs[job_count++];
    job = {nullptr, service, detail, detail};
    job.fiber = icn_sim_fiber_start(name, main, &job);
}

/* ---- what they do ---- */

void act_some(uint32_t actions, uint32_t pause_ms)
{
    for (uint32_t i = 0; i < actions; i++) {
        act_at_random();
        if (icn_sim_choose(2) == 1) {
            icn_sim_sleep(icn_sim_choose(pause_ms));
        } else {
            icn_sim_yield();
        }
    }
}

/* Connects as long as a service lets it, up to the very end of a stop. */
void knock()
{
    Service *service = random_service();
    for (uint32_t i = 0; i < 12 && service != nullptr && connect_out(*service); i++) {
        if (icn_sim_choose(3) == 1) {
            open_listener(*service);
        }
        icn_sim_yield();
    }
}

/* Also while everything is stopped and destroyed. */
void act(void *)
{
    act_some(world.configuration.host.actions, 40);
    while (!world.winding_down) {
        (void)icn_sim_block(&world.winding_down, "the end of the run", UINT64_MAX);
    }
    if (icn_sim_choose(2) == 1) {
        knock();
    }
    act_some(icn_sim_choose(8), 4);
}

/* Sessions that live long make room for others. */
void tidy(void *)
{
    std::vector<uint32_t> old;
    while (!world.winding_down) {
        icn_sim_sleep(500);
        for (const uint32_t index : old) {
            Session &session = world.model.session(index);
            if (!session.ended && session.handle != 0 && session.disconnect_count == 0) {
                disconnect_session(session);
            }
        }
        old = world.model.live();
    }
}

void drive(void *argument)
{
    const Job job = *static_cast<const Job *>(argument);
    pump(world.model.service(job.service), job.dispatcher);
}

void destroy(void *argument)
{
    const Job job = *static_cast<const Job *>(argument);
    Service &service = world.model.service(job.service);
    while (!destroy_service(service)) {
        icn_sim_sleep(10);
    }
}

void stop(void *argument)
{
    const Job job = *static_cast<const Job *>(argument);
    Service &service = world.model.service(job.service);
    stop_service(service, job.drain_ms);
    for (uint32_t i = 0; i < 20 && !service.stopped_seen && !service.destroyed; i++) {
        icn_sim_sleep(50);
    }
    stop_service(service, job.drain_ms);
}

/* ---- the course of a run ---- */

void start_pumps(const Service &service)
{
    if (!service.batches() && !service.driven_by_host()) {
        return;
    }
    const uint32_t count = service.configuration->options.dispatcher_count;
    for (uint32_t i = 0; i < count; i++) {
        start("pump", drive, service.index, i);
    }
    if (icn_sim_choose(4) == 1) {
        start("second pump", drive, service.index, icn_sim_choose(count));
    }
}

/* With enough memory in the end. */
void make_services()
{
    const FaultConfiguration &faults = world.configuration.faults;
    if (faults.memory) {
        icn_memory_fail(faults.memory_after, faults.memory_for_ever);
    }
    for (uint32_t slot = 0; slot < world.configuration.services; slot++) {
        for (uint32_t attempt = 0; !make_service(slot); attempt++) {
            if (attempt >= 3) {
                /* Again and again: callbacks of an earlier service may make it fail meanwhile. */
                icn_memory_fail(0, 0);
            }
            if (attempt == 200) {
                icn_sim_violation(invariant::progress, "no service can be made");
            }
            icn_sim_sleep(20);
        }
        start_pumps(world.model.service(world.model.service_count() - 1));
    }
}

bool all_destroyed()
{
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        if (!world.model.service(i).destroyed) {
            return false;
        }
    }
    return true;
}

/* A service that could not be started, or was not yet, is started as soon as that is possible. */
void see_that_it_runs(Service &service)
{
    if (!service.start_called && !service.stop_called) {
        start_service(service);
    }
}

void wait_for_peers()
{
    uint32_t made = world.model.service_count();
    while (!world.peers.are_done()) {
        (void)icn_sim_block(&world.peers, "the peers", icn_sim_now_ms() + 1000);
        if (all_destroyed() && made < 4) {
            /* The host destroyed it early: the peers find another one. */
            made += make_service(0) ? 1 : 0;
            start_pumps(world.model.service(world.model.service_count() - 1));
        }
        for (uint32_t i = 0; i < world.model.service_count(); i++) {
            see_that_it_runs(world.model.service(i));
        }
    }
}

void wind_down(Service &service)
{
    static const uint32_t drains[] = {0, 50, 3000};
    const uint32_t drain = drains[icn_sim_choose(3)];
    switch (world.configuration.wind_down) {
    case 0:
        break;
    case 1:
        start("stop", stop, service.index, drain);
        icn_sim_sleep(icn_sim_choose(100));
        break;
    case 2:
        start("stop", stop, service.index, drain);
        start("stop", stop, service.index, 0);
        start("destroy", destroy, service.index, 0);
        break;
    case 3:
        start("destroy", destroy, service.index, 0);
        start("destroy", destroy, service.index, 0);
        break;
    case 4:
        start("stop", stop, service.index, drain);
        break;
    case 5:
        service.destroy_inside = true;
        icn_sim_sleep(50);
        break;
    default:
        start("stop", stop, service.index, drain);
        start("destroy", destroy, service.index, 0);
        icn_sim_sleep(icn_sim_choose(30));
        break;
    }
    start("destroy", destroy, service.index, 0);
}

void wait_for_promises()
{
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        const Service &service = world.model.service(i);
        for (uint32_t turn = 0; service.destroy_promised && !service.destroyed_seen; turn++) {
            if (turn == 1000) {
                icn_sim_violation(invariant::destroyed_once, "service %u: SERVICE_DESTROYED never came", i);
            }
            icn_sim_sleep(20);
        }
    }
    for (uint32_t turn = 0; icn_live_count(ICN_LIVE_THREADS) != 0; turn++) {
        if (turn == 1000) {
            icn_sim_violation(invariant::leak, "threads of the library go on");
        }
        icn_sim_sleep(1);
    }
}

void end_everything()
{
    world.winding_down = true;
    icn_sim_wake_all(&world.winding_down);
    if (icn_sim_choose(2) == 0) {
        icn_memory_fail(0, 0);
    }
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        wind_down(world.model.service(i));
    }
    for (uint32_t i = 0; i < job_count; i++) {
        icn_sim_fiber_join(jobs[i].fiber);
    }
    set_log(false);
    wait_for_promises();
}

} // namespace

void run_host(void *)
{
    const HostConfiguration &host = world.configuration.host;
    job_count = 0;
    set_log(world.configuration.faults.log);
    make_services();
    start("tidy", tidy, 0, 0);
    for (uint32_t i = 0; i < host.fibers; i++) {
        start("host", act, 0, 0);
    }
    wait_for_peers();
    world.peers.retire();
    end_everything();
    check_everything_ended();
}

} // namespace sim_test
