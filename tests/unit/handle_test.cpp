#include <algorithm>
#include <functional>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/handle.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

struct Object {
    int finalized = 0;
    std::function<void()> at_end;
};

void finalize(void *memory)
{
    auto *object = static_cast<Object *>(memory);
    if (object->at_end) {
        object->at_end();
    }
    object->finalized++;
}

uint64_t make(Object &object, icn_handle_kind kind = ICN_HANDLE_SESSION)
{
    uint64_t handle = 0;
    EXPECT_EQ(IOCPNET_OK, icn_handle_create(kind, &object, finalize, &handle));
    icn_handle_unpin(handle);
    return handle;
}

uint32_t index_of(uint64_t handle)
{
    return static_cast<uint32_t>(handle & 0xFFFFFF);
}

uint32_t generation_of(uint64_t handle)
{
    return static_cast<uint32_t>(handle >> 24);
}

/* No growth while it lives: with all slots taken the next creation has to grow. */
class FullTable
{
public:
    FullTable()
    {
        icn_handle_retire(make(object_)); /* the first one makes a chunk */
        icn_handle_limit_growth(true);
        uint64_t handle = 0;
        while (icn_handle_create(ICN_HANDLE_SESSION, &object_, finalize, &handle) == IOCPNET_OK) {
            icn_handle_unpin(handle);
            handles_.push_back(handle);
        }
    }

    ~FullTable()
    {
        icn_handle_limit_growth(false);
        for (const uint64_t handle : handles_) {
            icn_handle_retire(handle);
        }
    }

    FullTable(const FullTable &) = delete;
    FullTable &operator=(const FullTable &) = delete;

    /* Returns the index of the slot. */
    uint32_t free_one()
    {
        const uint64_t handle = handles_.back();
        handles_.pop_back();
        icn_handle_retire(handle);
        return index_of(handle);
    }

    void adopt(uint64_t handle) { handles_.push_back(handle); }

private:
    Object object_;
    std::vector<uint64_t> handles_;
};

} // namespace

TEST(Handle, SlotTakesSixteenBytes)
{
    Object object;
    icn_handle_retire(make(object)); /* there is a table */
    const uint32_t slots = icn_handle_limit_growth(false);
    EXPECT_EQ(icn_memory_bytes(ICN_MEMORY_HANDLES), slots * UINT64_C(16));
}

TEST(Handle, PinGivesItsOwnObject)
{
    Object first;
    Object second;
    const uint64_t a = make(first);
    const uint64_t b = make(second);
    EXPECT_EQ(&first, icn_handle_pin(a, ICN_HANDLE_SESSION));
    EXPECT_EQ(&second, icn_handle_pin(b, ICN_HANDLE_SESSION));
    icn_handle_unpin(a);
    icn_handle_unpin(b);
    icn_handle_retire(a);
    icn_handle_retire(b);
}

TEST(Handle, WhoeverGuessesANewOneDoesNotFinalizeWhatItsMakerStillUses)
{
    Object object;
    uint64_t handle = 0;
    ASSERT_EQ(IOCPNET_OK, icn_handle_create(ICN_HANDLE_SESSION, &object, finalize, &handle));
    EXPECT_EQ(&object, icn_handle_pin(handle, ICN_HANDLE_SESSION));
    icn_handle_retire(handle);
    icn_handle_unpin(handle);
    EXPECT_EQ(0, object.finalized);
    EXPECT_TRUE(icn_handle_is_known(handle));
    icn_handle_unpin(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, HoldsKindGenerationAndIndex)
{
    Object object;
    const uint64_t handle = make(object, ICN_HANDLE_LISTENER);
    EXPECT_EQ(uint64_t{ICN_HANDLE_LISTENER}, handle >> 56);
    EXPECT_NE(0u, generation_of(handle));
    EXPECT_NE(0u, index_of(handle));
    icn_handle_retire(handle);
}

TEST(Handle, IsNotPinnedAsAnotherKind)
{
    Object object;
    const uint64_t handle = make(object, ICN_HANDLE_LISTENER);
    EXPECT_EQ(nullptr, icn_handle_pin(handle, ICN_HANDLE_SESSION));
    EXPECT_EQ(nullptr, icn_handle_pin(handle, ICN_HANDLE_SERVICE));
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, ZeroIsNeverValid)
{
    for (const icn_handle_kind kind : {ICN_HANDLE_SERVICE, ICN_HANDLE_LISTENER, ICN_HANDLE_SESSION}) {
        EXPECT_EQ(nullptr, icn_handle_pin(0, kind));
    }
    EXPECT_FALSE(icn_handle_is_known(0));
}

TEST(Handle, RetiredWithoutPinsIsFinalizedAtOnce)
{
    Object object;
    const uint64_t handle = make(object);
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
    EXPECT_EQ(nullptr, icn_handle_pin(handle, ICN_HANDLE_SESSION));
    EXPECT_FALSE(icn_handle_is_known(handle));
}

TEST(Handle, RetiredIsFinalizedByItsLastUnpin)
{
    Object object;
    const uint64_t handle = make(object);
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_pin_again(handle);
    icn_handle_retire(handle);
    icn_handle_unpin(handle);
    EXPECT_EQ(0, object.finalized);
    icn_handle_unpin(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, RetiredIsNotPinnedWhileOthersHoldIt)
{
    Object object;
    const uint64_t handle = make(object);
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_retire(handle);
    EXPECT_EQ(nullptr, icn_handle_pin(handle, ICN_HANDLE_SESSION));
    EXPECT_EQ(0, object.finalized);
    icn_handle_unpin(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, UnpinOfALiveOneDoesNotFinalize)
{
    Object object;
    const uint64_t handle = make(object);
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_unpin(handle);
    EXPECT_EQ(0, object.finalized);
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, PinAgainWorksOnARetiredOneThatIsPinned)
{
    Object object;
    const uint64_t handle = make(object);
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_retire(handle);
    icn_handle_pin_again(handle);
    icn_handle_unpin(handle);
    EXPECT_EQ(0, object.finalized);
    icn_handle_unpin(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, IsKnownUntilFinalizeHasReturned)
{
    Object object;
    const uint64_t handle = make(object);
    bool known_inside = false;
    object.at_end = [&] { known_inside = icn_handle_is_known(handle); };
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_retire(handle);
    EXPECT_TRUE(icn_handle_is_known(handle));
    icn_handle_unpin(handle);
    EXPECT_TRUE(known_inside);
    EXPECT_FALSE(icn_handle_is_known(handle));
}

TEST(Handle, SlotIsNotUsedAgainBeforeFinalizeHasReturned)
{
    Object object;
    Object made_inside;
    uint64_t inner = 0;
    const uint64_t handle = make(object);
    object.at_end = [&] { inner = make(made_inside); };
    icn_handle_retire(handle);
    EXPECT_NE(index_of(handle), index_of(inner));
    icn_handle_retire(inner);
}

TEST(Handle, StaleOneStaysInvalidWhenItsSlotIsUsedAgain)
{
    Object old_object;
    Object new_object;
    const uint64_t stale = make(old_object);
    icn_handle_retire(stale);
    uint64_t current = make(new_object);
    while (index_of(current) != index_of(stale)) {
        icn_handle_retire(current);
        current = make(new_object);
    }
    EXPECT_EQ(generation_of(stale) + 1, generation_of(current));
    EXPECT_EQ(nullptr, icn_handle_pin(stale, ICN_HANDLE_SESSION));
    EXPECT_FALSE(icn_handle_is_known(stale));
    EXPECT_EQ(&new_object, icn_handle_pin(current, ICN_HANDLE_SESSION));
    icn_handle_unpin(current);
    icn_handle_retire(current);
}

TEST(Handle, SlotsAreUsedAgainFirstInFirstOut)
{
    Object object; /* lives longer than the table, which ends its handles */
    FullTable table;
    const uint32_t freed[] = {table.free_one(), table.free_one(), table.free_one()};
    for (const uint32_t index : freed) {
        const uint64_t handle = make(object);
        EXPECT_EQ(index, index_of(handle));
        table.adopt(handle);
    }
}

TEST(Handle, AnyForgedValueIsRefused)
{
    Object object;
    Random random;
    const uint64_t handle = make(object);
    for (uint32_t i = 0; i < scaled(400000); i++) {
        uint64_t forged = random.any() >> random.below(64);
        if (i % 2 == 0) {
            forged = handle ^ uint64_t { 1 } << random.below(64) ^ (i % 4 == 0 ? uint64_t{1} << random.below(64) : 0);
        }
        if (forged != handle) {
            EXPECT_FALSE(icn_handle_is_known(forged)) << std::hex << forged;
            for (const icn_handle_kind kind : {ICN_HANDLE_SERVICE, ICN_HANDLE_LISTENER, ICN_HANDLE_SESSION}) {
                EXPECT_EQ(nullptr, icn_handle_pin(forged, kind)) << std::hex << forged;
            }
        }
    }
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, EveryBitFlipOfALiveOrStaleOneIsRefused)
{
    Object object;
    const uint64_t handle = make(object);
    const auto all_flips_are_refused = [&] {
        for (int bit = 0; bit < 64; bit++) {
            const uint64_t flipped = handle ^ uint64_t { 1 } << bit;
            EXPECT_EQ(nullptr, icn_handle_pin(flipped, ICN_HANDLE_SESSION)) << bit;
            EXPECT_FALSE(icn_handle_is_known(flipped)) << bit;
        }
    };
    all_flips_are_refused();
    icn_handle_retire(handle);
    all_flips_are_refused();
}

TEST(Handle, FreeSlotIsKnownUnderNoKind)
{
    Object object;
    const uint64_t handle = make(object);
    const uint64_t aged = icn_handle_age(make(object));
    icn_handle_retire(handle);
    icn_handle_retire(aged);
    for (uint64_t kind = 0; kind < 256; kind++) {
        for (const uint32_t generation : {0u, 1u, generation_of(handle), generation_of(handle) + 1, UINT32_MAX}) {
            const uint64_t forged = kind << 56 | uint64_t{generation} << 24;
            EXPECT_FALSE(icn_handle_is_known(forged | index_of(handle))) << kind << " " << generation;
            EXPECT_FALSE(icn_handle_is_known(forged | index_of(aged))) << kind << " " << generation;
        }
    }
}

TEST(Handle, LastGenerationGivesTheSlotUp)
{
    Object object;
    const uint64_t handle = icn_handle_age(make(object));
    const uint32_t slots = icn_handle_limit_growth(false);
    EXPECT_EQ(UINT32_MAX, generation_of(handle));
    EXPECT_EQ(&object, icn_handle_pin(handle, ICN_HANDLE_SESSION));
    icn_handle_unpin(handle);
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
    EXPECT_FALSE(icn_handle_is_known(handle));
    for (uint32_t i = 0; i < slots; i++) {
        const uint64_t other = make(object);
        EXPECT_NE(index_of(handle), index_of(other));
        icn_handle_retire(other);
    }
    EXPECT_EQ(nullptr, icn_handle_pin(handle, ICN_HANDLE_SESSION));
}

TEST(Handle, FullTableReachesTheLimitAndRecovers)
{
    FullTable table;
    Object object;
    uint64_t handle = 7;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, icn_handle_create(ICN_HANDLE_SESSION, &object, finalize, &handle));
    EXPECT_EQ(7u, handle);
    table.free_one();
    handle = make(object);
    icn_handle_retire(handle);
}

TEST(Handle, GrowingWithoutMemoryFailsAndRecovers)
{
    FullTable table;
    Object object;
    uint64_t handle = 7;
    icn_handle_limit_growth(false);
    icn_memory_fail(1, 0);
    EXPECT_EQ(IOCPNET_E_NO_MEMORY, icn_handle_create(ICN_HANDLE_SESSION, &object, finalize, &handle));
    icn_memory_fail(0, 0);
    EXPECT_EQ(7u, handle);
    EXPECT_EQ(0, object.finalized);
    handle = make(object);
    icn_handle_retire(handle);
}

TEST(Handle, GrowthIsOneBlockPerChunkAndKept)
{
    FullTable table;
    Object object;
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_HANDLES);
    icn_handle_limit_growth(false);
    icn_handle_retire(make(object));
    EXPECT_EQ(blocks + 1, icn_memory_blocks(ICN_MEMORY_HANDLES));
    icn_handle_retire(make(object));
    EXPECT_EQ(blocks + 1, icn_memory_blocks(ICN_MEMORY_HANDLES));
}

TEST(Handle, ThreadsThatFindTheTableFullAtOnceAddOneChunk)
{
    FullTable table;
    Object object;
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_HANDLES);
    std::vector<uint64_t> handles(8);
    icn_handle_limit_growth(false);
    run_together(8, [&](uint32_t thread) { handles[thread] = make(object); });
    EXPECT_EQ(blocks + 1, icn_memory_blocks(ICN_MEMORY_HANDLES));
    std::for_each(handles.begin(), handles.end(), icn_handle_retire);
}

TEST(Handle, RetiringTwiceFiresACheckAndDoesNothing)
{
    CheckRecorder checks;
    Object object;
    const uint64_t handle = make(object);
    icn_handle_pin(handle, ICN_HANDLE_SESSION);
    icn_handle_retire(handle);
    icn_handle_retire(handle);
    EXPECT_EQ("live", checks.take());
    icn_handle_unpin(handle);
    icn_handle_retire(handle);
    EXPECT_EQ("live", checks.take());
    EXPECT_EQ(1, object.finalized);
}

TEST(Handle, UnpinWithoutPinFiresACheck)
{
    CheckRecorder checks;
    Object object;
    const uint64_t handle = make(object);
    icn_handle_unpin(handle);
    EXPECT_EQ("(before & PINS_MASK) != 0", checks.take());
    icn_handle_pin_again(handle); /* takes back what the wrong unpin did */
    EXPECT_NE("", checks.take());
    icn_handle_retire(handle);
    EXPECT_EQ(1, object.finalized);
}

} // namespace unit_test
