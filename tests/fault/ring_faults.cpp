#include "fault/ring_faults.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "fault/faults.hpp"

namespace fault_test
{

namespace
{

struct Planned {
    uint64_t user_data;
    int error;
};

struct Ring {
    io_uring_params params = {};
    char *queues = nullptr;
    io_uring_sqe *entries = nullptr;
    std::vector<Planned> planned; /* requests in the kernel that are to fail */

    template <typename Type>
    Type *at(uint32_t offset) const
    {
        return reinterpret_cast<Type *>(queues + offset);
    }
    static uint32_t load(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }
};

std::mutex mutex;
std::map<int, Ring> rings;

constexpr uint64_t wake_user_data = 2;

Call poll_of(const io_uring_sqe &entry)
{
    if (entry.user_data == wake_user_data) {
        return Call::ring_wake;
    }
    return (entry.len & IORING_POLL_ADD_MULTI) != 0 ? Call::ring_room : Call::ring_connect;
}

/* False: no request that can fail. */
bool call_of(const io_uring_sqe &entry, Call &call)
{
    switch (entry.opcode) {
    case IORING_OP_ACCEPT:
        call = Call::ring_accept;
        return true;
    case IORING_OP_RECV:
        call = Call::ring_receive;
        return true;
    case IORING_OP_POLL_ADD:
        call = poll_of(entry);
        return true;
    case IORING_OP_ASYNC_CANCEL:
        call = Call::ring_cancel;
        return true;
    default:
        return false;
    }
}

/* An accept and a receive have the flag in one field, a poll in another. */
void make_single(io_uring_sqe &entry)
{
    entry.ioprio = 0;
    if (entry.opcode == IORING_OP_POLL_ADD) {
        entry.len = 0;
    }
}

void submit(Ring &ring, io_uring_sqe &entry)
{
    Call call = Call::ring_accept;
    const int error = call_of(entry, call) ? take_fault(call) : 0;

    if (error == single_shot) {
        make_single(entry);
    } else if (error != 0) {
        ring.planned.push_back({entry.user_data, error});
        const uint64_t user_data = entry.user_data;
        entry = {};
        entry.opcode = IORING_OP_NOP;
        entry.user_data = user_data;
    }
}

/* Puts the error in the place of the result, when the completion is there. */
bool complete(const Ring &ring, const Planned &planned)
{
    const uint32_t mask = ring.params.cq_entries - 1;
    const uint32_t tail = Ring::load(ring.at<uint32_t>(ring.params.cq_off.tail));
    auto *const completions = ring.at<io_uring_cqe>(ring.params.cq_off.cqes);

    for (uint32_t i = Ring::load(ring.at<uint32_t>(ring.params.cq_off.head)); i != tail; i++) {
        io_uring_cqe &completion = completions[i & mask];
        if (completion.user_data == planned.user_data) {
            completion.res = -planned.error;
            return true;
        }
    }
    return false;
}

} // namespace

void ring_set_up(int descriptor, const io_uring_params *params)
{
    const std::lock_guard<std::mutex> guard(mutex);
    rings[descriptor] = {};
    rings[descriptor].params = *params;
}

void ring_mapped(int descriptor, off_t offset, void *memory)
{
    const std::lock_guard<std::mutex> guard(mutex);
    const auto found = rings.find(descriptor);
    if (found == rings.end()) {
        return;
    }
    if (offset == IORING_OFF_SQ_RING) {
        found->second.queues = static_cast<char *>(memory);
    } else if (offset == IORING_OFF_SQES) {
        found->second.entries = static_cast<io_uring_sqe *>(memory);
    }
}

void ring_submits(int descriptor, uint32_t count)
{
    if (count == 0 || !has_faults()) {
        return;
    }
    const std::lock_guard<std::mutex> guard(mutex);
    Ring &ring = rings.at(descriptor);
    const uint32_t head = Ring::load(ring.at<uint32_t>(ring.params.sq_off.head));
    for (uint32_t i = 0; i < count; i++) {
        submit(ring, ring.entries[(head + i) & (ring.params.sq_entries - 1)]);
    }
}

void ring_entered(int descriptor)
{
    const std::lock_guard<std::mutex> guard(mutex);
    Ring &ring = rings.at(descriptor);
    const auto done = [&](const Planned &planned) { return complete(ring, planned); };
    ring.planned.erase(std::remove_if(ring.planned.begin(), ring.planned.end(), done), ring.planned.end());
}

} // namespace fault_test
