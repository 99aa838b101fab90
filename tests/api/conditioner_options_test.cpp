/* The conditioner: its options, and sessions that tests drive by hand. */
#include <chrono>
#include <functional>
#include <vector>

#include "support/api_conditioner.hpp"
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using Milliseconds = std::chrono::milliseconds;

class ConditionerEvents : public PortTest
{
};
API_TEST_ON_EVERY_PORT(ConditionerEvents);

TEST_P(ConditionerEvents, AFullEventQueueHoldsWhatIsDue)
{
    Host host(host_batches(), [](iocpnet_service_options &options) {
        options.event_queue_bytes_max = 1024;
        options.receive_buffer_bytes = 1024;
    });
    host.drive_by_hand();
    host.set_capacity(3);
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.fragment_bytes = 5; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host.service(), &conditioner));
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const std::string text = Random().bytes(20000);
    ASSERT_TRUE(peer.send(text));
    const auto begun = Clock::now();
    while (host.recorder().received_bytes() < text.size() && Clock::now() - begun < wait_limit) {
        ASSERT_LE(0, host.drive_once(0, 10));
    }
    EXPECT_TRUE(text == host.recorder().session(host.recorder().nth(0)).received);
}

TEST_P(ConditionerEvents, BatchesWithoutReceivedGetNothing)
{
    Host host(host_batches(), [](iocpnet_service_options &options) {
        options.batch_events &= ~IOCPNET_EVENT_BIT(IOCPNET_EVENT_RECEIVED);
    });
    host.drive_by_hand();
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.fragment_bytes = 1; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host.service(), &conditioner));
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("unwanted"));
    peer.shutdown_send();
    while (host.recorder().copy().disconnected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    EXPECT_EQ(0u, host.recorder().received_bytes());
    EXPECT_EQ(8u, host.stats().bytes_received);
}

TEST_P(ConditionerEvents, AServiceWithoutCallbacksReceivesForNobody)
{
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = static_cast<uint32_t>(GetParam());
    iocpnet_service service = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &service));
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.fragment_bytes = 1; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(service, &conditioner));
    iocpnet_listener listener = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(service, "127.0.0.1:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_start(service));
    Socket peer = Socket::connect(session_address(iocpnet_listener_address, listener));
    ASSERT_TRUE(peer.send("unwanted"));
    peer.shutdown_send();
    /* The server ends it, too. */
    EXPECT_EQ("", peer.receive_all());
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
    wait_for_nothing_alive();
}

TEST_P(ConditionerEvents, ConnectedSessionsHaveItFromTheStart)
{
    Host host(callbacks());
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.delay_us = 50000; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host.service(), &conditioner));
    Socket listener = Socket::listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(listener.address());
    Socket peer = listener.accept();
    ASSERT_TRUE(host.wait_connected(1));
    const auto sent = Clock::now();
    ASSERT_EQ(IOCPNET_OK, host.send(session, "hello"));
    EXPECT_EQ("hello", peer.receive(5));
    EXPECT_LE(Milliseconds(50), Clock::now() - sent);
}

TEST_P(ConditionerEvents, ASessionThatClosesCanStillBeTurnedOff)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const iocpnet_conditioner conditioner =
        conditioner_of([](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host.service(), &conditioner));
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    while (host.recorder().copy().connected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    const iocpnet_session session = host.recorder().nth(0);
    ASSERT_EQ(IOCPNET_OK, host.send(session, "held"));
    /* The dispatcher learns of both at once. */
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, nullptr));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 3600000));
    peer.shutdown_send();
    while (host.recorder().copy().disconnected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    EXPECT_EQ("held", peer.receive_all());
    EXPECT_EQ(0u, host.recorder().session(session).last.fields.bytes_unsent);
}

TEST_P(ConditionerEvents, AResetCutsAGracefulCloseShort)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &c) { c.reset_ppm = 1000000; });
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host.service(), &conditioner));
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    while (host.recorder().copy().connected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    const iocpnet_session session = host.recorder().nth(0);
    /* The dispatcher learns of both at once. */
    ASSERT_EQ(IOCPNET_OK, host.send(session, "unsent"));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 3600000));
    while (host.recorder().copy().disconnected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    const iocpnet_event last = host.recorder().session(session).last.fields;
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), last.close_reason);
    EXPECT_EQ(IOCPNET_E_CONNECTION_RESET, last.status);
    EXPECT_EQ(6u, last.bytes_unsent);
    EXPECT_EQ("", peer.receive_all());
}

TEST_P(ConditionerEvents, ASessionThatConnectsOrHasEndedCanNotBeGivenOne)
{
    Host host(host_callbacks());
    host.drive_by_hand();
    Socket listener = Socket::listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(listener.address());
    const iocpnet_conditioner conditioner = conditioner_of([](iocpnet_conditioner &) {});
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_set_conditioner(session, &conditioner));
    while (host.recorder().copy().connected() == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    EXPECT_EQ(IOCPNET_E_CLOSED, iocpnet_session_set_conditioner(session, &conditioner));
}

TEST(ConditionerOptions, WhatIsOutOfRangeIsRefused)
{
    iocpnet_service service = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_create(nullptr, &service));
    const std::vector<std::function<void(iocpnet_conditioner &)>> wrong = {
        [](iocpnet_conditioner &c) { c.directions = 0; },
        [](iocpnet_conditioner &c) { c.directions = 4; },
        [](iocpnet_conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX + 1; },
        [](iocpnet_conditioner &c) { c.jitter_us = UINT32_MAX; },
        [](iocpnet_conditioner &c) { c.stall_us = IOCPNET_CONDITION_US_MAX + 1; },
        [](iocpnet_conditioner &c) { c.coalesce_us = IOCPNET_CONDITION_US_MAX + 1; },
        [](iocpnet_conditioner &c) { c.stall_ppm = 1000001; },
        [](iocpnet_conditioner &c) { c.reset_ppm = 1000001; },
        [](iocpnet_conditioner &c) { c.bytes_per_second = (UINT64_C(1) << 40) + 1; },
        [](iocpnet_conditioner &c) { c.held_bytes_max = 0; },
        [](iocpnet_conditioner &c) { c.held_bytes_max = (1u << 30) + 1; },
    };
    for (size_t i = 0; i < wrong.size(); i++) {
        const iocpnet_conditioner conditioner = conditioner_of(wrong[i]);
        EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_service_set_conditioner(service, &conditioner)) << i;
    }
    iocpnet_conditioner most = conditioner_of([](iocpnet_conditioner &c) {
        c = {c.struct_size, 3,        0,        UINT64_C(1) << 40, 60000000, 60000000,
             1000000,       60000000, 60000000, UINT32_MAX,        1000000,  1u << 30};
    });
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(service, &most));
    most.struct_size = 12;
    EXPECT_EQ(IOCPNET_E_INVALID_STRUCT_SIZE, iocpnet_service_set_conditioner(service, &most));
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
    wait_for_nothing_alive();
}

} // namespace
