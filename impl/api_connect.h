/* Connecting with more to it than one address: by name, or again and again. */
#ifndef ICN_API_CONNECT_H
#define ICN_API_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/result.h"
#include "iocpnet.h"
#include "net/framer.h"
#include "net/loop.h"

bool icn_api_reconnect_is_valid(const iocpnet_reconnect *reconnect);

/* `remote`: what `address` says; NULL: it has a name. The options were checked. Errors as iocpnet_session_connect. */
icn_result icn_api_connect_by_plan(icn_loop *loop, const char *address, const icn_address *remote,
                                   const iocpnet_connect_options *options, const icn_framing *framing,
                                   iocpnet_session *session);

#endif
