/* What a session tells of itself: how old it is, its groups, and whether it waits for room. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class SessionStatistics : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(SessionStatistics);

TEST_P(SessionStatistics, AgeBeginsWithTheConnectionAndGrows)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_TRUE(wait_until([&] { return session_details(session).age_ms >= 48; }));
    const uint64_t age_ms = session_details(session).age_ms;
    const auto passed = std::chrono::steady_clock::now() - begun;
    const auto passed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
    EXPECT_LE(age_ms, static_cast<uint64_t>(passed_ms) + 1000);
    EXPECT_GE(passed_ms, 16);
}

TEST_P(SessionStatistics, GroupsAreCounted)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(0u, session_details(session).group_count);
    iocpnet_group groups[2] = {};
    for (iocpnet_group &group : groups) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_create(host.service(), &group));
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, session));
    }
    EXPECT_EQ(2u, session_details(session).group_count);
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_destroy(groups[0]));
    EXPECT_EQ(1u, session_details(session).group_count);
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_destroy(groups[1]));
}

TEST_P(SessionStatistics, ARefusedSessionIsOwedWritableUntilItComes)
{
    Host host(GetParam(), [](iocpnet_service_options &options) {
        options.send_queue_bytes_max = 65536;
        options.send_queue_bytes_low = 1024;
    });
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(0u, session_details(session).writable_owed);
    const std::string accepted = host.fill_to_the_brim(session, 5000);
    EXPECT_EQ(1u, session_details(session).writable_owed);
    EXPECT_TRUE(accepted == peer.receive(accepted.size()));
    EXPECT_TRUE(wait_until([&] { return session_details(session).writable_owed == 0; }));
}

TEST_P(SessionStatistics, WhoWaitsForTheBudgetIsOwedWritable)
{
    Host host(GetParam(), [](iocpnet_service_options &options) {
        options.memory_budget_bytes = 256 * 1024;
        options.send_queue_bytes_max = 65536;
        options.send_queue_bytes_low = 32768;
    });
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < 8; i++) {
        peers.push_back(Socket::connect(address, 8192));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    iocpnet_group group = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_create(host.service(), &group));
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, host.recorder().nth(0)));
    EXPECT_EQ(0u, session_details(host.recorder().nth(0)).writable_owed);
    EXPECT_EQ(0u, session_details(host.recorder().nth(7)).writable_owed);
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_destroy(group));
    for (uint32_t i = 0; i < 8; i++) {
        host.fill_to_the_brim(host.recorder().nth(i), 5000);
    }
    const std::string piece(40000, 'x');
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, host.send(host.recorder().nth(7), piece));
    EXPECT_EQ(1u, session_details(host.recorder().nth(7)).writable_owed);
}

} // namespace
