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
    uint32_t reserved;
    uint8_t data[];
};

/* Of the chunks that the pool keeps: 4 KiB with the header. */
#define CHUNK_CAPACITY_USUAL ((uint32_t)(4096 - sizeof(icn_send_chunk)))

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
        chunk->reserved = 0;
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
    chunk->begin = 0;
    chunk->end = 0;
    return chunk;
}

static void chunk_recycle(icn_send_pool *pool, icn_send_chunk *chunk)
{
    if (chunk->capacity != CHUNK_CAPACITY_USUAL || pool->count == ICN_SEND_POOL_MAX) {
        chunk_destroy(chunk);
        return;
    }
    chunk->next = pool->first;
    pool->first = chunk;
    pool->count++;
}

static void chunk_fill(icn_send_chunk *chunk, const iocpnet_iovec *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].size != 0) {
            memcpy(chunk->data + chunk->end, pieces[i].data, (size_t)pieces[i].size);
            chunk->end += (uint32_t)pieces[i].size;
        }
    }
    ICN_CHECK(chunk->end <= chunk->capacity);
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
    ICN_CHECK(bytes <= bytes_max);
    uint64_t now = icn_u64_load_relaxed(&queue->bytes);
    do {
        if (now > bytes_max - bytes) {
            return false;
        }
    } while (!icn_u64_replace(&queue->bytes, &now, now + bytes));
    return true;
}

void icn_send_queue_unreserve(icn_send_queue *queue, uint64_t bytes)
{
    uint64_t before = icn_u64_subtract(&queue->bytes, bytes);
    ICN_CHECK(before >= bytes);
    (void)before;
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

bool icn_send_queue_append(icn_send_queue *queue, icn_send_pool *pool, const iocpnet_iovec *pieces, uint32_t count,
                           uint64_t bytes)
{
    /* What another thread sent before, in the sense of happens-before, is in the inbox and has to leave first. */
    icn_send_queue_collect(queue);
    icn_send_chunk *chunk = queue->last;
    if (chunk == NULL || bytes > chunk->capacity - chunk->end) {
        chunk = chunk_acquire(pool, bytes);
        if (chunk == NULL) {
            return false;
        }
        append_chunk(queue, chunk);
    }
    /* A send in flight covers only bytes before `end`: those behind it are free to be written. */
    chunk_fill(chunk, pieces, count);
    return true;
}

int32_t icn_send_queue_push(icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes)
{
    icn_send_chunk *chunk = chunk_create((uint32_t)bytes);
    if (chunk == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    chunk_fill(chunk, pieces, count);
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

static void append_all(icn_send_queue *queue, icn_send_chunk *oldest)
{
    while (oldest != NULL) {
        icn_send_chunk *next = oldest->next;
        oldest->next = NULL;
        append_chunk(queue, oldest);
        oldest = next;
    }
}

void icn_send_queue_collect(icn_send_queue *queue)
{
    if (icn_pointer_load(&queue->inbox) == NULL) {
        return;
    }
    icn_send_chunk *newest = icn_pointer_exchange(&queue->inbox, NULL);
    ICN_CHECK(newest != &closed_inbox);
    append_all(queue, reversed(newest));
}

bool icn_send_queue_is_empty(const icn_send_queue *queue)
{
    return queue->first == NULL;
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
    append_all(queue, reversed(newest));
    uint64_t bytes = 0;
    while (queue->first != NULL) {
        bytes += queue->first->end - queue->first->begin;
        drop_first(queue, pool);
    }
    icn_send_queue_unreserve(queue, bytes);
    return bytes;
}
