/* Headers that promise too much, or less than nothing: closed for that, before a byte is allocated. */
#include "support/abuse_scene.hpp"

using namespace abuse_test;

namespace
{

/* A size of its own for what a port receives into, so that this is told from what is allocated for a message. */
constexpr uint32_t receive_bytes = 60000;

class LengthBombs : public Abuse
{
protected:
    void SetUp() override
    {
        Abuse::SetUp();
        Memory::ignore(receive_bytes);
    }

    static void adjust(iocpnet_service_options &options) { options.receive_buffer_bytes = receive_bytes; }
};
API_TEST_ON_EVERY_PORT(LengthBombs);

std::string header(uint32_t length)
{
    std::string bytes;
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        bytes += static_cast<char>(length >> shift & 255);
    }
    return bytes;
}

/* All are accepted. */
std::vector<Socket> connect_all(Host &host, const std::string &address, uint32_t count)
{
    std::vector<Socket> peers;
    const uint64_t before = host.recorder().copy().connected();
    for (uint32_t i = 0; i < count; i++) {
        peers.push_back(Socket::connect(address));
        EXPECT_TRUE(peers.back().is_open());
    }
    EXPECT_TRUE(host.wait_connected(before + count));
    return peers;
}

TEST_P(LengthBombs, InThousandsTheyAllocateNothing)
{
    const uint32_t count = scaled(800);
    Warnings warnings;
    Host host(callbacks(), adjust);
    host.echo();
    const iocpnet_framing plain = length_framing(0);
    const iocpnet_framing counts_header = length_framing(-4);
    iocpnet_listener_options options = listener_options();
    options.framing = &plain;
    const std::string address = host.listen(&options);
    options.framing = &counts_header;
    const std::string adjusted = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    std::vector<Socket> too_long = connect_all(host, address, 3 * count);
    std::vector<Socket> negative = connect_all(host, adjusted, count);
    good.expect_served();
    const uint64_t before = Memory::allocations();
    const uint64_t live = Memory::live();
    const uint32_t lengths[] = {0xFFFFFFFFu, 0x80000000u, 65537};
    for (uint32_t i = 0; i < 3 * count; i++) {
        ASSERT_TRUE(too_long[i].send(header(lengths[i % 3])));
    }
    for (uint32_t i = 0; i < count; i++) {
        ASSERT_TRUE(negative[i].send(header(i % 4)));
    }
    ASSERT_TRUE(host.wait_disconnected(4 * count));
    EXPECT_EQ(0u, Memory::allocations() - before);
    EXPECT_LE(Memory::live(), live);
    EXPECT_EQ(3 * count, host.stats().disconnects_by_reason[IOCPNET_CLOSE_FRAME_TOO_LONG]);
    EXPECT_EQ(count, host.stats().disconnects_by_reason[IOCPNET_CLOSE_MALFORMED]);
    EXPECT_EQ(4 * count, host.stats().disconnects);
    warnings.expect_few("was cut off");
    good.expect_served();
}

/* The longest that is allowed, promised and not sent: memory only for what came. */
TEST_P(LengthBombs, PromisesThatAreAllowedTakeMemoryForWhatCame)
{
    const uint32_t count = scaled(2000);
    Host host(callbacks(), adjust);
    host.echo();
    const iocpnet_framing framing = length_framing(0);
    iocpnet_listener_options options = listener_options();
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    std::vector<Socket> peers = connect_all(host, address, count);
    good.expect_served();
    const uint64_t received = host.stats().bytes_received;
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    const uint64_t echoes = good.echoes();
    for (Socket &peer : peers) {
        ASSERT_TRUE(peer.send(header(65532) + "begun"));
    }
    ASSERT_TRUE(wait_until([&] { return host.stats().bytes_received >= received + 9 * static_cast<uint64_t>(count); }));
    wait_until([&] { return good.echoes() >= echoes + 10; });
    EXPECT_LE(Memory::peak() - before, count * UINT64_C(256));
    EXPECT_EQ(0u, host.stats().disconnects);
    good.expect_served();
}

} // namespace
