/* Everything of the one run that is under way. */
#pragma once

#include "configuration.hpp"
#include "job_log.hpp"
#include "model.hpp"
#include "peers.hpp"

namespace sim_test
{

struct World {
    Configuration configuration;
    Model model;
    Peers peers;
    JobLog jobs;
    bool winding_down;   /* the host ends its services */
    uint32_t outbound;   /* connects made; each has a port of its own */
    uint32_t log_round;  /* the log callback that is set; 0: none */
    uint64_t operations; /* that were alive after the last step */
    uint32_t log_rounds; /* log callbacks that were set */

    /* Which errors may come out of nowhere. */
    bool memory_fails() const { return configuration.faults.memory || configuration.faults.system != 0; }
    bool descriptors_fail() const { return configuration.faults.descriptors_max != 0 || system_fails(); }
    bool system_fails() const { return configuration.faults.system != 0; }
};

extern World world;

/* Ports of scripted peers that the library connects to; its own listeners are below. */
constexpr uint16_t outbound_port_base = 20000;
constexpr uint16_t listener_port_base = 7000;

} // namespace sim_test
