/* Sends of the Linux ports: an attempt that never waits. Owner thread only. */
#ifndef ICN_PORT_SEND_LINUX_H
#define ICN_PORT_SEND_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "port/port.h"

/* Queues the completion of a send from which the system takes something, or which it refuses. False: the socket is full,
 * nothing is queued. */
bool icn_linux_try_send(icn_list *queue, icn_operation *operation, const iocpnet_iovec *pieces, uint32_t count);

#endif
