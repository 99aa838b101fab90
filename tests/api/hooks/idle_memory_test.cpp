/* What a session takes while it is idle, counted: it may not grow unseen. */
#include "support/api_fixture.hpp"

extern "C" {
#include "net/session.h"
#include "util/memory.h"
}

using namespace api_test;

namespace
{

/* Of a connection over IPv4 in a 64-bit Linux process; the fields for the hooks of the tests come on top. */
constexpr uint64_t bytes_max = 232;
constexpr uint64_t hook_bytes = sizeof(icn_session::forgotten) + sizeof(icn_session::drop_forgotten);

class IdleMemory : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(IdleMemory);

TEST_P(IdleMemory, OfASessionThatHasEchoedIsOneSmallBlock)
{
    const uint32_t count = 20;
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers = host.connect_peers(address, count);
    for (Socket &peer : peers) {
        ASSERT_TRUE(peer.send("hello"));
        ASSERT_EQ("hello", peer.receive(5));
    }
    EXPECT_EQ(count, icn_memory_blocks(ICN_MEMORY_SESSION));
    EXPECT_EQ(0u, icn_memory_blocks(ICN_MEMORY_TEXT));
#if defined(__linux__) && defined(__LP64__)
    EXPECT_LE(icn_memory_bytes(ICN_MEMORY_SESSION), count * (bytes_max + hook_bytes));
#else
    (void)bytes_max;
    (void)hook_bytes;
#endif
}

} // namespace
