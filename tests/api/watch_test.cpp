/* What a service tells of itself: how long callbacks take, the last events, a page for Prometheus. */
#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include <iocpnet.hpp>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class CallbackTimes : public PortTest
{
};
API_TEST_ON_EVERY_PORT(CallbackTimes);

class Trace : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Trace);

class TraceByHand : public PortTest
{
};
API_TEST_ON_EVERY_PORT(TraceByHand);

class Metrics : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Metrics);

void take_time(std::chrono::microseconds duration)
{
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
    }
}

uint64_t timed(const iocpnet_service_statistics &statistics)
{
    return std::accumulate(std::begin(statistics.callback_times), std::end(statistics.callback_times), uint64_t{0});
}

TEST_P(CallbackTimes, EachCallbackIsCountedByItsDuration)
{
    Host host(host_callbacks(), [](iocpnet_service_options &options) { options.slow_callback_us = 60 * 1000 * 1000; });
    host.drive_by_hand();
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &) { take_time(std::chrono::microseconds(4096)); });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("take your time"));
    while (host.stats().bytes_received == 0) {
        ASSERT_LE(0, host.drive_once(0, 1000));
    }
    const iocpnet_service_statistics statistics = host.stats();
    EXPECT_EQ(statistics.events, timed(statistics));
    const auto *long_ones = &statistics.callback_times[13]; /* 4,096 us or longer */
    EXPECT_EQ(1u, std::accumulate(long_ones, std::end(statistics.callback_times), uint64_t{0}));
    EXPECT_LE(4096u, statistics.callback_time_us);
    EXPECT_EQ(0u, statistics.callbacks_slow);
}

TEST_P(CallbackTimes, SlowOnesAreCountedWhateverTheirKind)
{
    Host host(callbacks(), [](iocpnet_service_options &options) { options.slow_callback_us = 500; });
    for (const uint32_t kind : {IOCPNET_EVENT_CONNECTED, IOCPNET_EVENT_RECEIVED, IOCPNET_EVENT_DISCONNECTED}) {
        host.on(kind, [](const iocpnet_event &) { take_time(std::chrono::microseconds(1000)); });
    }
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send("x"));
        ASSERT_TRUE(host.wait([](const Records &records) { return records.counts[IOCPNET_EVENT_RECEIVED] == 1; }));
    }
    ASSERT_TRUE(host.wait_disconnected(1));
    host.stop(1000);
    EXPECT_LE(3u, host.stats().callbacks_slow);
}

TEST_P(CallbackTimes, AreNotTakenUnlessAskedFor)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("x"));
    ASSERT_EQ("x", peer.receive(1));
    EXPECT_EQ(0u, timed(host.stats()));
    EXPECT_EQ(0u, host.stats().callback_time_us);
}

TEST_P(CallbackTimes, BatchesHaveNone)
{
    Host host(batches(), [](iocpnet_service_options &options) { options.slow_callback_us = 1; });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("x"));
    ASSERT_EQ("x", peer.receive(1));
    EXPECT_EQ(0u, timed(host.stats()));
    EXPECT_EQ(0u, host.stats().callbacks_slow);
}

void keep_1000(iocpnet_service_options &options)
{
    options.trace_records = 1000;
}

std::vector<iocpnet_trace_record> trace_of(const Host &host, uint32_t capacity = 1000)
{
    std::vector<iocpnet_trace_record> records(capacity);
    const int32_t count = iocpnet_service_trace(host.service(), 0, records.data(), capacity);
    EXPECT_LE(0, count);
    records.resize(static_cast<size_t>(std::max(count, 0)));
    return records;
}

TEST_P(Trace, HoldsTheLifeOfASessionInOrder)
{
    Host host(GetParam(), keep_1000);
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send("hello"));
        ASSERT_EQ("hello", peer.receive(5));
    }
    ASSERT_TRUE(host.wait_disconnected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::vector<uint32_t> kinds;
    uint64_t received = 0;
    uint64_t last_us = 0;
    uint64_t number = 0;
    for (const iocpnet_trace_record &record : trace_of(host)) {
        EXPECT_EQ(number++, record.number);
        EXPECT_EQ(session, record.session);
        EXPECT_LE(last_us, record.time_us);
        EXPECT_EQ(record.kind == IOCPNET_EVENT_DISCONNECTED ? uint32_t{IOCPNET_CLOSE_PEER_CLOSED} : 0u,
                  record.close_reason);
        received += record.kind == IOCPNET_EVENT_RECEIVED ? record.size : 0;
        last_us = record.time_us;
        if (kinds.empty() || kinds.back() != record.kind) {
            kinds.push_back(record.kind);
        }
    }
    ASSERT_LE(3u, kinds.size());
    EXPECT_EQ(uint32_t{IOCPNET_EVENT_CONNECTED}, kinds.front());
    EXPECT_EQ(uint32_t{IOCPNET_EVENT_RECEIVED}, kinds[1]);
    EXPECT_EQ(uint32_t{IOCPNET_EVENT_DISCONNECTED}, kinds.back());
    EXPECT_EQ(5u, received);
}

TEST_P(Trace, HoldsEachMessageOfASessionWithAFraming)
{
    Host host(GetParam(), keep_1000);
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_DELIMITER));
    iocpnet_listener_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("a\nbc\ndef\n"));
    ASSERT_TRUE(host.wait([](const Records &records) { return records.counts[IOCPNET_EVENT_RECEIVED] == 3; }));
    std::vector<uint64_t> sizes;
    for (const iocpnet_trace_record &record : trace_of(host)) {
        if (record.kind == IOCPNET_EVENT_RECEIVED) {
            sizes.push_back(record.size);
        }
    }
    EXPECT_EQ((std::vector<uint64_t>{1, 2, 3}), sizes);
}

TEST_P(Trace, IsEmptyUnlessAskedFor)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    EXPECT_TRUE(trace_of(host).empty());
}

TEST_P(TraceByHand, HoldsTheNewestWhenThereWereMore)
{
    Host host(host_callbacks(), [](iocpnet_service_options &options) { options.trace_records = 4; });
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    for (uint64_t sent = 1; sent <= 10; sent++) {
        ASSERT_TRUE(peer.send("x"));
        while (host.stats().bytes_received < sent) {
            ASSERT_LE(0, host.drive_once(0, 1000));
        }
    }
    const std::vector<iocpnet_trace_record> all = trace_of(host);
    ASSERT_EQ(4u, all.size());
    EXPECT_EQ(7u, all.front().number);
    EXPECT_EQ(10u, all.back().number);
    const std::vector<iocpnet_trace_record> two = trace_of(host, 2);
    ASSERT_EQ(2u, two.size());
    EXPECT_EQ(9u, two.front().number);
}

std::string metrics_of(const Host &host, const char *name)
{
    std::string text(65536, '\0');
    const int32_t length =
        iocpnet_service_metrics(host.service(), name, text.data(), static_cast<uint32_t>(text.size()));
    EXPECT_LT(0, length);
    text.resize(static_cast<size_t>(std::max(length, 0)));
    return text;
}

TEST_P(Metrics, SayWhatTheStatisticsSay)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::vector<Socket> peers = host.connect_peers(address, 3);
    const std::string page = metrics_of(host, "lobby");
    EXPECT_NE(std::string::npos, page.find("\niocpnet_accepts_total{service=\"lobby\"} 3\n"));
    EXPECT_NE(std::string::npos, page.find("\niocpnet_sessions{service=\"lobby\"} 3\n"));
}

TEST_P(Metrics, NameHasToBeShortUtf8)
{
    Host host(callbacks());
    const iocpnet_service service = host.service();
    EXPECT_LT(0, iocpnet_service_metrics(service, std::string(255, 'n').c_str(), nullptr, 0));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_service_metrics(service, std::string(256, 'n').c_str(), nullptr, 0));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_service_metrics(service, "\xff", nullptr, 0));
}

TEST_P(Metrics, AndTraceAreInTheCppWrapper)
{
    iocpnet::service service(iocpnet::service_options()
                                 .with_port(static_cast<iocpnet::port>(GetParam()))
                                 .with_trace_records(10)
                                 .with_slow_callback_us(1000000));
    service.on_received([](iocpnet::session session, iocpnet::bytes data) { session.send(data); }).value();
    const iocpnet::listener listener = service.listen("127.0.0.1:0").value();
    service.start().value();
    Socket peer = Socket::connect(listener.address().value().c_str());
    ASSERT_TRUE(peer.send("hello"));
    ASSERT_EQ("hello", peer.receive(5));
    const std::string page = service.metrics("lobby").value();
    EXPECT_NE(std::string::npos, page.find("iocpnet_received_bytes_total{service=\"lobby\"} 5\n"));
    iocpnet::trace_record records[10];
    const std::uint32_t count = service.trace(0, records, 10).value();
    ASSERT_LE(1u, count);
    EXPECT_EQ(std::uint32_t{IOCPNET_EVENT_RECEIVED}, records[count - 1].kind);
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, service.metrics("\xff").code());
}

} // namespace
