/*
 * The dictionary of misuse: every exported function with every wrong handle, NULL pointer and extreme value gives an error
 * code, changes nothing and leaves nothing alive. A function that is not in the table fails a test.
 */
#include <fstream>

#include "support/api_fixture.hpp"
#include "support/api_misuse.hpp"
#include "support/api_source.hpp"

using namespace api_test;

namespace
{

class Misuse : public PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (!IsSkipped()) {
            world = std::make_unique<World>(callbacks());
            table = table_of(*world);
            outputs = {77, &outputs, {7, 7, 7}, {7, 7, 7, 7, 7}};
        }
    }

    void TearDown() override
    {
        if (world) {
            world->expect_unharmed();
        }
        EXPECT_EQ(77u, outputs.handle);
        EXPECT_EQ(&outputs, outputs.user);
        EXPECT_EQ(7u, outputs.stopped.bytes_unsent);
        EXPECT_EQ(7u, outputs.broadcast.queued);
        world.reset();
        PortTest::TearDown();
    }

    void expect_invalid(uint64_t handle, const char *what)
    {
        for (const auto &[name, entry] : table) {
            if (entry.with_handle) {
                EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, entry.with_handle(handle))
                    << name << " with " << what << " 0x" << std::hex << handle;
            }
        }
    }

    /* Handles that are valid, but of another kind than the function wants. */
    void expect_invalid_for_others(uint64_t handle, Kind kind)
    {
        for (const auto &[name, entry] : table) {
            if (entry.with_handle && entry.kind != kind) {
                EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, entry.with_handle(handle)) << name;
            }
        }
    }

    std::unique_ptr<World> world;
    Table table;
};
API_TEST_ON_EVERY_PORT(Misuse);

TEST_P(Misuse, EveryExportedFunctionIsInTheTable)
{
    std::ifstream exports(source_path("api/iocpnet.exports"));
    std::string name;
    uint32_t count = 0;
    while (exports >> name) {
        EXPECT_EQ(1u, table.count(name)) << name;
        count++;
    }
    EXPECT_EQ(table.size(), count);
}

TEST_P(Misuse, HandleZeroIsInvalid)
{
    expect_invalid(0, "zero");
}

TEST_P(Misuse, HandleWithAnyBitFlippedIsInvalid)
{
    const std::set<uint64_t> valid = world->handles();
    for (const uint64_t handle : valid) {
        for (uint32_t bit = 0; bit < 64; bit++) {
            const uint64_t flipped = handle ^ (UINT64_C(1) << bit);
            if (valid.count(flipped) == 0) {
                expect_invalid(flipped, "flipped bit");
            }
        }
    }
}

TEST_P(Misuse, HandleOfAnotherKindIsInvalid)
{
    for (const iocpnet_service service : {world->service, world->polled, world->driven, world->fresh}) {
        expect_invalid_for_others(service, Kind::service);
    }
    expect_invalid_for_others(world->listener, Kind::listener);
    expect_invalid_for_others(world->session, Kind::session);
    expect_invalid_for_others(world->buffer, Kind::buffer);
    expect_invalid_for_others(world->group, Kind::group);
}

TEST_P(Misuse, GarbageIsInvalid)
{
    Random random;
    const std::set<uint64_t> valid = world->handles();
    for (uint32_t i = 0; i < scaled(2000); i++) {
        const uint64_t any = random.any();
        /* Near misses too: small numbers, and a valid handle with other bits. */
        for (const uint64_t handle : {any, any & 0xFFFF, world->session ^ (any & 0xFF00FF), ~any | (any << 40)}) {
            if (valid.count(handle) == 0) {
                expect_invalid(handle, "garbage");
            }
        }
    }
    expect_invalid(UINT64_MAX, "all bits");
}

TEST_P(Misuse, StaleHandlesOfSessionsAndListenersAreInvalid)
{
    iocpnet_listener listener = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(world->service, "127.0.0.1:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_close(listener));
    expect_invalid(listener, "stale listener");
    Socket::connect(world->address).close();
    ASSERT_TRUE(world->server.wait_disconnected(1));
    const iocpnet_session session = world->server.recorder().nth(1);
    ASSERT_TRUE(wait_until([] { return live_objects().sessions == 1 && live_objects().listeners == 1; }));
    expect_invalid(session, "stale session");
}

TEST_P(Misuse, StaleHandlesStayInvalidWhenTheirPlacesAreTakenAgain)
{
    std::vector<iocpnet_session> stale;
    for (uint32_t i = 0; i < scaled(100); i++) {
        Socket::connect(world->address).close();
        ASSERT_TRUE(world->server.wait_disconnected(i + 1));
        stale.push_back(world->server.recorder().nth(i + 1));
    }
    ASSERT_TRUE(wait_until([] { return live_objects().sessions == 1; }));
    EXPECT_EQ(stale.size(), std::set<uint64_t>(stale.begin(), stale.end()).size());
    for (const iocpnet_session session : stale) {
        expect_invalid(session, "stale session");
    }
}

TEST_P(Misuse, HandlesOfADestroyedServiceAreInvalid)
{
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_session session = 0;
    {
        Host host(callbacks());
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(1));
        service = host.service();
        listener = host.listener();
        session = host.recorder().nth(0);
    }
    expect_invalid(service, "destroyed service");
    expect_invalid(listener, "listener of a destroyed service");
    expect_invalid(session, "session of a destroyed service");
}

TEST_P(Misuse, NullPointersAndExtremeValuesAreRefused)
{
    for (const auto &[name, entry] : table) {
        for (const Wrong &wrong : entry.wrong) {
            const int32_t status = wrong.call();
            EXPECT_EQ(1u, wrong.expected.count(status))
                << name << ": " << wrong.what << " gave " << iocpnet_status_name(status);
        }
    }
}

} // namespace
