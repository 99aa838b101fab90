/* Peers in number that connect and say nothing, or hardly anything: each is closed for its reason, none of them early. */
#include <map>
#include <mutex>

#include "support/abuse_scene.hpp"

using namespace abuse_test;

namespace
{

constexpr uint32_t first_bytes_ms = 1500;
constexpr uint32_t idle_ms = 600;
/* Of a session with deadlines, all that the library has for it. */
constexpr uint64_t session_bytes_max = 1024;

class Slowloris : public Abuse
{
};
API_TEST_ON_EVERY_PORT(Slowloris);

/* When a session ended and why, by the address of its peer. */
class Ends
{
public:
    struct End {
        Clock::time_point when;
        uint32_t reason;
    };

    /* The host ends first. */
    void attach(Host &host)
    {
        host.on(IOCPNET_EVENT_CONNECTED, [this](const iocpnet_event &event) {
            const std::lock_guard<std::mutex> lock(mutex_);
            addresses_[event.session] = session_address(iocpnet_session_remote_address, event.session);
        });
        host.on(IOCPNET_EVENT_DISCONNECTED, [this](const iocpnet_event &event) {
            const std::lock_guard<std::mutex> lock(mutex_);
            ends_[addresses_[event.session]] = {Clock::now(), event.close_reason};
        });
    }

    /* All have ended. Times are from a moment at which nothing had begun yet. */
    void expect(const std::string &address, uint32_t reason, Clock::time_point begin, int64_t at_least_ms)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        ASSERT_EQ(1u, ends_.count(address));
        const End &end = ends_[address];
        EXPECT_STREQ(iocpnet_close_reason_name(reason), iocpnet_close_reason_name(end.reason));
        EXPECT_GE(std::chrono::duration_cast<std::chrono::milliseconds>(end.when - begin).count(), at_least_ms);
    }

private:
    std::mutex mutex_;
    std::map<iocpnet_session, std::string> addresses_;
    std::map<std::string, End> ends_;
};

struct Attacker {
    Socket socket;
    std::string address;
    Clock::time_point begin; /* before it connected, or before it sent its last byte */
};

std::vector<Attacker> connect_attackers(const std::string &address, uint32_t count)
{
    std::vector<Attacker> attackers(count);
    for (Attacker &each : attackers) {
        each.begin = Clock::now();
        each.socket = Socket::connect(address);
        EXPECT_TRUE(each.socket.is_open());
        each.address = each.socket.address();
    }
    return attackers;
}

/* All of them are closed, each for this reason and not before its time, at no more memory than a session may have. */
void expect_each_closed(Host &host, Ends &ends, const std::vector<Attacker> &attackers, uint32_t reason,
                        int64_t at_least_ms)
{
    const uint64_t count = attackers.size();
    ASSERT_TRUE(host.wait_disconnected(count));
    for (const Attacker &each : attackers) {
        ends.expect(each.address, reason, each.begin, at_least_ms);
    }
    EXPECT_EQ(count, host.stats().disconnects_by_reason[reason]);
    EXPECT_LE(Memory::peak(), count * session_bytes_max + port_bytes_max(host.mode().port));
}

iocpnet_listener_options slow_options()
{
    iocpnet_listener_options options = listener_options();
    options.limits.first_bytes_timeout_ms = first_bytes_ms;
    options.limits.idle_timeout_ms = idle_ms;
    return options;
}

void close_quickly(iocpnet_service_options &options)
{
    options.close_timeout_ms = 1;
}

TEST_P(Slowloris, ThousandsThatSayNothingAreClosedAtTheDeadlineOfTheFirstBytes)
{
    const uint32_t count = scaled(3000);
    Warnings warnings;
    Ends ends;
    Host host(callbacks(), close_quickly);
    ends.attach(host);
    host.echo();
    iocpnet_listener_options options = slow_options();
    options.limits.idle_timeout_ms = 0;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    std::vector<Attacker> attackers = connect_attackers(address, count);
    ASSERT_NO_FATAL_FAILURE(expect_each_closed(host, ends, attackers, IOCPNET_CLOSE_HANDSHAKE_TIMEOUT, first_bytes_ms));
    EXPECT_EQ(count, host.stats().disconnects);
    std::printf("figures: %u silent peers, at most %llu bytes\n", count,
                static_cast<unsigned long long>(Memory::peak()));
    warnings.expect_few("handshake timeout");
    good.expect_served();
}

/* The first byte comes at once, and then one at a time: it is the silence between them that is told from life. */
TEST_P(Slowloris, WhoSendsAByteAtTimesLivesUntilItStops)
{
    const uint32_t count = scaled(1000);
    Ends ends;
    Host host(callbacks(), close_quickly);
    ends.attach(host);
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &event) {
        if (event.size > 1) {
            iocpnet_session_send(event.session, event.data, event.size);
        }
    });
    const iocpnet_listener_options options = slow_options();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    std::vector<Attacker> attackers = connect_attackers(address, count);
    for (uint32_t round = 0; round < 10; round++) {
        const auto begin = Clock::now();
        for (Attacker &each : attackers) {
            each.begin = Clock::now();
            static_cast<void>(each.socket.send_some("x"));
        }
        while (since_ms(begin) < idle_ms / 4) {
            pause_briefly();
        }
    }
    /* On a machine that stands still one may have been silent for too long before. */
    ASSERT_NO_FATAL_FAILURE(expect_each_closed(host, ends, attackers, IOCPNET_CLOSE_IDLE, 0));
    good.expect_served();
}

TEST_P(Slowloris, WhoSendsOneByteAndThenNothingIsIdle)
{
    const uint32_t count = scaled(2000);
    Ends ends;
    Host host(callbacks(), close_quickly);
    ends.attach(host);
    iocpnet_listener_options options = slow_options();
    const iocpnet_framing framing = length_framing(0);
    options.framing = &framing;
    host.echo();
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    std::vector<Attacker> attackers = connect_attackers(address, count);
    for (Attacker &each : attackers) {
        each.begin = Clock::now();
        ASSERT_TRUE(each.socket.send("x")); /* of a header that never becomes whole */
    }
    ASSERT_NO_FATAL_FAILURE(expect_each_closed(host, ends, attackers, IOCPNET_CLOSE_IDLE, idle_ms));
    good.expect_served();
}

/* Life enough for an idle timeout: it is the pace of the message that is too slow. */
TEST_P(Slowloris, WhoSendsALongMessageByteByByteIsTooSlow)
{
    const uint32_t count = scaled(1000);
    Ends ends;
    Warnings warnings;
    Host host(callbacks(), close_quickly);
    ends.attach(host);
    host.echo();
    iocpnet_listener_options options = listener_options();
    const iocpnet_framing framing = length_framing(0);
    options.framing = &framing;
    options.limits.message_bytes_per_s = 100;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    GoodPeers good(address, 2);
    Memory::start_peak();
    std::vector<Attacker> attackers = connect_attackers(address, count);
    for (Attacker &each : attackers) {
        each.begin = Clock::now();
        ASSERT_TRUE(each.socket.send(std::string("\x00\xf0\x00\x00", 4)));
    }
    while (host.stats().disconnects < count) {
        const auto begin = Clock::now();
        for (Attacker &each : attackers) {
            static_cast<void>(each.socket.send_some("x"));
        }
        while (since_ms(begin) < 100) {
            pause_briefly();
        }
    }
    ASSERT_NO_FATAL_FAILURE(expect_each_closed(host, ends, attackers, IOCPNET_CLOSE_TOO_SLOW, 1000));
    warnings.expect_few("too slow");
    good.expect_served();
}

} // namespace
