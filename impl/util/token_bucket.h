/*
 * A token bucket: what comes at a rate on average, with a burst at once. Pure: the caller tells the time, and keeps the
 * lock. Rates and bursts up to ICN_BUCKET_MAX.
 */
#ifndef ICN_UTIL_TOKEN_BUCKET_H
#define ICN_UTIL_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define ICN_BUCKET_MAX ((uint64_t)1 << 40)

/* `rate`: tokens a second, and `burst`: most tokens that wait; 1 or more. */
typedef struct icn_bucket_limit {
    uint64_t rate;
    uint64_t burst;
} icn_bucket_limit;

typedef struct icn_bucket {
    int64_t thousandths; /* of tokens; below 0: owed */
    uint64_t filled_ms;  /* when it was looked at last; a clock that stands still or goes back fills nothing */
} icn_bucket;

/* Full. */
void icn_bucket_init(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms);
/* Takes one token; false: there is none, and nothing was taken. */
bool icn_bucket_take(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms);
/* Takes `tokens`, up to 2^32, whether they are there or not. Returns the milliseconds until nothing is owed any more. */
uint64_t icn_bucket_charge(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms, uint64_t tokens);
/* True when it would be full by now: it need not be remembered. */
bool icn_bucket_is_full(const icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms);

#endif
