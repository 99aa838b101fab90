#include "uring_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

enum {
    /* Few, so that they stay in the nearest cache. */
    ENTRIES = 128,
    COMPLETIONS = 4096
};

/* Newer than the headers of Linux 6.1. */
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

static void *map(int descriptor, size_t size, uint64_t offset)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, (off_t)offset);

    if (memory == MAP_FAILED) {
        server_die("mmap of a ring");
    }
    return memory;
}

/* Without the array of indices where the kernel can do without it (Linux 6.6). */
static int set_up(struct io_uring_params *params)
{
    const unsigned flags =
        IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int made;

    *params = (struct io_uring_params){.flags = flags | IORING_SETUP_NO_SQARRAY, .cq_entries = COMPLETIONS};
    made = (int)syscall(SYS_io_uring_setup, ENTRIES, params);
    if (made < 0 && errno == EINVAL) {
        *params = (struct io_uring_params){.flags = flags, .cq_entries = COMPLETIONS};
        made = (int)syscall(SYS_io_uring_setup, ENTRIES, params);
    }
    if (made < 0) {
        server_die("io_uring_setup");
    }
    return made;
}

int uring_ring_register(const uring_ring *ring, unsigned operation, void *argument, unsigned count)
{
    return (int)syscall(SYS_io_uring_register, ring->descriptor, operation, argument, count);
}

static void register_descriptor(uring_ring *ring)
{
    struct io_uring_rsrc_update update = {.offset = UINT32_MAX, .data = (uint32_t)ring->descriptor};

    if (uring_ring_register(ring, IORING_REGISTER_RING_FDS, &update, 1) != 1) {
        server_die("io_uring_register of the ring");
    }
    ring->registered = (int)update.offset;
}

void uring_ring_open(uring_ring *ring)
{
    struct io_uring_params params;
    const int made = set_up(&params);
    const size_t array_bytes = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
    const size_t completions_bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    uint8_t *const queues = map(made, array_bytes > completions_bytes ? array_bytes : completions_bytes, 0);

    memset(ring, 0, sizeof *ring);
    ring->entries = map(made, params.sq_entries * sizeof *ring->entries, IORING_OFF_SQES);
    ring->mask = params.sq_entries - 1;
    ring->kernel_tail = (uint32_t *)(void *)(queues + params.sq_off.tail);
    ring->flags = (const uint32_t *)(const void *)(queues + params.sq_off.flags);
    ring->completed_mask = params.cq_entries - 1;
    ring->completed_head = (uint32_t *)(void *)(queues + params.cq_off.head);
    ring->completed_tail = (const uint32_t *)(const void *)(queues + params.cq_off.tail);
    ring->completions = (const struct io_uring_cqe *)(const void *)(queues + params.cq_off.cqes);
    if ((params.flags & IORING_SETUP_NO_SQARRAY) == 0) {
        for (uint32_t index = 0; index < params.sq_entries; ++index) {
            ((uint32_t *)(void *)(queues + params.sq_off.array))[index] = index;
        }
    }
    ring->descriptor = made;
    register_descriptor(ring);
}

static void enter(uring_ring *ring, unsigned wait_for, unsigned flags)
{
    __atomic_store_n(ring->kernel_tail, ring->tail, __ATOMIC_RELEASE);
    while (ring->to_submit > 0 || flags != 0) {
        const long submitted = syscall(SYS_io_uring_enter, ring->registered, ring->to_submit, wait_for,
                                       flags | IORING_ENTER_REGISTERED_RING, NULL, 0);

        if (submitted >= 0) {
            ring->to_submit -= (uint32_t)submitted;
            if (ring->to_submit == 0) {
                return;
            }
        } else if (errno != EINTR && errno != EBUSY && errno != EAGAIN) {
            server_die("io_uring_enter");
        }
    }
}

struct io_uring_sqe *uring_ring_entry(uring_ring *ring)
{
    struct io_uring_sqe *entry;

    if (ring->to_submit > ring->mask) {
        uring_ring_submit(ring);
    }
    entry = &ring->entries[ring->tail++ & ring->mask];
    ++ring->to_submit;
    memset(entry, 0, sizeof *entry);
    return entry;
}

void uring_ring_submit(uring_ring *ring)
{
    enter(ring, 0, 0);
}

void uring_ring_submit_and_wait(uring_ring *ring, bool is_waiting)
{
    enter(ring, is_waiting, IORING_ENTER_GETEVENTS);
}
