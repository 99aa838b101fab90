/* One shared buffer for many sessions: to those of a list, by any thread, or to all of a loop but some, by its owner. */
#ifndef ICN_NET_BROADCAST_H
#define ICN_NET_BROADCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "iocpnet.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "net/roster.h"

/* True when the session of this handle is one that is not to get it. */
bool icn_broadcast_excepts(const icn_broadcast *broadcast, uint64_t handle);

/* Queues it at the open sessions of the loop that are not excepted. Owner thread. */
void icn_broadcast_expand(icn_loop *loop, const icn_broadcast *broadcast);

/* Any thread with a pin on the service and the buffer, which is not larger than a send queue. Both add to `result`. */
void icn_broadcast_to_list(icn_roster *roster, icn_buffer *buffer, const uint64_t *sessions, uint32_t session_count,
                           uint32_t flags, iocpnet_broadcast_result *result);
/* IOCPNET_OK, IOCPNET_PENDING, IOCPNET_E_NO_MEMORY or IOCPNET_E_WOULD_BLOCK. */
int32_t icn_broadcast_to_all(icn_roster *roster, const icn_broadcast *broadcast, iocpnet_broadcast_result *result);

#endif
