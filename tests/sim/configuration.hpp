/* What one run is made of: drawn by choices before it begins. Choice 0 is always the plainest. */
#pragma once

#include <cstdint>

#include "iocpnet.h"

namespace sim_test
{

constexpr uint32_t services_max = 2;

struct ServiceConfiguration {
    iocpnet_service_options options;
    uint64_t callbacks;      /* IOCPNET_EVENT_BIT of the kinds that are registered */
    uint32_t listeners;      /* opened at first */
    bool listen_after_start; /* else before */
};

/* Chances per mille, of one decision each. */
struct HostConfiguration {
    uint32_t fibers;        /* that call the API at any moment */
    uint32_t actions;       /* of each fiber */
    uint32_t busy;          /* that an event is answered by actions */
    uint32_t end_early;     /* that an action is stop or destroy */
    uint32_t misuse;        /* that an action is a mistake of the host */
    uint32_t block;         /* that a callback blocks for a while */
    uint32_t message_bytes; /* most of a message */
};

struct PeerConfiguration {
    uint32_t connectors;  /* peers that connect again and again */
    uint32_t connections; /* of all of them together */
    uint32_t nasty;       /* per mille: that a connection is not plain */
};

struct FaultConfiguration {
    bool memory;              /* allocations fail */
    bool memory_for_ever;     /* from the first failure on, for a while */
    uint32_t memory_after;    /* the first one that fails */
    uint32_t system;          /* per mille of the system's calls that fail */
    uint32_t system_kinds;    /* bits of icn_sim_fault */
    uint32_t descriptors_max; /* 0: no limit that matters */
    uint32_t pipe_bytes_max;
    bool log;
};

struct Configuration {
    uint32_t preemption_gap;
    uint32_t clock_jump;
    uint32_t services;
    ServiceConfiguration service[services_max];
    HostConfiguration host;
    PeerConfiguration peers;
    FaultConfiguration faults;
    uint32_t wind_down; /* how the run ends */
};

Configuration draw_configuration();

} // namespace sim_test
