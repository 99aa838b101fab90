/* Limits of a session's messages: how many a second, and how fast one has to come that has begun. */
#include <chrono>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Clock = std::chrono::steady_clock;

int64_t since_ms(Clock::time_point begin)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
}

class MessageRate : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(MessageRate);

class MessagePace : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(MessagePace);

iocpnet_framing lines()
{
    iocpnet_framing framing;
    EXPECT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_DELIMITER));
    return framing;
}

/* `framing`: NULL: none. */
iocpnet_listener_options with(const iocpnet_session_limits &limits, const iocpnet_framing *framing)
{
    iocpnet_listener_options options;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.framing = framing;
    options.limits = limits;
    return options;
}

iocpnet_session_limits rate_of(uint32_t messages_per_s, uint32_t policy = IOCPNET_RECEIVE_THROTTLE)
{
    iocpnet_session_limits limits = {};
    limits.receive_messages_per_s = messages_per_s;
    limits.receive_policy = policy;
    return limits;
}

iocpnet_session_limits pace_of(uint32_t bytes_per_s)
{
    iocpnet_session_limits limits = {};
    limits.message_bytes_per_s = bytes_per_s;
    return limits;
}

std::string repeated(const std::string &text, size_t count)
{
    std::string all;
    for (size_t i = 0; i < count; i++) {
        all += text;
    }
    return all;
}

struct Scene {
    Scene(const Mode &mode, const iocpnet_session_limits &limits) : host(mode)
    {
        const iocpnet_framing framing = lines();
        const iocpnet_listener_options options = with(limits, &framing);
        const std::string address = host.listen(&options);
        EXPECT_EQ(IOCPNET_OK, host.start());
        begin = Clock::now();
        peer = Socket::connect(address);
        EXPECT_TRUE(host.wait_connected(1));
        session = host.recorder().nth(0);
    }

    uint32_t wait_close_reason()
    {
        EXPECT_TRUE(host.wait_disconnected(1));
        return host.recorder().session(session).last.fields.close_reason;
    }

    Host host;
    Clock::time_point begin;
    Socket peer;
    iocpnet_session session = 0;
};

/* A second's worth comes at once, and what came with it: the others when it was paid for. */
TEST_P(MessageRate, ASessionThatReceivesTooManyIsThrottledAndLosesNothing)
{
    constexpr uint32_t rate = 50;
    Scene scene(GetParam(), rate_of(rate));
    ASSERT_TRUE(scene.peer.send(repeated("m\n", rate + 10)));
    ASSERT_TRUE(scene.host.wait_received(scene.session, rate + 10));
    ASSERT_TRUE(wait_until([&] { return scene.host.stats().receive_throttles == 1; }));
    ASSERT_TRUE(scene.peer.send("last\n"));
    ASSERT_TRUE(scene.host.wait_received(scene.session, rate + 14));
    /* Ten were owed. */
    EXPECT_GE(since_ms(scene.begin), 10 * 1000 / rate);
}

TEST_P(MessageRate, ASessionThatReceivesTooManyIsAbortedWhereTheHostWantsIt)
{
    Scene scene(GetParam(), rate_of(5, IOCPNET_RECEIVE_DISCONNECT));
    ASSERT_TRUE(scene.peer.send(repeated("m\n", 6)));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RECEIVE_OVERFLOW), scene.wait_close_reason());
}

TEST_P(MessageRate, AsManyAsTheRateAreNotTooMany)
{
    Scene scene(GetParam(), rate_of(5, IOCPNET_RECEIVE_DISCONNECT));
    for (uint32_t i = 0; i < 5; i++) {
        ASSERT_TRUE(scene.peer.send("m\n"));
        ASSERT_TRUE(scene.host.wait_received(scene.session, i + 1));
    }
    EXPECT_EQ(0u, scene.host.stats().disconnects);
}

TEST_P(MessageRate, ThoseThatComeOneByOneAreCountedToo)
{
    Scene scene(GetParam(), rate_of(5, IOCPNET_RECEIVE_DISCONNECT));
    for (uint32_t i = 1; i <= 5; i++) {
        ASSERT_TRUE(scene.peer.send("m\n"));
        ASSERT_TRUE(scene.host.wait_received(scene.session, i));
    }
    for (uint32_t i = 0; i < 1000 && !scene.peer.readable_within(1); i++) {
        (void)scene.peer.send_some("m\n");
    }
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RECEIVE_OVERFLOW), scene.wait_close_reason());
}

/* It is the message that counts, not the pieces in which it comes. */
TEST_P(MessageRate, OneMessageInManyPiecesIsOne)
{
    Scene scene(GetParam(), rate_of(2, IOCPNET_RECEIVE_DISCONNECT));
    for (uint32_t i = 0; i < 20; i++) {
        ASSERT_TRUE(scene.peer.send("m"));
        const uint64_t sent = i + 1;
        ASSERT_TRUE(wait_until([&] { return session_details(scene.session).bytes_received == sent; }));
    }
    ASSERT_TRUE(scene.peer.send("\n"));
    ASSERT_TRUE(scene.host.wait_received(scene.session, 20));
    EXPECT_EQ(0u, scene.host.stats().disconnects);
}

TEST_P(MessageRate, MessagesThatWaitedForAPausedHostAreCharged)
{
    Scene scene(GetParam(), rate_of(5, IOCPNET_RECEIVE_DISCONNECT));
    ASSERT_TRUE(scene.peer.send("begins"));
    ASSERT_TRUE(wait_until([&] { return session_details(scene.session).bytes_received == 6; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(scene.session));
    ASSERT_TRUE(scene.peer.send(repeated("\n", 10)));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(scene.session));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RECEIVE_OVERFLOW), scene.wait_close_reason());
}

TEST_P(MessageRate, WhatIsNotCutIntoMessagesHasNoLimitOfThem)
{
    iocpnet_session_limits limits = rate_of(1, IOCPNET_RECEIVE_DISCONNECT);
    limits.message_bytes_per_s = 1000000;
    Host host(GetParam());
    host.echo();
    const iocpnet_listener_options options = with(limits, nullptr);
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Clock::time_point begin = Clock::now();
    Socket peer = Socket::connect(address);
    while (since_ms(begin) < 1300) {
        ASSERT_TRUE(peer.send("x"));
        ASSERT_EQ("x", peer.receive(1));
        EXPECT_FALSE(peer.readable_within(20));
    }
    EXPECT_EQ(0u, host.stats().disconnects);
}

/* What the host has not consumed is no message. */
TEST_P(MessagePace, AStreamHasNone)
{
    Host host(GetParam());
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_STREAM));
    const iocpnet_listener_options options = with(pace_of(1000), &framing);
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &event) { iocpnet_session_consume(event.session, 0); });
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("kept"));
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_FALSE(peer.readable_within(1300));
    EXPECT_EQ(0u, host.stats().disconnects);
}

TEST_P(MessagePace, AMessageThatComesTooSlowlyEndsItsSessionAndNotEarly)
{
    Scene scene(GetParam(), pace_of(100));
    const Clock::time_point begin = Clock::now();
    ASSERT_TRUE(scene.peer.send("begins, and then hardly"));
    while (!scene.peer.readable_within(50)) {
        (void)scene.peer.send_some("x");
    }
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_TOO_SLOW), scene.wait_close_reason());
    EXPECT_GE(since_ms(begin), 1000);
    const iocpnet_event last = scene.host.recorder().session(scene.session).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), last.close_origin);
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, last.status);
    EXPECT_EQ(1u, scene.host.stats().disconnects_by_reason[IOCPNET_CLOSE_TOO_SLOW]);
}

/* Each second is looked at by itself. */
TEST_P(MessagePace, AMessageThatBeginsFastMayNotGoOnSlowly)
{
    Scene scene(GetParam(), pace_of(100));
    const Clock::time_point begin = Clock::now();
    ASSERT_TRUE(scene.peer.send(std::string(10000, 'x')));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_TOO_SLOW), scene.wait_close_reason());
    EXPECT_GE(since_ms(begin), 2000);
}

TEST_P(MessagePace, AMessageThatKeepsThePaceMayTakeLong)
{
    Scene scene(GetParam(), pace_of(20));
    const Clock::time_point begin = Clock::now();
    uint64_t sent = 0;
    while (since_ms(begin) < 2500) {
        ASSERT_TRUE(scene.peer.send("12345"));
        sent += 5;
        EXPECT_FALSE(scene.peer.readable_within(10));
    }
    ASSERT_TRUE(scene.peer.send("\n"));
    ASSERT_TRUE(scene.host.wait_received(scene.session, sent));
    EXPECT_EQ(0u, scene.host.stats().disconnects);
}

TEST_P(MessagePace, SilenceBetweenMessagesIsNotSlow)
{
    Scene scene(GetParam(), pace_of(1000));
    ASSERT_TRUE(scene.peer.send("in two "));
    ASSERT_TRUE(wait_until([&] { return session_details(scene.session).bytes_received == 7; }));
    ASSERT_TRUE(scene.peer.send("pieces\n"));
    ASSERT_TRUE(scene.host.wait_received(scene.session, 13));
    EXPECT_FALSE(scene.peer.readable_within(1300));
    EXPECT_EQ(0u, scene.host.stats().disconnects);
}

TEST_P(MessagePace, APausedSessionIsNotSlow)
{
    Scene scene(GetParam(), pace_of(1000));
    ASSERT_TRUE(scene.peer.send("begins"));
    ASSERT_TRUE(wait_until([&] { return session_details(scene.session).bytes_received == 6; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(scene.session));
    EXPECT_FALSE(scene.peer.readable_within(1300));
    const Clock::time_point resumed = Clock::now();
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(scene.session));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_TOO_SLOW), scene.wait_close_reason());
    EXPECT_GE(since_ms(resumed), 1000);
}

TEST_P(MessagePace, AThrottledSessionIsNotSlow)
{
    constexpr uint64_t rate = 10000;
    iocpnet_session_limits limits = pace_of(1000);
    limits.receive_bytes_per_s = rate;
    Scene scene(GetParam(), limits);
    const Clock::time_point begin = Clock::now();
    /* What is more than a second's worth is paid for with half a second. */
    ASSERT_TRUE(scene.peer.send(std::string(rate + rate / 2, 'x')));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_TOO_SLOW), scene.wait_close_reason());
    EXPECT_GE(since_ms(begin), 1500);
}

TEST_P(MessagePace, AConnectHasItToo)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket server = Socket::listen();
    iocpnet_connect_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&options, sizeof options));
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_SIZE_ID));
    options.framing = &framing;
    options.limits = pace_of(10);
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), server.address().c_str(), &options, &session));
    Socket peer = server.accept();
    ASSERT_TRUE(peer.send(std::string("\x40\x00\x01", 3)));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_TOO_SLOW), host.recorder().session(session).last.fields.close_reason);
}

} // namespace
