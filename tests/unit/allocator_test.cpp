/* The allocator of a process is chosen once: each of these tests runs in a process of its own. */
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "support/unit_support.hpp"

extern "C" {
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

std::atomic<uint64_t> blocks{0};
std::atomic<uint64_t> bytes{0};
std::atomic<bool> poisoned{true};
int user_value;

void *IOCPNET_CALL count_allocate(uint64_t size, void *user)
{
    if (user != &user_value) {
        return nullptr;
    }
    blocks++;
    bytes += size;
    return std::malloc(static_cast<size_t>(size));
}

void IOCPNET_CALL count_release(void *memory, uint64_t size, void *user)
{
    const auto *released = static_cast<unsigned char *>(memory);
    for (uint64_t i = 0; i < size; i++) {
        poisoned = poisoned && released[i] == 0xDD;
    }
    if (user == &user_value) {
        blocks--;
        bytes -= size;
    }
    std::free(memory);
}

iocpnet_allocator counting_allocator()
{
    iocpnet_allocator allocator = {};
    allocator.struct_size = sizeof allocator;
    allocator.allocate = count_allocate;
    allocator.release = count_release;
    allocator.user = &user_value;
    return allocator;
}

/* Ends the process: 0 when every condition held, else the number of the first that did not. */
class Verdict
{
public:
    void expect(bool condition)
    {
        number_++;
        if (!condition && failed_ == 0) {
            failed_ = number_;
        }
    }

    [[noreturn]] void give() const { std::_Exit(failed_); }

private:
    int number_ = 0;
    int failed_ = 0;
};

void every_block_comes_from_it()
{
    Verdict verdict;
    const iocpnet_allocator allocator = counting_allocator();
    verdict.expect(icn_memory_set_allocator(&allocator) == IOCPNET_OK);
    void *block = icn_memory_allocate(100, ICN_MEMORY_TEXT);
    verdict.expect(block != nullptr && blocks == 1 && bytes >= 100);
    icn_memory_release(block, 100, ICN_MEMORY_TEXT);
    verdict.expect(blocks == 0 && bytes == 0);
    verdict.expect(poisoned);
    verdict.give();
}

void second_one_is_refused()
{
    Verdict verdict;
    const iocpnet_allocator allocator = counting_allocator();
    verdict.expect(icn_memory_set_allocator(&allocator) == IOCPNET_OK);
    verdict.expect(icn_memory_set_allocator(&allocator) == IOCPNET_E_INVALID_STATE);
    verdict.give();
}

void one_after_the_first_block_is_refused()
{
    Verdict verdict;
    const iocpnet_allocator allocator = counting_allocator();
    void *block = icn_memory_allocate(100, ICN_MEMORY_TEXT);
    verdict.expect(icn_memory_set_allocator(&allocator) == IOCPNET_E_INVALID_STATE);
    icn_memory_release(block, 100, ICN_MEMORY_TEXT);
    verdict.expect(icn_memory_set_allocator(&allocator) == IOCPNET_E_INVALID_STATE);
    verdict.expect(blocks == 0);
    verdict.give();
}

void all_blocks_come_from_one_source()
{
    Verdict verdict;
    const iocpnet_allocator allocator = counting_allocator();
    void *block[4] = {};
    int32_t status = IOCPNET_PENDING;
    run_together(4, [&](uint32_t thread) {
        if (thread == 0) {
            status = icn_memory_set_allocator(&allocator);
        }
        block[thread] = icn_memory_allocate(100, ICN_MEMORY_TEXT);
    });
    verdict.expect(status == IOCPNET_OK || status == IOCPNET_E_INVALID_STATE);
    verdict.expect(blocks == (status == IOCPNET_OK ? 4u : 0u));
    for (void *released : block) {
        icn_memory_release(released, 100, ICN_MEMORY_TEXT);
    }
    verdict.expect(blocks == 0);
    verdict.give();
}

class AllocatorDeathTest : public testing::Test
{
protected:
    AllocatorDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

} // namespace

TEST_F(AllocatorDeathTest, EveryBlockComesFromItAndIsPoisonedBeforeItGoesBack)
{
    EXPECT_EXIT(every_block_comes_from_it(), testing::ExitedWithCode(0), "");
}

TEST_F(AllocatorDeathTest, SecondOneIsRefused)
{
    EXPECT_EXIT(second_one_is_refused(), testing::ExitedWithCode(0), "");
}

TEST_F(AllocatorDeathTest, OneAfterTheFirstBlockIsRefused)
{
    EXPECT_EXIT(one_after_the_first_block_is_refused(), testing::ExitedWithCode(0), "");
}

TEST_F(AllocatorDeathTest, RaceWithTheFirstBlockHasOneOutcomeForAllThreads)
{
    for (uint32_t i = 0; i < scaled(20); i++) {
        EXPECT_EXIT(all_blocks_come_from_one_source(), testing::ExitedWithCode(0), "");
    }
}

} // namespace unit_test
