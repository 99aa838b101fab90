/* Framing: each message is one RECEIVED, however its bytes come; what is no message closes the session. */
#include "support/api_fixture.hpp"

#include <mutex>

using namespace api_test;

namespace
{

class Framing : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Framing);

class FramingInCallbacks : public PortTest
{
};
API_TEST_ON_EVERY_PORT(FramingInCallbacks);

iocpnet_framing framing_of(uint32_t kind)
{
    iocpnet_framing framing;
    EXPECT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, kind));
    return framing;
}

iocpnet_framing lines()
{
    return framing_of(IOCPNET_FRAMING_DELIMITER);
}

/* A message with a length of 16 bits in front. */
std::string with_length(const std::string &body)
{
    const auto size = static_cast<uint16_t>(body.size());
    return std::string{static_cast<char>(size & 0xff), static_cast<char>(size >> 8)} + body;
}

iocpnet_framing lengths_of_16_bits()
{
    iocpnet_framing framing = framing_of(IOCPNET_FRAMING_LENGTH);
    framing.length_width = 2;
    framing.header_bytes = 2;
    return framing;
}

/* A host with a framed listener, which notes each message. */
class FramedHost
{
public:
    FramedHost(const Mode &mode, const iocpnet_framing *framing, const Host::Adjust &adjust = {}) : host(mode, adjust)
    {
        host.on(IOCPNET_EVENT_RECEIVED, [this](const iocpnet_event &event) { received(event); });
        iocpnet_listener_options options;
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
        options.framing = framing;
        address = host.listen(&options);
    }

    Socket start_and_connect()
    {
        EXPECT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(host.wait_connected(1));
        return peer;
    }

    iocpnet_session session() { return host.recorder().nth(0); }

    std::vector<std::string> messages()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return messages_;
    }

    bool wait_messages(size_t count)
    {
        return wait_until([=] { return messages().size() >= count; });
    }

    uint32_t wait_close_reason()
    {
        EXPECT_TRUE(host.wait_disconnected(1));
        return host.recorder().session(session()).last.fields.close_reason;
    }

    /* In the event, with the number of the message. */
    std::function<void(const iocpnet_event &, size_t)> then;
    std::string address;

private:
    void received(const iocpnet_event &event)
    {
        size_t number = 0;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            messages_.emplace_back(static_cast<const char *>(event.data), event.size);
            number = messages_.size();
        }
        if (then) {
            then(event, number);
        }
    }

    std::mutex mutex_;
    std::vector<std::string> messages_;

public:
    Host host; /* last: its threads use what is above */
};

TEST_P(Framing, AnySplitGivesTheSameMessages)
{
    const iocpnet_framing framing = lengths_of_16_bits();
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    Random random;
    std::string stream;
    std::vector<std::string> expected;
    for (uint32_t i = 0; i < scaled(300); i++) {
        expected.push_back(random.bytes(random.below(i % 50 == 0 ? 60000 : 200)));
        stream += with_length(expected.back());
    }
    for (size_t at = 0; at < stream.size();) {
        const size_t size = 1 + random.below(random.below(3) == 0 ? 5 : 3000);
        ASSERT_TRUE(peer.send(stream.substr(at, size)));
        at += size;
    }
    ASSERT_TRUE(framed.wait_messages(expected.size()));
    EXPECT_TRUE(expected == framed.messages());
}

TEST_P(Framing, LinesComeWithoutTheirEnds)
{
    iocpnet_framing framing = lines();
    framing.delimiter_bytes = 2;
    framing.delimiter[0] = '\r';
    framing.delimiter[1] = '\n';
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("GET / HTTP/1.1\r"));
    ASSERT_TRUE(peer.send("\nHost: a\r\n\r\nrest"));
    ASSERT_TRUE(framed.wait_messages(3));
    EXPECT_EQ((std::vector<std::string>{"GET / HTTP/1.1", "Host: a", ""}), framed.messages());
}

TEST_P(Framing, BeginningOfAMessageIsDroppedAtTheEndOfTheStream)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("one\ntwo"));
    peer.shutdown_send();
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), framed.wait_close_reason());
    EXPECT_EQ(std::vector<std::string>{"one"}, framed.messages());
}

TEST_P(Framing, LongMessageClosesBeforeItCame)
{
    iocpnet_framing framing = lengths_of_16_bits();
    framing.message_bytes_max = 100;
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send(with_length(std::string(100, 'x'))));
    ASSERT_TRUE(peer.send(with_length(std::string(101, 'x')).substr(0, 2)));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_FRAME_TOO_LONG), framed.wait_close_reason());
    EXPECT_EQ(1u, framed.messages().size());
}

TEST_P(Framing, MessageOfNegativeLengthIsMalformed)
{
    const iocpnet_framing framing = framing_of(IOCPNET_FRAMING_SIZE_ID);
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send(std::string("\x05\0\x07\0!\x03\0\0\0", 9)));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_MALFORMED), framed.wait_close_reason());
    EXPECT_EQ((std::vector<std::string>{std::string("\x05\0\x07\0!", 5)}), framed.messages());
}

TEST_P(Framing, LengthBombAllocatesNothing)
{
    iocpnet_framing framing = framing_of(IOCPNET_FRAMING_LENGTH);
    framing.message_bytes_max = IOCPNET_FRAMING_MESSAGE_MAX;
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send(std::string("\x01\0\0\0x", 5)));
    ASSERT_TRUE(framed.wait_messages(1));
    const uint64_t before = live_objects().allocated_bytes;
    ASSERT_TRUE(peer.send(std::string("\0\0\0\x40...", 7)));
    ASSERT_TRUE(wait_until([&] { return session_details(framed.session()).bytes_received == 12; }));
    EXPECT_LE(live_objects().allocated_bytes, before);
}

TEST_P(Framing, SwitchedOnAfterAHandshakeInText)
{
    FramedHost framed(GetParam(), nullptr);
    std::string text;
    framed.then = [&](const iocpnet_event &event, size_t) {
        const std::string bytes(static_cast<const char *>(event.data), event.size);
        if (bytes == "hello") {
            const iocpnet_framing framing = lengths_of_16_bits();
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_framing(event.session, &framing));
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "ok", 2));
        }
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("hello"));
    EXPECT_EQ("ok", peer.receive(2));
    /* With batches the handler runs beside the dispatcher; set_framing has returned before "ok" left. */
    ASSERT_TRUE(peer.send(with_length("first") + with_length("second") + with_length("third").substr(0, 4)));
    ASSERT_TRUE(framed.wait_messages(3));
    ASSERT_TRUE(peer.send("ird"));
    ASSERT_TRUE(framed.wait_messages(4));
    EXPECT_EQ((std::vector<std::string>{"hello", "first", "second", "third"}), framed.messages());
}

TEST_P(Framing, MessagesAreSentWithTheirHeadersAllOrNothing)
{
    const iocpnet_framing framing = lengths_of_16_bits();
    FramedHost framed(GetParam(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_message(event.session, event.data, event.size));
    };
    Socket peer = framed.start_and_connect();
    const std::string stream = with_length("one") + with_length("") + with_length(std::string(5000, 'x'));
    ASSERT_TRUE(peer.send(stream));
    EXPECT_EQ(stream, peer.receive(stream.size()));
    const iocpnet_session session = framed.session();
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, iocpnet_session_send_message(session, stream.data(), 65537));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_message(session, nullptr, 0));
    EXPECT_EQ(with_length(""), peer.receive(2));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_framing(session, nullptr));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_send_message(session, "x", 1));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(session, "raw", 3));
    EXPECT_EQ("raw", peer.receive(3));
}

TEST_P(Framing, ConnectedSessionsAreFramedToo)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(GetParam(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t number) {
        if (number == 1) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_message(event.session, "pong", 4));
        }
    };
    ASSERT_EQ(IOCPNET_OK, framed.host.start());
    iocpnet_connect_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&options, sizeof options));
    options.framing = &framing;
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(framed.host.service(), framed.address.c_str(), &options, &session));
    ASSERT_TRUE(framed.host.wait_connected(2));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_send_message(session, "ping", 4));
    ASSERT_TRUE(framed.wait_messages(2));
    EXPECT_EQ((std::vector<std::string>{"ping", "pong"}), framed.messages());
}

/* All of it, and the end, came before the host looked: the end is told behind the messages that waited. */
TEST_P(FramingInCallbacks, EndOfThePeerWaitsForMessagesThatAPauseHolds)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    host.on(IOCPNET_EVENT_RECEIVED,
            [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(event.session)); });
    const iocpnet_framing framing = lines();
    iocpnet_listener_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    while (host.recorder().session_count() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_TRUE(peer.send("a\nb\nc\n"));
    peer.shutdown_send();
    for (uint64_t messages = 1; messages <= 3; messages++) {
        while (host.recorder().copy().counts[IOCPNET_EVENT_RECEIVED] < messages) {
            ASSERT_LE(0, host.drive_once(0, 1000));
        }
        for (int turn = 0; turn < 3; turn++) {
            ASSERT_LE(0, host.drive_once(0, 0));
        }
        ASSERT_EQ(messages, host.recorder().copy().counts[IOCPNET_EVENT_RECEIVED]);
        ASSERT_FALSE(host.recorder().session(session).ended);
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
    }
    while (!host.recorder().session(session).ended) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
}

/* The event of one session ends the framing of another one, whose peer ends its stream in the same turn. */
TEST_P(FramingInCallbacks, EndOfThePeerWaitsForAFramingThatHasJustChanged)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    iocpnet_session framed = 0;
    std::string received;
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        const std::string message(static_cast<const char *>(event.data), event.size);
        if (message == "now") {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_framing(framed, nullptr));
        } else {
            framed = event.session;
            received += message;
        }
    });
    const iocpnet_framing framing = lines();
    iocpnet_listener_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    Socket other = Socket::connect(address);
    ASSERT_TRUE(peer.send("one\ntwo"));
    while (received.empty() || host.recorder().session_count() < 2) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    ASSERT_TRUE(other.send("now\n"));
    peer.shutdown_send();
    while (!host.recorder().session(framed).ended) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    EXPECT_EQ("onetwo", received);
}

TEST_P(Framing, PausedSessionKeepsItsMessagesUntilItResumes)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(GetParam(), &framing);
    Socket peer = framed.start_and_connect();
    const iocpnet_session session = framed.session();
    std::vector<std::string> expected;
    for (uint32_t round = 0; round < 20; round++) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(session));
        expected.push_back("a" + std::to_string(round));
        expected.push_back("b" + std::to_string(round));
        ASSERT_TRUE(peer.send(expected[2 * round] + "\n" + expected[2 * round + 1] + "\n"));
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
    }
    peer.shutdown_send();
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), framed.wait_close_reason());
    EXPECT_EQ(expected, framed.messages());
}

TEST_P(FramingInCallbacks, DisconnectedSessionGetsNoFurtherMessage)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(callbacks(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_GRACEFUL));
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("one\ntwo\nthree\n"));
    peer.shutdown_send();
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), framed.wait_close_reason());
    EXPECT_EQ(std::vector<std::string>{"one"}, framed.messages());
}

TEST_P(FramingInCallbacks, PauseInsideAReceiveHoldsTheRestOfItsMessages)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(callbacks(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t number) {
        if (number == 2) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(event.session));
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "paused", 6));
        }
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("one\ntwo\nthree\nfour\nfi"));
    EXPECT_EQ("paused", peer.receive(6));
    ASSERT_TRUE(peer.send("ve\n"));
    peer.shutdown_send();
    EXPECT_EQ(2u, framed.messages().size());
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(framed.session()));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), framed.wait_close_reason());
    EXPECT_EQ((std::vector<std::string>{"one", "two", "three", "four", "five"}), framed.messages());
}

TEST_P(FramingInCallbacks, NewFramingAppliesBehindTheMessage)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(callbacks(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t number) {
        const iocpnet_framing next = number == 1 ? lengths_of_16_bits() : lines();
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_framing(event.session, number == 3 ? nullptr : &next));
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("one\n" + with_length("t\no") + "three\nf\no\nur"));
    ASSERT_TRUE(framed.wait_messages(4));
    EXPECT_EQ((std::vector<std::string>{"one", "t\no", "three", "f\no\nur"}), framed.messages());
}

TEST_P(FramingInCallbacks, FramingSwitchedOffHandsOutWhatWasCollected)
{
    const iocpnet_framing framing = lines();
    FramedHost framed(callbacks(), &framing);
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("one\ntwo"));
    ASSERT_TRUE(framed.wait_messages(1));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_framing(framed.session(), nullptr));
    ASSERT_TRUE(framed.wait_messages(2));
    EXPECT_EQ((std::vector<std::string>{"one", "two"}), framed.messages());
}

TEST_P(Framing, WhatIsNotConsumedIsOfferedAgainWithWhatFollows)
{
    iocpnet_framing framing = framing_of(IOCPNET_FRAMING_STREAM);
    framing.message_bytes_max = 2000;
    FramedHost framed(GetParam(), &framing);
    std::mutex mutex;
    std::string consumed;
    Random random;
    framed.then = [&](const iocpnet_event &event, size_t) {
        const uint64_t taken = event.size < 700 ? random.below(event.size + 1) : event.size;
        std::lock_guard<std::mutex> lock(mutex);
        consumed.append(static_cast<const char *>(event.data), taken);
        EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_session_consume(event.session, event.size + 1));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_consume(event.session, taken));
    };
    Socket peer = framed.start_and_connect();
    std::string stream;
    for (uint32_t i = 0; i < scaled(100); i++) {
        const std::string piece(1 + i * 37 % 300, static_cast<char>('a' + i % 26));
        stream += piece;
        ASSERT_TRUE(peer.send(piece));
    }
    /* So much at once is consumed with all before it. */
    const std::string last(1400, 'z');
    stream += last;
    ASSERT_TRUE(peer.send(last));
    ASSERT_TRUE(wait_until([&] {
        std::lock_guard<std::mutex> lock(mutex);
        return consumed.size() >= stream.size() - 700;
    }));
    peer.shutdown_send();
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED), framed.wait_close_reason());
    EXPECT_TRUE(consumed == stream.substr(0, consumed.size()));
}

TEST_P(Framing, StreamThatWasConsumedWhollyAndEndsMakesNoEventWithoutBytes)
{
    const iocpnet_framing framing = framing_of(IOCPNET_FRAMING_STREAM);
    FramedHost framed(GetParam(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t number) {
        if (number == 1) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_consume(event.session, event.size));
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_framing(event.session, nullptr));
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "!", 1));
        }
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send("stream"));
    ASSERT_EQ("!", peer.receive(1));
    ASSERT_TRUE(peer.send("bytes"));
    ASSERT_TRUE(framed.wait_messages(2));
    EXPECT_EQ((std::vector<std::string>{"stream", "bytes"}), framed.messages());
}

TEST_P(Framing, TooMuchThatIsNotConsumedOverflows)
{
    iocpnet_framing framing = framing_of(IOCPNET_FRAMING_STREAM);
    framing.message_bytes_max = 100;
    FramedHost framed(GetParam(), &framing);
    framed.then = [&](const iocpnet_event &event, size_t) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_consume(event.session, 0));
    };
    Socket peer = framed.start_and_connect();
    ASSERT_TRUE(peer.send(std::string(60, 'a')));
    ASSERT_TRUE(framed.wait_messages(1));
    ASSERT_TRUE(peer.send(std::string(60, 'b')));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RECEIVE_OVERFLOW), framed.wait_close_reason());
    EXPECT_EQ(std::string(60, 'a') + std::string(60, 'b'), framed.messages().back());
}

} // namespace
