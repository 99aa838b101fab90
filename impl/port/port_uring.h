/* The port on io_uring, from Linux 6.1 on: multishot requests, one system call for each run. */
#ifndef ICN_PORT_URING_H
#define ICN_PORT_URING_H

#include "port/port.h"

extern const icn_port_functions icn_port_uring;

#endif
