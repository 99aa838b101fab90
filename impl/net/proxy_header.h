/*
 * The header that a proxy sends in front of what its client sends: versions 1 (a line of text) and 2 (binary) of the PROXY
 * protocol, as HAProxy's proxy-protocol.txt has them. Pure: no system call, no memory, and no byte behind those given is read.
 */
#ifndef ICN_NET_PROXY_HEADER_H
#define ICN_NET_PROXY_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

/* A longer header is bad: one of version 1 has 107 bytes at most, one of version 2 as many as its extensions need. */
#define ICN_PROXY_HEADER_MAX 4096

typedef enum icn_proxy_verdict {
    ICN_PROXY_PARTIAL, /* a header may begin so: more bytes are needed */
    ICN_PROXY_WHOLE,
    ICN_PROXY_BAD
} icn_proxy_verdict;

typedef struct icn_proxy_header {
    uint32_t bytes;  /* of the header; what follows is the client's */
    bool has_source; /* false: the address of the connection stands, for it is the proxy's own, or of no known kind */
    icn_address source; /* of the client */
} icn_proxy_header;

/*
 * Looks at the first `size` bytes of a connection. More bytes behind them change no verdict but PARTIAL; what is PARTIAL is
 * shorter than ICN_PROXY_HEADER_MAX. WHOLE alone fills `header`.
 */
icn_proxy_verdict icn_proxy_header_read(const void *data, uint32_t size, icn_proxy_header *header);

#endif
