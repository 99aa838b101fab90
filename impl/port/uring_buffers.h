/*
 * The buffers that receives land in: lent to the kernel in a ring, which takes them in turn and only for data that is
 * there, so sessions that are idle hold none. They are few, to stay in the cache; when the kernel finds none left their
 * number doubles, up to a limit, unless what they hold is so much that more of them would only be colder. It halves again
 * when most are not needed. Owner thread only.
 */
#ifndef ICN_PORT_URING_BUFFERS_H
#define ICN_PORT_URING_BUFFERS_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/result.h"
#include "port/uring_ring.h"

#define ICN_URING_BUFFERS_FIRST 4           /* buffers at first, and at least; large ones: half as many */
#define ICN_URING_BUFFERS_MAX 256           /* a power of two: slots of the ring */
#define ICN_URING_BUFFERS_BYTES (16u << 20) /* all of them together */
#define ICN_URING_BUFFERS_GROUP 0           /* the kernel's name for them */

typedef struct icn_uring_buffers {
    struct io_uring_buf_ring *lent; /* written here, read by the kernel */
    uint32_t size;                  /* bytes of each */
    uint16_t tail;                  /* buffers lent since the start */
    bool missed;                    /* the kernel found none */
    uint32_t count;                 /* buffers that exist: lent, or with data that was not delivered yet */
    uint32_t wanted;
    uint32_t first; /* at least */
    uint32_t limit;
    uint32_t used;         /* since the last turn */
    uint64_t recent_uses;  /* older ones count less */
    uint64_t recent_bytes; /* in those */
    uint32_t peak;         /* most used in one turn, lately */
    uint32_t turns;        /* since the peak was last looked at */
    void *memory[ICN_URING_BUFFERS_MAX];
} icn_uring_buffers;

/* Registers the first buffers. Errors: NO_MEMORY, NOT_SUPPORTED. */
icn_result icn_uring_buffers_open(icn_uring_buffers *buffers, const icn_uring_ring *ring, uint32_t size);
/* After the ring was closed. */
void icn_uring_buffers_close(icn_uring_buffers *buffers);

/* Before each submission: makes more or wants fewer, by what was used since the last one. */
void icn_uring_buffers_turn(icn_uring_buffers *buffers);

/* The memory of a buffer that came with a completion, and so many bytes. */
static inline void *icn_uring_buffers_take(icn_uring_buffers *buffers, uint16_t id, uint32_t bytes)
{
    ICN_CHECK(id < ICN_URING_BUFFERS_MAX);
    ICN_CHECK(buffers->memory[id] != NULL);
    ++buffers->used;
    buffers->recent_bytes += bytes;
    return buffers->memory[id];
}

static inline void icn_uring_buffers_lend(icn_uring_buffers *buffers, uint16_t id)
{
    struct io_uring_buf *slot = &buffers->lent->bufs[buffers->tail % ICN_URING_BUFFERS_MAX];

    slot->addr = (uintptr_t)buffers->memory[id];
    slot->len = buffers->size;
    slot->bid = id;
    ++buffers->tail;
    /* Release: the slot is written, and the buffer's data has been read, before the kernel sees the new tail. */
    icn_u16_store((icn_atomic_u16 *)(void *)&buffers->lent->tail, buffers->tail);
}

/* Frees a taken buffer. */
void icn_uring_buffers_drop(icn_uring_buffers *buffers, uint16_t id);

/* Lends a taken buffer to the kernel again, or frees it when there are more than wanted. */
static inline void icn_uring_buffers_give_back(icn_uring_buffers *buffers, uint16_t id)
{
    if (buffers->count <= buffers->wanted) {
        icn_uring_buffers_lend(buffers, id);
    } else {
        icn_uring_buffers_drop(buffers, id);
    }
}

#endif
