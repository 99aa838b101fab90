/* How long to wait before the next attempt: exponential back-off with jitter. Pure, but for the source of jitter. */
#ifndef ICN_NET_BACKOFF_H
#define ICN_NET_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

/* As in iocpnet_reconnect, checked. */
typedef struct icn_backoff {
    uint32_t initial_ms; /* 0: no attempt follows */
    uint32_t max_ms;
    uint32_t factor_percent;
    uint32_t jitter_percent;
    uint32_t attempts_max; /* in a row; 0: no limit */
    uint32_t lasted_ms;    /* a connection that was open so long ends the row */
} icn_backoff;

/* True when the attempt number `attempt` of a row, from 1, is still to be made. */
bool icn_backoff_allows(const icn_backoff *backoff, uint32_t attempt);

/*
 * Milliseconds before the attempt number `attempt` of a row, from 1: initial_ms times the factor for each before, up to
 * max_ms, of which `random` then takes off up to the jitter's share, evenly. At least 1.
 */
uint32_t icn_backoff_delay_ms(const icn_backoff *backoff, uint32_t attempt, uint64_t random);

/* The next of a sequence (splitmix64) that `state` stands for. Any thread. */
uint64_t icn_backoff_random(icn_atomic_u64 *state);

#endif
