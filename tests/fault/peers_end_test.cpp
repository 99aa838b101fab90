/* How a peer's stream is cut into pieces, and how it ends, makes no difference to the bytes. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class PeerStream : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(PeerStream);

TEST_P(PeerStream, OneByteFragmentsAndAThousandCoalescedMessagesAreTheSameBytes)
{
    Random random;
    std::string bytes;
    for (uint32_t i = 0; i < scaled(1000); i++) {
        bytes += random.bytes(1 + random.below(4));
    }
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers = host.connect_peers(address, 2);
    for (uint64_t i = 0; i < bytes.size(); i++) {
        ASSERT_TRUE(peers[0].send(bytes.substr(i, 1)));
        ASSERT_TRUE(host.wait_received(host.recorder().nth(0), i + 1)); /* so that each is received by itself */
    }
    ASSERT_TRUE(peers[1].send(bytes));
    peers.clear();
    ASSERT_TRUE(host.wait_disconnected(2));
    EXPECT_TRUE(bytes == host.recorder().session(host.recorder().nth(0)).received);
    EXPECT_TRUE(bytes == host.recorder().session(host.recorder().nth(1)).received);
}

TEST_P(PeerStream, EverythingBeforeItsEndIsDeliveredThoughTheHostHeldItBack)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.receive_buffer_bytes = 4096; });
    host.on(IOCPNET_EVENT_CONNECTED,
            [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(event.session)); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const std::string bytes = Random().bytes(50000); /* fits into the system's own buffer */
    ASSERT_TRUE(peer.send(bytes));
    peer.close();
    EXPECT_EQ(0u, host.recorder().copy().disconnected());
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(host.recorder().nth(0)));
    ASSERT_TRUE(host.wait_disconnected(1));
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_TRUE(bytes == record.received);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), record.last.fields.close_reason);
}

TEST_P(PeerStream, BothEndsThatCloseAtOnceGetEachOthersBytesAndOneEnd)
{
    const std::string bytes(100000, 'x');
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t round = 0; round < scaled(20); round++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(round + 1));
        const iocpnet_session session = host.recorder().nth(round);
        ASSERT_TRUE(peer.send("last words"));
        ASSERT_TRUE(host.wait_received(session, 10));
        uint64_t accepted = 0;
        run_on_threads(2, [&](uint32_t who) {
            if (who == 0) {
                peer.shutdown_send();
            } else if (host.send(session, bytes) == IOCPNET_OK) {
                accepted = bytes.size();
                iocpnet_session_disconnect(session, nullptr);
            }
        });
        const uint64_t got = peer.receive_all().size();
        EXPECT_EQ(Socket::End::closed, peer.end());
        ASSERT_TRUE(host.wait_disconnected(round + 1));
        const iocpnet_event end = host.recorder().session(session).last.fields;
        /* A send that comes after the peer's end was seen is all unsent. */
        EXPECT_TRUE(end.bytes_unsent == 0 || got == 0) << got;
        EXPECT_EQ(accepted, got + end.bytes_unsent);
        EXPECT_TRUE(end.close_reason == IOCPNET_CLOSE_REQUESTED || end.close_reason == IOCPNET_CLOSE_PEER_CLOSED);
    }
}

TEST_P(PeerStream, BothEndsThatResetAtOnceGiveOneEnd)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint32_t rounds = scaled(40);
    for (uint32_t round = 0; round < rounds; round++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(round + 1));
        const iocpnet_session session = host.recorder().nth(round);
        run_on_threads(2, [&](uint32_t who) {
            who == 0 ? peer.reset() : static_cast<void>(disconnect(session, IOCPNET_DISCONNECT_ABORT));
        });
    }
    ASSERT_TRUE(host.wait_disconnected(rounds));
    host.stop(0);
    EXPECT_EQ(rounds, host.recorder().copy().disconnected());
}

} // namespace
