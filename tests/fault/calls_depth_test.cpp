/* Calls from inside events that lead to the same event again, and values that change while the last one runs. */
#include <algorithm>

#include "support/api_fixture.hpp"
#include "support/fault_tally.hpp"

using namespace api_test;
using fault_test::Tally;

namespace
{

class SendFromSent : public PortTest
{
};
API_TEST_ON_EVERY_PORT(SendFromSent);

/* Of the SENT callbacks; all of them run on one thread. */
struct Depth {
    uint64_t rounds = 0;
    uintptr_t lowest = UINTPTR_MAX;
    uintptr_t highest = 0;
};

void IOCPNET_CALL send_again(const iocpnet_event *event, void *user)
{
    auto *depth = static_cast<Depth *>(user);
    const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); /* AddressSanitizer moves variables */
    depth->lowest = std::min(depth->lowest, here);
    depth->highest = std::max(depth->highest, here);
    if (--depth->rounds > 0) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event->session, "x", 1));
    }
}

TEST_P(SendFromSent, AMillionTimesUsesNoMoreStack)
{
    const uint64_t rounds = on_windows ? 50000 : scaled(1000000);
    Depth depth;
    depth.rounds = rounds;
    Tally tally(GetParam());
    tally.on(IOCPNET_EVENT_SENT, send_again, &depth);
    const std::string address = tally.listen();
    ASSERT_EQ(IOCPNET_OK, tally.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("x")); /* its echo is the first that is sent */
    EXPECT_EQ(rounds, peer.receive(rounds).size());
    EXPECT_TRUE(wait_until([&] { return tally.count(IOCPNET_EVENT_SENT) == rounds; }));
    ASSERT_EQ(IOCPNET_OK, tally.destroy());
    EXPECT_LT(depth.highest - depth.lowest, 4096u);
}

class UserValue : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(UserValue);

TEST_P(UserValue, ThatChangesWhileDisconnectedRunsIsOneOfThoseThatWereSet)
{
    int values[2] = {};
    std::atomic<iocpnet_session> current{0};
    std::atomic<bool> stopped{false};
    std::atomic<uint64_t> strange{0};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        iocpnet_session_set_user(event.session, &values[0]);
        current = event.session;
    });
    host.on(IOCPNET_EVENT_DISCONNECTED, [&](const iocpnet_event &event) {
        void *user = nullptr;
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_user(event.session, &values[1]));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_get_user(event.session, &user));
        strange += user != &values[0] && user != &values[1] ? 1 : 0;
        const bool polled =
            event.user == nullptr && host.polls(); /* that of the poll: it may be older than CONNECTED */
        strange += event.user != &values[0] && event.user != &values[1] && !polled ? 1 : 0;
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::thread changer([&] {
        for (uint64_t i = 0; !stopped; i++) {
            const int32_t status = iocpnet_session_set_user(current, &values[i % 2]);
            strange += status != IOCPNET_OK && status != IOCPNET_E_INVALID_HANDLE ? 1 : 0;
        }
    });
    const uint32_t rounds = scaled(200);
    for (uint32_t i = 0; i < rounds; i++) {
        Socket::connect(address).close();
    }
    EXPECT_TRUE(host.wait_disconnected(rounds));
    stopped = true;
    changer.join();
    EXPECT_EQ(0u, strange);
}

} // namespace
