#include "util/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/check.h"
#include "os/thread.h"

#define CACHE_LINE 64

/* A line of its own for each tag: dispatchers that allocate different things do not slow each other down. */
typedef struct tag_count {
    _Alignas(CACHE_LINE) icn_atomic_u64 blocks;
    icn_atomic_u64 bytes;
} tag_count;

static tag_count counts[ICN_MEMORY_TAG_COUNT];

static void *IOCPNET_CALL default_allocate(uint64_t size, void *user)
{
    (void)user;
    return malloc((size_t)size);
}

static void IOCPNET_CALL default_release(void *memory, uint64_t size, void *user)
{
    (void)size;
    (void)user;
    free(memory);
}

static icn_mutex decision_lock;
static icn_atomic_u32 decided; /* 1 once the allocator can not change any more */
static iocpnet_allocator allocator = {.allocate = default_allocate, .release = default_release};

/* Whoever decides has stored the allocator before it stores `decided`: a thread that loads 1 sees all of it. */
static const iocpnet_allocator *allocator_in_use(void)
{
    if (icn_u32_load(&decided) == 0) {
        icn_mutex_lock(&decision_lock);
        icn_u32_store(&decided, 1);
        icn_mutex_unlock(&decision_lock);
    }
    return &allocator;
}

int32_t icn_memory_set_allocator(const iocpnet_allocator *chosen)
{
    int32_t status = IOCPNET_E_INVALID_STATE;

    icn_mutex_lock(&decision_lock);
    if (icn_u32_load(&decided) == 0) {
        allocator = *chosen;
        icn_u32_store(&decided, 1);
        status = IOCPNET_OK;
    }
    icn_mutex_unlock(&decision_lock);
    return status;
}

#if defined(ICN_TEST_HOOKS)

static icn_atomic_u64 attempts;
static icn_atomic_u64 fail_first; /* 0: none fails */
static icn_atomic_u32 fail_for_ever;

void icn_memory_fail(uint64_t first, int for_ever)
{
    icn_u64_store(&fail_first, 0);
    icn_u64_store(&attempts, 0);
    icn_u32_store(&fail_for_ever, for_ever != 0);
    icn_u64_store(&fail_first, first);
}

uint64_t icn_memory_attempts(void)
{
    return icn_u64_load(&attempts);
}

static bool fails_on_purpose(void)
{
    uint64_t number = icn_u64_add(&attempts, 1) + 1;
    uint64_t first = icn_u64_load(&fail_first);

    return first != 0 && (number == first || (number > first && icn_u32_load(&fail_for_ever) != 0));
}

#else

static bool fails_on_purpose(void)
{
    return false;
}

#endif

#if defined(ICN_DEBUG_CHECKS)

/* In front of each block; its size keeps the alignment. */
typedef struct block_header {
    uint64_t size;
    uint32_t tag;
    uint32_t mark;
} block_header;

_Static_assert(sizeof(block_header) == 16, "a header must keep the alignment of the block behind it");

#define HEADER_SIZE sizeof(block_header)
#define MARK_LIVE 0x4C495645u
#define FILL_NEW 0xCD
#define FILL_RELEASE 0xDD

static void *block_open(void *start, size_t size, icn_memory_tag tag)
{
    block_header *header = start;

    *header = (block_header){.size = size, .tag = tag, .mark = MARK_LIVE};
    memset(header + 1, FILL_NEW, size);
    return header + 1;
}

/* The start of the block, poisoned; NULL when it is not one: it is then left as it is. */
static void *block_close(void *memory, size_t size, icn_memory_tag tag)
{
    block_header *header = (block_header *)memory - 1;
    bool live = header->mark == MARK_LIVE;
    bool size_matches = header->size == size;
    bool tag_matches = header->tag == (uint32_t)tag;

    ICN_CHECK(live);
    ICN_CHECK(size_matches);
    ICN_CHECK(tag_matches);
    if (!live || !size_matches || !tag_matches) {
        return NULL;
    }
    icn_memory_spoil(header, HEADER_SIZE + size);
    return header;
}

void icn_memory_spoil(void *memory, size_t size)
{
    memset(memory, FILL_RELEASE, size);
}

#else

#define HEADER_SIZE 0u

static void *block_open(void *start, size_t size, icn_memory_tag tag)
{
    (void)size;
    (void)tag;
    return start;
}

static void *block_close(void *memory, size_t size, icn_memory_tag tag)
{
    (void)size;
    (void)tag;
    return memory;
}

void icn_memory_spoil(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

#endif

void *icn_memory_allocate(size_t size, icn_memory_tag tag)
{
    const iocpnet_allocator *source = allocator_in_use();
    void *start;

    ICN_CHECK(size != 0);
    ICN_CHECK((unsigned)tag < ICN_MEMORY_TAG_COUNT);
    if (fails_on_purpose() || size > SIZE_MAX - HEADER_SIZE) {
        return NULL;
    }
    start = source->allocate(HEADER_SIZE + size, source->user);
    if (start == NULL) {
        return NULL;
    }
    icn_u64_add(&counts[tag].blocks, 1);
    icn_u64_add(&counts[tag].bytes, size);
    return block_open(start, size, tag);
}

void *icn_memory_allocate_zeroed(size_t size, icn_memory_tag tag)
{
    void *memory = icn_memory_allocate(size, tag);

    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

void icn_memory_release(void *memory, size_t size, icn_memory_tag tag)
{
    const iocpnet_allocator *source = allocator_in_use();
    void *start;

    if (memory == NULL) {
        return;
    }
    start = block_close(memory, size, tag);
    if (start == NULL) {
        return;
    }
    icn_u64_subtract(&counts[tag].blocks, 1);
    icn_u64_subtract(&counts[tag].bytes, size);
    source->release(start, HEADER_SIZE + size, source->user);
}

uint64_t icn_memory_blocks(icn_memory_tag tag)
{
    return icn_u64_load(&counts[tag].blocks);
}

uint64_t icn_memory_bytes(icn_memory_tag tag)
{
    return icn_u64_load(&counts[tag].bytes);
}
