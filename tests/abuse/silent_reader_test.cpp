/* Peers that never read, while the host sends to them all the time. */
#include <algorithm>

#include "support/abuse_scene.hpp"

using namespace abuse_test;

namespace
{

constexpr uint64_t limit = 256 * 1024;

class SilentReaders : public Abuse
{
};
API_TEST_ON_EVERY_PORT(SilentReaders);

void limited(iocpnet_service_options &options)
{
    options.send_queue_bytes_max = limit;
    options.send_queue_bytes_low = limit / 2;
}

/* So that the system takes little, of each the same. */
iocpnet_listener_options small_buffers()
{
    iocpnet_listener_options options = listener_options();
    options.socket.send_buffer_bytes = 16384;
    return options;
}

/* The silent ones, behind those who mean well. */
std::vector<iocpnet_session> connect_silent(Host &host, const std::string &address, std::vector<Socket> &peers,
                                            uint32_t count)
{
    std::vector<iocpnet_session> sessions;
    const size_t before = host.recorder().session_count();
    for (uint32_t i = 0; i < count; i++) {
        peers.push_back(Socket::connect(address, 8192));
        EXPECT_TRUE(peers.back().is_open());
    }
    EXPECT_TRUE(host.wait_connected(before + count));
    const Records records = host.recorder().copy();
    sessions.assign(records.order.begin() + static_cast<std::ptrdiff_t>(before), records.order.end());
    return sessions;
}

/* One piece to each as long as any takes one. */
void send_to_all(Host &host, const std::vector<iocpnet_session> &sessions)
{
    const std::string piece(8192, 's');
    for (uint32_t idle_rounds = 0; idle_rounds < 3;) {
        bool accepted = false;
        for (const iocpnet_session session : sessions) {
            const int32_t status = host.send(session, piece);
            ASSERT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_WOULD_BLOCK || status == IOCPNET_E_CLOSED ||
                        status == IOCPNET_E_INVALID_HANDLE)
                << iocpnet_status_name(status);
            accepted = accepted || status == IOCPNET_OK;
        }
        idle_rounds = accepted ? 0 : idle_rounds + 1;
    }
}

TEST_P(SilentReaders, AThousandTakeTheirLimitsAndFivePercent)
{
    const uint32_t count = scaled(1000);
    Host host(callbacks(), limited);
    host.echo();
    host.recorder().keep_no_data();
    const iocpnet_listener_options options = small_buffers();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    std::vector<Socket> peers;
    const std::vector<iocpnet_session> sessions = connect_silent(host, address, peers, count);
    Memory::start_peak();
    ASSERT_NO_FATAL_FAILURE(send_to_all(host, sessions));
    const uint64_t most = count * limit;
    std::printf("figures: %u peers that never read, %llu bytes of at most %llu in their queues\n", count,
                static_cast<unsigned long long>(Memory::peak()), static_cast<unsigned long long>(most));
    EXPECT_LE(Memory::peak(), most + most / 20);
    EXPECT_GE(Memory::peak(), most / 2) << "their queues were never full";
    EXPECT_GE(host.stats().sends_refused, count);
    EXPECT_EQ(0u, host.stats().disconnects);
    good.expect_served();
}

TEST_P(SilentReaders, AThousandAreDisconnectedWhereThatIsThePolicy)
{
    const uint32_t count = scaled(1000);
    Warnings warnings;
    Host host(callbacks(), [](iocpnet_service_options &options) {
        limited(options);
        options.send_policy = IOCPNET_SEND_DISCONNECT;
    });
    host.echo();
    host.recorder().keep_no_data();
    const iocpnet_listener_options options = small_buffers();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    std::vector<Socket> peers;
    const uint64_t before = Memory::live();
    const std::vector<iocpnet_session> sessions = connect_silent(host, address, peers, count);
    Memory::start_peak();
    ASSERT_NO_FATAL_FAILURE(send_to_all(host, sessions));
    ASSERT_TRUE(host.wait_disconnected(count));
    const uint64_t most = count * limit;
    EXPECT_LE(Memory::peak(), most + most / 20);
    EXPECT_EQ(count, host.stats().disconnects_by_reason[IOCPNET_CLOSE_SEND_LIMIT]);
    EXPECT_EQ(count, host.stats().disconnects);
    EXPECT_EQ(count, host.stats().sends_refused);
    EXPECT_TRUE(wait_until([&] { return Memory::live() <= before + 1024 * 1024; }));
    warnings.expect_few("send limit");
    good.expect_served();
}

} // namespace
