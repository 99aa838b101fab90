#include "net/backoff.h"

#include "base/check.h"

#define PERCENT 100
#define GAMMA UINT64_C(0x9E3779B97F4A7C15)

bool icn_backoff_allows(const icn_backoff *backoff, uint32_t attempt)
{
    ICN_CHECK(attempt != 0);
    return backoff->initial_ms != 0 && (backoff->attempts_max == 0 || attempt <= backoff->attempts_max);
}

/* A factor of 1 would never get to the limit. */
static uint64_t grown(const icn_backoff *backoff, uint32_t attempt)
{
    uint64_t delay_ms = backoff->initial_ms;
    if (backoff->factor_percent == PERCENT) {
        return delay_ms;
    }
    for (uint32_t i = 1; i < attempt && delay_ms < backoff->max_ms; i++) {
        uint64_t next_ms = delay_ms * backoff->factor_percent / PERCENT;
        delay_ms = next_ms > delay_ms ? next_ms : delay_ms + 1;
    }
    return delay_ms;
}

uint32_t icn_backoff_delay_ms(const icn_backoff *backoff, uint32_t attempt, uint64_t random)
{
    ICN_CHECK(attempt != 0 && backoff->jitter_percent <= PERCENT && backoff->factor_percent >= PERCENT);
    uint64_t delay_ms = grown(backoff, attempt);
    if (delay_ms > backoff->max_ms) {
        delay_ms = backoff->max_ms;
    }
    uint64_t spread_ms = delay_ms * backoff->jitter_percent / PERCENT;
    delay_ms -= random % (spread_ms + 1);
    return delay_ms != 0 ? (uint32_t)delay_ms : 1;
}

uint64_t icn_backoff_random(icn_atomic_u64 *state)
{
    uint64_t mixed = icn_u64_add(state, GAMMA) + GAMMA;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}
