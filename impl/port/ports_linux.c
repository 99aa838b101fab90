#include <stddef.h>

#include "port/port.h"
#include "port/port_epoll.h"
#include "port/port_uring.h"

const icn_port_functions *const icn_ports[] = {&icn_port_uring, &icn_port_epoll, NULL};
