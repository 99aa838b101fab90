/* Disconnect: from many threads, and inside every kind of event. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Disconnect : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Disconnect);

TEST_P(Disconnect, FromEightThreadsAtOnceEndsItOnceWithOneOfTheirCodes)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t round = 0; round < scaled(20); round++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(round + 1));
        const iocpnet_session session = host.recorder().nth(round);
        run_on_threads(8, [=](uint32_t i) {
            const int32_t status = disconnect(session, IOCPNET_DISCONNECT_ABORT, 0, 100 + i, "thread");
            EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_INVALID_HANDLE) << status;
        });
        ASSERT_TRUE(host.wait_disconnected(round + 1));
        const SessionRecord record = host.recorder().session(session);
        EXPECT_EQ(1u, record.count(IOCPNET_EVENT_DISCONNECTED));
        EXPECT_GE(record.last.fields.close_code, 100);
        EXPECT_LT(record.last.fields.close_code, 108);
    }
}

TEST_P(Disconnect, InsideConnectedEndsItWithoutReceiving)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_GRACEFUL, 100));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_EQ("", peer.receive_all());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(Disconnect, InsideReceivedEndsItWithWhatWasSentBefore)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &event) {
        if (iocpnet_session_send(event.session, "bye", 3) == IOCPNET_OK) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_disconnect(event.session, nullptr));
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("hello"));
    EXPECT_EQ("bye", peer.receive_all());
    peer.close();
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(Disconnect, InsideSentEndsItOnce)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_SENT, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_ABORT));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), "x"));
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(Disconnect, InsideWritableEndsItOnce)
{
    Host host(GetParam(), [](iocpnet_service_options &o) {
        o.send_queue_bytes_max = 65536;
        o.send_queue_bytes_low = 1;
    });
    host.on(IOCPNET_EVENT_WRITABLE, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_ABORT));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    while (host.send(host.recorder().nth(0), std::string(40000, 'x')) != IOCPNET_E_WOULD_BLOCK) {
    }
    peer.receive_all();
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(Disconnect, InsideDisconnectedChangesNothing)
{
    Host host(GetParam());
    host.on(IOCPNET_EVENT_DISCONNECTED, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_ABORT, 0, 5, "late"));
        EXPECT_EQ(0, event.close_code);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(Disconnect, InsideConnectFailedChangesNothing)
{
    const std::string nobody = Socket::listen().address();
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECT_FAILED,
            [](const iocpnet_event &event) { iocpnet_session_disconnect(event.session, nullptr); });
    ASSERT_EQ(IOCPNET_OK, host.start());
    host.connect(nobody);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.counts[IOCPNET_EVENT_CONNECT_FAILED] == 1; }));
    host.stop(0);
    EXPECT_EQ(1u, host.recorder().copy().counts[IOCPNET_EVENT_CONNECT_FAILED]);
}

TEST_P(Disconnect, WithASendInFlightCountsEachByteAsSentOrUnsent)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const uint64_t accepted = host.fill_to_the_brim(session, 200000).size();
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host.wait_disconnected(1));
    const SessionRecord record = host.recorder().session(session);
    EXPECT_GT(record.last.fields.bytes_unsent, 0u);
    EXPECT_EQ(accepted, record.sent_bytes + record.last.fields.bytes_unsent);
}

} // namespace
