/*
 * The bytes that a session has still to send. The owner thread appends to and takes from the queue; what other threads send
 * waits in the loop's inbox, from which the owner moves it over. A byte budget, reserved before, bounds both.
 */
#ifndef ICN_NET_SEND_QUEUE_H
#define ICN_NET_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "iocpnet.h"
#include "net/buffer.h"
#include "net/send_chunk.h"

/* A shared buffer of up to this many bytes is copied behind others: that costs less than a piece of its own. */
#if !defined(ICN_SEND_COPY_MAX)
#define ICN_SEND_COPY_MAX 1024
#endif

/* 32 bits hold any number of bytes here: a queue is limited to 1 GiB. */
typedef struct icn_send_queue {
    icn_send_chunk *last; /* owner thread; the first one is behind it. NULL: nothing is queued */
    icn_atomic_u32 bytes; /* any thread: reserved, and not yet taken by the system */
    /* Owner thread: accepted from other threads, but then there was no memory to queue them. Once the queue is closed: all
     * that was never sent. */
    uint32_t bytes_lost;
    icn_atomic_u32 writable_below; /* any thread: WRITABLE is owed once fewer bytes are queued; 0: none is owed */
    bool inbox_closed;             /* under the inbox's mutex: nothing more is put there for this queue */
    bool answered;        /* owner or borrower: an answer that is not copied comes before what is queued next */
    uint16_t opened_high; /* not the queue's: the other half of the kick's opened_low */
} icn_send_queue;

/* Reserves budget; false when `bytes` would pass `bytes_max`. Any thread. */
bool icn_send_queue_reserve(icn_send_queue *queue, uint64_t bytes, uint64_t bytes_max);
/* The same when nothing is queued, nor about to be; else it fails. `bytes` is at most the limit. Any thread. */
static inline bool icn_send_queue_reserve_first(icn_send_queue *queue, uint64_t bytes)
{
    uint32_t none = 0;
    return icn_u32_replace(&queue->bytes, &none, (uint32_t)bytes);
}
/* Gives budget back, of bytes that were taken or not queued after all. Any thread. */
static inline void icn_send_queue_unreserve(icn_send_queue *queue, uint64_t bytes)
{
    uint32_t before = icn_u32_subtract(&queue->bytes, (uint32_t)bytes);
    ICN_CHECK(before >= bytes);
    (void)before;
}

/* Queues a copy of the pieces, `bytes` in all, which were reserved. False: no memory. Owner thread. */
bool icn_send_queue_append(icn_send_queue *queue, icn_send_pool *pool, const iocpnet_iovec *pieces, uint32_t count,
                           uint64_t bytes);

/* Queues what came through the inbox. Without memory bytes count as lost, and the session has to end. Owner thread. */
void icn_send_queue_append_bytes(icn_send_queue *queue, icn_send_pool *pool, const uint8_t *bytes, uint32_t size);
void icn_send_queue_append_accepted(icn_send_queue *queue, icn_send_pool *pool, icn_buffer *buffer);
void icn_send_queue_append_chunk(icn_send_queue *queue, icn_send_chunk *chunk);

/* Queues the bytes of a shared buffer, which were reserved: large ones without a copy. False: no memory. Owner thread. */
bool icn_send_queue_append_buffer(icn_send_queue *queue, icn_send_pool *pool, icn_buffer *buffer);

/* True when nothing is queued; the inbox is not looked at. Owner thread. */
static inline bool icn_send_queue_is_empty(const icn_send_queue *queue)
{
    return queue->last == NULL;
}

/* Stores up to `count_max` pieces from the front; returns how many. They stay queued. Owner thread. */
uint32_t icn_send_queue_gather(const icn_send_queue *queue, iocpnet_iovec *pieces, uint32_t count_max);

/* The bytes in it; the inbox is not looked at. Looks at each chunk. Owner thread. */
uint64_t icn_send_queue_sum(const icn_send_queue *queue);

/* Drops `bytes` from the front, which the system has taken, and gives their budget back. Owner thread. */
void icn_send_queue_consume(icn_send_queue *queue, icn_send_pool *pool, uint64_t bytes);

/*
 * Frees everything; returns the bytes that were never sent, and keeps their number. The inbox was closed, and is shared out.
 * Owner thread.
 */
uint64_t icn_send_queue_close(icn_send_queue *queue, icn_send_pool *pool);

#endif
