/*
 * The bytes that a session has still to send. The owner thread appends to and takes from the queue; other threads push
 * whole chunks onto an inbox, which the owner moves over. A byte budget, reserved before anything is queued, bounds both.
 */
#ifndef ICN_NET_SEND_QUEUE_H
#define ICN_NET_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "iocpnet.h"

#define ICN_SEND_POOL_MAX 64 /* chunks that a loop keeps for re-use */

typedef struct icn_send_chunk icn_send_chunk;

/* Empty chunks of the usual size. Owner thread of the loop. */
typedef struct icn_send_pool {
    icn_send_chunk *first;
    uint32_t count;
} icn_send_pool;

typedef struct icn_send_queue {
    icn_send_chunk *first; /* owner thread */
    icn_send_chunk *last;
    icn_atomic_pointer inbox; /* any thread: a stack of chunks, the newest first; or closed */
    icn_atomic_u64 bytes;     /* any thread: reserved, and not yet taken by the system */
} icn_send_queue;

void icn_send_pool_fini(icn_send_pool *pool);

/* Reserves budget; false when `bytes` would pass `bytes_max`. Any thread. */
bool icn_send_queue_reserve(icn_send_queue *queue, uint64_t bytes, uint64_t bytes_max);
/* The same when nothing is queued, nor about to be; else it fails. `bytes` is at most the limit. Any thread. */
static inline bool icn_send_queue_reserve_first(icn_send_queue *queue, uint64_t bytes)
{
    uint64_t none = 0;
    return icn_u64_replace(&queue->bytes, &none, bytes);
}
/* Gives budget back, of bytes that were taken or not queued after all. Any thread. */
static inline void icn_send_queue_unreserve(icn_send_queue *queue, uint64_t bytes)
{
    uint64_t before = icn_u64_subtract(&queue->bytes, bytes);
    ICN_CHECK(before >= bytes);
    (void)before;
}

/* Queues a copy of the pieces, `bytes` in all, which were reserved. False: no memory. Owner thread. */
bool icn_send_queue_append(icn_send_queue *queue, icn_send_pool *pool, const iocpnet_iovec *pieces, uint32_t count,
                           uint64_t bytes);

/* The same from any thread. Returns IOCPNET_OK, IOCPNET_E_NO_MEMORY, or IOCPNET_E_CLOSED after icn_send_queue_close. */
int32_t icn_send_queue_push(icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes);

/* Moves what other threads pushed to the end of the queue, in the order of the pushes. Small pieces are put together, so
 * that many of them cost little more memory, and fewer pieces of a send, than their bytes. Owner thread. */
void icn_send_queue_collect(icn_send_queue *queue, icn_send_pool *pool);

/* True when something was pushed that is not collected. */
static inline bool icn_send_queue_was_pushed(const icn_send_queue *queue)
{
    return icn_pointer_load(&queue->inbox) != NULL;
}

/* True when nothing is queued and nothing was pushed. Owner thread. */
static inline bool icn_send_queue_is_empty(const icn_send_queue *queue)
{
    return queue->first == NULL && !icn_send_queue_was_pushed(queue);
}

/* Stores up to `count_max` pieces from the front; returns how many. They stay queued. Owner thread. */
uint32_t icn_send_queue_gather(const icn_send_queue *queue, iocpnet_iovec *pieces, uint32_t count_max);

/* Drops `bytes` from the front, which the system has taken, and gives their budget back. Owner thread. */
void icn_send_queue_consume(icn_send_queue *queue, icn_send_pool *pool, uint64_t bytes);

/* Frees everything and closes the inbox for ever; returns the bytes that were still queued. Owner thread. */
uint64_t icn_send_queue_close(icn_send_queue *queue, icn_send_pool *pool);

#endif
