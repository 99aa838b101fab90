#include "util/trace_ring.h"

#include <stddef.h>

#include "base/check.h"
#include "util/memory.h"

static size_t places_size(const icn_trace_ring *ring)
{
    return sizeof(icn_trace_place) * ring->capacity;
}

bool icn_trace_ring_init(icn_trace_ring *ring, uint32_t capacity)
{
    ICN_CHECK(ring->places == NULL);
    if (capacity != 0) {
        /* One more: a reader leaves out the place that is written next. */
        ring->capacity = capacity + 1;
        ring->places = icn_memory_allocate_zeroed(places_size(ring), ICN_MEMORY_SERVICE);
    }
    return capacity == 0 || ring->places != NULL;
}

void icn_trace_ring_fini(icn_trace_ring *ring)
{
    if (ring->places != NULL) {
        icn_memory_release(ring->places, places_size(ring), ICN_MEMORY_SERVICE);
        ring->places = NULL;
    }
}

void icn_trace_ring_write(icn_trace_ring *ring, const iocpnet_trace_record *record)
{
    ICN_CHECK(ring->places != NULL);
    uint64_t number = icn_u64_load_relaxed(&ring->written);
    icn_atomic_u64 *words = ring->places[number % ring->capacity].words;
    /* Each store releases the count of before: who reads one of these words then sees a count that makes it leave it out. */
    icn_u64_store(&words[0], record->time_us);
    icn_u64_store(&words[1], record->session);
    icn_u64_store(&words[2], record->size);
    icn_u64_store(&words[3], (uint64_t)record->kind << 32 | record->close_reason);
    icn_u64_store(&ring->written, number + 1);
}

static void read_one(const icn_trace_ring *ring, uint64_t number, iocpnet_trace_record *record)
{
    const icn_atomic_u64 *words = ring->places[number % ring->capacity].words;
    record->number = number;
    record->time_us = icn_u64_load(&words[0]);
    record->session = icn_u64_load(&words[1]);
    record->size = icn_u64_load(&words[2]);
    uint64_t kinds = icn_u64_load(&words[3]);
    record->kind = (uint32_t)(kinds >> 32);
    record->close_reason = (uint32_t)kinds;
    record->reserved = 0;
}

/* Records below this number may have been overwritten: the place of the oldest one is written next. */
static uint64_t oldest_whole(const icn_trace_ring *ring)
{
    uint64_t written = icn_u64_load(&ring->written);
    return written < ring->capacity ? 0 : written - ring->capacity + 1;
}

uint32_t icn_trace_ring_read(const icn_trace_ring *ring, iocpnet_trace_record *records, uint32_t capacity)
{
    if (ring->places == NULL) {
        return 0;
    }
    uint64_t end = icn_u64_load(&ring->written);
    uint64_t first = oldest_whole(ring);
    if (first + capacity < end) {
        first = end - capacity;
    }
    uint32_t count = 0;
    for (uint64_t number = first; number < end; number++) {
        read_one(ring, number, &records[count]);
        if (number >= oldest_whole(ring)) {
            count++;
        } else {
            /* The writer has come round: what was read before is older still. */
            count = 0;
        }
    }
    return count;
}
