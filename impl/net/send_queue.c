#include "net/send_queue.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "util/memory.h"

struct icn_send_chunk {
    icn_send_chunk *next;
    uint32_t capacity; /* bytes of data */
    uint32_t begin;    /* the first byte that the system has not taken */
    uint32_t end;      /* behind the last byte that was queued */
    uint8_t data[];
};

/* Of the chunks that the pool keeps, with the header. */
#if !defined(ICN_SEND_CHUNK_BYTES)
#define ICN_SEND_CHUNK_BYTES 4096
#endif
#define CHUNK_CAPACITY_USUAL ((uint32_t)(ICN_SEND_CHUNK_BYTES - sizeof(icn_send_chunk)))

/* Pushed chunks of up to this many bytes are copied together. */
#define COPY_MAX (ICN_SEND_CHUNK_BYTES / 4)

/* What a closed inbox holds: no chunk has this address. */
static icn_send_chunk closed_inbox;

static icn_send_chunk *chunk_create(uint32_t capacity)
{
    icn_send_chunk *chunk = icn_memory_allocate(sizeof *chunk + capacity, ICN_MEMORY_SEND_BUFFER);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->capacity = capacity;
        chunk->begin = 0;
        chunk->end = 0;
    }
    return chunk;
}

static void chunk_destroy(icn_send_chunk *chunk)
{
    icn_memory_release(chunk, sizeof *chunk + chunk->capacity, ICN_MEMORY_SEND_BUFFER);
}

static icn_send_chunk *chunk_acquire(icn_send_pool *pool, uint64_t bytes)
{
    if (bytes > CHUNK_CAPACITY_USUAL) {
        return chunk_create((uint32_t)bytes);
    }
    icn_send_chunk *chunk = pool->first;
    if (chunk == NULL) {
        return chunk_create(CHUNK_CAPACITY_USUAL);
    }
    pool->first = chunk->next;
    pool->count--;
    chunk->next = NULL;
    return chunk;
}

static void chunk_recycle(icn_send_pool *pool, icn_send_chunk *chunk)
{
    if (chunk->capacity != CHUNK_CAPACITY_USUAL || pool->count == ICN_SEND_POOL_MAX) {
        chunk_destroy(chunk);
        return;
    }
    chunk->begin = 0;
    chunk->end = 0;
    chunk->next = pool->first;
    pool->first = chunk;
    pool->count++;
}

/* Copies into a chunk and, once it is full, into those behind it; returns the chunk that was written last. */
static icn_send_chunk *copy_piece(icn_send_chunk *chunk, const iocpnet_iovec *piece)
{
    const uint8_t *from = piece->data;
    uint64_t left = piece->size;
    while (left != 0) {
        if (chunk->end == chunk->capacity) {
            chunk = chunk->next;
            ICN_CHECK(chunk != NULL);
        }
        uint32_t room = chunk->capacity - chunk->end;
        uint32_t part = left < room ? (uint32_t)left : room;
        memcpy(chunk->data + chunk->end, from, part);
        chunk->end += part;
        from += part;
        left -= part;
    }
    return chunk;
}

static void copy_pieces(icn_send_chunk *chunk, const iocpnet_iovec *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        chunk = copy_piece(chunk, &pieces[i]);
    }
    ICN_CHECK(chunk->next == NULL);
}

void icn_send_pool_fini(icn_send_pool *pool)
{
    while (pool->first != NULL) {
        icn_send_chunk *chunk = pool->first;
        pool->first = chunk->next;
        chunk_destroy(chunk);
    }
    pool->count = 0;
}

bool icn_send_queue_reserve(icn_send_queue *queue, uint64_t bytes, uint64_t bytes_max)
{
    uint64_t now = icn_u64_load_relaxed(&queue->bytes);
    do {
        /* Both are far from the end of their range: no overflow. */
        if (now + bytes > bytes_max) {
            return false;
        }
    } while (!icn_u64_replace(&queue->bytes, &now, now + bytes));
    return true;
}

static void append_chunk(icn_send_queue *queue, icn_send_chunk *chunk)
{
    if (queue->last == NULL) {
        queue->first = chunk;
    } else {
        queue->last->next = chunk;
    }
    queue->last = chunk;
}

/* Makes room for some bytes at the end; returns the chunk where it begins, or NULL: no memory, nothing changed. */
static icn_send_chunk *make_room(icn_send_queue *queue, icn_send_pool *pool, uint64_t bytes)
{
    icn_send_chunk *last = queue->last;
    uint32_t room = last != NULL ? last->capacity - last->end : 0;
    if (bytes <= room) {
        return last;
    }
    icn_send_chunk *chunk = chunk_acquire(pool, bytes - room);
    if (chunk == NULL) {
        return NULL;
    }
    append_chunk(queue, chunk);
    return room != 0 ? last : chunk;
}

bool icn_send_queue_append(icn_send_queue *queue, icn_send_pool *pool, const iocpnet_iovec *pieces, uint32_t count,
                           uint64_t bytes)
{
    /* What another thread sent before, in the sense of happens-before, is in the inbox and has to leave first. */
    icn_send_queue_collect(queue, pool);
    icn_send_chunk *chunk = make_room(queue, pool, bytes);
    if (chunk == NULL) {
        return false;
    }
    /* A send in flight covers only bytes before `end`: those behind it are free to be written. */
    if (count == 1 && bytes <= chunk->capacity - chunk->end) {
        memcpy(chunk->data + chunk->end, pieces->data, (size_t)bytes);
        chunk->end += (uint32_t)bytes;
    } else {
        copy_pieces(chunk, pieces, count);
    }
    return true;
}

int32_t icn_send_queue_push(icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes)
{
    icn_send_chunk *chunk = chunk_create((uint32_t)bytes);
    if (chunk == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    copy_pieces(chunk, pieces, count);
    void *newest = icn_pointer_load(&queue->inbox);
    do {
        if (newest == &closed_inbox) {
            chunk_destroy(chunk);
            return IOCPNET_E_CLOSED;
        }
        chunk->next = newest;
        /* The replace releases the chunk's bytes to the owner, who takes the inbox by an exchange. */
    } while (!icn_pointer_replace(&queue->inbox, &newest, chunk));
    return IOCPNET_OK;
}

static icn_send_chunk *reversed(icn_send_chunk *newest)
{
    icn_send_chunk *oldest = NULL;
    while (newest != NULL) {
        icn_send_chunk *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* Copies a small chunk to the end of the queue. Without memory, or when it is large, the chunk itself goes there. */
static void append_pushed(icn_send_queue *queue, icn_send_pool *pool, icn_send_chunk *pushed)
{
    uint32_t bytes = pushed->end - pushed->begin;
    icn_send_chunk *target = bytes <= COPY_MAX ? make_room(queue, pool, bytes) : NULL;
    if (target == NULL) {
        append_chunk(queue, pushed);
        return;
    }
    const iocpnet_iovec piece = {.size = bytes, .data = pushed->data + pushed->begin};
    copy_pieces(target, &piece, 1);
    chunk_destroy(pushed);
}

static void append_all(icn_send_queue *queue, icn_send_pool *pool, icn_send_chunk *oldest)
{
    while (oldest != NULL) {
        icn_send_chunk *next = oldest->next;
        oldest->next = NULL;
        append_pushed(queue, pool, oldest);
        oldest = next;
    }
}

void icn_send_queue_collect(icn_send_queue *queue, icn_send_pool *pool)
{
    if (icn_pointer_load(&queue->inbox) == NULL) {
        return;
    }
    icn_send_chunk *newest = icn_pointer_exchange(&queue->inbox, NULL);
    ICN_CHECK(newest != &closed_inbox);
    append_all(queue, pool, reversed(newest));
}

uint32_t icn_send_queue_gather(const icn_send_queue *queue, iocpnet_iovec *pieces, uint32_t count_max)
{
    uint32_t count = 0;
    for (const icn_send_chunk *chunk = queue->first; chunk != NULL && count < count_max; chunk = chunk->next) {
        ICN_CHECK(chunk->begin < chunk->end);
        pieces[count].data = chunk->data + chunk->begin;
        pieces[count].size = chunk->end - chunk->begin;
        count++;
    }
    return count;
}

static void drop_first(icn_send_queue *queue, icn_send_pool *pool)
{
    icn_send_chunk *chunk = queue->first;
    queue->first = chunk->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    chunk_recycle(pool, chunk);
}

void icn_send_queue_consume(icn_send_queue *queue, icn_send_pool *pool, uint64_t bytes)
{
    icn_send_queue_unreserve(queue, bytes);
    while (bytes != 0) {
        icn_send_chunk *chunk = queue->first;
        ICN_CHECK(chunk != NULL);
        uint32_t there = chunk->end - chunk->begin;
        if (bytes < there) {
            chunk->begin += (uint32_t)bytes;
            return;
        }
        bytes -= there;
        drop_first(queue, pool);
    }
}

uint64_t icn_send_queue_close(icn_send_queue *queue, icn_send_pool *pool)
{
    icn_send_chunk *newest = icn_pointer_exchange(&queue->inbox, &closed_inbox);
    ICN_CHECK(newest != &closed_inbox);
    append_all(queue, pool, reversed(newest));
    uint64_t bytes = 0;
    while (queue->first != NULL) {
        bytes += queue->first->end - queue->first->begin;
        drop_first(queue, pool);
    }
    icn_send_queue_unreserve(queue, bytes);
    return bytes;
}
