/*
 * An io_uring by raw system calls: its submission queue and its completion queue. Knows nothing of ports.
 * Owner thread only; close runs when nobody else uses the ring any more.
 */
#ifndef ICN_PORT_URING_RING_H
#define ICN_PORT_URING_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/result.h"

#define ICN_URING_ENTRIES 256
#define ICN_URING_COMPLETIONS 2048

/* What the kernel tells of a request; struct io_uring_cqe without its optional tail. */
typedef struct icn_uring_completion {
    uint64_t user_data;
    int32_t result;
    uint32_t flags; /* IORING_CQE_F_* */
} icn_uring_completion;

typedef struct icn_uring_ring {
    int descriptor;
    bool one_thread;
    bool enabled; /* a one-thread ring belongs to the thread that enables it; until then nothing can be submitted */

    struct io_uring_sqe *entries;
    icn_atomic_u32 *entry_head; /* the kernel moves it */
    icn_atomic_u32 *entry_tail; /* the kernel reads it */
    uint32_t entry_mask;
    uint32_t written; /* entries filled in since the start; the kernel is told of them by the next enter */
    uint32_t taken;   /* entries the kernel had taken when it was last entered */

    struct io_uring_cqe *completions;
    icn_atomic_u32 *completion_head; /* the kernel reads it */
    icn_atomic_u32 *completion_tail; /* the kernel moves it */
    uint32_t completion_mask;
    uint32_t reaped;   /* completions taken since the start */
    uint32_t produced; /* completions known to be there, at least */

    void *queues; /* the mapping of both queues */
    size_t queues_bytes;
    size_t entries_bytes;
} icn_uring_ring;

/* Errors: NOT_SUPPORTED with what the kernel or its sandbox said, NO_MEMORY, NO_DESCRIPTORS. */
icn_result icn_uring_ring_open(icn_uring_ring *ring, bool one_thread);
void icn_uring_ring_close(icn_uring_ring *ring);

/* Binds a one-thread ring to the calling thread; does nothing the second time. Returns an errno value or 0. */
int32_t icn_uring_ring_enable(icn_uring_ring *ring);

/* io_uring_register. Returns an errno value or 0. */
int32_t icn_uring_ring_register(const icn_uring_ring *ring, uint32_t what, void *argument, uint32_t count);

/*
 * Submits what was written, lets the kernel do the work that completions wait for, and waits up to `wait_ms`
 * (IOCPNET_INFINITE) until there is a completion. Returns 0, also when a signal or the time-out ended the wait, or the
 * errno value for which not all was submitted; it stays in the queue.
 */
int32_t icn_uring_ring_enter(icn_uring_ring *ring, uint32_t wait_ms);

/* Submits what was written, no more. Does nothing before the ring is enabled. Returns an errno value or 0. */
int32_t icn_uring_ring_submit(icn_uring_ring *ring);

static inline uint32_t icn_uring_ring_unsubmitted(const icn_uring_ring *ring)
{
    return ring->written - ring->taken;
}

/* The next submission entry, to be filled in whole before the next enter; NULL when the queue is full. */
static inline struct io_uring_sqe *icn_uring_ring_next_entry(icn_uring_ring *ring)
{
    ICN_CHECK(icn_uring_ring_unsubmitted(ring) <= ring->entry_mask + 1);
    if (icn_uring_ring_unsubmitted(ring) > ring->entry_mask) {
        return NULL;
    }
    return &ring->entries[ring->written++ & ring->entry_mask];
}

/* True when a completion is there to be taken. */
static inline bool icn_uring_ring_has_completion(icn_uring_ring *ring)
{
    if (ring->reaped == ring->produced) {
        /* Acquire: the kernel wrote the completions, and what they tell of, before it released this tail. */
        ring->produced = icn_u32_load(ring->completion_tail);
    }
    return ring->reaped != ring->produced;
}

/* Takes a completion that is there. The copy outlives the slot, which goes back to the kernel. */
static inline icn_uring_completion icn_uring_ring_take_completion(icn_uring_ring *ring)
{
    ICN_CHECK(ring->reaped != ring->produced);
    const struct io_uring_cqe *slot = &ring->completions[ring->reaped & ring->completion_mask];
    const icn_uring_completion completion = {slot->user_data, slot->res, slot->flags};
    /* Release: the slot has been read before the kernel may fill it again. */
    icn_u32_store(ring->completion_head, ++ring->reaped);
    return completion;
}

#endif
