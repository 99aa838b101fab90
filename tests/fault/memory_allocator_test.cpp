/*
 * The same scenarios over an allocator of the host that refuses: each block goes back to it with the size that was asked
 * for. It is set once in a process, so each test is a process of its own.
 */
#include <cstdlib>
#include <mutex>
#include <unordered_map>

#include "support/api_fixture.hpp"
#include "support/scale_sweep.hpp"

using namespace api_test;
using scale_test::Scenario;

namespace
{

struct Heap {
    std::mutex mutex;
    std::unordered_map<void *, uint64_t> sizes; /* of the blocks that are out */
    uint64_t attempts = 0;
    uint64_t first = 0; /* 0: none fails */
    bool for_ever = false;
    uint64_t mistakes = 0;
};
Heap heap;

void *IOCPNET_CALL allocate(uint64_t size, void *)
{
    const std::lock_guard<std::mutex> lock(heap.mutex);
    heap.attempts++;
    if (heap.first != 0 && (heap.attempts == heap.first || (heap.for_ever && heap.attempts > heap.first))) {
        return nullptr;
    }
    void *memory = std::malloc(static_cast<size_t>(size));
    heap.sizes[memory] = size;
    return memory;
}

void IOCPNET_CALL release(void *memory, uint64_t size, void *)
{
    const std::lock_guard<std::mutex> lock(heap.mutex);
    const auto found = heap.sizes.find(memory);
    if (found == heap.sizes.end() || found->second != size) {
        heap.mistakes++;
        return;
    }
    heap.sizes.erase(found);
    std::free(memory);
}

void fail(uint64_t first, int for_ever)
{
    const std::lock_guard<std::mutex> lock(heap.mutex);
    heap.attempts = 0;
    heap.first = first;
    heap.for_ever = for_ever != 0;
}

uint64_t attempts()
{
    const std::lock_guard<std::mutex> lock(heap.mutex);
    return heap.attempts;
}

uint64_t blocks_out()
{
    const std::lock_guard<std::mutex> lock(heap.mutex);
    return heap.sizes.size();
}

int play_refusing(const std::vector<std::string> &arguments)
{
    const Mode mode = {static_cast<uint32_t>(std::stoul(arguments[0])), static_cast<uint32_t>(std::stoul(arguments[1])),
                       static_cast<uint32_t>(std::stoul(arguments[2]))};
    iocpnet_allocator allocator;
    iocpnet_allocator_init(&allocator, sizeof allocator);
    allocator.allocate = allocate;
    allocator.release = release;
    ROLE_REQUIRE(iocpnet_set_allocator(&allocator) == IOCPNET_OK);
    scale_test::Tally tally;
    /* Where each run is slow it is left to the sweep of the library's own memory to have all of them. */
    const bool slow = is_sanitized() || on_windows;
    for (const Scenario &scenario : slow ? scale_test::session_scenarios() : scale_test::all_scenarios()) {
        if (scale_test::fits(scenario, mode)) {
            scale_test::sweep(tally, scenario, mode, {fail, attempts});
        }
        ROLE_REQUIRE(heap.mistakes == 0);
    }
    scale_test::print(tally, "the sweep of a host's allocator");
    /* What is kept is the table of handles, and does not grow by another life. */
    const uint64_t kept = blocks_out();
    ROLE_REQUIRE(kept > 0);
    ROLE_REQUIRE(port_works(mode.port));
    ROLE_REQUIRE(blocks_out() == kept);
    return 0;
}
const RoleRegistration refusing_role("memory_refusing_allocator", play_refusing);

class RefusingAllocator : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(RefusingAllocator);

TEST_P(RefusingAllocator, EveryRefusalOfEveryScenarioDoesNoHarm)
{
    const Mode mode = GetParam();
    EXPECT_EQ(0, Process::start_role("memory_refusing_allocator " + std::to_string(mode.port) + " " +
                                     std::to_string(mode.driving) + " " + std::to_string(mode.delivery))
                     .wait());
}

} // namespace
