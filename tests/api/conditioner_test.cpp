/* The conditioner: bytes are held back, cut and joined, and still come once and in order. */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include "support/api_conditioner.hpp"
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Microseconds = std::chrono::microseconds;
using Milliseconds = std::chrono::milliseconds;

class Conditioner : public ConditionerTest
{
};
API_TEST_IN_EVERY_MODE(Conditioner);

TEST_P(Conditioner, WhatIsReceivedComesNotBeforeItsDelay)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.delay_us = 60000;
        c.directions = IOCPNET_CONDITION_RECEIVE;
    });
    const auto sent = Clock::now();
    ASSERT_TRUE(peer.send("late"));
    ASSERT_TRUE(host->wait_received(session, 4));
    EXPECT_LE(Microseconds(60000), Clock::now() - sent);
    EXPECT_EQ("late", host->recorder().session(session).received);
}

TEST_P(Conditioner, WhatIsSentComesNotBeforeItsDelay)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.delay_us = 60000;
        c.directions = IOCPNET_CONDITION_SEND;
    });
    const auto sent = Clock::now();
    ASSERT_EQ(IOCPNET_OK, host->send(session, "late"));
    EXPECT_EQ("late", peer.receive(4));
    EXPECT_LE(Microseconds(60000), Clock::now() - sent);
}

TEST_P(Conditioner, AnEchoIsDelayedInBothDirections)
{
    create();
    on_received = [](const iocpnet_event &event) { iocpnet_session_send(event.session, event.data, event.size); };
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = 40000; });
    connect();
    for (int i = 0; i < 3; i++) {
        const auto sent = Clock::now();
        ASSERT_TRUE(peer.send("there and back"));
        ASSERT_EQ("there and back", peer.receive(14));
        EXPECT_LE(Microseconds(80000), Clock::now() - sent);
    }
}

TEST_P(Conditioner, OneByteFragmentsAreReceivedOneByOne)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.fragment_bytes = 1; });
    const std::string text = Random().bytes(500);
    ASSERT_TRUE(peer.send(text));
    ASSERT_TRUE(host->wait_received(session, text.size()));
    const std::vector<uint64_t> got = received_sizes();
    EXPECT_EQ(text.size(), got.size());
    EXPECT_EQ(got.size(), static_cast<size_t>(std::count(got.begin(), got.end(), 1u)));
    EXPECT_TRUE(text == host->recorder().session(session).received);
}

TEST_P(Conditioner, FragmentsOfWhatIsSentAreSentOneByOne)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.fragment_bytes = 7; });
    const std::string text = Random().bytes(701);
    const uint64_t before = host->stats().bytes_sent;
    ASSERT_EQ(IOCPNET_OK, host->send(session, text));
    EXPECT_TRUE(text == peer.receive(text.size()));
    EXPECT_TRUE(wait_until([&] { return host->stats().bytes_sent == before + text.size(); }));
    /* Each send that the system took is an event of its own. */
    ASSERT_TRUE(host->wait([&](const Records &r) { return r.sessions.at(session).sent_bytes == text.size(); }));
    EXPECT_LE(101u, host->recorder().copy().counts[IOCPNET_EVENT_SENT]);
}

TEST_P(Conditioner, AFramedSessionGetsTheSameMessages)
{
    create();
    std::vector<std::string> messages; /* under the mutex */
    on_received = [&](const iocpnet_event &event) {
        messages.emplace_back(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
    };
    set_for_service([](iocpnet_conditioner &c) {
        c.fragment_bytes = 3;
        c.jitter_us = 3000;
        c.stall_ppm = 300000;
        c.stall_us = 5000;
    });
    const iocpnet_framing framing = length_framing();
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.framing = &framing;
    connect(&options);
    Random random;
    std::vector<std::string> sent;
    for (int i = 0; i < 60; i++) {
        sent.push_back(random.bytes(random.below(300)));
        ASSERT_TRUE(peer.send(message_of(sent.back())));
    }
    ASSERT_TRUE(wait_until([&] {
        const std::lock_guard<std::mutex> lock(mutex);
        return messages.size() >= sent.size();
    }));
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(messages == sent);
}

TEST_P(Conditioner, ACapHoldsBothDirectionsBack)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.bytes_per_second = 50000; });
    const std::string text = Random().bytes(10000);
    auto begun = Clock::now();
    ASSERT_TRUE(peer.send(text));
    ASSERT_TRUE(host->wait_received(session, text.size()));
    EXPECT_LE(Milliseconds(200), Clock::now() - begun);
    EXPECT_TRUE(text == host->recorder().session(session).received);
    /* Not all at its end. */
    EXPECT_LE(2u, received_sizes().size());
    begun = Clock::now();
    ASSERT_EQ(IOCPNET_OK, host->send(session, text));
    EXPECT_TRUE(text == peer.receive(text.size()));
    EXPECT_LE(Milliseconds(200), Clock::now() - begun);
}

TEST_P(Conditioner, StallsHoldUpWhatFollows)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.stall_ppm = 1000000;
        c.stall_us = 50000;
        c.directions = IOCPNET_CONDITION_RECEIVE;
    });
    const auto begun = Clock::now();
    ASSERT_TRUE(peer.send("stalled"));
    ASSERT_TRUE(host->wait_received(session, 7));
    EXPECT_LE(Milliseconds(50), Clock::now() - begun);
}

TEST_P(Conditioner, CoalescedPiecesAreReceivedTogether)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.coalesce_us = 500000;
        c.directions = IOCPNET_CONDITION_RECEIVE;
    });
    const auto begun = Clock::now();
    for (uint64_t i = 1; i <= 5; i++) {
        ASSERT_TRUE(peer.send("piece"));
        /* One by one: each has come before the next is sent. */
        ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == i * 5; }));
    }
    const size_t events = received_sizes().size();
    const bool in_time = Clock::now() - begun < Milliseconds(500);
    EXPECT_TRUE(events == 0 || !in_time);
    ASSERT_TRUE(host->wait_received(session, 25));
    EXPECT_TRUE(received_sizes().size() == 1 || !in_time);
    EXPECT_LE(Milliseconds(500), Clock::now() - begun);
}

TEST_P(Conditioner, ARandomResetEndsTheSessionAsTheNetworkWould)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.reset_ppm = 1000000; });
    ASSERT_TRUE(peer.send("the last words"));
    ASSERT_TRUE(host->wait_disconnected(1));
    const iocpnet_event last = host->recorder().session(session).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_RESET), last.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), last.close_origin);
    EXPECT_EQ(IOCPNET_E_CONNECTION_RESET, last.status);
    EXPECT_EQ("", peer.receive_all());
    /* Under wine a reset that comes while no receive is pending reads as the end of the stream. */
    EXPECT_TRUE(peer.end() == Socket::End::reset || (on_windows && peer.end() == Socket::End::closed));
    EXPECT_TRUE(received_sizes().empty());
}

TEST_P(Conditioner, AResetOfWhatIsSentLosesIt)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.reset_ppm = 1000000;
        c.directions = IOCPNET_CONDITION_SEND;
    });
    ASSERT_EQ(IOCPNET_OK, host->send(session, "unsent"));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(6u, host->recorder().session(session).last.fields.bytes_unsent);
    EXPECT_EQ("", peer.receive_all());
}

TEST_P(Conditioner, EverythingAtOnceKeepsOrderAndContent)
{
    create([](iocpnet_service_options &options) { options.dispatcher_count = 2; });
    set_for_service([](iocpnet_conditioner &c) {
        c.delay_us = 2000;
        c.jitter_us = 9000;
        c.stall_ppm = 50000;
        c.stall_us = 20000;
        c.coalesce_us = 1000;
        c.fragment_bytes = 999;
        c.bytes_per_second = 4000000;
        c.held_bytes_max = 5000;
    });
    host->echo();
    const std::string address = host->listen();
    ASSERT_EQ(IOCPNET_OK, host->start());
    Random random;
    const uint64_t bytes = scaled(200000);
    run_on_threads(3, [&](uint32_t i) {
        Random mine;
        const std::string text = mine.bytes(bytes + i);
        Socket client = Socket::connect(address);
        std::string back;
        size_t sent = 0;
        while (back.size() < text.size()) {
            sent += client.send_some(std::string_view(text).substr(sent, 1 + mine.below(3000)));
            if (sent == text.size() || client.readable_within(0)) {
                const std::string some = client.receive_some(65536);
                ASSERT_FALSE(some.empty());
                back += some;
            }
        }
        EXPECT_TRUE(text == back);
    });
}

TEST_P(Conditioner, TheEndOfTheStreamComesBehindTheBytesBeforeIt)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.delay_us = 50000;
        c.fragment_bytes = 10;
    });
    const auto sent = Clock::now();
    const std::string text = Random().bytes(1000);
    ASSERT_TRUE(peer.send(text));
    peer.shutdown_send();
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_LE(Milliseconds(50), Clock::now() - sent);
    EXPECT_TRUE(text == host->recorder().session(session).received);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED),
              host->recorder().session(session).last.fields.close_reason);
}

TEST_P(Conditioner, AnEndWithoutBytesIsDelayedToo)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = 50000; });
    const auto sent = Clock::now();
    peer.shutdown_send();
    /* Whatever else the session does meanwhile. */
    while (host->recorder().copy().disconnected() == 0 && Clock::now() - sent < wait_limit) {
        (void)iocpnet_session_pause_receive(session);
        (void)iocpnet_session_resume_receive(session);
        pause_briefly();
    }
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_LE(Milliseconds(50), Clock::now() - sent);
}

TEST_P(Conditioner, AGracefulCloseStillSendsEverything)
{
    connect_conditioned([](iocpnet_conditioner &c) {
        c.delay_us = 50000;
        c.fragment_bytes = 100;
    });
    const std::string text = Random().bytes(5000);
    ASSERT_EQ(IOCPNET_OK, host->send(session, text));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL));
    EXPECT_TRUE(text == peer.receive_all());
    EXPECT_EQ(Socket::End::closed, peer.end());
    peer.close();
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(0u, host->recorder().session(session).last.fields.bytes_unsent);
}

TEST_P(Conditioner, AnAbortCutsAtOnceWhatIsHeld)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_TRUE(peer.send("never seen"));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 10; }));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "unsent"));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(6u, host->recorder().session(session).last.fields.bytes_unsent);
    EXPECT_TRUE(received_sizes().empty());
}

TEST_P(Conditioner, AGracefulCloseGivesUpAtItsDeadline)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_EQ(IOCPNET_OK, host->send(session, "unsent"));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 20));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(6u, host->recorder().session(session).last.fields.bytes_unsent);
}

TEST_P(Conditioner, ADrainSendsWhatIsHeld)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = 30000; });
    ASSERT_EQ(IOCPNET_OK, host->send(session, "drained"));
    std::thread reader([this] {
        EXPECT_EQ("drained", peer.receive_all());
        peer.close();
    });
    const iocpnet_stop_result result = host->stop(20000);
    reader.join();
    EXPECT_EQ(1u, result.sessions_drained);
    EXPECT_EQ(0u, result.bytes_unsent);
}

TEST_P(Conditioner, DestroyFreesWhatIsHeld)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_TRUE(peer.send(std::string(3000, 'x')));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 3000; }));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "unsent"));
    /* TearDown destroys, and looks for what is left. */
}

TEST_P(Conditioner, OnlySoMuchIsHeldBeforeReadingStops)
{
    create([](iocpnet_service_options &options) { options.receive_buffer_bytes = 4096; });
    set_for_service([](iocpnet_conditioner &c) {
        c.delay_us = IOCPNET_CONDITION_US_MAX;
        c.held_bytes_max = 10000;
    });
    connect();
    const std::string piece(16384, 'x');
    uint64_t sent = 0;
    while (peer.writable_within(200)) {
        const size_t taken = peer.send_some(piece);
        ASSERT_LT(sent += taken, UINT64_C(1) << 28) << "it reads on and on";
    }
    /* What the port had received already is held, too. */
    const uint64_t received = session_details(session).bytes_received;
    EXPECT_LE(10000u, received);
    EXPECT_GT(1u << 20, received);
    /* All of it comes when nothing holds it any more. */
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    EXPECT_TRUE(host->wait_received(session, sent));
}

TEST_P(Conditioner, APauseHoldsWhatIsDue)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = 20000; });
    ASSERT_TRUE(peer.send("before"));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 6; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(session));
    peer.shutdown_send();
    ASSERT_EQ(IOCPNET_OK, host->send(session, "not paused"));
    EXPECT_EQ("not paused", peer.receive(10));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ("before", host->recorder().session(session).received);
}

TEST_P(Conditioner, APauseInAnEventHoldsTheEndToo)
{
    create();
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = 100000; });
    /* The session of a host that polls may be over by then. */
    on_received = [](const iocpnet_event &event) { (void)iocpnet_session_pause_receive(event.session); };
    connect();
    ASSERT_TRUE(peer.send("pause"));
    peer.shutdown_send();
    ASSERT_TRUE(host->wait_received(session, 5));
    /* A host that polls pauses later than that. */
    if (!host->polls()) {
        ASSERT_EQ(IOCPNET_OK, host->send(session, "still open"));
        EXPECT_EQ("still open", peer.receive(10));
    }
    (void)iocpnet_session_resume_receive(session);
    ASSERT_TRUE(host->wait_disconnected(1));
}

TEST_P(Conditioner, AMessageThatWaitsInAPauseMayEndTheSession)
{
    create();
    set_for_service([](iocpnet_conditioner &c) { c.coalesce_us = 20000; });
    /* The session of a host that polls may be over by then. */
    on_received = [](const iocpnet_event &event) { (void)iocpnet_session_pause_receive(event.session); };
    iocpnet_framing framing = length_framing();
    framing.message_bytes_max = 100;
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.framing = &framing;
    connect(&options);
    ASSERT_TRUE(peer.send(message_of("right") + message_of(std::string(101, 'x'))));
    ASSERT_TRUE(host->wait_received(session, 5));
    (void)iocpnet_session_resume_receive(session);
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_FRAME_TOO_LONG),
              host->recorder().session(session).last.fields.close_reason);
    EXPECT_EQ("right", host->recorder().session(session).received);
}

TEST_P(Conditioner, AMessageThatIsTooLongEndsASessionWithMoreToSend)
{
    create();
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = 20000; });
    iocpnet_framing framing = length_framing();
    framing.message_bytes_max = 100;
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.framing = &framing;
    connect(&options);
    ASSERT_TRUE(peer.send(message_of(std::string(101, 'x'))));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 103; }));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "perhaps unsent"));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_FRAME_TOO_LONG),
              host->recorder().session(session).last.fields.close_reason);
}

TEST_P(Conditioner, AnEndIsToldAtOnceWhenNothingHoldsItBack)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.fragment_bytes = 1; });
    peer.shutdown_send();
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED),
              host->recorder().session(session).last.fields.close_reason);
}

TEST_P(Conditioner, WhatTheSystemDoesNotTakeWaits)
{
    create([](iocpnet_service_options &options) { options.send_queue_bytes_max = 1 << 24; });
    set_for_service([](iocpnet_conditioner &c) { c.fragment_bytes = 100000; });
    connect(nullptr, 4096);
    const std::string text = Random().bytes(1 << 23);
    ASSERT_EQ(IOCPNET_OK, host->send(session, text));
    ASSERT_TRUE(wait_until([&] { return host->stats().bytes_sent != 0; }));
    /* While a send waits for the system. */
    const iocpnet_conditioner same = conditioner_of([](iocpnet_conditioner &c) { c.fragment_bytes = 100000; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, &same));
    /* Behind what fills the system's buffers. */
    ASSERT_EQ(IOCPNET_OK, host->send(session, "the last"));
    EXPECT_TRUE(text + "the last" == peer.receive(text.size() + 8));
}

TEST_P(Conditioner, BackPressureIsAsEver)
{
    create([](iocpnet_service_options &options) {
        options.send_queue_bytes_max = 65536;
        options.send_queue_bytes_low = 16384;
    });
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = 200000; });
    connect();
    const std::string accepted = host->fill(session, 5000);
    EXPECT_EQ(accepted, peer.receive(accepted.size()));
    EXPECT_TRUE(host->wait([&](const Records &r) {
        return r.sessions.at(session).count(IOCPNET_EVENT_WRITABLE) == 1 &&
               r.sessions.at(session).sent_bytes == accepted.size();
    }));
}

TEST_P(Conditioner, AStreamIsConsumedUnderIt)
{
    create();
    std::string consumed; /* under the mutex */
    on_received = [&](const iocpnet_event &event) {
        const uint64_t whole = event.size / 4 * 4;
        consumed.append(static_cast<const char *>(event.data), static_cast<size_t>(whole));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_consume(event.session, whole));
    };
    set_for_service([](iocpnet_conditioner &c) {
        c.fragment_bytes = 3;
        c.delay_us = 2000;
    });
    iocpnet_framing framing;
    iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_STREAM);
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.framing = &framing;
    connect(&options);
    const std::string text = Random().bytes(400);
    ASSERT_TRUE(peer.send(text));
    peer.shutdown_send();
    ASSERT_TRUE(host->wait_disconnected(1));
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(text == consumed);
}

} // namespace
