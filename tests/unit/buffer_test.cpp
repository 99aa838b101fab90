#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "iocpnet.h"
#include "net/buffer.h"
#include "util/handle.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

void ignore_object(void *)
{
}

/* A buffer that the test has pinned: also looked at when its last holder has gone. */
class SharedBuffer : public ::testing::Test
{
protected:
    void SetUp() override
    {
        ASSERT_EQ(icn_buffer_create("bytes", 5, &handle), IOCPNET_OK);
        buffer = static_cast<icn_buffer *>(icn_handle_pin(handle, ICN_HANDLE_BUFFER));
        ASSERT_NE(buffer, nullptr);
    }

    void TearDown() override
    {
        (void)icn_buffer_release(buffer);
        icn_handle_unpin(handle);
        EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 0U);
    }

    uint64_t handle = 0;
    icn_buffer *buffer = nullptr;
};

TEST_F(SharedBuffer, ThatItsLastHolderReleasedHasNoOther)
{
    ASSERT_EQ(icn_buffer_release(buffer), IOCPNET_OK);
    EXPECT_EQ(icn_buffer_retain(buffer), IOCPNET_E_INVALID_HANDLE);
    EXPECT_EQ(icn_buffer_release(buffer), IOCPNET_E_INVALID_HANDLE);
}

TEST_F(SharedBuffer, HasNoMoreHoldersThanItCanCount)
{
    icn_u32_store(&buffer->holders, UINT32_MAX);
    EXPECT_EQ(icn_buffer_retain(buffer), IOCPNET_E_LIMIT_REACHED);
    EXPECT_EQ(icn_u32_load(&buffer->holders), UINT32_MAX);
    icn_u32_store(&buffer->holders, 1);
}

TEST_F(SharedBuffer, IsNotMadeWithoutMemory)
{
    uint64_t other = 0;
    icn_memory_fail(1, 1);
    EXPECT_EQ(icn_buffer_create("other", 5, &other), IOCPNET_E_NO_MEMORY);
    icn_memory_fail(0, 0);
    EXPECT_EQ(other, 0U);
}

TEST_F(SharedBuffer, IsFreedWhenThereIsNoHandleForIt)
{
    std::vector<uint64_t> taken;
    uint64_t other = 0;
    (void)icn_handle_limit_growth(true);
    while (icn_handle_create(ICN_HANDLE_SERVICE, nullptr, ignore_object, &other) == IOCPNET_OK) {
        taken.push_back(other);
    }
    EXPECT_NE(icn_buffer_create("other", 5, &other), IOCPNET_OK);
    (void)icn_handle_limit_growth(false);
    for (const uint64_t each : taken) {
        icn_handle_retire(each);
        icn_handle_unpin(each);
    }
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_SEND_BUFFER), 1U);
}

} // namespace

} // namespace unit_test
