#include "configuration.hpp"

#include <algorithm>
#include <cstring>

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/fault.h"
}

namespace sim_test
{

namespace
{

template <typename Value, size_t size>
Value one_of(const Value (&values)[size])
{
    return values[icn_sim_choose(static_cast<uint32_t>(size))];
}

void draw_limits(iocpnet_service_options &options)
{
    static const uint64_t queue_max[] = {8192, 64, 100, 300, 1500};
    static const uint64_t event_max[] = {4096, 64, 1, 512, 16384};
    static const uint32_t close_timeouts[] = {5000, 1, 20, 300};
    static const uint32_t sessions[] = {0, 2, 1, 3, 0, 2, 6};
    static const uint32_t of_address[] = {0, 0, 0, 2, 1, 0, 0, 0, 0, 0};
    static const uint32_t per_s[] = {0, 0, 0, 20, 0, 0, 0, 0};
    options.sessions_max = one_of(sessions);
    options.sessions_per_address_max = one_of(of_address);
    options.accepts_per_address_per_s = one_of(per_s);
    options.accepts_per_address_burst = options.accepts_per_address_per_s != 0 ? icn_sim_choose(3) : 0;
    options.close_timeout_ms = one_of(close_timeouts);
    options.receive_buffer_bytes = 1024;
    options.send_queue_bytes_max = one_of(queue_max);
    switch (icn_sim_choose(3)) {
    case 0:
        options.send_queue_bytes_low = options.send_queue_bytes_max / 4;
        break;
    case 1:
        options.send_queue_bytes_low = 0;
        break;
    default:
        options.send_queue_bytes_low = options.send_queue_bytes_max - 1;
        break;
    }
    options.event_queue_bytes_max = one_of(event_max);
    /* As little as may be. No choice of its own: recorded ones stay what they are. */
    if (options.close_timeout_ms == 300 && options.send_queue_bytes_max <= 1500) {
        options.memory_budget_bytes = std::max<uint64_t>(1024, 4 * options.send_queue_bytes_max);
    }
}

ServiceConfiguration draw_service()
{
    static const uint32_t dispatchers[] = {1, 2, 2, 3};
    static const uint32_t ports[] = {IOCPNET_PORT_AUTO, IOCPNET_PORT_EPOLL, IOCPNET_PORT_IO_URING};
    /* The ends of sessions are always seen, so that the model knows of them. */
    static const uint64_t left_out[] = {
        0, IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT),     0,
        0, IOCPNET_EVENT_BIT(IOCPNET_EVENT_WRITABLE), 0,
        0, IOCPNET_EVENT_BIT(IOCPNET_EVENT_RECEIVED), IOCPNET_EVENT_BIT(IOCPNET_EVENT_SERVICE_STOPPED)};
    static const uint32_t spins[] = {0, 0, 0, 20};
    static const uint32_t traces[] = {0, 0, 3, 200};
    ServiceConfiguration drawn = {};
    (void)iocpnet_service_options_init(&drawn.options, sizeof drawn.options);
    static const uint64_t scheduled_left_out[] = {0, 0, 0, IOCPNET_EVENT_BIT(IOCPNET_EVENT_TIMER),
                                                  IOCPNET_EVENT_BIT(IOCPNET_EVENT_POSTED)};
    const uint64_t all = (IOCPNET_EVENT_BIT(IOCPNET_EVENT_POSTED + 1) - 1) & ~uint64_t{1};
    const uint32_t mode = icn_sim_choose(4);
    drawn.options.driving = mode & 1;
    drawn.options.delivery = mode >> 1;
    drawn.options.dispatcher_count = one_of(dispatchers);
    drawn.options.port = one_of(ports);
    drawn.options.spin_us = one_of(spins);
    drawn.options.send_policy = icn_sim_choose(4) == 3 ? IOCPNET_SEND_DISCONNECT : IOCPNET_SEND_REFUSE;
    drawn.options.slow_callback_us = icn_sim_choose(2);
    drawn.options.trace_records = one_of(traces);
    draw_limits(drawn.options);
    const uint64_t without = one_of(left_out);
    const uint64_t without_scheduled = one_of(scheduled_left_out);
    drawn.callbacks = all & ~without & ~without_scheduled;
    drawn.options.batch_events = drawn.callbacks;
    drawn.listeners = 1 + icn_sim_choose(2);
    drawn.listen_after_start = icn_sim_choose(2) == 1;
    return drawn;
}

HostConfiguration draw_host()
{
    static const uint32_t busy[] = {300, 100, 700, 0};
    static const uint32_t early[] = {0, 0, 2, 0, 20};
    static const uint32_t misuse[] = {0, 20, 0, 100};
    static const uint32_t block[] = {0, 0, 0, 10};
    static const uint32_t message_bytes[] = {64, 16, 500, 3000};
    HostConfiguration drawn = {};
    drawn.fibers = 1 + icn_sim_choose(4);
    drawn.actions = 8 + icn_sim_choose(56);
    drawn.busy = one_of(busy);
    drawn.end_early = one_of(early);
    drawn.misuse = one_of(misuse);
    drawn.block = one_of(block);
    drawn.message_bytes = one_of(message_bytes);
    return drawn;
}

PeerConfiguration draw_peers()
{
    static const uint32_t nasty[] = {200, 0, 500, 900};
    PeerConfiguration drawn = {};
    drawn.connectors = 1 + icn_sim_choose(6);
    drawn.connections = 24 + icn_sim_choose(64);
    drawn.nasty = one_of(nasty);
    return drawn;
}

FaultConfiguration draw_faults()
{
    static const uint32_t pipes[] = {4096, 64, 512, 1};
    FaultConfiguration drawn = {};
    drawn.pipe_bytes_max = one_of(pipes);
    drawn.log = icn_sim_choose(16) == 1;
    drawn.memory = icn_sim_choose(6) == 1;
    if (drawn.memory) {
        drawn.memory_for_ever = icn_sim_choose(4) == 1;
        drawn.memory_after = 1 + icn_sim_choose(256);
    }
    if (icn_sim_choose(6) == 1) {
        drawn.system = 1 + icn_sim_choose(40);
        drawn.system_kinds = icn_sim_choose(1u << ICN_SIM_FAULT_KINDS);
    }
    drawn.descriptors_max = icn_sim_choose(6) == 1 ? 4 + icn_sim_choose(12) : 0;
    return drawn;
}

/* Most runs are preempted at one in 5 to 20 atomic operations, some more rarely. */
uint32_t draw_preemption_gap()
{
    switch (icn_sim_choose(4)) {
    case 0:
        return 0;
    case 1:
        return 9 + icn_sim_choose(32);
    case 2:
        return 30 + icn_sim_choose(70);
    default:
        return 9 + icn_sim_choose(247);
    }
}

} // namespace

Configuration draw_configuration()
{
    Configuration drawn = {};
    drawn.preemption_gap = draw_preemption_gap();
    drawn.clock_jump = icn_sim_choose(8) == 1 ? 50 : 0;
    drawn.services = 1 + icn_sim_choose(services_max);
    for (uint32_t i = 0; i < drawn.services; i++) {
        drawn.service[i] = draw_service();
    }
    drawn.host = draw_host();
    drawn.peers = draw_peers();
    drawn.faults = draw_faults();
    drawn.wind_down = icn_sim_choose(7);
    return drawn;
}

} // namespace sim_test
