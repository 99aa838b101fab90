/* Many connects at once: none is lost for good, nothing leaks, nothing spins, and accepting goes on. */
#include "support/api_fixture.hpp"
#include "support/fault_tally.hpp"
#include "support/fault_usage.hpp"

using namespace api_test;
using fault_test::Tally;

namespace
{

/* ICN_STORM_SECONDS makes the storms longer, up to what the watchdog allows. */
const uint32_t storm_seconds = fault_test::from_environment("ICN_STORM_SECONDS", 2);

constexpr uint32_t connects_a_second = 10000;

class Storm : public PortTest
{
protected:
    /* Connects from two threads, at the pace of `connects_a_second` if the machine can, and treats each as told. */
    static uint64_t blow(const std::vector<std::string> &addresses,
                         const std::function<void(Socket &, uint64_t)> &treat)
    {
        std::atomic<uint64_t> made{0};
        const auto begin = Clock::now();
        const std::chrono::duration<double> limit(storm_seconds);
        run_on_threads(2, [&](uint32_t) {
            for (std::chrono::duration<double> now{0}; now < limit; now = Clock::now() - begin) {
                if (static_cast<double>(made) >= now.count() * connects_a_second) {
                    pause_briefly();
                    continue;
                }
                const uint64_t number = made++;
                Socket peer = Socket::connect(addresses[number % addresses.size()]);
                treat(peer, number);
            }
        });
        return made;
    }

    /* For a while there are hardly any turns, and hardly any work of the process. The system's own may take a moment. */
    static bool sleeps(const Tally &tally)
    {
        const uint64_t turns = tally.stats().turns;
        const double cpu = fault_test::cpu_seconds();
        EXPECT_FALSE(Socket::listen().readable_within(200));
        return tally.stats().turns <= turns + 10 && fault_test::cpu_seconds() - cpu < 0.1;
    }

    /* The storm is over: all of it has ended, the service is idle, and it serves the next client. */
    static void expect_calm(Tally &tally, const std::string &address, uint64_t made)
    {
        EXPECT_TRUE(wait_until([&] { return live_objects().sessions == 0; }));
        EXPECT_EQ(tally.connected(), tally.disconnected());
        EXPECT_TRUE(wait_until([&] { return sleeps(tally); })) << "the dispatcher spins";
        Socket good = Socket::connect(address);
        ASSERT_TRUE(good.send("calm"));
        EXPECT_EQ("calm", good.receive(4));
        std::printf("%llu connects in %u s, %llu became sessions\n", static_cast<unsigned long long>(made),
                    storm_seconds, static_cast<unsigned long long>(tally.connected()));
    }

    /* Several, so that the ports of the clients do not run out while old connections are in TIME_WAIT. */
    static std::vector<std::string> listen_often(Tally &tally)
    {
        std::vector<std::string> addresses;
        for (uint32_t i = 0; i < 8; i++) {
            addresses.push_back(tally.listen());
        }
        return addresses;
    }
};
API_TEST_ON_EVERY_PORT(Storm);

TEST_P(Storm, OfConnectsThatAreServedAndCloseLeavesNothingBehind)
{
    Tally tally(GetParam());
    const std::vector<std::string> addresses = listen_often(tally);
    ASSERT_EQ(IOCPNET_OK, tally.start());
    const uint64_t before = fault_test::open_descriptors();
    std::atomic<uint64_t> served{0};
    const uint64_t made =
        blow(addresses, [&](Socket &peer, uint64_t) { served += peer.send("x") && peer.receive(1) == "x" ? 1 : 0; });
    EXPECT_EQ(made, served);
    EXPECT_EQ(made, tally.connected());
    expect_calm(tally, addresses[0], made);
    EXPECT_TRUE(wait_until([=] { return fault_test::open_descriptors() <= before + (on_windows ? 50 : 1); }));
}

TEST_P(Storm, OfConnectAndResetLeavesNothingBehind)
{
    Tally tally(GetParam());
    const std::vector<std::string> addresses = listen_often(tally);
    ASSERT_EQ(IOCPNET_OK, tally.start());
    const uint64_t before = fault_test::open_descriptors();
    const uint64_t made = blow(addresses, [](Socket &peer, uint64_t number) {
        peer.send_some(std::string(number % 3, 'x'));
        peer.reset();
    });
    EXPECT_GT(made, 0u);
    expect_calm(tally, addresses[0], made);
    EXPECT_TRUE(wait_until([=] { return fault_test::open_descriptors() <= before + (on_windows ? 50 : 1); }));
}

TEST_P(Storm, ThatOverflowsTheBacklogIsServedOnceTheHostAccepts)
{
    Tally tally(GetParam());
    const std::string address = tally.listen(1);
    std::vector<Socket> waiting;
    for (uint32_t i = 0; i < 100; i++) {
        waiting.push_back(Socket::connect_later(address)); /* nobody accepts yet */
    }
    ASSERT_EQ(IOCPNET_OK, tally.start());
    for (Socket &peer : {std::ref(waiting[0]), std::ref(waiting[1])}) {
        ASSERT_TRUE(peer.send("waited"));
        EXPECT_EQ("waited", peer.receive(6));
    }
    waiting.clear();
    EXPECT_TRUE(wait_until([&] { return live_objects().sessions == 0; }));
    Socket later = Socket::connect(address);
    ASSERT_TRUE(later.send("later"));
    EXPECT_EQ("later", later.receive(5));
}

} // namespace
