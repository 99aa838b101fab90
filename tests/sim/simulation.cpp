#include "simulation.hpp"

#include "host.hpp"
#include "inside.hpp"
#include "invariants.hpp"
#include "memory_check.hpp"
#include "world.hpp"

extern "C" {
#include "base/check.h"
#include "net/gate.h"
#include "os/sim/choice.h"
#include "os/sim/fault.h"
#include "os/sim/network.h"
#include "os/sim/trace.h"
#include "util/handle.h"
#include "util/memory.h"
}

namespace sim_test
{

World world;

namespace
{

void check_failed(const char *file, int line, const char *condition)
{
    icn_sim_violation(invariant::library_check, "%s:%d: %s", file, line, condition);
}

void prepare_process()
{
    static bool prepared;
    if (!prepared) {
        prepared = true;
        install_memory_check();
        (void)icn_check_set_handler(check_failed);
    }
}

void choose_from(const Choices &choices)
{
    if (choices.bytes != nullptr) {
        icn_sim_choices_from_bytes(choices.bytes, choices.size);
    } else {
        icn_sim_choices_from_seed(choices.seed);
    }
}

void begin_system(const FaultConfiguration &faults)
{
    icn_sim_network_options options = {};
    options.descriptors_max = faults.descriptors_max != 0 ? faults.descriptors_max : 1024;
    options.pipe_bytes_max = faults.pipe_bytes_max;
    icn_sim_network_begin(&options);
    icn_sim_fault_clear_all();
    for (uint32_t kind = 0; kind < ICN_SIM_FAULT_KINDS; kind++) {
        if ((faults.system_kinds >> kind & 1) != 0) {
            icn_sim_fault_set(static_cast<icn_sim_fault>(kind), faults.system);
        }
    }
}

void begin_world()
{
    world.configuration = draw_configuration();
    world.model.begin();
    world.jobs.begin();
    world.winding_down = false;
    world.outbound = 0;
    world.log_round = 0;
    world.log_rounds = 0;
    world.operations = 0;
    const PeerConfiguration &peers = world.configuration.peers;
    world.peers.begin(peers.connectors, peers.connections, peers.nasty);
}

/* ---- icn_sim_world ---- */

uint32_t ready(void *)
{
    return world.peers.ready();
}

void act(void *, uint32_t which)
{
    world.peers.act(which);
}

uint64_t next_ms(void *)
{
    return world.peers.next_ms();
}

void stepped(void *)
{
    check_step();
}

void quiet(void *)
{
    check_quiet();
}

} // namespace

Choices Choices::from_bytes(const uint8_t *bytes, size_t size)
{
    static const uint8_t nothing[1] = {};
    return {0, bytes != nullptr ? bytes : nothing, size};
}

RunResult run_simulation(const Choices &choices, const RunLimits &limits)
{
    prepare_process();
    icn_memory_fail(0, 0);
    choose_from(choices);
    icn_sim_trace_begin(limits.trace);
    begin_memory_check();
    icn_handle_forget_all();
    icn_gate_forget_all();
    begin_world();
    begin_system(world.configuration.faults);
    const icn_sim_options options = {world.configuration.preemption_gap, limits.steps_max,
                                     world.configuration.clock_jump};
    const icn_sim_world outside = {ready, act, next_ms, stepped, quiet, nullptr};
    RunResult result = {};
    icn_sim_run(&options, &outside, run_host, nullptr, &result.core);
    if (!result.core.violated) {
        world.peers.close_all();
    }
    result.life_cycles = world.model.life_cycles;
    return result;
}

} // namespace sim_test
