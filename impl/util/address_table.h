/*
 * What a service knows of the addresses that connect to it: how many sessions each has, and how fast it connects. All
 * addresses of an IPv6 /64 are one. The memory is bounded and taken at once: an address without sessions is forgotten when
 * a new one needs its place, the one that was heard of longest ago first. Any thread; the mutex is held shortly.
 */
#ifndef ICN_UTIL_ADDRESS_TABLE_H
#define ICN_UTIL_ADDRESS_TABLE_H

#include <stdint.h>

#include "base/address.h"
#include "util/token_bucket.h"

typedef struct icn_address_table icn_address_table;

typedef struct icn_address_limits {
    uint32_t addresses_max;
    uint32_t sessions_max; /* of one address; 0: no limit */
    icn_bucket_limit rate; /* of one address; a rate of 0: no limit */
} icn_address_limits;

typedef enum icn_address_verdict {
    ICN_ADDRESS_ADMITTED = 0,
    ICN_ADDRESS_HAS_TOO_MANY, /* sessions */
    ICN_ADDRESS_IS_TOO_FAST
} icn_address_verdict;

/* Where the session of an address is counted; 0: nowhere. */
typedef uint32_t icn_address_place;

/* NULL: no memory. */
icn_address_table *icn_address_table_create(const icn_address_limits *limits, uint64_t now_ms);
/* Nobody uses it any more, and no session is counted. NULL is ignored. */
void icn_address_table_destroy(icn_address_table *table);

/*
 * A connection comes from `address`. Admitted: one session more is counted at *place, for icn_address_table_leave. An
 * address for which there is no room, as all others have sessions, is admitted and counted nowhere.
 */
icn_address_verdict icn_address_table_admit(icn_address_table *table, const icn_address *address, uint64_t now_ms,
                                            icn_address_place *place);
/* The session has ended, or was not made after all. */
void icn_address_table_leave(icn_address_table *table, icn_address_place place);

/* Sessions that are counted, over all addresses. */
uint64_t icn_address_table_sessions(icn_address_table *table);
/* Addresses that are remembered. */
uint32_t icn_address_table_addresses(icn_address_table *table);

#endif
