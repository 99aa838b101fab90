#include "util/token_bucket.h"

#include "base/check.h"

#define UNIT 1000 /* a rate in tokens a second is one in thousandths a millisecond */

static int64_t full(const icn_bucket_limit *limit)
{
    ICN_CHECK(limit->rate >= 1 && limit->rate <= ICN_BUCKET_MAX && limit->burst >= 1 && limit->burst <= ICN_BUCKET_MAX);
    return (int64_t)limit->burst * UNIT;
}

/* Compares before it multiplies: the time may be any. */
static int64_t level_at(const icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms)
{
    uint64_t missing = (uint64_t)(full(limit) - bucket->thousandths);
    uint64_t passed_ms = now_ms > bucket->filled_ms ? now_ms - bucket->filled_ms : 0;
    if (passed_ms > missing / limit->rate) {
        return full(limit);
    }
    return bucket->thousandths + (int64_t)(passed_ms * limit->rate);
}

static void refill(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms)
{
    bucket->thousandths = level_at(bucket, limit, now_ms);
    if (now_ms > bucket->filled_ms) {
        bucket->filled_ms = now_ms;
    }
}

void icn_bucket_init(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms)
{
    bucket->thousandths = full(limit);
    bucket->filled_ms = now_ms;
}

bool icn_bucket_take(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms)
{
    refill(bucket, limit, now_ms);
    if (bucket->thousandths < UNIT) {
        return false;
    }
    bucket->thousandths -= UNIT;
    return true;
}

uint64_t icn_bucket_charge(icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms, uint64_t tokens)
{
    ICN_CHECK(tokens <= UINT32_MAX);
    refill(bucket, limit, now_ms);
    bucket->thousandths -= (int64_t)tokens * UNIT;
    if (bucket->thousandths >= 0) {
        return 0;
    }
    uint64_t owed = (uint64_t)-bucket->thousandths;
    return owed / limit->rate + (owed % limit->rate != 0);
}

bool icn_bucket_is_full(const icn_bucket *bucket, const icn_bucket_limit *limit, uint64_t now_ms)
{
    return level_at(bucket, limit, now_ms) == full(limit);
}
