/* The memory that was handed to send is the caller's again when the call returns. */
#include <memory>

#include "support/api_fixture.hpp"
#include "support/api_memory.hpp"

using namespace api_test;

namespace
{

class SendBuffer : public ModeTest
{
protected:
    /* Sends what `pieces` hold to a peer that does not read, and frees them at once; the peer then gets all. */
    template <typename Send>
    static void send_and_unmap(const Send &send)
    {
        Host host(GetParam());
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address, 8192);
        ASSERT_TRUE(host.wait_connected(1));
        std::string accepted;
        for (char letter = 'a'; letter <= 'z'; letter++) {
            const std::string bytes(100000, letter);
            auto memory = std::make_unique<GuardedMemory>(bytes.size());
            const int32_t status = send(host.recorder().nth(0), memory->copy_at_end(bytes.data(), bytes.size()));
            memory.reset(); /* whoever reads it now dies of it */
            EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_WOULD_BLOCK) << status;
            accepted += status == IOCPNET_OK ? bytes : "";
        }
        EXPECT_TRUE(accepted == peer.receive(accepted.size()));
    }
};
API_TEST_IN_EVERY_MODE(SendBuffer);

TEST_P(SendBuffer, MayBeUnmappedRightAfterSendReturned)
{
    send_and_unmap(
        [](iocpnet_session session, const void *data) { return iocpnet_session_send(session, data, 100000); });
}

TEST_P(SendBuffer, MayBeUnmappedRightAfterSendvReturnedAndSoMayTheListOfPieces)
{
    send_and_unmap([](iocpnet_session session, const void *data) {
        iocpnet_iovec pieces[2] = {};
        pieces[0].data = data;
        pieces[0].size = 60000;
        pieces[1].data = static_cast<const char *>(data) + 60000;
        pieces[1].size = 40000;
        GuardedMemory list(sizeof pieces);
        return iocpnet_session_sendv(session, static_cast<iocpnet_iovec *>(list.copy_at_end(pieces, sizeof pieces)), 2);
    });
}

} // namespace
