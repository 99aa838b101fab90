#include <stddef.h>

#include "port/port.h"
#include "port/port_sim.h"

const icn_port_functions *const icn_ports[] = {&icn_port_sim_operations, &icn_port_sim_at_once, NULL};
