#include "net/send_chunk.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "net/latest_entry.h"
#include "util/memory.h"

#define CAPACITY_USUAL ((uint32_t)(ICN_SEND_CHUNK_BYTES - sizeof(icn_send_chunk)))

static const uint32_t kept_max[ICN_SEND_CHUNK_KEPT_KINDS] = {
    [ICN_SEND_CHUNK_SMALL] = ICN_SEND_POOL_SMALL_MAX,
    [ICN_SEND_CHUNK_USUAL] = ICN_SEND_POOL_USUAL_MAX,
    [ICN_SEND_CHUNK_SHARED] = ICN_SEND_POOL_SHARED_MAX,
};

/* Of its own memory. */
static size_t chunk_size(icn_send_chunk_kind kind, uint32_t capacity)
{
    return sizeof(icn_send_chunk) + (kind == ICN_SEND_CHUNK_SHARED ? 0 : capacity);
}

static icn_send_chunk *create(icn_send_chunk_kind kind, uint32_t capacity)
{
    icn_send_chunk *chunk = icn_memory_allocate(chunk_size(kind, capacity), ICN_MEMORY_SEND_BUFFER);
    if (chunk != NULL) {
        *chunk = (icn_send_chunk){.data = (uint8_t *)(chunk + 1), .capacity = capacity, .kind = kind};
    }
    return chunk;
}

void icn_send_chunk_destroy(icn_send_chunk *chunk)
{
    icn_memory_release(chunk, chunk_size((icn_send_chunk_kind)chunk->kind, chunk->capacity), ICN_MEMORY_SEND_BUFFER);
}

void icn_send_pool_fini(icn_send_pool *pool)
{
    for (uint32_t kind = 0; kind < ICN_SEND_CHUNK_KEPT_KINDS; kind++) {
        while (pool->first[kind] != NULL) {
            icn_send_chunk *chunk = pool->first[kind];
            pool->first[kind] = chunk->next;
            icn_send_chunk_destroy(chunk);
        }
        pool->count[kind] = 0;
    }
}

/* One that was kept, or a new one of this capacity. */
static icn_send_chunk *take(icn_send_pool *pool, icn_send_chunk_kind kind, uint32_t capacity)
{
    icn_send_chunk *chunk = pool->first[kind];
    if (chunk == NULL) {
        return create(kind, capacity);
    }
    pool->first[kind] = chunk->next;
    pool->count[kind]--;
    chunk->next = NULL;
    return chunk;
}

icn_send_chunk *icn_send_chunk_acquire(icn_send_pool *pool, uint64_t bytes, bool small)
{
    if (small && bytes <= ICN_SEND_SMALL_MAX) {
        return take(pool, ICN_SEND_CHUNK_SMALL, ICN_SEND_SMALL_MAX);
    }
    if (bytes <= CAPACITY_USUAL) {
        return take(pool, ICN_SEND_CHUNK_USUAL, CAPACITY_USUAL);
    }
    return create(ICN_SEND_CHUNK_LARGE, (uint32_t)bytes);
}

icn_send_chunk *icn_send_chunk_share(icn_send_pool *pool, icn_buffer *buffer)
{
    icn_send_chunk *chunk = take(pool, ICN_SEND_CHUNK_SHARED, 0);
    if (chunk != NULL) {
        icn_buffer_hold(buffer);
        chunk->shared = buffer;
        chunk->data = buffer->data;
        chunk->capacity = buffer->size;
        chunk->end = buffer->size;
    }
    return chunk;
}

void icn_send_chunk_recycle(icn_send_pool *pool, icn_send_chunk *chunk)
{
    uint32_t kind = chunk->kind;
    if (kind == ICN_SEND_CHUNK_LATEST) {
        icn_latest_entry_recycle(ICN_CONTAINER(chunk, icn_latest_entry, chunk));
        return;
    }
    if (kind == ICN_SEND_CHUNK_SHARED) {
        icn_buffer_drop(chunk->shared);
    }
    if (kind == ICN_SEND_CHUNK_LARGE || pool->count[kind] == kept_max[kind]) {
        icn_send_chunk_destroy(chunk);
        return;
    }
    chunk->begin = 0;
    chunk->end = 0;
    chunk->next = pool->first[kind];
    pool->first[kind] = chunk;
    pool->count[kind]++;
}

icn_send_chunk *icn_send_chunk_copy(const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes)
{
    icn_send_chunk *chunk = create(ICN_SEND_CHUNK_LARGE, (uint32_t)bytes);
    if (chunk != NULL) {
        icn_send_chunk_write(chunk, pieces, count);
    }
    return chunk;
}

/* Returns the chunk that was written last. */
static icn_send_chunk *write_piece(icn_send_chunk *chunk, const iocpnet_iovec *piece)
{
    const uint8_t *from = piece->data;
    uint64_t left = piece->size;
    while (left != 0 && chunk != NULL) {
        if (chunk->end == chunk->capacity) {
            chunk = chunk->next;
            /* Else this would go round for ever: what comes behind a full one is new. */
            ICN_CHECK(chunk == NULL || chunk->end != chunk->capacity);
            continue;
        }
        uint32_t room = chunk->capacity - chunk->end;
        uint32_t part = left < room ? (uint32_t)left : room;
        memcpy(chunk->data + chunk->end, from, part);
        chunk->end += part;
        from += part;
        left -= part;
    }
    ICN_CHECK(left == 0);
    return chunk;
}

void icn_send_chunk_write(icn_send_chunk *chunk, const iocpnet_iovec *pieces, uint32_t count)
{
    if (count == 1 && pieces->size <= chunk->capacity - chunk->end) {
        memcpy(chunk->data + chunk->end, pieces->data, (size_t)pieces->size);
        chunk->end += (uint32_t)pieces->size;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        chunk = write_piece(chunk, &pieces[i]);
    }
}
