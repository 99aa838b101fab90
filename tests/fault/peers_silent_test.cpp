/* Peers that say nothing, or a byte now and then: they cost what they sent. */
#include "support/api_fixture.hpp"
#include "support/fault_usage.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t bytes_a_peer = 4096;

class SilentPeers : public ModeTest
{
protected:
    void SetUp() override
    {
        ASSERT_GE(raise_descriptor_limit(), 4000u);
        ModeTest::SetUp();
    }

    /* What the library holds for each of the peers, since `before`. */
    static uint64_t cost(uint64_t before)
    {
        const uint64_t now = live_objects().allocated_bytes;
        return now < before ? 0 : (now - before) / count();
    }

    static uint32_t count() { return scaled(1000); }
};
API_TEST_IN_EVERY_MODE(SilentPeers);

TEST_P(SilentPeers, CostNoMoreThanFourKilobytesOfUserMemoryEach)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint64_t before = live_objects().allocated_bytes;
    const uint64_t resident = fault_test::resident_bytes();
    std::vector<Socket> peers = host.connect_peers(address, count());
    const uint64_t resident_now = fault_test::resident_bytes();
    std::printf("%u silent peers: %llu bytes of the library each, %llu with those of the test\n", count(),
                static_cast<unsigned long long>(cost(before)),
                static_cast<unsigned long long>((resident_now < resident ? 0 : resident_now - resident) / count()));
    EXPECT_LE(cost(before), bytes_a_peer);
    ASSERT_TRUE(peers.back().send("served"));
    EXPECT_EQ("served", peers.back().receive(6));
}

TEST_P(SilentPeers, ThatSendAByteAtATimeCostNoMore)
{
    /* io_uring's pool of receive buffers, 256 at most, belongs to the dispatcher: here it is small. */
    Host host(GetParam(), [](iocpnet_service_options &o) { o.receive_buffer_bytes = 1024; });
    host.recorder().keep_no_data();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint64_t before = live_objects().allocated_bytes;
    std::vector<Socket> peers = host.connect_peers(address, count());
    for (uint64_t round = 1; round <= 3; round++) {
        for (Socket &peer : peers) {
            ASSERT_TRUE(peer.send("x"));
        }
        ASSERT_TRUE(host.wait([&](const Records &r) { return r.received_bytes() == round * peers.size(); }));
        EXPECT_LE(cost(before), bytes_a_peer);
    }
}

} // namespace
