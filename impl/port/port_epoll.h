/* The port on epoll: edge-triggered readiness, system calls tried at once. */
#ifndef ICN_PORT_EPOLL_H
#define ICN_PORT_EPOLL_H

#include "port/port.h"

extern const icn_port_functions icn_port_epoll;

#endif
