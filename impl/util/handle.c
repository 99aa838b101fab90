#include "util/handle.h"

#include <stddef.h>

#include "base/atomic.h"
#include "base/check.h"
#include "os/thread.h"
#include "util/memory.h"

/*
 * Handle: kind (8), generation (32), position (24).
 * Word:   kind (8), generation (32), retired (1), pins (23). A slot that is free has kind 0 and is retired.
 * The upper 40 bits are the same, so that one comparison tells whether a handle may be pinned.
 */
#define KIND_SHIFT 56
#define GENERATION_SHIFT 24
#define POSITION_MASK 0xFFFFFFu
#define PINS_MASK 0x7FFFFFu
#define RETIRED 0x800000u

/*
 * A slot is small, for each session has one. A chunk of 16 KiB is little for a client, and a directory of 128 KiB (of zeros,
 * not touched before it is needed) reaches every position.
 */
#if !defined(ICN_HANDLE_CHUNK_SLOTS)
#define ICN_HANDLE_CHUNK_SLOTS 1024
#endif
#define CHUNK_SLOTS ICN_HANDLE_CHUNK_SLOTS
#define CHUNK_MAX ((POSITION_MASK + 1) / CHUNK_SLOTS)
#define CHUNK_BYTES (CHUNK_SLOTS * sizeof(slot))

typedef struct slot {
    icn_atomic_u64 word;
    union {
        void *object;       /* written before the word that makes it visible, constant while it is known */
        uint32_t next_free; /* under table_lock, while the slot is in the list of free ones: no word makes it visible */
    } of;
} slot;

static icn_atomic_pointer chunks[CHUNK_MAX]; /* slot arrays; stored once each, under table_lock */

static icn_mutex table_lock;
static uint32_t chunk_count; /* under table_lock, as the following */
static uint32_t chunk_count_max = CHUNK_MAX;
static uint32_t free_first; /* positions; 0: none */
static uint32_t free_last;

/* By kind. Written under table_lock, by who makes a handle of the kind: seen by all that can see the handle. */
static icn_handle_finalize *finalizers[ICN_HANDLE_KINDS_MAX];

static uint64_t handle_key(uint64_t handle)
{
    return handle & ~(uint64_t)POSITION_MASK;
}

static uint32_t generation_of(uint64_t word)
{
    return (uint32_t)(word >> GENERATION_SHIFT);
}

/* NULL for a position that never was. The load acquires what the chunk's maker stored. */
static slot *slot_of(uint64_t handle)
{
    uint32_t position = (uint32_t)(handle & POSITION_MASK);
    slot *chunk = icn_pointer_load(&chunks[position / CHUNK_SLOTS]);

    return chunk == NULL ? NULL : &chunk[position % CHUNK_SLOTS];
}

static void free_list_append(uint32_t position)
{
    slot_of(position)->of.next_free = 0;
    if (free_first == 0) {
        free_first = position;
    } else {
        slot_of(free_last)->of.next_free = position;
    }
    free_last = position;
}

/* Returns a position; 0: none is free. */
static uint32_t free_list_take(void)
{
    uint32_t taken = free_first;

    if (taken != 0) {
        free_first = slot_of(taken)->of.next_free;
    }
    return taken;
}

/* Under table_lock. Position 0 stays unused, so that no handle has it. */
static void chunk_install(slot *chunk)
{
    uint32_t first = chunk_count * CHUNK_SLOTS;

    icn_pointer_store(&chunks[chunk_count++], chunk);
    for (uint32_t i = 0; i < CHUNK_SLOTS; i++) {
        icn_u64_store_relaxed(&chunk[i].word, (uint64_t)1 << GENERATION_SHIFT | RETIRED);
        if (first + i != 0) {
            free_list_append(first + i);
        }
    }
}

/* The memory is taken and given back without the lock: the allocator is the host's. */
static int32_t table_grow(void)
{
    slot *chunk = icn_memory_allocate_zeroed(CHUNK_BYTES, ICN_MEMORY_HANDLES);
    bool installed = false;

    if (chunk == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_mutex_lock(&table_lock);
    /* Another thread may have been faster. */
    if (free_first == 0 && chunk_count < chunk_count_max) {
        chunk_install(chunk);
        installed = true;
    }
    icn_mutex_unlock(&table_lock);
    if (!installed) {
        icn_memory_release(chunk, CHUNK_BYTES, ICN_MEMORY_HANDLES);
    }
    return IOCPNET_OK;
}

/* Under table_lock. Nothing is written again: threads without the lock read it. */
static void define_kind(icn_handle_kind kind, icn_handle_finalize *finalize)
{
    if (finalizers[kind] == finalize) {
        return;
    }
    finalizers[kind] = finalize;
}

/* Takes a free slot; objects in it will end with `finalize`, as all of their kind do. */
static int32_t slot_take(icn_handle_kind kind, icn_handle_finalize *finalize, uint32_t *position)
{
    int32_t status = IOCPNET_OK;

    while (status == IOCPNET_OK) {
        bool full;
        icn_mutex_lock(&table_lock);
        *position = free_list_take();
        define_kind(kind, finalize);
        full = chunk_count == chunk_count_max;
        icn_mutex_unlock(&table_lock);
        if (*position != 0) {
            return IOCPNET_OK;
        }
        status = full ? IOCPNET_E_LIMIT_REACHED : table_grow();
    }
    return status;
}

/* Ends the generation. A slot that had the last one is given up: no handle is ever made twice. */
static void slot_recycle(uint32_t position)
{
    slot *freed = slot_of(position);
    uint32_t generation = generation_of(icn_u64_load_relaxed(&freed->word));
    uint64_t next = (uint64_t)generation + (generation != UINT32_MAX);

    icn_u64_store(&freed->word, next << GENERATION_SHIFT | RETIRED);
    if (generation != UINT32_MAX) {
        icn_mutex_lock(&table_lock);
        free_list_append(position);
        icn_mutex_unlock(&table_lock);
    }
}

/* The one thread that made the word 'retired, no pins' comes here: nothing can change it any more. */
static void slot_finish(slot *finished, uint64_t handle)
{
    finalizers[handle >> KIND_SHIFT](finished->of.object);
    slot_recycle((uint32_t)(handle & POSITION_MASK));
}

int32_t icn_handle_create(icn_handle_kind kind, void *object, icn_handle_finalize *finalize, uint64_t *handle)
{
    slot *taken;
    uint64_t key;
    uint32_t position;
    int32_t status = slot_take(kind, finalize, &position);

    if (status != IOCPNET_OK) {
        return status;
    }
    taken = slot_of(position);
    taken->of.object = object;
    key = (uint64_t)kind << KIND_SHIFT | (uint64_t)generation_of(icn_u64_load_relaxed(&taken->word))
                                             << GENERATION_SHIFT;
    *handle = key | position;
    /* Releases the object, and `*handle`, to the pin that reads this word. */
    icn_u64_store(&taken->word, key | 1u);
    return IOCPNET_OK;
}

void *icn_handle_pin(uint64_t handle, icn_handle_kind kind)
{
    slot *pinned = slot_of(handle);
    uint64_t word;

    if (pinned == NULL || handle >> KIND_SHIFT != (uint64_t)kind) {
        return NULL;
    }
    word = icn_u64_load(&pinned->word);
    do {
        if ((word & ~(uint64_t)PINS_MASK) != handle_key(handle)) {
            return NULL;
        }
        ICN_CHECK((word & PINS_MASK) != PINS_MASK);
    } while (!icn_u64_replace(&pinned->word, &word, word + 1));
    return pinned->of.object;
}

void icn_handle_pin_again(uint64_t handle)
{
    uint64_t before = icn_u64_add(&slot_of(handle)->word, 1);

    ICN_CHECK(before >> GENERATION_SHIFT == handle >> GENERATION_SHIFT);
    ICN_CHECK((before & (RETIRED | PINS_MASK)) != RETIRED);
    ICN_CHECK((before & PINS_MASK) != PINS_MASK);
}

void icn_handle_unpin(uint64_t handle)
{
    slot *pinned = slot_of(handle);
    /* Each unpin releases what its thread did to the object, the last one acquires it all. */
    uint64_t before = icn_u64_subtract(&pinned->word, 1);

    ICN_CHECK(before >> GENERATION_SHIFT == handle >> GENERATION_SHIFT);
    ICN_CHECK((before & PINS_MASK) != 0);
    if ((before & (RETIRED | PINS_MASK)) == (RETIRED | 1u)) {
        slot_finish(pinned, handle);
    }
}

void icn_handle_retire(uint64_t handle)
{
    slot *retired = slot_of(handle);
    uint64_t word = icn_u64_load(&retired->word);
    bool live;

    do {
        live = (word & ~(uint64_t)PINS_MASK) == handle_key(handle);
        ICN_CHECK(live);
        if (!live) {
            return;
        }
    } while (!icn_u64_replace(&retired->word, &word, word | RETIRED));
    if ((word & PINS_MASK) == 0) {
        slot_finish(retired, handle);
    }
}

bool icn_handle_is_known(uint64_t handle)
{
    const slot *known = slot_of(handle);

    return known != NULL && handle >> KIND_SHIFT != 0 &&
           icn_u64_load(&known->word) >> GENERATION_SHIFT == handle >> GENERATION_SHIFT;
}

#if defined(ICN_TEST_HOOKS)

uint64_t icn_handle_age(uint64_t handle)
{
    uint64_t aged = handle | (uint64_t)UINT32_MAX << GENERATION_SHIFT;

    icn_u64_store(&slot_of(handle)->word, handle_key(aged));
    return aged;
}

uint32_t icn_handle_limit_growth(bool limited)
{
    uint32_t count;

    icn_mutex_lock(&table_lock);
    count = chunk_count;
    chunk_count_max = limited ? count : CHUNK_MAX;
    icn_mutex_unlock(&table_lock);
    return count * CHUNK_SLOTS;
}

void icn_handle_forget_all(void)
{
    icn_mutex_lock(&table_lock);
    while (chunk_count != 0) {
        icn_pointer_store(&chunks[--chunk_count], NULL);
    }
    free_first = 0;
    icn_mutex_unlock(&table_lock);
}

#endif
