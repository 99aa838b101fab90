/* The conditioner: given to sessions, changed and taken away while bytes are held. */
#include <atomic>
#include <chrono>

#include "support/api_conditioner.hpp"
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Milliseconds = std::chrono::milliseconds;

class ConditionerChange : public ConditionerTest
{
};
API_TEST_IN_EVERY_MODE(ConditionerChange);

TEST_P(ConditionerChange, NewSettingsOfASessionAct)
{
    create();
    connect();
    ASSERT_EQ(IOCPNET_OK, host->send(session, "at once"));
    EXPECT_EQ("at once", peer.receive(7));
    iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.delay_us = 40000; });
    for (int i = 0; i < 2; i++) {
        conditioner.fragment_bytes = static_cast<uint32_t>(i);
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, &conditioner));
        const auto sent = Clock::now();
        ASSERT_EQ(IOCPNET_OK, host->send(session, "late"));
        EXPECT_EQ("late", peer.receive(4));
        EXPECT_LE(Milliseconds(40), Clock::now() - sent);
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
        ASSERT_TRUE(peer.send("on"));
        ASSERT_TRUE(host->wait_received(session, static_cast<uint64_t>(2 * (i + 1))));
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
}

TEST_P(ConditionerChange, TurnedOffWhatIsHeldGoesOnAtOnce)
{
    connect_conditioned([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_TRUE(peer.send("held"));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "held, too"));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 4; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    ASSERT_TRUE(host->wait_received(session, 4));
    EXPECT_EQ("held, too", peer.receive(9));
}

TEST_P(ConditionerChange, TurnedOffAFramedSessionStillGetsMessages)
{
    create();
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    const iocpnet_framing framing = length_framing();
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.framing = &framing;
    connect(&options);
    ASSERT_TRUE(peer.send(message_of("one").substr(0, 4)));
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 4; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    ASSERT_TRUE(peer.send(message_of("one").substr(4) + message_of("two")));
    EXPECT_TRUE(host->wait_received(session, 6));
    EXPECT_EQ("onetwo", host->recorder().session(session).received);
}

TEST_P(ConditionerChange, TurnedOffInAPauseItHoldsUntilThatIsOver)
{
    create();
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    std::atomic<bool> resumed{false};
    on_received = [&](const iocpnet_event &event) {
        EXPECT_TRUE(resumed);
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(event.session));
    };
    connect();
    ASSERT_TRUE(peer.send("held"));
    peer.shutdown_send();
    ASSERT_TRUE(wait_until([&] { return session_details(session).bytes_received == 4; }));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(session));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    ASSERT_EQ(IOCPNET_OK, host->send(session, "not paused"));
    EXPECT_EQ("not paused", peer.receive(10));
    resumed = true;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
    ASSERT_TRUE(host->wait_received(session, 4));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ("held", host->recorder().session(session).received);
}

TEST_P(ConditionerChange, SetInAnEventItActsOnWhatIsSentThere)
{
    create();
    on_received = [](const iocpnet_event &event) {
        const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.delay_us = 50000; });
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(event.session, &conditioner));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
    };
    connect();
    for (int i = 0; i < 2; i++) {
        const auto sent = Clock::now();
        ASSERT_TRUE(peer.send("echo"));
        EXPECT_EQ("echo", peer.receive(4));
        /* A host that polls is outside of callbacks: the dispatcher learns of it later. */
        if (i > 0 || !host->polls()) {
            EXPECT_LE(Milliseconds(50), Clock::now() - sent);
        }
    }
}

TEST_P(ConditionerChange, AServiceWithoutOneAgainLeavesNewSessionsAlone)
{
    create();
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host->service(), nullptr));
    set_for_service([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host->service(), nullptr));
    connect();
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    ASSERT_TRUE(peer.send("now"));
    ASSERT_TRUE(host->wait_received(session, 3));
}

TEST_P(ConditionerChange, AnyThreadMaySetItAtAnyTime)
{
    create();
    host->echo();
    connect();
    const uint32_t rounds = scaled(200);
    std::atomic<bool> done{false};
    std::thread setter([&] {
        Random random;
        while (!done) {
            const iocpnet_conditioner conditioner = conditioner_of([&](iocpnet_conditioner &c) {
                c.delay_us = static_cast<uint32_t>(random.below(3000));
                c.fragment_bytes = static_cast<uint32_t>(random.below(5));
            });
            EXPECT_EQ(IOCPNET_OK,
                      iocpnet_session_set_conditioner(session, random.below(3) != 0 ? &conditioner : nullptr));
            pause_briefly();
        }
    });
    for (uint32_t i = 0; i < rounds; i++) {
        const std::string text = "message " + std::to_string(i);
        if (!peer.send(text) || peer.receive(text.size()) != text) {
            ADD_FAILURE() << i;
            break;
        }
    }
    done = true;
    setter.join();
}

} // namespace
