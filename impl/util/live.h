/* Counts of objects that are alive in the whole process, so that a leak is seen. Any thread. */
#ifndef ICN_UTIL_LIVE_H
#define ICN_UTIL_LIVE_H

#include <stdint.h>

typedef enum icn_live_kind {
    ICN_LIVE_SERVICES,
    ICN_LIVE_LISTENERS,
    ICN_LIVE_SESSIONS,
    ICN_LIVE_OPERATIONS,
    ICN_LIVE_DESCRIPTORS,
    ICN_LIVE_THREADS,
    ICN_LIVE_KIND_COUNT
} icn_live_kind;

void icn_live_add(icn_live_kind kind);
void icn_live_remove(icn_live_kind kind);
uint64_t icn_live_count(icn_live_kind kind);

#endif
