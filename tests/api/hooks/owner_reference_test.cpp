/* With the owner reference of a receive deliberately not dropped, the leak is found. */
#include "support/api_fixture.hpp"
#include "support/api_victim.hpp"

extern "C" {
#include "net/test_hooks.h"
}

using namespace api_test;

namespace
{

class OwnerReference : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(OwnerReference);

/* The session is alive, its client is killed, and no operation of it is in flight any more. */
void kill_client_of(Host &host, const std::string &address)
{
    ASSERT_TRUE(wait_until([] { return live_objects().operations > 0; }));
    const uint64_t before = live_objects().operations;
    Victim client(address);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.received_bytes() == 5; }));
    client.kill();
    EXPECT_TRUE(wait_until([=] { return live_objects().operations == before; }));
}

TEST_P(OwnerReference, ThatIsDroppedFreesTheSessionOfAKilledClient)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    kill_client_of(host, address);
    EXPECT_TRUE(wait_until([] { return live_objects().sessions == 0; }));
}

TEST_P(OwnerReference, ThatIsForgottenShowsAsALeakUntilItIsDropped)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    icn_test_forget_operation_completions(1);
    kill_client_of(host, address);
    /* A session that lives and ends after it: whatever there was to do for the first one is done. */
    Socket second = Socket::connect(address);
    ASSERT_TRUE(second.send("second"));
    EXPECT_EQ("second", second.receive(6));
    second.close();
    ASSERT_TRUE(host.wait([&](const Records &r) { return r.order.size() == 2 && r.sessions.at(r.order[1]).ended; }));
    EXPECT_TRUE(wait_until([] { return live_objects().sessions <= 1; }));
    EXPECT_EQ(1u, live_objects().sessions) << "the leak is not found";
    icn_test_drop_forgotten_operations();
    EXPECT_TRUE(wait_until([] { return live_objects().sessions == 0; }));
    ASSERT_TRUE(host.wait_disconnected(2));
}

} // namespace
