/*
 * Chunks: the memory that send queues are made of. A chunk has bytes of its own behind its head, or refers to those of a
 * shared buffer. A loop keeps some empty ones for re-use.
 */
#ifndef ICN_NET_SEND_CHUNK_H
#define ICN_NET_SEND_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "iocpnet.h"
#include "net/buffer.h"

typedef enum icn_send_chunk_kind {
    ICN_SEND_CHUNK_SMALL,  /* for the first bytes of a queue, which are often all */
    ICN_SEND_CHUNK_USUAL,  /* for what follows */
    ICN_SEND_CHUNK_SHARED, /* the bytes of a shared buffer */
    ICN_SEND_CHUNK_LARGE,  /* of any size; not kept */
    ICN_SEND_CHUNK_LATEST  /* see latest_entry.h */
} icn_send_chunk_kind;

#define ICN_SEND_CHUNK_KEPT_KINDS 3

typedef struct icn_send_chunk icn_send_chunk;

struct icn_send_chunk {
    icn_send_chunk *next;
    icn_buffer *shared; /* held by the chunk; NULL: the bytes are its own */
    uint8_t *data;
    uint32_t capacity; /* bytes of data */
    uint32_t begin;    /* the first byte that the system has not taken */
    uint32_t end;      /* behind the last byte that was queued */
    uint32_t kind;     /* icn_send_chunk_kind */
};

/* Of the chunks that are kept, with their heads. */
#if !defined(ICN_SEND_CHUNK_BYTES)
#define ICN_SEND_CHUNK_BYTES 4096
#endif
#if !defined(ICN_SEND_CHUNK_SMALL_BYTES)
#define ICN_SEND_CHUNK_SMALL_BYTES 256
#endif
#define ICN_SEND_SMALL_MAX ((uint32_t)(ICN_SEND_CHUNK_SMALL_BYTES - sizeof(icn_send_chunk)))

/* Most chunks that are kept: 256 KiB of each of the two with bytes. */
#define ICN_SEND_POOL_SMALL_MAX 1024
#define ICN_SEND_POOL_USUAL_MAX 64
#define ICN_SEND_POOL_SHARED_MAX 1024

/* Empty chunks, by kind. Owner thread of the loop. */
typedef struct icn_send_pool {
    icn_send_chunk *first[ICN_SEND_CHUNK_KEPT_KINDS];
    uint32_t count[ICN_SEND_CHUNK_KEPT_KINDS];
} icn_send_pool;

void icn_send_pool_fini(icn_send_pool *pool);

/* An empty chunk for at least so many bytes; `small`: rather a small one, if they fit. NULL: no memory. */
icn_send_chunk *icn_send_chunk_acquire(icn_send_pool *pool, uint64_t bytes, bool small);
/* A chunk that refers to all bytes of a buffer, and holds it. NULL: no memory. */
icn_send_chunk *icn_send_chunk_share(icn_send_pool *pool, icn_buffer *buffer);
void icn_send_chunk_recycle(icn_send_pool *pool, icn_send_chunk *chunk);

/* A chunk with a copy of the pieces, `bytes` in all, for icn_send_chunk_recycle or destroy. NULL: no memory. Any thread. */
icn_send_chunk *icn_send_chunk_copy(const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes);
void icn_send_chunk_destroy(icn_send_chunk *chunk);

/* Writes pieces into a chunk and, once it is full, into those behind it, which have room for all. */
void icn_send_chunk_write(icn_send_chunk *chunk, const iocpnet_iovec *pieces, uint32_t count);

#endif
