/* The port on I/O completion ports. */
#ifndef ICN_PORT_IOCP_H
#define ICN_PORT_IOCP_H

#include "port/port.h"

extern const icn_port_functions icn_port_iocp;

#endif
