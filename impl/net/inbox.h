/*
 * What other threads send through the sessions of one loop: records in blocks of memory, in the order of the calls. Any
 * thread puts records under a short mutex, next to each other, so that many small sends cost little more than their bytes;
 * the owner of the loop takes all of them at once and shares them out among the send queues without it.
 *
 * A record needs no pin of its session: the owner closes the inbox for a send queue under the mutex, then shares out what
 * is there, and only then ends the session. So each record was put before the close, and is seen before the end.
 */
#ifndef ICN_NET_INBOX_H
#define ICN_NET_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "net/send_queue.h"
#include "os/thread.h"

#if !defined(ICN_INBOX_BLOCK_BYTES)
#define ICN_INBOX_BLOCK_BYTES 32768
#endif

#define ICN_INBOX_SPARES_MAX 4 /* empty blocks that are kept */

typedef struct icn_inbox_block icn_inbox_block;

typedef struct icn_inbox {
    icn_atomic_u32 filled; /* any thread: 1 while there are records; written under the mutex */
    icn_mutex mutex;

    /* Under the mutex. */
    icn_inbox_block *first;
    icn_inbox_block *last;
    icn_inbox_block *spares;
    uint32_t spare_count;
    uint32_t promised;            /* spares that broadcasts were promised */
    uint64_t broadcast_bytes;     /* what broadcasts cost that were promised room, or wait */
    uint64_t broadcast_waiting;   /* the part of those that wait */
    uint8_t *latest;              /* the record that was put last; grows when the next one is for the same queue */
    icn_send_queue *latest_queue; /* NULL: it can not grow */
    icn_atomic_u64 sends;         /* accepted; read without the mutex */
    icn_atomic_u64 bytes;         /* accepted; read without the mutex */

    /* Owner thread. */
    icn_inbox_block *emptied; /* kept, to be spares with the next icn_inbox_take */
    uint32_t emptied_count;
    bool sharing_out; /* since icn_inbox_take, until all is shared out */
} icn_inbox;

/* Bytes for all sessions of a loop but some. */
typedef struct icn_broadcast {
    icn_buffer *buffer;
    const uint8_t *excepted; /* handles of sessions, in ascending order; not aligned */
    uint32_t excepted_count;
    uint32_t flags; /* IOCPNET_BROADCAST_* */
} icn_broadcast;

typedef enum icn_inbox_kind {
    ICN_INBOX_BYTES,    /* a copy of them */
    ICN_INBOX_CHUNK,    /* a chunk of its own, which goes to the owner */
    ICN_INBOX_BUFFER,   /* a shared buffer, which the owner has to drop */
    ICN_INBOX_BROADCAST /* the same, for all sessions */
} icn_inbox_kind;

/* One record, as the owner finds it. */
typedef struct icn_inbox_record {
    icn_inbox_kind kind;
    icn_send_queue *queue; /* NULL for a broadcast */
    const uint8_t *bytes;
    uint32_t size;
    icn_send_chunk *chunk;
    icn_buffer *buffer;
    icn_broadcast broadcast;
} icn_inbox_record;

void icn_inbox_init(icn_inbox *inbox);
/* All queues are closed: at most broadcasts may be left, which came too late. */
void icn_inbox_fini(icn_inbox *inbox);

/*
 * Puts a copy of the pieces, `bytes` in all, which were reserved in the queue. Any thread that keeps the queue alive.
 * `begun`: true when the inbox was empty before, and its owner has to be told.
 * Returns IOCPNET_OK, IOCPNET_E_NO_MEMORY, or IOCPNET_E_CLOSED after icn_inbox_close.
 */
int32_t icn_inbox_put(icn_inbox *inbox, icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count,
                      uint64_t bytes, bool *begun);

/*
 * The same for a chunk, without memory for a record being looked for, and not counted. NO_MEMORY: icn_inbox_provide, and
 * again. Any thread, which may hold a mutex.
 */
int32_t icn_inbox_try_put_chunk(icn_inbox *inbox, icn_send_queue *queue, icn_send_chunk *chunk, bool *begun);
/* Looks for that memory. IOCPNET_OK or IOCPNET_E_NO_MEMORY. Any thread. */
int32_t icn_inbox_provide(icn_inbox *inbox);

/* The same for a shared buffer, which the caller keeps alive during the call. */
int32_t icn_inbox_put_buffer(icn_inbox *inbox, icn_send_queue *queue, icn_buffer *buffer, bool *begun);

/*
 * A broadcast has to find room in all inboxes or in none: it is promised first. What waits may not exceed `bytes_max`.
 * Returns IOCPNET_OK, IOCPNET_E_NO_MEMORY or IOCPNET_E_WOULD_BLOCK. Any thread that keeps the loop alive.
 */
int32_t icn_inbox_promise_broadcast(icn_inbox *inbox, const icn_broadcast *broadcast, uint64_t bytes_max);
/* The promise is not needed after all. */
void icn_inbox_forget_promise(icn_inbox *inbox, const icn_broadcast *broadcast);
/* Keeps the promise. True when the inbox was empty before. */
bool icn_inbox_put_broadcast(icn_inbox *inbox, const icn_broadcast *broadcast);

/* Nothing more is put for this queue. What was put before is in the next icn_inbox_take. Owner thread. */
void icn_inbox_close(icn_inbox *inbox, icn_send_queue *queue);

/*
 * Owner thread. False: there was nothing at this moment, and what happened before this call is seen; or what there is comes
 * behind what is just being shared out.
 */
static inline bool icn_inbox_is_filled(const icn_inbox *inbox)
{
    return icn_u32_load(&inbox->filled) != 0 && !inbox->sharing_out;
}

/* Takes all records: blocks to walk through with icn_inbox_next to their end. Owner thread. */
icn_inbox_block *icn_inbox_take(icn_inbox *inbox);
/*
 * The next record, from `*offset` on, which is 0 at first, in `*block`; false after the last one. What a record points to is
 * there until the next call: a block is freed, or kept empty, once its last record was seen.
 */
bool icn_inbox_next(icn_inbox *inbox, icn_inbox_block **block, uint32_t *offset, icn_inbox_record *record);
/* After the last record. */
void icn_inbox_shared_out(icn_inbox *inbox);

#endif
