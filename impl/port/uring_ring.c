#include "port/uring_ring.h"

#include <errno.h>
#include <linux/time_types.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"

/* The kernel's interface as this file relies on it. */
_Static_assert(sizeof(struct io_uring_sqe) == 64, "submission entry");
_Static_assert(sizeof(struct io_uring_cqe) == 16, "completion entry");
_Static_assert(sizeof(struct io_uring_params) == 120, "set-up parameters");
_Static_assert(sizeof(struct io_uring_getevents_arg) == 24, "argument of enter");
_Static_assert(sizeof(struct io_uring_probe_op) == 8, "probe");
_Static_assert(offsetof(struct io_uring_sqe, user_data) == 32, "user data of a submission");
_Static_assert(offsetof(struct io_uring_sqe, buf_group) == 40, "buffer group of a submission");
_Static_assert(offsetof(struct io_uring_cqe, res) == 8, "result of a completion");

/* The kernel's 32-bit ring indices are read and written as atomics of the same size. */
_Static_assert(sizeof(icn_atomic_u32) == 4, "atomics have no lock of their own");

enum {
    FEATURES_NEEDED = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
                      IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP,
    /* The first operation that came with Linux 6.1. Multishot receives and accepts can not be asked for, but are older. */
    NEWEST_OPERATION_NEEDED = IORING_OP_SENDMSG_ZC
};

static icn_result open_result(int32_t error)
{
    switch (error) {
    case ENOMEM:
    case EAGAIN:
        return (icn_result){IOCPNET_E_NO_MEMORY, error};
    case EMFILE:
    case ENFILE:
        return (icn_result){IOCPNET_E_NO_DESCRIPTORS, error};
    default:
        return (icn_result){IOCPNET_E_NOT_SUPPORTED, error};
    }
}

/* The kernel makes the descriptor close-on-exec. Returns an errno value or 0. */
static int32_t set_up(icn_uring_ring *ring, struct io_uring_params *params)
{
    const uint32_t one_thread_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED;

    memset(params, 0, sizeof *params);
    params->cq_entries = ICN_URING_COMPLETIONS;
    params->flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    /* Without one thread: a request runs on the thread that submitted it, when that next enters the kernel. */
    params->flags |= ring->one_thread ? one_thread_flags : IORING_SETUP_COOP_TASKRUN;
    ring->descriptor = (int)syscall(SYS_io_uring_setup, ICN_URING_ENTRIES, params);
    if (ring->descriptor < 0) {
        return errno;
    }
    return (params->features & FEATURES_NEEDED) == FEATURES_NEEDED ? 0 : EOPNOTSUPP;
}

static void *map(const icn_uring_ring *ring, size_t bytes, uint64_t offset)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->descriptor, (off_t)offset);
    return memory != MAP_FAILED ? memory : NULL;
}

static void *at(const icn_uring_ring *ring, uint32_t offset)
{
    return (char *)ring->queues + offset;
}

static int32_t map_queues(icn_uring_ring *ring, const struct io_uring_params *params)
{
    const size_t to_entries = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    const size_t to_completions = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

    ring->queues_bytes = to_entries > to_completions ? to_entries : to_completions;
    ring->entries_bytes = params->sq_entries * sizeof(struct io_uring_sqe);
    ring->queues = map(ring, ring->queues_bytes, IORING_OFF_SQ_RING);
    if (ring->queues == NULL) {
        return errno;
    }
    ring->entries = map(ring, ring->entries_bytes, IORING_OFF_SQES);
    return ring->entries != NULL ? 0 : errno;
}

static void find_queues(icn_uring_ring *ring, const struct io_uring_params *params)
{
    uint32_t *order = at(ring, params->sq_off.array);

    ring->entry_head = at(ring, params->sq_off.head);
    ring->entry_tail = at(ring, params->sq_off.tail);
    ring->entry_mask = params->sq_entries - 1;
    ring->completion_head = at(ring, params->cq_off.head);
    ring->completion_tail = at(ring, params->cq_off.tail);
    ring->completion_mask = params->cq_entries - 1;
    ring->completions = at(ring, params->cq_off.cqes);
    /* Entries are always submitted in the order of their slots. */
    for (uint32_t i = 0; i < params->sq_entries; ++i) {
        order[i] = i;
    }
    ICN_CHECK((params->sq_entries & ring->entry_mask) == 0);
    ICN_CHECK((params->cq_entries & ring->completion_mask) == 0);
}

int32_t icn_uring_ring_register(const icn_uring_ring *ring, uint32_t what, void *argument, uint32_t count)
{
    ICN_CHECK(ring->descriptor >= 0);
    return syscall(SYS_io_uring_register, ring->descriptor, what, argument, count) < 0 ? errno : 0;
}

/* A sandbox may allow the set-up and refuse the rest: registering and entering are tried here as well. */
static int32_t probe(const icn_uring_ring *ring)
{
    union {
        struct io_uring_probe probe;
        char bytes[sizeof(struct io_uring_probe) + (NEWEST_OPERATION_NEEDED + 1) * sizeof(struct io_uring_probe_op)];
    } answer;
    int32_t error;

    memset(&answer, 0, sizeof answer);
    error = icn_uring_ring_register(ring, IORING_REGISTER_PROBE, &answer, NEWEST_OPERATION_NEEDED + 1);
    if (error != 0) {
        return error;
    }
    if (answer.probe.last_op < NEWEST_OPERATION_NEEDED) {
        return EOPNOTSUPP;
    }
    /* EBADFD: not enabled yet, so the call itself is allowed. */
    return syscall(SYS_io_uring_enter, ring->descriptor, 0, 0, 0, NULL, 0) < 0 && errno != EBADFD ? errno : 0;
}

icn_result icn_uring_ring_open(icn_uring_ring *ring, bool one_thread)
{
    struct io_uring_params params;
    int32_t error;

    memset(ring, 0, sizeof *ring);
    ring->one_thread = one_thread;
    ring->enabled = !one_thread;
    error = set_up(ring, &params);
    if (error != 0) {
        goto fail;
    }
    error = map_queues(ring, &params);
    if (error != 0) {
        goto fail;
    }
    find_queues(ring, &params);
    error = probe(ring);
    if (error != 0) {
        goto fail;
    }
    return icn_ok();

fail:
    icn_uring_ring_close(ring);
    return open_result(error);
}

void icn_uring_ring_close(icn_uring_ring *ring)
{
    if (ring->entries != NULL) {
        munmap(ring->entries, ring->entries_bytes);
    }
    if (ring->queues != NULL) {
        munmap(ring->queues, ring->queues_bytes);
    }
    if (ring->descriptor >= 0) {
        close(ring->descriptor);
    }
}

int32_t icn_uring_ring_enable(icn_uring_ring *ring)
{
    int32_t error;

    if (ring->enabled) {
        return 0;
    }
    error = icn_uring_ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    ring->enabled = error == 0;
    return error;
}

/* Returns an errno value or 0. */
static int32_t enter(icn_uring_ring *ring, uint32_t submit, uint32_t flags, bool wait,
                     const struct io_uring_getevents_arg *argument)
{
    const size_t size = argument != NULL ? sizeof *argument : 0;
    int32_t error = 0;

    ICN_CHECK(ring->enabled);
    /* Release: the entries are written before the kernel sees the tail that covers them. */
    icn_u32_store(ring->entry_tail, ring->written);
    if (syscall(SYS_io_uring_enter, ring->descriptor, submit, wait ? 1 : 0, flags, argument, size) < 0) {
        error = errno;
    }
    /* Acquire: the kernel has read an entry before it moved its head past it, so its slot may be filled again. */
    ring->taken = icn_u32_load(ring->entry_head);
    return error;
}

static int32_t enter_and_wait(icn_uring_ring *ring, uint32_t wait_ms)
{
    const uint32_t submit = icn_uring_ring_unsubmitted(ring);
    const struct __kernel_timespec time = {.tv_sec = wait_ms / 1000, .tv_nsec = (long long)(wait_ms % 1000) * 1000000};
    const struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&time};

    if (wait_ms == 0 || wait_ms == IOCPNET_INFINITE) {
        return enter(ring, submit, IORING_ENTER_GETEVENTS, wait_ms != 0, NULL);
    }
    return enter(ring, submit, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, true, &argument);
}

int32_t icn_uring_ring_enter(icn_uring_ring *ring, uint32_t wait_ms)
{
    const int32_t error = enter_and_wait(ring, wait_ms);

    if (error == EINTR || error == ETIME) {
        return 0;
    }
    if (error != 0) {
        /* Nothing could be submitted, for want of memory or of room for completions: those can be fetched all the same. */
        (void)enter(ring, 0, IORING_ENTER_GETEVENTS, false, NULL);
    }
    return error;
}

int32_t icn_uring_ring_submit(icn_uring_ring *ring)
{
    int32_t error = 0;

    if (!ring->enabled) {
        return 0;
    }
    while ((error == 0 || error == EINTR) && icn_uring_ring_unsubmitted(ring) != 0) {
        error = enter(ring, icn_uring_ring_unsubmitted(ring), 0, false, NULL);
    }
    return error;
}
