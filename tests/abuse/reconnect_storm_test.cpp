/* Peers that connect, and are gone again at once, by tens of thousands. */
#include <algorithm>

#include "support/abuse_scene.hpp"

using namespace abuse_test;

namespace
{

constexpr uint32_t sessions_max = 64;
constexpr uint32_t per_address_max = 8;
constexpr uint32_t rate = 50;
constexpr uint32_t burst = 50;
constexpr uint32_t addresses = 20;

class ReconnectStorm : public Abuse
{
};
API_TEST_ON_EVERY_PORT(ReconnectStorm);

void guarded(iocpnet_service_options &options)
{
    options.sessions_max = sessions_max;
    options.sessions_per_address_max = per_address_max;
    options.accepts_per_address_per_s = rate;
    options.accepts_per_address_burst = burst;
    options.addresses_max = 64;
}

std::string attacker(uint32_t number)
{
    return "127.0." + std::to_string(1 + number / 250) + "." + std::to_string(1 + number % 250);
}

/* Those of the host are told apart from what the library counts: live sessions by its events. */
class Live
{
public:
    /* The host ends first. */
    void attach(Host &host)
    {
        host.on(IOCPNET_EVENT_CONNECTED, [this](const iocpnet_event &) {
            const uint32_t now = ++live_;
            most_ = std::max<uint32_t>(most_, now);
        });
        host.on(IOCPNET_EVENT_DISCONNECTED, [this](const iocpnet_event &) { --live_; });
    }
    uint32_t now() const { return live_; }
    uint32_t most() const { return most_; }

private:
    std::atomic<uint32_t> live_{0};
    std::atomic<uint32_t> most_{0}; /* one dispatcher writes it */
};

bool echoes(const std::string &address, const std::string &from)
{
    Socket peer = Socket::connect_from(from, address);
    return peer.is_open() && peer.send("let me in") && peer.receive(9) == "let me in";
}

/* Tries twice a second. */
bool is_let_in_again(const std::string &address, const std::string &from)
{
    const auto begin = Clock::now();
    while (since_ms(begin) < 15000) {
        const auto attempt = Clock::now();
        if (echoes(address, from)) {
            return true;
        }
        while (since_ms(attempt) < 500) {
            pause_briefly();
        }
    }
    return false;
}

/* Connects from each address in turn; a few in a hundred stay, the others are gone at once, half of them by a reset. */
void storm(const std::string &address, uint32_t count, std::vector<Socket> &staying)
{
    for (uint32_t i = 0; i < count; i++) {
        Socket peer = Socket::connect_from(attacker(i % addresses), address);
        if (!peer.is_open()) {
            continue; /* reset while it connected */
        }
        if (i / addresses % 20 == 0) {
            staying.push_back(std::move(peer));
        } else if (i / addresses % 2 == 0) {
            peer.close();
        } else {
            peer.reset();
        }
    }
}

TEST_P(ReconnectStorm, TensOfThousandsStayWithinTheLimits)
{
    const uint32_t count = scaled(20000);
    Warnings warnings;
    Live live;
    Host host(callbacks(), guarded);
    live.attach(host);
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    const auto begin = Clock::now();
    std::vector<Socket> staying;
    for (uint32_t i = 0; i <= per_address_max; i++) {
        staying.push_back(Socket::connect_from(attacker(0), address));
    }
    EXPECT_TRUE(wait_until([&] { return host.stats().accepts_refused_by_sessions != 0; }));
    storm(address, count, staying);
    const iocpnet_service_statistics now = host.stats();
    const auto seconds = static_cast<uint64_t>(since_ms(begin) / 1000 + 1);
    std::printf("figures: %u connects, %llu became a session, %llu refused: %llu by rate, %llu by sessions\n", count,
                static_cast<unsigned long long>(now.accepts), static_cast<unsigned long long>(now.accepts_refused),
                static_cast<unsigned long long>(now.accepts_refused_by_rate),
                static_cast<unsigned long long>(now.accepts_refused_by_sessions));
    EXPECT_LE(live.most(), sessions_max);
    EXPECT_LE(now.sessions_peak, sessions_max);
    EXPECT_LE(now.accepts, 2 + addresses * (burst + rate * seconds));
    EXPECT_LE(now.accepts + now.accepts_refused, 2 + per_address_max + 1 + static_cast<uint64_t>(count));
    EXPECT_GE(now.accepts_refused, now.accepts_refused_by_rate + now.accepts_refused_by_sessions);
    EXPECT_GE(now.accepts_refused_by_sessions, 1u);
    EXPECT_GE(now.accepts_refused_by_rate, 1u);
    EXPECT_EQ(0u, now.accepts_shed);
    EXPECT_LE(Memory::peak() - before, sessions_max * UINT64_C(4096));
    warnings.expect_few("refused since");
    good.expect_served();
    staying.clear();
    EXPECT_TRUE(wait_until([&] { return live.now() == 2; }));
    EXPECT_TRUE(echoes(address, attacker(addresses + 1)));
    EXPECT_TRUE(is_let_in_again(address, attacker(0))) << "who slows down is let in again";
}

TEST_P(ReconnectStorm, WhoStormsFromOneAddressIsHeldToItsRate)
{
    const uint32_t count = scaled(10000);
    Warnings warnings;
    Host host(callbacks(), [](iocpnet_service_options &options) {
        guarded(options);
        options.accepts_per_address_per_s = 5;
        options.accepts_per_address_burst = 10;
    });
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    const auto begin = Clock::now();
    for (uint32_t i = 0; i < count; i++) {
        Socket peer = Socket::connect_from(attacker(0), address);
        if (i % 2 == 0) {
            peer.reset(); /* who has gone so before it is accepted is not counted */
        } else {
            peer.close();
        }
    }
    const iocpnet_service_statistics now = host.stats();
    EXPECT_LE(now.accepts, 2 + 10 + 5 * static_cast<uint64_t>(since_ms(begin) / 1000 + 1));
    EXPECT_GE(now.accepts_refused_by_rate, 1u);
    EXPECT_EQ(now.accepts_refused, now.accepts_refused_by_rate + now.accepts_refused_by_sessions);
    warnings.expect_few("refused since");
    good.expect_served();
    EXPECT_TRUE(echoes(address, attacker(1))) << "another address pays for it";
    EXPECT_TRUE(is_let_in_again(address, attacker(0))) << "who slows down is let in again";
}

TEST_P(ReconnectStorm, FromThousandsOfAddressesTheTableDoesNotGrow)
{
    const uint32_t count = scaled(5000);
    Warnings warnings;
    Live live;
    Host host(callbacks(), [](iocpnet_service_options &options) {
        guarded(options);
        options.addresses_max = 16;
    });
    live.attach(host);
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    const uint64_t before = Memory::peak();
    std::vector<Socket> staying;
    for (uint32_t i = 0; i < count; i++) {
        staying.push_back(Socket::connect_from(attacker(i), address));
        if (staying.size() == 4 * sessions_max) {
            EXPECT_TRUE(wait_until([&] { return host.stats().accepts_refused != 0; }));
            staying.clear();
        }
    }
    EXPECT_LE(live.most(), sessions_max);
    EXPECT_LE(host.stats().sessions_peak, sessions_max);
    EXPECT_LE(Memory::peak() - before, sessions_max * UINT64_C(4096));
    EXPECT_EQ(0u, host.stats().accepts_refused_by_rate);
    warnings.expect_few("as many sessions as it may");
    good.expect_served();
    staying.clear();
    EXPECT_TRUE(wait_until([&] { return live.now() == 2; }));
    EXPECT_TRUE(echoes(address, attacker(0)));
}

} // namespace
