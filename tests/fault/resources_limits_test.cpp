/* The table of handles is full: what needs one is refused and counted, what has one goes on, and a free one is used. */
#include <vector>

#include "fault/echo_host.hpp"

extern "C" {
#include "util/handle.h"
}

using namespace api_test;

namespace
{

void ignore_end(void *)
{
}

/* While it lives no handle is left. Sessions of its own fill the table, which does not grow. */
class FullTable
{
public:
    FullTable()
    {
        icn_handle_limit_growth(true);
        fill();
    }
    FullTable(const FullTable &) = delete;
    FullTable &operator=(const FullTable &) = delete;
    ~FullTable()
    {
        icn_handle_limit_growth(false);
        while (!handles_.empty()) {
            free_one();
        }
    }

    void fill()
    {
        constexpr auto of_test = static_cast<icn_handle_kind>(ICN_HANDLE_KINDS_MAX - 1);
        uint64_t handle = 0;
        while (icn_handle_create(of_test, &object_, ignore_end, &handle) == IOCPNET_OK) {
            icn_handle_unpin(handle);
            handles_.push_back(handle);
        }
    }
    void free_one()
    {
        icn_handle_retire(handles_.back());
        handles_.pop_back();
    }

private:
    int object_ = 0;
    std::vector<uint64_t> handles_;
};

class FullHandleTable : public fault_test::EchoHostTest
{
protected:
    void SetUp() override
    {
        EchoHostTest::SetUp();
        if (!IsSkipped()) {
            ASSERT_EQ(IOCPNET_OK, host->start());
            first = Socket::connect(address);
            ASSERT_TRUE(echoes(first));
            table = std::make_unique<FullTable>();
        }
    }
    void TearDown() override
    {
        table.reset();
        EchoHostTest::TearDown();
    }

    Socket first;
    std::unique_ptr<FullTable> table;
};
API_TEST_ON_EVERY_PORT(FullHandleTable);

TEST_P(FullHandleTable, RefusesAndCountsClientsUntilAHandleIsFree)
{
    for (uint64_t n = 1; n <= 3; n++) {
        Socket refused = Socket::connect(address);
        EXPECT_EQ("", refused.receive_all());
        EXPECT_TRUE(wait_until([&] { return host->stats().accepts_refused == n; }));
    }
    EXPECT_TRUE(echoes(first));
    table->free_one();
    Socket served = Socket::connect(address);
    EXPECT_TRUE(echoes(served));
}

TEST_P(FullHandleTable, RefusesConnectsUntilAHandleIsFree)
{
    iocpnet_session session = 7;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_session_connect(host->service(), address.c_str(), nullptr, &session));
    EXPECT_EQ(7u, session);
    table->free_one();
    table->free_one(); /* for the other end */
    host->connect(address);
    EXPECT_TRUE(host->wait_connected(3));
}

TEST_P(FullHandleTable, RefusesListenersUntilAHandleIsFree)
{
    iocpnet_listener listener = 7;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_listener_open(host->service(), "127.0.0.1:0", nullptr, &listener));
    EXPECT_EQ(7u, listener);
    table->free_one();
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(host->service(), "127.0.0.1:0", nullptr, &listener));
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(listener));
}

TEST_P(FullHandleTable, RefusesServicesUntilAHandleIsFree)
{
    const iocpnet_live_objects before = live_objects();
    iocpnet_service service = 7;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_service_create(nullptr, &service));
    EXPECT_EQ(7u, service);
    EXPECT_EQ(before.services, live_objects().services);
    EXPECT_EQ(before.descriptors, live_objects().descriptors);
    EXPECT_EQ(before.allocations, live_objects().allocations);
    table->free_one();
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_create(nullptr, &service));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
}

} // namespace
