#include "util/live.h"

#include "base/atomic.h"
#include "base/check.h"

/* A cache line of its own for each kind: dispatchers count operations all the time. */
typedef struct kind_count {
    _Alignas(64) icn_atomic_u64 live;
} kind_count;

static kind_count counts[ICN_LIVE_KIND_COUNT];

void icn_live_add(icn_live_kind kind)
{
    icn_u64_add(&counts[kind].live, 1);
}

void icn_live_remove(icn_live_kind kind)
{
    uint64_t before = icn_u64_subtract(&counts[kind].live, 1);

    ICN_CHECK(before != 0);
}

uint64_t icn_live_count(icn_live_kind kind)
{
    return icn_u64_load(&counts[kind].live);
}
