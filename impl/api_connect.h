/* Connecting with more to it than one address: by name, or again and again. */
#ifndef ICN_API_CONNECT_H
#define ICN_API_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "iocpnet.h"
#include "net/connector.h"
#include "net/framer.h"

bool icn_api_reconnect_is_valid(const iocpnet_reconnect *reconnect);

/*
 * `remote`: what `address` says; NULL: it has a name. The options were checked. IOCPNET_OK or INVALID_ADDRESS.
 */
int32_t icn_api_read_plan(const char *address, const icn_address *remote, const iocpnet_connect_options *options,
                          const icn_framing *framing, icn_connect_plan *plan);

#endif
