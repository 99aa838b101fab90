#include "uring_buffers.h"

#include <errno.h>
#include <sys/mman.h>

#include "common.h"

/* Newer than the headers of Linux 6.1. */
#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC 2
#endif
#ifndef IORING_CQE_F_BUF_MORE
#define IORING_CQE_F_BUF_MORE (1U << 4)
#endif

static void lend(uring_buffers *buffers, uint32_t id)
{
    /* Not `bufs`: a flexible array in a union is an extension. */
    struct io_uring_buf *const slots = (struct io_uring_buf *)(void *)buffers->lent;
    struct io_uring_buf *const slot = &slots[buffers->tail % URING_BUFFERS_MAX];

    buffers->buffers[id] = (uring_buffer){.references = 1};
    slot->addr = (uintptr_t)(buffers->memory + (size_t)id * SERVER_BUFFER_BYTES);
    slot->len = SERVER_BUFFER_BYTES;
    slot->bid = (uint16_t)id;
    ++buffers->tail;
    __atomic_store_n(&buffers->lent->tail, buffers->tail, __ATOMIC_RELEASE);
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        server_die("mmap of buffers");
    }
    return memory;
}

void uring_buffers_open(uring_buffers *buffers, const uring_ring *ring)
{
    struct io_uring_buf_reg registration = {.ring_entries = URING_BUFFERS_MAX,
                                            .bgid = URING_BUFFERS_GROUP,
                                            .pad = IOU_PBUF_RING_INC /* `flags` since Linux 6.8 */};
    int result;

    *buffers = (uring_buffers){.lent = map(URING_BUFFERS_MAX * sizeof(struct io_uring_buf)),
                               .memory = map((size_t)URING_BUFFERS_MAX * SERVER_BUFFER_BYTES)};
    registration.ring_addr = (uintptr_t)buffers->lent;
    result = uring_ring_register(ring, IORING_REGISTER_PBUF_RING, &registration, 1);
    if (result < 0 && errno == EINVAL) {
        registration.pad = 0;
        result = uring_ring_register(ring, IORING_REGISTER_PBUF_RING, &registration, 1);
    }
    if (result < 0) {
        server_die("io_uring_register of buffers");
    }
    while (buffers->count < URING_BUFFERS_FIRST) {
        lend(buffers, buffers->count++);
    }
}

void uring_buffers_grow(uring_buffers *buffers)
{
    const uint32_t count = buffers->count * 2 < URING_BUFFERS_MAX ? buffers->count * 2 : URING_BUFFERS_MAX;

    while (buffers->count < count) {
        lend(buffers, buffers->count++);
    }
}

const uint8_t *uring_buffers_received(uring_buffers *buffers, const struct io_uring_cqe *completion)
{
    const uint32_t id = completion->flags >> IORING_CQE_BUFFER_SHIFT;
    uring_buffer *const buffer = &buffers->buffers[id];
    const uint8_t *const bytes = buffers->memory + (size_t)id * SERVER_BUFFER_BYTES + buffer->filled;

    buffer->filled += completion->res > 0 ? (uint32_t)completion->res : 0;
    /* With its last receive the kernel hands its own reference over. */
    buffer->references += (completion->flags & IORING_CQE_F_BUF_MORE) != 0;
    return bytes;
}

void uring_buffers_release(uring_buffers *buffers, uint32_t id)
{
    if (--buffers->buffers[id].references == 0) {
        lend(buffers, id);
    }
}
