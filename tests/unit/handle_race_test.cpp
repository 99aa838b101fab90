#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/handle.h"
}

namespace unit_test
{

namespace
{

constexpr uint32_t thread_count = 6;

/* Its plain fields are what sanitizers watch: touching them while nobody may is a race or a use after free. */
struct Tracked {
    uint64_t handle = 0;
    uint64_t seal = 0;
};

std::atomic<uint64_t> finalized_count;

void finalize_tracked(void *memory)
{
    auto *object = static_cast<Tracked *>(memory);
    object->seal = 0;
    finalized_count++;
    delete object;
}

uint64_t make_tracked()
{
    auto *object = new Tracked;
    EXPECT_EQ(IOCPNET_OK, icn_handle_create(ICN_HANDLE_SESSION, object, finalize_tracked, &object->handle));
    object->seal = ~object->handle;
    icn_handle_unpin(object->handle);
    return object->handle;
}

/* Pins, looks whether it got what the handle stands for, perhaps pins again, unpins. True when it was pinned. */
bool visit(uint64_t handle, bool twice)
{
    const auto *object = static_cast<Tracked *>(icn_handle_pin(handle, ICN_HANDLE_SESSION));
    if (object == nullptr) {
        return false;
    }
    if (twice) {
        icn_handle_pin_again(handle);
        icn_handle_unpin(handle);
    }
    EXPECT_EQ(handle, object->handle);
    EXPECT_EQ(~handle, object->seal);
    EXPECT_TRUE(icn_handle_is_known(handle));
    icn_handle_unpin(handle);
    return true;
}

std::vector<std::mt19937_64> engines(uint32_t count)
{
    Random random;
    std::vector<std::mt19937_64> made;
    for (uint32_t i = 0; i < count; i++) {
        made.emplace_back(random.any());
    }
    return made;
}

struct Counted {
    std::atomic<uint32_t> finalized{0};
};

void finalize_counted(void *memory)
{
    static_cast<Counted *>(memory)->finalized++;
}

} // namespace

TEST(HandleRace, PinnedObjectIsNeverFinalizedAndStaleHandlesNeverPin)
{
    std::array<std::atomic<uint64_t>, 8> current;
    std::atomic<uint64_t> created_count{current.size()};
    auto engine = engines(thread_count);
    finalized_count = 0;
    std::generate(current.begin(), current.end(), make_tracked);
    run_together(thread_count, [&](uint32_t thread) {
        uint64_t stale = 0;
        for (uint32_t i = 0; i < scaled(200000); i++) {
            const uint64_t choice = engine[thread]();
            std::atomic<uint64_t> &place = current[choice % current.size()];
            if (choice >> 32 & 1) {
                visit(place, choice >> 33 & 1);
            } else if (choice >> 34 & 1) {
                EXPECT_FALSE(visit(stale, false));
            } else {
                created_count++;
                stale = place.exchange(make_tracked());
                icn_handle_retire(stale);
            }
        }
    });
    for (std::atomic<uint64_t> &place : current) {
        icn_handle_retire(place);
    }
    EXPECT_EQ(created_count, finalized_count);
}

TEST(HandleRace, LastUnpinsAndRetireFinalizeExactlyOnce)
{
    const uint32_t count = scaled(50000);
    std::vector<Counted> objects(count);
    std::vector<uint64_t> handles(count);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT_EQ(IOCPNET_OK, icn_handle_create(ICN_HANDLE_LISTENER, &objects[i], finalize_counted, &handles[i]));
        for (uint32_t pin = 2; pin < thread_count; pin++) {
            icn_handle_pin(handles[i], ICN_HANDLE_LISTENER);
        }
    }
    run_together(thread_count, [&](uint32_t thread) {
        for (const uint64_t handle : handles) {
            thread == 0 ? icn_handle_retire(handle) : icn_handle_unpin(handle);
        }
    });
    for (uint32_t i = 0; i < count; i++) {
        EXPECT_EQ(1u, objects[i].finalized) << i;
        EXPECT_FALSE(icn_handle_is_known(handles[i])) << i;
    }
}

TEST(HandleRace, TableGrowsUnderManyThreadsWithoutGivingASlotTwice)
{
    std::mutex mutex;
    std::set<uint64_t> indices;
    std::vector<uint64_t> all;
    const uint32_t count = scaled(20000);
    finalized_count = 0;
    run_together(thread_count, [&](uint32_t) {
        std::vector<uint64_t> own(count);
        std::generate(own.begin(), own.end(), make_tracked);
        const std::lock_guard<std::mutex> lock(mutex);
        all.insert(all.end(), own.begin(), own.end());
        for (const uint64_t handle : own) {
            EXPECT_TRUE(indices.insert(handle & 0xFFFFFF).second);
        }
    });
    run_together(thread_count, [&](uint32_t thread) {
        for (size_t i = thread; i < all.size(); i += thread_count) {
            EXPECT_TRUE(visit(all[i], true));
            icn_handle_retire(all[i]);
        }
    });
    EXPECT_EQ(all.size(), finalized_count);
}

} // namespace unit_test
