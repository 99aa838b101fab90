/* A process that forks and whose child lives on, with copies of every descriptor. Linux. */
#if defined(__linux__)

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

/* A copy of this process that does nothing until the object ends. */
class IdleChild
{
public:
    IdleChild() : process_(fork())
    {
        if (process_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                pause();
            }
        }
    }
    IdleChild(const IdleChild &) = delete;
    IdleChild &operator=(const IdleChild &) = delete;
    ~IdleChild()
    {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }

private:
    pid_t process_;
};

template <typename Test>
class ForkTest : public Test
{
protected:
    void SetUp() override
    {
        if (is_sanitized()) {
            GTEST_SKIP() << "a sanitizer's own threads do not survive a fork";
        }
        Test::SetUp();
    }
};

class LivingChild : public ForkTest<ModeTest>
{
};
API_TEST_IN_EVERY_MODE(LivingChild);

/* Its parent has not looked yet at what the system accepted for it: an io_uring does that without being asked. */
class ChildOfABusyParent : public ForkTest<PortTest>
{
};
API_TEST_ON_EVERY_PORT(ChildOfABusyParent);

TEST_P(LivingChild, LeavesTheSessionsOfItsParentAlone)
{
    Host host(GetParam());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket old = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const IdleChild child;
    Socket fresh = Socket::connect(address);
    for (Socket *peer : {&old, &fresh}) {
        ASSERT_TRUE(peer->send("served"));
        EXPECT_EQ("served", peer->receive(6));
    }
    fresh.close();
    EXPECT_TRUE(host.wait_disconnected(1));
}

TEST_P(LivingChild, DoesNotKeepAGracefulCloseFromThePeer)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const IdleChild child;
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), "bye"));
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_GRACEFUL));
    EXPECT_EQ("bye", peer.receive_all());
    EXPECT_EQ(Socket::End::closed, peer.end());
    peer.shutdown_send(); /* the child still has this end, too */
    EXPECT_TRUE(host.wait_disconnected(1));
}

TEST_P(LivingChild, DoesNotKeepAnAbortFromThePeer)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const IdleChild child;
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ("", peer.receive_all());
    EXPECT_EQ(Socket::End::reset, peer.end());
}

TEST_P(ChildOfABusyParent, DoesNotKeepARefusalFromThePeer)
{
    Host host(host_batches(), [](iocpnet_service_options &o) { o.sessions_max = 1; });
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket served = Socket::connect(address);
    ASSERT_TRUE(wait_until([&] { return host.drive_once(0, 0) < 0 || host.recorder().session_count() == 1; }));
    Socket refused = Socket::connect(address);
    const IdleChild child;
    ASSERT_TRUE(wait_until([&] { return host.drive_once(0, 0) < 0 || host.stats().accepts_refused == 1; }));
    EXPECT_EQ("", refused.receive_all());
    EXPECT_EQ(Socket::End::reset, refused.end());
}

TEST_P(LivingChild, DoesNotKeepAClosedListenersAddressBusy)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const IdleChild child;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host.listener()));
    /* The address is free at once, but for the moment that the dispatcher takes to let go of it. */
    iocpnet_listener again = 0;
    EXPECT_TRUE(wait_until(
        [&] { return iocpnet_listener_open(host.service(), address.c_str(), nullptr, &again) == IOCPNET_OK; }));
}

TEST_P(LivingChild, DoesNotHoldUpDestroy)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const IdleChild child;
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    wait_for_nothing_alive();
}

} // namespace

#endif
