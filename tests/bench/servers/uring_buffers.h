/*
 * Buffers that the kernel receives into: few, large, and each filled by one receive after another where the kernel can
 * (Linux 6.12); else each receive takes a whole one. More are lent when they do not suffice.
 */
#ifndef BENCH_SERVERS_URING_BUFFERS_H
#define BENCH_SERVERS_URING_BUFFERS_H

#include "uring_ring.h"

enum {
    URING_BUFFERS_GROUP = 0,
    URING_BUFFERS_FIRST = 4,
    URING_BUFFERS_MAX = 1024
};

typedef struct uring_buffer {
    uint32_t filled;
    uint32_t references; /* of received bytes that are in use; the kernel's own counts as one */
} uring_buffer;

typedef struct uring_buffers {
    struct io_uring_buf_ring *lent;
    uint8_t *memory; /* SERVER_BUFFER_BYTES for each of URING_BUFFERS_MAX, touched when it is lent */
    uint16_t tail;
    uint32_t count;
    uring_buffer buffers[URING_BUFFERS_MAX];
} uring_buffers;

void uring_buffers_open(uring_buffers *buffers, const uring_ring *ring);

/* Twice as many, up to the limit. */
void uring_buffers_grow(uring_buffers *buffers);

/* Where the bytes of a completion with IORING_CQE_F_BUFFER are; each call needs one release of its buffer. */
const uint8_t *uring_buffers_received(uring_buffers *buffers, const struct io_uring_cqe *completion);

void uring_buffers_release(uring_buffers *buffers, uint32_t id);

#endif
