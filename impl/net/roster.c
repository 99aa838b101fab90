#include "net/roster.h"

#include <stddef.h>

#include "base/check.h"
#include "net/loop.h"

bool icn_roster_hold(icn_roster *roster)
{
    uint64_t holds = icn_u64_load(&roster->holds);
    /* Never up from 0: "stopped" was announced, or is just being announced. */
    while (holds != 0) {
        if (icn_u64_replace(&roster->holds, &holds, holds + 1)) {
            return true;
        }
    }
    return false;
}

void icn_roster_drop(icn_roster *roster)
{
    uint64_t before = icn_u64_subtract(&roster->holds, 1);
    ICN_CHECK(before != 0);
    if (before == 1) {
        roster->stopped(roster);
    }
}

static void raise_peak(icn_roster *roster, uint64_t live)
{
    uint64_t peak = icn_u64_load_relaxed(&roster->sessions_peak);
    while (peak < live && !icn_u64_replace(&roster->sessions_peak, &peak, live)) {
    }
}

bool icn_roster_admit(icn_roster *roster)
{
    uint64_t live = icn_u64_add(&roster->sessions_live, 1) + 1;
    if (roster->sessions_max != 0 && live > roster->sessions_max) {
        icn_u64_subtract(&roster->sessions_live, 1);
        return false;
    }
    raise_peak(roster, live);
    return true;
}

void icn_roster_dismiss(icn_roster *roster)
{
    uint64_t before = icn_u64_subtract(&roster->sessions_live, 1);
    ICN_CHECK(before != 0);
    (void)before;
}

icn_loop *icn_roster_choose_loop(icn_roster *roster, uint32_t index)
{
    if (index != IOCPNET_DISPATCHER_ANY) {
        return index < roster->loop_count ? roster->loops[index] : NULL;
    }
    icn_loop *best = roster->loops[0];
    for (uint32_t i = 1; i < roster->loop_count; i++) {
        icn_loop *loop = roster->loops[i];
        if (icn_u32_load_relaxed(&loop->placed) < icn_u32_load_relaxed(&best->placed)) {
            best = loop;
        }
    }
    return best;
}
