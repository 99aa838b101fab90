/*
 * One message that a newer one with the same key may replace. It is a chunk, whose place in the send queue is decided when
 * its key is first sent, and whose bytes are decided when it leaves: until it is bound the chunk is empty, and what it is to send may
 * be exchanged by any thread. Entries that are done with are kept for re-use, by loop.
 */
#ifndef ICN_NET_LATEST_ENTRY_H
#define ICN_NET_LATEST_ENTRY_H

#include <stdint.h>

#include "base/atomic.h"
#include "net/send_chunk.h"
#include "os/thread.h"

typedef struct icn_latest_entry icn_latest_entry;

/* Of a loop. Its mutex is that of all tables of the loop's sessions, too: it is held while one message is copied, or while
 * the owner binds what is about to leave. */
typedef struct icn_latest_pool {
    icn_mutex mutex;
    icn_latest_entry *spares; /* under the mutex */
    uint32_t spare_count;     /* under the mutex */

    /* Written under the mutex. */
    icn_atomic_u64 sends; /* accepted */
    icn_atomic_u64 bytes; /* of them */
    icn_atomic_u64 replaced;
    icn_atomic_u64 bytes_replaced;
} icn_latest_pool;

#define ICN_LATEST_BRANCHES 4

struct icn_latest_entry {
    icn_send_chunk chunk;  /* its place: in the queue, or in the inbox until the owner shares that out */
    icn_latest_pool *pool; /* constant */
    icn_latest_entry *next[ICN_LATEST_BRANCHES]; /* in the tree of a table; the first one among the spares */
    uint64_t key;
    uint8_t *storage; /* for a message that is too long for what is behind the entry; NULL: none */
    uint32_t storage_bytes;
    uint32_t size; /* of the message, until it is bound */
};

/* Of an entry, and what a message in the table costs the queue more than its bytes. */
#define ICN_LATEST_ENTRY_BYTES 256
#define ICN_LATEST_OWN_BYTES ((uint32_t)(ICN_LATEST_ENTRY_BYTES - sizeof(icn_latest_entry)))
/* A larger storage is not kept. */
#define ICN_LATEST_STORAGE_KEPT 1024
#define ICN_LATEST_SPARES_MAX 256

void icn_latest_pool_init(icn_latest_pool *pool);
/* All entries are back. */
void icn_latest_pool_fini(icn_latest_pool *pool);

/* An entry with room for so many bytes. NULL: no memory. Any thread, without the mutex. */
icn_latest_entry *icn_latest_entry_acquire(icn_latest_pool *pool, uint32_t bytes);
/* NULL is ignored. Any thread, without the mutex. */
void icn_latest_entry_recycle(icn_latest_entry *entry);

/* True: the entry is neither too small for so many bytes nor, by far, too large. */
bool icn_latest_entry_fits(const icn_latest_entry *entry, uint32_t bytes);
void icn_latest_entry_exchange_storage(icn_latest_entry *a, icn_latest_entry *b);
/* Copies the pieces, `bytes` in all, for which there is room. */
void icn_latest_entry_write(icn_latest_entry *entry, const iocpnet_iovec *pieces, uint32_t count, uint32_t bytes);
/* From here on the chunk has these bytes. */
void icn_latest_entry_bind(icn_latest_entry *entry);

/* True: this chunk is an entry that is not bound. */
static inline bool icn_latest_is_unbound(const icn_send_chunk *chunk)
{
    return chunk->kind == ICN_SEND_CHUNK_LATEST && chunk->end == 0;
}

#endif
