#include "port/uring_buffers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "util/memory.h"

_Static_assert(sizeof(struct io_uring_buf) == 16, "slot of a buffer ring");
_Static_assert(sizeof(struct io_uring_buf_reg) == 40, "registration of a buffer ring");
_Static_assert(offsetof(struct io_uring_buf_ring, tail) == 14, "tail of a buffer ring");
_Static_assert(sizeof(icn_atomic_u16) == 2, "the tail is released as an atomic of its own size");

enum {
    RING_BYTES = ICN_URING_BUFFERS_MAX * sizeof(struct io_uring_buf),
    TURNS_TO_SHRINK = 1024,
    RECENT_USES = 1024, /* over which an average is taken */
    /* Measured with 1 MiB of second-level cache: bulk through two buffers of 256 KiB costs 4 % less than through more. */
    LARGE_BYTES = 128 * 1024, /* a buffer that counts as large */
    BULK_BYTES = 48 * 1024    /* in a use, on average: what does without more buffers */
};

/* Makes buffers until there are `count`, or no memory. */
static void grow(icn_uring_buffers *buffers, uint32_t count)
{
    for (uint16_t id = 0; id < ICN_URING_BUFFERS_MAX && buffers->count < count; ++id) {
        if (buffers->memory[id] != NULL) {
            continue;
        }
        buffers->memory[id] = icn_memory_allocate(buffers->size, ICN_MEMORY_PORT);
        if (buffers->memory[id] == NULL) {
            return;
        }
        ++buffers->count;
        icn_uring_buffers_lend(buffers, id);
    }
}

static uint32_t first_of(uint32_t size)
{
    return size > LARGE_BYTES ? ICN_URING_BUFFERS_FIRST / 2 : ICN_URING_BUFFERS_FIRST;
}

static uint32_t limit_of(uint32_t size)
{
    const uint32_t count = ICN_URING_BUFFERS_BYTES / size;

    return count < ICN_URING_BUFFERS_MAX ? count : ICN_URING_BUFFERS_MAX;
}

static icn_result register_ring(icn_uring_buffers *buffers, const icn_uring_ring *ring)
{
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)buffers->lent, .ring_entries = ICN_URING_BUFFERS_MAX, .bgid = ICN_URING_BUFFERS_GROUP};
    const int32_t error = icn_uring_ring_register(ring, IORING_REGISTER_PBUF_RING, &registration, 1);

    if (error == 0) {
        return icn_ok();
    }
    return (icn_result){error == ENOMEM ? IOCPNET_E_NO_MEMORY : IOCPNET_E_NOT_SUPPORTED, error};
}

icn_result icn_uring_buffers_open(icn_uring_buffers *buffers, const icn_uring_ring *ring, uint32_t size)
{
    icn_result result;
    /* Shared: a fork would otherwise leave the kernel with pages that this process no longer writes to. */
    void *memory = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ICN_CHECK(size > 0 && limit_of(size) >= first_of(size));
    memset(buffers, 0, sizeof *buffers);
    if (memory == MAP_FAILED) {
        return (icn_result){IOCPNET_E_NO_MEMORY, errno};
    }
    buffers->lent = memory;
    buffers->size = size;
    buffers->first = first_of(size);
    buffers->limit = limit_of(size);
    buffers->wanted = buffers->first;
    result = register_ring(buffers, ring);
    if (result.status != IOCPNET_OK) {
        goto fail;
    }
    grow(buffers, buffers->first);
    if (buffers->count < buffers->first) {
        result = icn_failure(IOCPNET_E_NO_MEMORY);
        goto fail;
    }
    return icn_ok();

fail:
    icn_uring_buffers_close(buffers);
    return result;
}

void icn_uring_buffers_close(icn_uring_buffers *buffers)
{
    for (uint32_t id = 0; id < ICN_URING_BUFFERS_MAX; ++id) {
        icn_memory_release(buffers->memory[id], buffers->size, ICN_MEMORY_PORT);
    }
    munmap(buffers->lent, RING_BYTES);
}

/* More buffers would hold so much that they are cold. */
static bool is_bulk(const icn_uring_buffers *buffers)
{
    return buffers->recent_bytes > buffers->recent_uses * BULK_BYTES;
}

static void grow_on_demand(icn_uring_buffers *buffers)
{
    const uint32_t twice = buffers->count * 2;

    buffers->missed = false;
    if (is_bulk(buffers)) {
        return;
    }
    buffers->wanted = twice < buffers->limit ? twice : buffers->limit;
    grow(buffers, buffers->wanted);
}

static void shrink_at_times(icn_uring_buffers *buffers)
{
    if (++buffers->turns < TURNS_TO_SHRINK) {
        return;
    }
    if ((buffers->peak <= buffers->wanted / 4 || is_bulk(buffers)) && buffers->wanted > buffers->first) {
        buffers->wanted /= 2;
    }
    buffers->turns = 0;
    buffers->peak = 0;
}

void icn_uring_buffers_turn(icn_uring_buffers *buffers)
{
    if (buffers->used > buffers->peak) {
        buffers->peak = buffers->used;
    }
    buffers->recent_uses += buffers->used;
    buffers->used = 0;
    if (buffers->missed) {
        grow_on_demand(buffers);
    }
    shrink_at_times(buffers);
    if (buffers->recent_uses > RECENT_USES) {
        buffers->recent_uses /= 2;
        buffers->recent_bytes /= 2;
    }
}

void icn_uring_buffers_drop(icn_uring_buffers *buffers, uint16_t id)
{
    icn_memory_release(buffers->memory[id], buffers->size, ICN_MEMORY_PORT);
    buffers->memory[id] = NULL;
    --buffers->count;
}
