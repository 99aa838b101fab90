/* Framing, as the exported functions take it. */
#ifndef ICN_API_FRAMING_H
#define ICN_API_FRAMING_H

#include <stdint.h>

#include "net/framer.h"

/* Reads and checks what the caller gave; NULL is no framing. INVALID_STRUCT_SIZE, INVALID_ARGUMENT or OK. */
int32_t icn_api_read_framing(const iocpnet_framing *given, icn_framing *framing);

#endif
