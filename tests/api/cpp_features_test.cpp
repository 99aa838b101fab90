/* The C++ wrapper of framing, groups, timers, jobs and admission. */
#include <iocpnet.hpp>

#include <atomic>
#include <future>
#include <optional>
#include <string>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class CppFeatures : public PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (!IsSkipped()) {
            service.emplace(iocpnet::service_options()
                                .with_port(static_cast<iocpnet::port>(GetParam()))
                                .with_sessions_per_address_max(3));
        }
    }
    void TearDown() override
    {
        service.reset();
        PortTest::TearDown();
    }

    /* Starts the service; a peer that is connected to its listener. */
    Socket start_and_connect(const iocpnet::listener_options &options = {})
    {
        listener = service->listen("127.0.0.1:0", options).value();
        service->start().value();
        return connect();
    }
    Socket connect() { return Socket::connect(listener.address().value().c_str()); }

    std::optional<iocpnet::service> service;
    iocpnet::listener listener;
};
API_TEST_ON_EVERY_PORT(CppFeatures);

const std::string framed("\x05\x00hello", 7);

TEST_P(CppFeatures, MessagesComeWholeAndGoOutWithTheirHeaders)
{
    service->on_received([](iocpnet::session session, iocpnet::bytes message) { session.send_message(message); })
        .value();
    iocpnet::listener_options options;
    options.framing = iocpnet::framing::length(2);
    Socket peer = start_and_connect(options);
    ASSERT_TRUE(peer.send(framed.substr(0, 1)));
    ASSERT_TRUE(peer.send(framed.substr(1) + framed));
    EXPECT_EQ(framed + framed, peer.receive(2 * framed.size()));
}

TEST_P(CppFeatures, FramingIsSwitchedOnAndOffBySession)
{
    service
        ->on_received([](iocpnet::session session, iocpnet::bytes data) {
            if (data.text() == "frame") {
                session.set_framing(iocpnet::framing::delimiter("\n")).value();
                session.send("framed");
            } else if (data.text() == "raw") {
                session.remove_framing().value();
                session.send("raw");
            }
        })
        .value();
    Socket peer = start_and_connect();
    ASSERT_TRUE(peer.send("frame"));
    ASSERT_EQ("framed", peer.receive(6));
    ASSERT_TRUE(peer.send("raw\n"));
    ASSERT_EQ("raw", peer.receive(3));
    ASSERT_TRUE(peer.send("frame"));
    EXPECT_EQ("framed", peer.receive(6));
}

TEST_P(CppFeatures, WhatIsNotConsumedIsOfferedAgain)
{
    service
        ->on_received([](iocpnet::session session, iocpnet::bytes data) {
            if (data.size() >= 10) {
                session.consume(data.size()).value();
                session.send(data);
            }
        })
        .value();
    iocpnet::listener_options options;
    options.framing = iocpnet::framing::stream(100);
    Socket peer = start_and_connect(options);
    ASSERT_TRUE(peer.send("12345"));
    ASSERT_TRUE(peer.send("67890"));
    EXPECT_EQ("1234567890", peer.receive(10));
}

TEST_P(CppFeatures, GroupReachesItsMembersAndLosesThemWhenTheyEnd)
{
    iocpnet::group group = iocpnet::group::create(*service).value();
    service
        ->on_connected([&group](iocpnet::session session) {
            group.add(session).value();
            session.send("!");
        })
        .value();
    Socket first = start_and_connect();
    Socket second = connect();
    ASSERT_EQ("!", first.receive(1));
    ASSERT_EQ("!", second.receive(1));
    EXPECT_EQ(2u, group.count().value());
    const iocpnet::buffer text = iocpnet::buffer::create("to all").value();
    EXPECT_EQ(2u, group.broadcast(text).value().queued);
    EXPECT_EQ("to all", first.receive(6));
    EXPECT_EQ("to all", second.receive(6));
    second.close();
    EXPECT_TRUE(wait_until([&] { return group.count().value() == 1; }));
}

TEST_P(CppFeatures, TimersAndJobsRunForTheirSession)
{
    constexpr std::uint64_t farewell = 7;
    service
        ->on_connected([](iocpnet::session session) {
            session.post([session] { session.send("job "); }).value();
            session.set_timer(farewell, 20).value();
        })
        .value();
    service
        ->on_timer(
            [](iocpnet::session session, std::uint64_t timer_id) { session.send("timer " + std::to_string(timer_id)); })
        .value();
    Socket peer = start_and_connect();
    EXPECT_EQ("job timer 7", peer.receive(11));
}

TEST_P(CppFeatures, TimersAndJobsRunForTheirDispatcher)
{
    constexpr std::uint64_t once = 7;
    constexpr std::uint64_t never = 8;
    std::promise<std::uint64_t> rang;
    std::promise<void> ran;
    service
        ->on_timer([&](iocpnet::session session, std::uint64_t timer_id) {
            EXPECT_FALSE(session);
            rang.set_value(timer_id);
        })
        .value();
    service->start().value();
    service->set_timer(0, never, 3600000).value();
    service->cancel_timer(0, never).value();
    service->set_timer(0, once, 1).value();
    service->post(0, [&] { ran.set_value(); }).value();
    ran.get_future().wait();
    EXPECT_EQ(once, rang.get_future().get());
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, service->post(99, [] {}).code());
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, service->set_timer(99, once, 1).code());
}

TEST_P(CppFeatures, BatchesCarryTimersAndJobs)
{
    int of_session = 0;
    int of_dispatcher = 0;
    std::uint64_t timers = 0;
    int jobs = 0;
    service.emplace(iocpnet::service_options()
                        .with_port(static_cast<iocpnet::port>(GetParam()))
                        .with_delivery(iocpnet::delivery::batches));
    const Socket peer = start_and_connect();
    const auto take = [&](const iocpnet::event &event) {
        switch (event.kind()) {
        case iocpnet::event_kind::connected:
            event.session().set_timer(5, 1).value();
            event.session().post_event(&of_session).value();
            service->post_event(0, &of_dispatcher).value();
            EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, service->post(0, [] {}).code());
            break;
        case iocpnet::event_kind::timer:
            EXPECT_EQ(5u, event.timer_id());
            timers += event.timer_count();
            break;
        case iocpnet::event_kind::posted:
            EXPECT_EQ(event.session() ? &of_session : &of_dispatcher, event.argument<int>());
            jobs++;
            break;
        default:
            break;
        }
    };
    wait_until([&] {
        iocpnet::event_batch<4> batch;
        service->poll(batch, 0, 10).value();
        for (const iocpnet::event &event : batch) {
            take(event);
        }
        return timers == 1 && jobs == 2;
    });
}

TEST_P(CppFeatures, ConditionersHoldBackAServiceOrASession)
{
    std::atomic<uint32_t> pieces{0};
    const auto bytewise = iocpnet::conditioner()
                              .with_seed(1)
                              .with_directions(IOCPNET_CONDITION_RECEIVE)
                              .with_bytes_per_second(1000000)
                              .with_delay_us(1000)
                              .with_jitter_us(1000)
                              .with_stalls(1, 1000)
                              .with_coalesce_us(1000)
                              .with_fragment_bytes(1)
                              .with_reset_ppm(0)
                              .with_held_bytes_max(1000);
    service->set_conditioner(bytewise).value();
    service->on_connected([](iocpnet::session session) { session.send("!").value(); }).value();
    service
        ->on_received([&](iocpnet::session session, iocpnet::bytes data) {
            if (++pieces == 5) {
                session.remove_conditioner().value();
                session.set_conditioner(iocpnet::conditioner().with_delay_us(1000)).value();
            }
            session.send(data).value();
        })
        .value();
    Socket peer = start_and_connect();
    ASSERT_EQ("!", peer.receive(1)); /* it has one now */
    service->remove_conditioner().value();
    ASSERT_TRUE(peer.send("12345"));
    EXPECT_EQ("12345", peer.receive(5));
    EXPECT_EQ(5u, pieces);
    ASSERT_TRUE(peer.send("67890"));
    EXPECT_EQ("67890", peer.receive(5));
}

TEST_P(CppFeatures, OptionsOfAdmissionAreInForce)
{
    service->on_received([](iocpnet::session session, iocpnet::bytes data) { session.send(data); }).value();
    const Socket first = start_and_connect();
    const Socket second = connect();
    const Socket third = connect();
    Socket one_too_many = connect();
    EXPECT_EQ("", one_too_many.receive_all());
}

} // namespace
