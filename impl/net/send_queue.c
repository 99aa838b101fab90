#include "net/send_queue.h"

#include <stddef.h>

#include "base/check.h"

bool icn_send_queue_reserve(icn_send_queue *queue, uint64_t bytes, uint64_t bytes_max)
{
    uint32_t now = icn_u32_load_relaxed(&queue->bytes);
    do {
        /* Both are far from the end of their range: no overflow. */
        if (now + bytes > bytes_max) {
            return false;
        }
    } while (!icn_u32_replace(&queue->bytes, &now, now + (uint32_t)bytes));
    return true;
}

static void append_chunk(icn_send_queue *queue, icn_send_chunk *chunk)
{
    if (queue->last == NULL) {
        chunk->next = chunk;
    } else {
        chunk->next = queue->last->next;
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
    icn_send_chunk *chunk = icn_send_chunk_acquire(pool, bytes - room, last == NULL);
    if (chunk == NULL) {
        return NULL;
    }
    append_chunk(queue, chunk);
    return room != 0 ? last : chunk;
}

bool icn_send_queue_append(icn_send_queue *queue, icn_send_pool *pool, const iocpnet_iovec *pieces, uint32_t count,
                           uint64_t bytes)
{
    icn_send_chunk *chunk = make_room(queue, pool, bytes);
    if (chunk == NULL) {
        return false;
    }
    /* A send in flight covers only bytes before `end`: those behind it are free to be written. */
    icn_send_chunk_write(chunk, pieces, count);
    return true;
}

/* A copy when it is small, and best when it fits behind what is queued. A piece of its own costs the system more. */
static bool is_copied(const icn_send_queue *queue, uint32_t bytes)
{
    return bytes <= ICN_SEND_SMALL_MAX || (bytes <= ICN_SEND_COPY_MAX && queue->last != NULL);
}

bool icn_send_queue_append_buffer(icn_send_queue *queue, icn_send_pool *pool, icn_buffer *buffer)
{
    if (is_copied(queue, buffer->size)) {
        const iocpnet_iovec piece = {.size = buffer->size, .data = buffer->data};
        return icn_send_queue_append(queue, pool, &piece, 1, buffer->size);
    }
    icn_send_chunk *chunk = icn_send_chunk_share(pool, buffer);
    if (chunk == NULL) {
        return false;
    }
    append_chunk(queue, chunk);
    return true;
}

void icn_send_queue_append_bytes(icn_send_queue *queue, icn_send_pool *pool, const uint8_t *bytes, uint32_t size)
{
    const iocpnet_iovec piece = {.size = size, .data = bytes};
    /* Behind a gap nothing may leave any more. */
    if (queue->bytes_lost != 0 || !icn_send_queue_append(queue, pool, &piece, 1, size)) {
        queue->bytes_lost += size;
    }
}

void icn_send_queue_append_accepted(icn_send_queue *queue, icn_send_pool *pool, icn_buffer *buffer)
{
    if (queue->bytes_lost != 0 || !icn_send_queue_append_buffer(queue, pool, buffer)) {
        queue->bytes_lost += buffer->size;
    }
}

void icn_send_queue_append_chunk(icn_send_queue *queue, icn_send_chunk *chunk)
{
    append_chunk(queue, chunk);
}

uint32_t icn_send_queue_gather(const icn_send_queue *queue, iocpnet_iovec *pieces, uint32_t count_max)
{
    const icn_send_chunk *chunk = queue->last;
    uint32_t count = 0;
    if (chunk == NULL || count_max == 0) {
        return 0;
    }
    do {
        chunk = chunk->next;
        ICN_CHECK(chunk->begin < chunk->end);
        pieces[count].data = chunk->data + chunk->begin;
        pieces[count].size = chunk->end - chunk->begin;
        count++;
    } while (chunk != queue->last && count < count_max);
    return count;
}

uint64_t icn_send_queue_sum(const icn_send_queue *queue)
{
    const icn_send_chunk *chunk = queue->last;
    uint64_t bytes = 0;
    if (chunk != NULL) {
        do {
            chunk = chunk->next;
            bytes += chunk->end - chunk->begin;
        } while (chunk != queue->last);
    }
    return bytes;
}

static void drop_first(icn_send_queue *queue, icn_send_pool *pool)
{
    icn_send_chunk *chunk = queue->last->next;
    if (chunk == queue->last) {
        queue->last = NULL;
    } else {
        queue->last->next = chunk->next;
    }
    icn_send_chunk_recycle(pool, chunk);
}

void icn_send_queue_consume(icn_send_queue *queue, icn_send_pool *pool, uint64_t bytes)
{
    icn_send_queue_unreserve(queue, bytes);
    while (bytes != 0) {
        ICN_CHECK(queue->last != NULL);
        icn_send_chunk *chunk = queue->last->next;
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
    while (queue->last != NULL) {
        queue->bytes_lost += queue->last->next->end - queue->last->next->begin;
        drop_first(queue, pool);
    }
    icn_send_queue_unreserve(queue, queue->bytes_lost);
    return queue->bytes_lost;
}
