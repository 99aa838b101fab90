/* An io_uring of one thread, by raw system calls. A failure ends the process. */
#ifndef BENCH_SERVERS_URING_RING_H
#define BENCH_SERVERS_URING_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct uring_ring {
    int descriptor;
    int registered; /* its index among the registered descriptors, which a call need not look up */
    uint32_t to_submit;
    /* Submission: the kernel reads entries only inside a call of this thread, so that the tail is its own. */
    uint32_t tail;
    uint32_t mask;
    uint32_t *kernel_tail;
    const uint32_t *flags;
    struct io_uring_sqe *entries;
    /* Completion */
    uint32_t completed_mask;
    const uint32_t *completed_tail;
    uint32_t *completed_head;
    const struct io_uring_cqe *completions;
} uring_ring;

/* On the thread that will use it. */
void uring_ring_open(uring_ring *ring);

int uring_ring_register(const uring_ring *ring, unsigned operation, void *argument, unsigned count);

/* A cleared entry; what fills the queue is submitted first. */
struct io_uring_sqe *uring_ring_entry(uring_ring *ring);

/* Gives the kernel what is queued. Sends that need not wait have happened on return. */
void uring_ring_submit(uring_ring *ring);

/* The same, and takes completions; when `is_waiting` at least one. */
void uring_ring_submit_and_wait(uring_ring *ring, bool is_waiting);

/* The completions from `*head` up to the result are new; uring_ring_consume gives their places back. */
static inline uint32_t uring_ring_completed(const uring_ring *ring, uint32_t *head)
{
    *head = *ring->completed_head;
    return __atomic_load_n(ring->completed_tail, __ATOMIC_ACQUIRE);
}

/* True when the kernel has completions that it found no place for. */
static inline bool uring_ring_has_overflown(const uring_ring *ring)
{
    return (__atomic_load_n(ring->flags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
}

static inline void uring_ring_consume(uring_ring *ring, uint32_t head)
{
    __atomic_store_n(ring->completed_head, head, __ATOMIC_RELEASE);
}

#endif
