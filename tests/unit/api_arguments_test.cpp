/* Arguments at the edges of what the header allows, one rule of the library's checks after another. */
#include <climits>
#include <cstdint>

#include <gtest/gtest.h>

#include "iocpnet.h"

namespace unit_test
{

namespace
{

void *IOCPNET_CALL allocate_nothing(uint64_t, void *)
{
    return nullptr;
}

void IOCPNET_CALL release_nothing(void *, uint64_t, void *)
{
}

/* Of an allocator that is complete but for one change. A service has been made: none is accepted any more. */
template <typename Change>
int32_t set_allocator(const Change &change)
{
    iocpnet_allocator allocator;
    EXPECT_EQ(iocpnet_allocator_init(&allocator, sizeof allocator), IOCPNET_OK);
    allocator.allocate = allocate_nothing;
    allocator.release = release_nothing;
    change(allocator);
    return iocpnet_set_allocator(&allocator);
}

/* A service that the host drives, with a listener, and a session that is about to connect to it. */
class ApiArguments : public ::testing::Test
{
protected:
    void SetUp() override
    {
        iocpnet_service_options_init(&options, sizeof options);
        options.driving = IOCPNET_DRIVING_HOST;
        ASSERT_EQ(iocpnet_service_create(&options, &service), IOCPNET_OK);
        ASSERT_EQ(iocpnet_service_start(service), IOCPNET_OK);
        ASSERT_EQ(iocpnet_listener_open(service, "127.0.0.1:0", nullptr, &listener), IOCPNET_OK);
        char address[64];
        ASSERT_GT(iocpnet_listener_address(listener, address, sizeof address), 0);
        ASSERT_EQ(iocpnet_session_connect(service, address, nullptr, &session), IOCPNET_OK);
    }

    void TearDown() override { EXPECT_EQ(iocpnet_service_destroy(service), IOCPNET_OK); }

    template <typename Change>
    int32_t create(const Change &change)
    {
        iocpnet_service other = 0;
        iocpnet_service_options_init(&options, sizeof options);
        change(options);
        const int32_t status = iocpnet_service_create(&options, &other);
        if (status == IOCPNET_OK) {
            EXPECT_EQ(iocpnet_service_destroy(other), IOCPNET_OK);
        }
        return status;
    }

    template <typename Change>
    int32_t listen(const Change &change)
    {
        iocpnet_listener other = 0;
        iocpnet_listener_options changed;
        iocpnet_listener_options_init(&changed, sizeof changed);
        change(changed);
        return iocpnet_listener_open(service, "127.0.0.1:0", &changed, &other);
    }

    iocpnet_service_options options = {};
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_session session = 0;
};

TEST_F(ApiArguments, AnAllocatorNeedsBothFunctionsAndNothingElse)
{
    const int32_t invalid = IOCPNET_E_INVALID_ARGUMENT;
    EXPECT_EQ(set_allocator([](iocpnet_allocator &each) { each.allocate = nullptr; }), invalid);
    EXPECT_EQ(set_allocator([](iocpnet_allocator &each) { each.release = nullptr; }), invalid);
    EXPECT_EQ(set_allocator([](iocpnet_allocator &each) { each.reserved = 1; }), invalid);
    EXPECT_EQ(set_allocator([](iocpnet_allocator &each) { each.reserved_pointer = &each; }), invalid);
    EXPECT_EQ(set_allocator([](iocpnet_allocator &each) { each.struct_size = 12; }), IOCPNET_E_INVALID_STRUCT_SIZE);
    EXPECT_EQ(set_allocator([](iocpnet_allocator &) {}), IOCPNET_E_INVALID_STATE) << "memory is in use";
}

TEST_F(ApiArguments, AStructIsNeitherTooShortNorTooLongNorOdd)
{
    alignas(8) unsigned char memory[8192];
    auto *target = reinterpret_cast<iocpnet_live_objects *>(memory);
    for (const uint32_t size : {0U, 7U, 12U, 4097U, 4104U, UINT32_MAX}) {
        EXPECT_EQ(iocpnet_count_live_objects(target, size), IOCPNET_E_INVALID_STRUCT_SIZE) << size;
    }
    EXPECT_EQ(iocpnet_count_live_objects(target, 8), IOCPNET_OK);
    EXPECT_EQ(iocpnet_count_live_objects(target, 4096), IOCPNET_OK);
}

TEST_F(ApiArguments, ATextThatGoesNowhereIsOnlyMeasured)
{
    EXPECT_GT(iocpnet_listener_address(listener, nullptr, 0), 0);
    EXPECT_EQ(iocpnet_listener_address(listener, nullptr, 1), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_GT(iocpnet_session_remote_address(session, nullptr, 0), 0);
    EXPECT_EQ(iocpnet_session_remote_address(session, nullptr, 1), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(iocpnet_session_local_address(session, nullptr, 0), IOCPNET_E_INVALID_STATE) << "still connecting";
    EXPECT_EQ(iocpnet_session_local_address(session, nullptr, 1), IOCPNET_E_INVALID_ARGUMENT);
}

TEST_F(ApiArguments, NothingCanBeSentFromNowhere)
{
    EXPECT_EQ(iocpnet_session_send(session, nullptr, 1), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(iocpnet_session_send(session, nullptr, 0), IOCPNET_E_INVALID_STATE) << "still connecting";
}

TEST_F(ApiArguments, AWatermarkIsBelowTheMaximumAndTheDefaultFollowsItDown)
{
    const int32_t followed = create([](iocpnet_service_options &each) { each.send_queue_bytes_max = 100; });
    EXPECT_EQ(followed, IOCPNET_OK);
    const int32_t equal = create([](iocpnet_service_options &each) {
        each.send_queue_bytes_max = 100;
        each.send_queue_bytes_low = 100;
    });
    EXPECT_EQ(equal, IOCPNET_E_INVALID_ARGUMENT);
}

TEST_F(ApiArguments, LimitsOfAServiceAreEnforcedAtBothEnds)
{
    constexpr uint64_t gib = 1024 * 1024 * 1024;
    const int32_t invalid = IOCPNET_E_INVALID_ARGUMENT;
    EXPECT_EQ(create([](auto &each) { each.receive_buffer_bytes = 1023; }), invalid);
    EXPECT_EQ(create([](auto &each) { each.receive_buffer_bytes = 1024 * 1024 + 1; }), invalid);
    EXPECT_EQ(create([](auto &each) { each.send_queue_bytes_max = 0; }), invalid);
    EXPECT_EQ(create([](auto &each) { each.send_queue_bytes_max = gib + 1; }), invalid);
    EXPECT_EQ(create([](auto &each) { each.event_queue_bytes_max = gib + 1; }), invalid);
    EXPECT_EQ(create([](auto &each) { each.event_queue_bytes_max = gib; }), IOCPNET_OK);
}

TEST_F(ApiArguments, WithBatchesOnlyTheLastWordIsACallback)
{
    iocpnet_service other = 0;
    options.delivery = IOCPNET_DELIVERY_BATCHES;
    ASSERT_EQ(iocpnet_service_create(&options, &other), IOCPNET_OK);
    const auto set = [other](uint32_t kind) { return iocpnet_service_set_callback(other, kind, nullptr, nullptr); };
    EXPECT_EQ(set(IOCPNET_EVENT_RECEIVED), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(set(IOCPNET_EVENT_SERVICE_STOPPED), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(set(IOCPNET_EVENT_SERVICE_DESTROYED), IOCPNET_OK);
    EXPECT_EQ(set(0), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(set(IOCPNET_EVENT_KIND_COUNT), IOCPNET_E_INVALID_ARGUMENT);
    EXPECT_EQ(iocpnet_service_destroy(other), IOCPNET_OK);
}

TEST_F(ApiArguments, AWaitMayBeLongerThanTheSystemCounts)
{
#if defined(__linux__)
    options.port = IOCPNET_PORT_EPOLL;
#endif
    for (const uint32_t timeout_ms : {IOCPNET_INFINITE - 1, static_cast<uint32_t>(INT_MAX) + 1, IOCPNET_INFINITE}) {
        iocpnet_service other = 0;
        ASSERT_EQ(iocpnet_service_create(&options, &other), IOCPNET_OK);
        ASSERT_EQ(iocpnet_service_start(other), IOCPNET_OK);
        EXPECT_EQ(iocpnet_service_wake(other, 0), IOCPNET_OK);
        EXPECT_EQ(iocpnet_service_dispatch(other, 0, timeout_ms), 0);
        EXPECT_EQ(iocpnet_service_destroy(other), IOCPNET_OK);
    }
}

TEST_F(ApiArguments, EachFieldOfAListenersOptionsHasItsLimits)
{
    const int32_t invalid = IOCPNET_E_INVALID_ARGUMENT;
    EXPECT_EQ(listen([](auto &each) { each.accept_count = 0; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.accept_count = 1025; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.ipv6_only = 2; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.no_delay = 2; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.backlog = static_cast<uint32_t>(INT_MAX) + 1; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.reserved[0] = 1; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.reserved[1] = 1; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.dispatcher = 1; }), invalid);
    EXPECT_EQ(listen([](auto &each) { each.backlog = static_cast<uint32_t>(INT_MAX); }), IOCPNET_OK);
}

} // namespace

} // namespace unit_test
