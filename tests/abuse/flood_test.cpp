/* Peers that send as fast as they can: held to their rates, or cut off, and memory stays what it was. */
#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

#include "support/abuse_scene.hpp"

using namespace abuse_test;

namespace
{

constexpr uint32_t flooder_count = 16;
constexpr uint64_t rate = 128 * 1024;

class Flood : public Abuse
{
};
API_TEST_ON_EVERY_PORT(Flood);

/* Each sends on a thread of its own what the system takes, until told to end, or cut off. */
class Flooders
{
public:
    Flooders(const std::string &address, uint32_t count, std::string bytes) : bytes_(std::move(bytes))
    {
        for (uint32_t i = 0; i < count; i++) {
            sockets_.push_back(Socket::connect(address));
            EXPECT_TRUE(sockets_.back().is_open());
        }
    }
    Flooders(const Flooders &) = delete;
    Flooders &operator=(const Flooders &) = delete;
    ~Flooders() { end(); }

    void begin()
    {
        thread_ = std::thread([this] { flood(); });
    }

    void end()
    {
        quit_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    uint64_t bytes() const { return sent_; }
    /* Turns in which the system took nothing from anybody. */
    uint64_t held_back() const { return held_back_; }

private:
    void flood()
    {
        std::vector<size_t> at(sockets_.size(), 0);
        while (!quit_) {
            uint64_t taken = 0;
            for (size_t i = 0; i < sockets_.size(); i++) {
                const size_t sent = sockets_[i].send_some(std::string_view(bytes_).substr(at[i]));
                at[i] = (at[i] + sent) % bytes_.size();
                taken += sent;
            }
            sent_ += taken;
            if (taken == 0) {
                held_back_++;
                pause_briefly();
            }
        }
    }

    std::string bytes_;
    std::vector<Socket> sockets_;
    std::thread thread_;
    std::atomic<bool> quit_{false};
    std::atomic<uint64_t> sent_{0};
    std::atomic<uint64_t> held_back_{0};
};

/* Echoes what those who mean well send, and only counts what the flooders do. */
class Counter
{
public:
    explicit Counter(char mark) : mark_(mark) {}

    /* The host ends first. */
    void attach(Host &host)
    {
        host.recorder().keep_no_data();
        host.on(IOCPNET_EVENT_RECEIVED, [this](const iocpnet_event &event) { received(event); });
    }

    uint64_t bytes() const { return bytes_; }
    uint64_t events() const { return events_; }
    uint64_t most_of_one()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        uint64_t most = 0;
        for (const auto &each : by_session_) {
            most = std::max(most, each.second);
        }
        return most;
    }

private:
    void received(const iocpnet_event &event)
    {
        const auto *data = static_cast<const char *>(event.data);
        if (event.size > 0 && data[event.size - 1] != mark_) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
            return;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        bytes_ += event.size;
        events_++;
        by_session_[event.session] += event.size;
    }

    char mark_;
    std::mutex mutex_;
    std::atomic<uint64_t> bytes_{0};
    std::atomic<uint64_t> events_{0};
    std::unordered_map<iocpnet_session, uint64_t> by_session_;
};

/* Long enough for a rate to show. */
void flood_for(Flooders &flooders, int64_t milliseconds)
{
    const auto begin = Clock::now();
    flooders.begin();
    while (since_ms(begin) < milliseconds) {
        pause_briefly();
    }
}

TEST_P(Flood, BytesAreHeldToTheirRate)
{
    Counter counter('!');
    Host host(callbacks());
    counter.attach(host);
    iocpnet_listener_options options = listener_options();
    options.limits.receive_bytes_per_s = rate;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    const auto begin = Clock::now();
    Flooders flooders(address, flooder_count, std::string(65536, '!'));
    flood_for(flooders, 2500);
    good.expect_served();
    const uint64_t most = counter.most_of_one();
    const auto ms = static_cast<uint64_t>(since_ms(begin));
    std::printf("figures: a flooder got %llu bytes in %llu ms, at %llu a second\n",
                static_cast<unsigned long long>(most), static_cast<unsigned long long>(ms),
                static_cast<unsigned long long>(rate));
    EXPECT_LE(most, rate + rate * ms / 1000 + port_bytes_max(GetParam()));
    EXPECT_GE(counter.bytes(), flooder_count * rate) << "held to less than its rate";
    EXPECT_GE(host.stats().receive_throttles, flooder_count);
    EXPECT_GE(flooders.held_back(), 1u);
    EXPECT_EQ(0u, host.stats().disconnects);
    EXPECT_LE(Memory::peak() - before, flooder_count * UINT64_C(4096) + port_bytes_max(GetParam()));
    flooders.end();
}

TEST_P(Flood, EventsAreHeldToTheirRate)
{
    constexpr uint64_t events_per_s = 100;
    Counter counter('!');
    Host host(callbacks(), [](iocpnet_service_options &service) { service.receive_buffer_bytes = 1024; });
    counter.attach(host);
    iocpnet_listener_options options = listener_options();
    options.limits.receive_events_per_s = events_per_s;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    const auto begin = Clock::now();
    Flooders flooders(address, flooder_count, std::string(65536, '!'));
    flood_for(flooders, 2500);
    good.expect_served();
    const uint64_t events = counter.events();
    const auto ms = static_cast<uint64_t>(since_ms(begin));
    std::printf("figures: %llu events of %u flooders in %llu ms\n", static_cast<unsigned long long>(events),
                flooder_count, static_cast<unsigned long long>(ms));
    EXPECT_LE(events, flooder_count * (events_per_s + events_per_s * ms / 1000 + port_bytes_max(GetParam()) / 1024));
    EXPECT_GE(host.stats().receive_throttles, flooder_count);
    EXPECT_GE(flooders.held_back(), 1u);
    flooders.end();
}

TEST_P(Flood, WhoExceedsItsRateIsCutOffWhereThatIsThePolicy)
{
    const uint32_t count = scaled(400);
    Warnings warnings;
    Counter counter('!');
    Host host(callbacks());
    counter.attach(host);
    iocpnet_listener_options options = listener_options();
    options.limits.receive_bytes_per_s = rate;
    options.limits.receive_policy = IOCPNET_RECEIVE_DISCONNECT;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Flooders flooders(address, count, std::string(65536, '!'));
    flooders.begin();
    ASSERT_TRUE(host.wait_disconnected(count));
    flooders.end();
    EXPECT_EQ(count, host.stats().disconnects_by_reason[IOCPNET_CLOSE_RECEIVE_OVERFLOW]);
    EXPECT_EQ(count, host.stats().disconnects);
    warnings.expect_few("receive overflow");
    good.expect_served();
}

TEST_P(Flood, OfTinyMessagesLosesNoneAndHarmsNobody)
{
    std::string tiny;
    for (uint32_t i = 0; i < 4096; i++) {
        tiny += message("!");
    }
    Counter counter('!');
    Host host(callbacks());
    counter.attach(host);
    const iocpnet_framing framing = length_framing(0);
    iocpnet_listener_options options = listener_options();
    options.framing = &framing;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    Flooders flooders(address, flooder_count / 2, tiny);
    flooders.begin();
    ASSERT_TRUE(wait_until([&] { return flooders.bytes() >= scaled(10000000); }));
    good.expect_served();
    flooders.end();
    /* Each message is 5 bytes; the last of each flooder may not be whole. */
    EXPECT_TRUE(wait_until([&] { return counter.bytes() + flooder_count * 5 > flooders.bytes(); }));
    EXPECT_LE(counter.bytes(), flooders.bytes());
    EXPECT_EQ(counter.bytes(), 5 * counter.events());
    EXPECT_EQ(0u, host.stats().disconnects);
    EXPECT_LE(Memory::peak() - before, port_bytes_max(GetParam()) + flooder_count * UINT64_C(8192));
    std::printf("figures: %llu tiny messages\n", static_cast<unsigned long long>(counter.events()));
}

/* Who polls slowly holds the peers back, and pays with a queue of the size that it chose. */
TEST_P(Flood, OfAHostThatPollsSlowlyFillsItsQueueAndNoMore)
{
    constexpr uint64_t queue_max = 1024 * 1024;
    Counter counter('!');
    Host host(batches(), [](iocpnet_service_options &options) { options.event_queue_bytes_max = queue_max; });
    host.drive_by_hand();
    host.set_capacity(4);
    counter.attach(host);
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    Flooders flooders(address, flooder_count, std::string(65536, '!'));
    flooders.begin();
    ASSERT_TRUE(wait_until([&] { return host.stats().event_queue_bytes >= queue_max / 2; }));
    for (uint32_t turn = 0; turn < 200; turn++) {
        const uint64_t held_back = flooders.held_back();
        ASSERT_TRUE(wait_until([&] { return flooders.held_back() > held_back; })) << "they are not held back";
        ASSERT_GE(host.drive_once(0, 0), 0);
    }
    std::printf("figures: %llu bytes for a queue of %llu\n", static_cast<unsigned long long>(Memory::peak() - before),
                static_cast<unsigned long long>(queue_max));
    EXPECT_LE(Memory::peak() - before, queue_max + port_bytes_max(GetParam()));
    EXPECT_GE(counter.bytes(), 1u);
    flooders.end();
    /* Once it polls again as it should, whoever means well is served. */
    Socket good = Socket::connect(address);
    ASSERT_TRUE(good.send("served?"));
    ASSERT_TRUE(wait_until([&] {
        EXPECT_GE(host.drive_once(0, 0), 0);
        return good.readable_within(0);
    }));
    EXPECT_EQ("served?", good.receive(7));
}

} // namespace
