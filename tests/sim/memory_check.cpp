#include "memory_check.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "invariants.hpp"
#include "iocpnet.h"

extern "C" {
#include "os/sim/scheduler.h"
}

#if defined(__SANITIZE_ADDRESS__)
#define SIM_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_TEST_ASAN 1
#endif
#endif

namespace sim_test
{

namespace
{

#if defined(SIM_TEST_ASAN)

std::vector<void *> blocks; /* that live; released ones are NULL */

void *IOCPNET_CALL take(uint64_t size, void *)
{
    auto *slot = static_cast<uint64_t *>(std::malloc(16 + size));
    if (slot != nullptr) {
        slot[0] = blocks.size();
        blocks.push_back(slot);
        return slot + 2;
    }
    return nullptr;
}

void IOCPNET_CALL give(void *memory, uint64_t, void *)
{
    auto *slot = static_cast<uint64_t *>(memory) - 2;
    blocks[slot[0]] = nullptr;
    std::free(slot);
}

void take_back()
{
    for (void *block : blocks) {
        std::free(block);
    }
    blocks.clear();
}

void look_at_all()
{
}

#else

/* In front of each block; all blocks follow one another in their chunk. */
struct Block {
    uint64_t size; /* of what follows, a multiple of 16 */
    uint32_t asked;
    uint32_t state;
};

constexpr uint32_t live = 0x6C697665;
constexpr uint32_t released = 0x66726565;
constexpr uint8_t fill = 0xDD; /* as the library's own checks fill it */
constexpr size_t chunk_bytes = size_t{256} * 1024;

struct Chunk {
    uint8_t *bytes;
    size_t size;
    size_t used;
};

std::vector<Chunk> chunks;
size_t current; /* the chunk that blocks are taken from */

/* Empties the next chunk that is large enough, or makes one. */
bool next_chunk(size_t bytes)
{
    while (++current < chunks.size()) {
        chunks[current].used = 0;
        if (chunks[current].size >= bytes) {
            return true;
        }
    }
    const size_t size = bytes > chunk_bytes ? bytes : chunk_bytes;
    auto *memory = static_cast<uint8_t *>(std::malloc(size));
    if (memory == nullptr) {
        return false;
    }
    chunks.push_back({memory, size, 0});
    current = chunks.size() - 1;
    return true;
}

void *IOCPNET_CALL take(uint64_t size, void *)
{
    const size_t bytes = sizeof(Block) + ((size + 15) & ~uint64_t{15});
    const bool fits = current < chunks.size() && chunks[current].size - chunks[current].used >= bytes;
    if (!fits && !next_chunk(bytes)) {
        return nullptr;
    }
    Chunk &chunk = chunks[current];
    auto *block = reinterpret_cast<Block *>(chunk.bytes + chunk.used);
    chunk.used += bytes;
    *block = {bytes - sizeof(Block), static_cast<uint32_t>(size), live};
    return block + 1;
}

void IOCPNET_CALL give(void *memory, uint64_t size, void *)
{
    Block *block = static_cast<Block *>(memory) - 1;
    if (block->state != live || block->asked != size) {
        icn_sim_violation(invariant::memory, "a block is released twice, or with another size");
    }
    block->state = released;
    std::memset(memory, fill, size);
}

void take_back()
{
    current = 0;
    if (!chunks.empty()) {
        chunks[0].used = 0;
    }
}

bool is_untouched(const uint8_t *bytes, uint32_t size)
{
    return size == 0 || (bytes[0] == fill && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

void look_at(const Chunk &chunk)
{
    for (size_t at = 0; at < chunk.used;) {
        const auto *block = reinterpret_cast<const Block *>(chunk.bytes + at);
        if (block->state != live && block->state != released) {
            icn_sim_violation(invariant::memory, "the head of a block was written to");
        }
        if (block->state == released && !is_untouched(chunk.bytes + at + sizeof(Block), block->asked)) {
            icn_sim_violation(invariant::memory, "a block of %u bytes was written to after its release", block->asked);
        }
        at += sizeof(Block) + block->size;
    }
}

void look_at_all()
{
    for (size_t i = 0; i < chunks.size() && i <= current; i++) {
        look_at(chunks[i]);
    }
}

#endif

} // namespace

void install_memory_check()
{
    iocpnet_allocator allocator;
    (void)iocpnet_allocator_init(&allocator, sizeof allocator);
    allocator.allocate = take;
    allocator.release = give;
    if (iocpnet_set_allocator(&allocator) != IOCPNET_OK) {
        std::abort();
    }
}

void begin_memory_check()
{
    take_back();
}

void check_memory()
{
    look_at_all();
}

} // namespace sim_test
