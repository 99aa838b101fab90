/* Accepting meets each error that its manual pages have. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

/* accept(2); all but the first line belong to the one connection, which is gone then. */
const std::vector<int> passing = {EAGAIN,    EINTR,  ECONNABORTED, EPROTO,     ENETDOWN,    ENOPROTOOPT,
                                  EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT};
/* accept(2) and io_uring_enter(2): without resources or permission, and what only a defect could cause. */
const std::vector<int> lasting = {EMFILE,          ENFILE,          ENOBUFS, ENOMEM, EPERM,    ENOSR,
                                  EPROTONOSUPPORT, ESOCKTNOSUPPORT, EBADF,   EFAULT, ENOTSOCK, EINVAL};

class AcceptErrors : public InjectionTest
{
protected:
    void SetUp() override
    {
        InjectionTest::SetUp();
        if (!IsSkipped()) {
            ASSERT_EQ(IOCPNET_OK, host->start());
            expect_served(); /* the listener of the fixture accepts, and is met by no fault */
        }
    }

    /* A client that comes while the listener still backs off may be the one that is told so. */
    void expect_served_again()
    {
        EXPECT_TRUE(wait_until([this] {
            Socket peer = Socket::connect(address);
            return echoes(peer);
        }));
    }

    uint64_t backoffs() { return host->stats().accept_backoffs; }
};
INJECTION_SUITE(AcceptErrors);

class EpollAcceptErrors : public AcceptErrors
{
};
INJECTION_SUITE_OF_EPOLL(EpollAcceptErrors);

class IoUringAcceptErrors : public AcceptErrors
{
};
INJECTION_SUITE_OF_IO_URING(IoUringAcceptErrors);

TEST_P(AcceptErrors, OfOneConnectionOrAnInterruptionCostNoOtherConnection)
{
    for (const int error : passing) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(either(Call::accept4, Call::ring_accept), error, 1);
        address = host->listen();
        Socket first = Socket::connect(address);
        ASSERT_TRUE(wait_until([&] { return fault.failed() == 1; }));
        Socket second = Socket::connect(address);
        EXPECT_TRUE(echoes(second));
        EXPECT_TRUE(echoes(first));
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host->listener()));
    }
    EXPECT_EQ(0u, backoffs());
}

TEST_P(AcceptErrors, OfTheSystemMakeTheListenerBackOffOnceAndGoOn)
{
    uint64_t expected = 0;
    for (const int error : lasting) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(either(Call::accept4, Call::ring_accept), error, 1);
        address = host->listen();
        Socket first = Socket::connect(address);
        ASSERT_TRUE(wait_until([&] { return fault.failed() == 1; }));
        expect_served_again();
        EXPECT_EQ(++expected, backoffs());
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host->listener()));
    }
    EXPECT_GE(host->stats().accepts + host->stats().accepts_shed, 2 * lasting.size() + 1);
}

TEST_P(AcceptErrors, ThatComeAgainAndAgainMakeTheListenerTryUntilTheyStop)
{
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(either(Call::accept4, Call::ring_accept), error, 6);
        address = host->listen();
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(wait_until([&] { return fault.failed() == 6; }));
        expect_served_again();
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host->listener()));
    }
}

/* epoll's accept gives the address. */
TEST_P(IoUringAcceptErrors, OfTheNewSocketsAddressCostOnlyThatConnection)
{
    for (const int error : {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::getpeername, error, 1);
        Socket peer = Socket::connect(address);
        EXPECT_EQ("", peer.receive_all());
        EXPECT_EQ(1u, fault.failed());
        expect_served();
    }
    EXPECT_EQ(sessions_seen(), 7u);
}

TEST_P(AcceptErrors, OfADelayThatCanNotBeSetCostNothing)
{
    for (const int error : {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOBUFS}) {
        SCOPED_TRACE(strerrorname_np(error));
        /* Urgent bytes, the address, and then the delay: what is accepted inherits it. */
        const Fault fault(Call::setsockopt, error, 1, 2);
        address = host->listen();
        expect_served();
        EXPECT_EQ(1u, fault.failed());
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host->listener()));
    }
}

TEST_P(EpollAcceptErrors, OfWatchingTheNewSocketEndItBeforeTheHostKnowsIt)
{
    for (const int error : {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t before = sessions_seen();
        const Fault fault(Call::epoll_ctl, error, 1);
        Socket peer = Socket::connect(address);
        EXPECT_EQ("", peer.receive_all());
        EXPECT_EQ(1u, fault.failed());
        EXPECT_EQ(before, sessions_seen());
        expect_served();
    }
}

TEST_P(EpollAcceptErrors, OfWatchingTheListenerMakeItTryAgain)
{
    for (const int error : {ENOMEM, ENOSPC}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::epoll_ctl, error, 3);
        address = host->listen();
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(wait_until([&] { return fault.failed() == 3; }));
        expect_served_again();
        EXPECT_EQ(IOCPNET_OK, iocpnet_listener_close(host->listener()));
    }
}

TEST_P(IoUringAcceptErrors, EndOfEachMultishotStartsItAgainOnce)
{
    const Fault single(Call::ring_accept, single_shot);
    address = host->listen();
    constexpr uint32_t peers = 20;
    for (uint32_t i = 0; i < peers; i++) {
        expect_served();
    }
    EXPECT_TRUE(wait_until([&] { return single.failed() >= peers; }));
    EXPECT_LE(single.failed(), peers + 1);
}

} // namespace

#endif
