/*
 * The last events of one dispatcher. One thread at a time writes, who drives it; any thread reads meanwhile, and leaves out
 * what is overwritten while it reads.
 */
#ifndef ICN_UTIL_TRACE_RING_H
#define ICN_UTIL_TRACE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "iocpnet.h"

/* Of a record: all fields, packed in words that can be read while they are written. */
#define ICN_TRACE_WORDS 4

typedef struct icn_trace_place {
    icn_atomic_u64 words[ICN_TRACE_WORDS];
} icn_trace_place;

typedef struct icn_trace_ring {
    icn_trace_place *places; /* NULL: nothing is kept */
    uint32_t capacity;
    icn_atomic_u64 written; /* records since the ring was made */
} icn_trace_ring;

/* The ring is all zeros; `capacity` 0 keeps nothing. False: no memory. */
bool icn_trace_ring_init(icn_trace_ring *ring, uint32_t capacity);
void icn_trace_ring_fini(icn_trace_ring *ring);

/* The writer. The number of the record is the ring's own. */
void icn_trace_ring_write(icn_trace_ring *ring, const iocpnet_trace_record *record);

/* Any thread: stores the newest records, at most `capacity`, the oldest of them first; returns how many. */
uint32_t icn_trace_ring_read(const icn_trace_ring *ring, iocpnet_trace_record *records, uint32_t capacity);

#endif
