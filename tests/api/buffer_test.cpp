/* Shared buffers: their owners, and sending them to one session. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

iocpnet_buffer make_buffer(const std::string &bytes)
{
    iocpnet_buffer buffer = 0;
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(bytes.data(), bytes.size(), &buffer));
    return buffer;
}

class Buffer : public testing::Test
{
protected:
    void TearDown() override { expect_nothing_alive(); }
};

class BufferSend : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(BufferSend);

TEST_F(Buffer, IsOneLiveBufferUntilItIsReleased)
{
    const iocpnet_buffer buffer = make_buffer("bytes");
    EXPECT_EQ(1u, live_objects().buffers);
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    EXPECT_EQ(0u, live_objects().buffers);
}

TEST_F(Buffer, EndsWithItsLastOwner)
{
    const iocpnet_buffer buffer = make_buffer("bytes");
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_retain(buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_retain(buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_buffer_release(buffer));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_buffer_retain(buffer));
}

TEST_F(Buffer, OfNothingNeedsNoBytes)
{
    iocpnet_buffer buffer = 0;
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_buffer_create(nullptr, 1, &buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(nullptr, 0, &buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
}

TEST_F(Buffer, ReleasedByManyThreadsEndsOnce)
{
    constexpr uint32_t threads = 4;
    const uint32_t owners = scaled(1000);
    const iocpnet_buffer buffer = make_buffer("bytes");
    run_on_threads(threads, [&](uint32_t) {
        for (uint32_t i = 0; i < owners; i++) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_retain(buffer));
        }
        for (uint32_t i = 0; i < owners; i++) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
        }
    });
    EXPECT_EQ(1u, live_objects().buffers);
    std::atomic<uint32_t> last{0};
    run_on_threads(threads, [&](uint32_t) { last += iocpnet_buffer_release(buffer) == IOCPNET_OK ? 1 : 0; });
    EXPECT_EQ(1u, last);
}

TEST_P(BufferSend, LeavesInOrderWithOtherSends)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::string expected;
    for (const size_t size :
         {size_t{1}, size_t{200}, size_t{300}, size_t{1024}, size_t{1025}, size_t{5000}, size_t{70000}}) {
        const std::string bytes(size, 'b');
        const iocpnet_buffer buffer = make_buffer(bytes);
        EXPECT_EQ(IOCPNET_OK, host.send(session, "before "));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, buffer));
        EXPECT_EQ(IOCPNET_OK, host.send(session, " behind"));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, buffer));
        EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
        expected += "before " + bytes + " behind" + bytes;
    }
    EXPECT_TRUE(expected == peer.receive(expected.size()));
}

TEST_P(BufferSend, FromACallbackLeavesInOrderWithOtherSends)
{
    const iocpnet_buffer small = make_buffer("<small>");
    const std::string bytes(9000, 'l');
    const iocpnet_buffer large = make_buffer(bytes);
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(event.session, large));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(event.session, small));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("echo"));
    const std::string expected = "echo" + bytes + "<small>echo";
    EXPECT_TRUE(expected == peer.receive(expected.size()));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(small));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(large));
}

TEST_P(BufferSend, KeepsTheBytesThatWereReleasedBeforeTheyLeft)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::string expected;
    for (uint32_t i = 0; i < 200; i++) {
        const std::string bytes(5000, static_cast<char>('a' + i % 26));
        const iocpnet_buffer buffer = make_buffer(bytes);
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, buffer));
        ASSERT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
        EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_session_send_buffer(session, buffer));
        expected += bytes;
    }
    EXPECT_TRUE(expected == peer.receive(expected.size()));
}

TEST_P(BufferSend, CountsAllItsBytesInTheLimitOfTheQueue)
{
    constexpr uint64_t queue_max = 100000;
    Host host(GetParam(), [=](iocpnet_service_options &options) {
        options.send_queue_bytes_max = queue_max;
        options.send_queue_bytes_low = queue_max / 4;
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::string expected = host.fill_to_the_brim(session, 5000);
    const iocpnet_buffer buffer = make_buffer(std::string(20000, 'b'));
    const iocpnet_buffer larger = make_buffer(std::string(queue_max + 1, 'l'));
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, iocpnet_session_send_buffer(session, buffer));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, iocpnet_session_send_buffer(session, larger));
    EXPECT_TRUE(expected == peer.receive(expected.size()));
    ASSERT_TRUE(host.wait([=](const Records &r) { return r.sessions.at(session).count(IOCPNET_EVENT_WRITABLE) != 0; }));
    /* The event may be an earlier one, and the peer may have the bytes before the dispatcher has counted them. */
    ASSERT_TRUE(wait_until([=] { return iocpnet_session_send_buffer(session, buffer) == IOCPNET_OK; }));
    EXPECT_EQ(std::string(20000, 'b'), peer.receive(20000));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(larger));
}

TEST_P(BufferSend, OfNothingTellsWhetherTheSessionCanSend)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const iocpnet_buffer nothing = make_buffer("");
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, nothing));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    const int32_t status = iocpnet_session_send_buffer(session, nothing);
    EXPECT_TRUE(status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE) << iocpnet_status_name(status);
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(nothing));
}

TEST_P(BufferSend, OfAnAbortedSessionIsFreed)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    const uint64_t before = live_objects().allocated_bytes;
    const iocpnet_buffer buffer = make_buffer(std::string(400000, 'b'));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_buffer(session, buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_TRUE(wait_until([=] { return live_objects().allocated_bytes < before + 400000; }));
}

} // namespace
