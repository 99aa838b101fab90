/* Host names and what the system knows of them. */
#ifndef ICN_OS_RESOLVE_H
#define ICN_OS_RESOLVE_H

#include <stdint.h>

#include "base/address.h"
#include "base/result.h"

/*
 * Asks the system for the addresses of a name (UTF-8), and stores the first `capacity` of them in the system's order (RFC
 * 6724), with port 0. Waits as long as the system does; nothing cuts it short. Any thread.
 * IOCPNET_OK with one address or more, NAME_NOT_FOUND, NAME_NOT_RESOLVED, NO_MEMORY, SYSTEM. `os_error`: the resolver's
 * own code.
 */
icn_result icn_os_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count);

#endif
