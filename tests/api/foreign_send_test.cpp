/* Sends from threads that are not inside the dispatcher, while it does not look: what they cost, and that nothing is lost. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class ForeignSend : public PortTest
{
protected:
    /* A host that nobody drives but this. */
    void drive_until(Host &host, const std::function<bool()> &condition)
    {
        EXPECT_TRUE(wait_until([&] {
            EXPECT_GE(host.drive_once(0, 0), 0);
            return condition();
        }));
    }

    void connect_two(Host &host)
    {
        host.drive_by_hand();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        for (Socket &peer : peers_) {
            peer = Socket::connect(address);
        }
        drive_until(host, [&] { return host.stats().accepts == 2; });
        for (size_t i = 0; i < 2; i++) {
            sessions_[i] = host.recorder().nth(i);
        }
        /* The thread that drove last is not foreign. */
        std::thread other([&] { EXPECT_GE(host.drive_once(0, 0), 0); });
        other.join();
    }

    uint64_t grown_since(uint64_t before) { return live_objects().allocated_bytes - before; }

    Socket peers_[2];
    iocpnet_session sessions_[2] = {};
};
API_TEST_ON_EVERY_PORT(ForeignSend);

/* A block that has just begun, and what a dispatcher keeps. */
constexpr uint64_t slack = 64 * 1024;

TEST_P(ForeignSend, OfOneByteCostsOneByteWhenTheSameSessionGoesOn)
{
    Host host(host_callbacks());
    connect_two(host);
    const uint64_t count = scaled(100000);
    const uint64_t before = live_objects().allocated_bytes;
    for (uint64_t i = 0; i < count; i++) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_send(sessions_[0], "x", 1));
    }
    EXPECT_LE(grown_since(before), count + slack);
}

TEST_P(ForeignSend, OfOneByteCostsElevenWhenSessionsTakeTurns)
{
    Host host(host_callbacks());
    connect_two(host);
    const uint64_t count = scaled(100000);
    const uint64_t before = live_objects().allocated_bytes;
    for (uint64_t i = 0; i < 2 * count; i++) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_send(sessions_[i % 2], "x", 1));
    }
    EXPECT_LE(grown_since(before), 2 * count * 11 + slack);
    drive_until(host, [&] { return host.stats().send_queue_bytes == 0; });
    for (Socket &peer : peers_) {
        EXPECT_EQ(std::string(count, 'x'), peer.receive(count));
    }
}

TEST_P(ForeignSend, OfEverySizeLeavesWholeAndInOrder)
{
    Host host(host_callbacks());
    connect_two(host);
    Random random;
    std::string sent[2];
    for (uint32_t i = 0; i < 200; i++) {
        const uint64_t sizes[] = {1, 100, 3000, 8192, 8193, 20000};
        const std::string bytes = random.bytes(sizes[random.below(6)]);
        const size_t to = random.below(2);
        if (host.send(sessions_[to], bytes) == IOCPNET_OK) {
            sent[to] += bytes;
        }
    }
    drive_until(host, [&] { return host.stats().send_queue_bytes < 1024 * 1024 / 2; });
    for (size_t i = 0; i < 2; i++) {
        std::string received;
        drive_until(host, [&] {
            while (peers_[i].readable_within(0)) {
                received += peers_[i].receive_some(1 << 20);
            }
            return received.size() >= sent[i].size();
        });
        EXPECT_TRUE(sent[i] == received);
    }
}

/* Of the bytes received, an echo is not copied before the callback returns. */
TEST_P(ForeignSend, AfterAnEchoInACallbackLeavesAfterIt)
{
    Host host(host_callbacks());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
        std::thread other([&] { EXPECT_EQ(IOCPNET_OK, host.send(event.session, " other")); });
        other.join();
        EXPECT_EQ(IOCPNET_OK, host.send(event.session, " own"));
    });
    connect_two(host);
    ASSERT_TRUE(peers_[0].send("echo"));
    drive_until(host, [&] { return peers_[0].readable_within(0); });
    EXPECT_EQ("echo other own", peers_[0].receive(14));
}

TEST_P(ForeignSend, BeforeAnAbortIsCountedAsUnsent)
{
    Host host(host_callbacks());
    connect_two(host);
    ASSERT_EQ(IOCPNET_OK, host.send(sessions_[0], "twelve bytes"));
    ASSERT_EQ(IOCPNET_OK, host.send(sessions_[0], std::string(20000, 'x')));
    ASSERT_EQ(IOCPNET_OK, disconnect(sessions_[0], IOCPNET_DISCONNECT_ABORT));
    drive_until(host, [&] { return host.stats().disconnects == 1; });
    const SessionRecord record = host.recorder().session(sessions_[0]);
    const std::string received = peers_[0].receive_all();
    EXPECT_EQ(12u + 20000u, record.last.fields.bytes_unsent + record.sent_bytes);
}

TEST_P(ForeignSend, BeforeAGracefulDisconnectAllLeaves)
{
    Host host(host_callbacks());
    connect_two(host);
    const std::string bytes(100000, 'x');
    ASSERT_EQ(IOCPNET_OK, host.send(sessions_[0], "first "));
    ASSERT_EQ(IOCPNET_OK, host.send(sessions_[0], bytes));
    ASSERT_EQ(IOCPNET_OK, disconnect(sessions_[0], IOCPNET_DISCONNECT_GRACEFUL));
    std::string received;
    drive_until(host, [&] {
        while (received.size() < bytes.size() + 6 && peers_[0].readable_within(0)) {
            received += peers_[0].receive_some(1 << 20);
        }
        return received.size() >= bytes.size() + 6;
    });
    EXPECT_TRUE(received == "first " + bytes);
}

} // namespace
