/* The send queue of a session and the inbox of its loop, against strings. The same thread puts and shares out. */
#include <vector>

#include "fuzz/input.hpp"

extern "C" {
#include "net/inbox.h"
#include "net/send_queue.h"
#include "util/memory.h"
}

namespace
{

constexpr uint64_t bytes_max = 40000;

class Machine
{
public:
    explicit Machine(fuzz::Input &input) : input_(input) { icn_inbox_init(&inbox_); }

    void run()
    {
        while (!input_.is_empty()) {
            step();
            FUZZ_REQUIRE(icn_u32_load(&queue_.bytes) == queued_.size() + pushed_.size());
            if (queue_.bytes_lost != 0) {
                break; /* the session would end */
            }
            FUZZ_REQUIRE(icn_send_queue_is_empty(&queue_) == queued_.empty());
            FUZZ_REQUIRE(icn_inbox_is_filled(&inbox_) == !pushed_.empty());
        }
        end();
    }

private:
    void step()
    {
        switch (input_.below(7)) {
        case 0:
        case 1:
            append();
            break;
        case 2:
            push();
            break;
        case 3:
            collect();
            break;
        case 4:
            gather(input_.below(40));
            break;
        case 5:
            consume();
            break;
        default:
            fail_allocations();
            break;
        }
    }

    void fail_allocations()
    {
        failing_ = true;
        icn_memory_fail(input_.below(4), input_.flag() ? 1 : 0);
    }

    /* Up to four pieces of the stream, and iovecs for them. */
    std::string cut(std::vector<std::string> &pieces, std::vector<iocpnet_iovec> &vectors)
    {
        std::string all;
        pieces.resize(1 + input_.below(4));
        for (std::string &piece : pieces) {
            const uint32_t size = input_.below(3) == 0 ? input_.below(6000) : input_.below(64);
            piece = fuzz::stream(made_, size);
            made_ += size;
            all += piece;
            vectors.emplace_back();
            vectors.back().data = piece.data();
            vectors.back().size = piece.size();
        }
        return all;
    }

    bool reserve(uint64_t bytes)
    {
        const bool fits = queued_.size() + pushed_.size() + bytes <= bytes_max;
        FUZZ_REQUIRE(icn_send_queue_reserve(&queue_, bytes, bytes_max) == fits);
        return fits;
    }

    void append()
    {
        std::vector<std::string> pieces;
        std::vector<iocpnet_iovec> vectors;
        const std::string all = cut(pieces, vectors);
        if (all.empty() || !reserve(all.size())) {
            return;
        }
        const auto count = static_cast<uint32_t>(vectors.size());
        collect();
        const bool appended = icn_send_queue_append(&queue_, &pool_, vectors.data(), count, all.size());
        if (appended) {
            queued_ += all;
        } else {
            FUZZ_REQUIRE(failing_);
            icn_send_queue_unreserve(&queue_, all.size());
        }
    }

    void push()
    {
        std::vector<std::string> pieces;
        std::vector<iocpnet_iovec> vectors;
        const std::string all = cut(pieces, vectors);
        if (all.empty() || !reserve(all.size())) {
            return;
        }
        const auto count = static_cast<uint32_t>(vectors.size());
        bool begun = false;
        const int32_t status = icn_inbox_put(&inbox_, &queue_, vectors.data(), count, all.size(), &begun);
        if (status == IOCPNET_OK) {
            FUZZ_REQUIRE(begun == pushed_.empty());
            pushed_ += all;
        } else {
            FUZZ_REQUIRE(failing_ && status == IOCPNET_E_NO_MEMORY);
            icn_send_queue_unreserve(&queue_, all.size());
        }
    }

    void collect()
    {
        icn_inbox_block *block = icn_inbox_take(&inbox_);
        icn_inbox_record record = {};
        uint32_t offset = 0;
        while (icn_inbox_next(&inbox_, &block, &offset, &record)) {
            FUZZ_REQUIRE(record.queue == &queue_);
            if (record.kind == ICN_INBOX_BYTES) {
                icn_send_queue_append_bytes(&queue_, &pool_, record.bytes, record.size);
            } else {
                icn_send_queue_append_chunk(&queue_, record.chunk);
            }
        }
        icn_inbox_shared_out(&inbox_);
        FUZZ_REQUIRE(queue_.bytes_lost == 0 || failing_);
        queued_ += pushed_;
        pushed_.clear();
    }

    std::string gather(uint32_t count_max)
    {
        std::vector<iocpnet_iovec> pieces(count_max);
        const uint32_t count = icn_send_queue_gather(&queue_, pieces.data(), count_max);
        std::string gathered;
        FUZZ_REQUIRE(count <= count_max);
        for (uint32_t i = 0; i < count; i++) {
            FUZZ_REQUIRE(pieces[i].size != 0);
            gathered.append(static_cast<const char *>(pieces[i].data), static_cast<size_t>(pieces[i].size));
        }
        FUZZ_REQUIRE(queued_.compare(0, gathered.size(), gathered) == 0);
        FUZZ_REQUIRE(count == count_max || gathered.size() == queued_.size());
        return gathered;
    }

    void consume()
    {
        const auto there = static_cast<uint32_t>(gather(input_.below(40)).size());
        const uint32_t taken = input_.below(4) == 0 ? there : input_.below(there + 1);
        icn_send_queue_consume(&queue_, &pool_, taken);
        queued_.erase(0, taken);
    }

    void end()
    {
        icn_memory_fail(0, 0);
        icn_inbox_close(&inbox_, &queue_);
        collect();
        FUZZ_REQUIRE(icn_send_queue_close(&queue_, &pool_) == queued_.size());
        FUZZ_REQUIRE(icn_u32_load(&queue_.bytes) == 0 && pool_.count[ICN_SEND_CHUNK_USUAL] <= ICN_SEND_POOL_USUAL_MAX);
        const iocpnet_iovec late = {1, "x"};
        bool begun = false;
        FUZZ_REQUIRE(icn_inbox_put(&inbox_, &queue_, &late, 1, 1, &begun) == IOCPNET_E_CLOSED && !begun);
        icn_inbox_fini(&inbox_);
        icn_send_pool_fini(&pool_);
        FUZZ_REQUIRE(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER) == 0);
    }

    fuzz::Input &input_;
    icn_inbox inbox_ = {};
    icn_send_queue queue_ = {};
    icn_send_pool pool_ = {};
    std::string queued_; /* in the queue */
    std::string pushed_; /* in the inbox */
    uint64_t made_ = 0;
    bool failing_ = false; /* an allocation was made to fail */
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    Machine(input).run();
    return 0;
}
