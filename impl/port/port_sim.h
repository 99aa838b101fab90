/* The simulated ports, in builds of the simulator only. */
#ifndef ICN_PORT_PORT_SIM_H
#define ICN_PORT_PORT_SIM_H

#include "port/port.h"

/* Sends by operations only; can be refused, as io_uring can. */
extern const icn_port_functions icn_port_sim_operations;
/* Sends at once what it can, as epoll does. */
extern const icn_port_functions icn_port_sim_at_once;

#endif
