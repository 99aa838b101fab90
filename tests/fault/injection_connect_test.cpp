/* Connecting meets each error that its manual pages have. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

/* connect(2), tcp(7), ip(7), at once or later. */
const std::vector<int> errors = {EACCES,      EPERM,    EADDRINUSE,   EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN,
                                 EALREADY,    EBADF,    ECONNREFUSED, ECONNRESET,    EFAULT,       EISCONN,
                                 ENETUNREACH, ENETDOWN, EHOSTUNREACH, EHOSTDOWN,     ENOTSOCK,     EPROTOTYPE,
                                 ETIMEDOUT,   ENOBUFS,  ENOMEM,       EINVAL,        EOPNOTSUPP};

class ConnectErrors : public InjectionTest
{
protected:
    void SetUp() override
    {
        InjectionTest::SetUp();
        if (!IsSkipped()) {
            target = Socket::listen();
            host->on(IOCPNET_EVENT_RECEIVED, nullptr);
            ASSERT_EQ(IOCPNET_OK, host->start());
            expect_connects();
        }
    }

    void TearDown() override
    {
        target.close();
        InjectionTest::TearDown();
    }

    void expect_connects()
    {
        const iocpnet_session session = host->connect(target.address());
        Socket peer = target.accept();
        ASSERT_TRUE(peer.is_open());
        ASSERT_TRUE(host->wait([=](const Records &r) { return r.sessions.count(session) != 0; }));
        EXPECT_TRUE(host->recorder().session(session).connected);
        ASSERT_TRUE(peer.send("hello"));
        EXPECT_TRUE(host->wait_received(session, 5));
    }

    void expect_each_fails(Call call, const std::vector<int> &each)
    {
        for (const int error : each) {
            SCOPED_TRACE(strerrorname_np(error));
            const size_t n = sessions_seen();
            const Fault fault(call, error, 1);
            const iocpnet_session session = host->connect(target.address());
            expect_ended(n, error);
            EXPECT_EQ(session, host->recorder().nth(n));
            EXPECT_FALSE(host->recorder().session(session).connected);
            EXPECT_EQ(1u, fault.failed());
        }
        EXPECT_EQ(each.size(), host->stats().connects_failed);
    }

    /* Each error of a call that makes the socket. */
    void expect_each_is_the_result(Call call, const std::vector<int> &each)
    {
        for (const int error : each) {
            SCOPED_TRACE(strerrorname_np(error));
            const Fault fault(call, error, 1);
            iocpnet_session session = 0;
            EXPECT_EQ(outcome_of(error).status,
                      iocpnet_session_connect(host->service(), target.address().c_str(), nullptr, &session));
            EXPECT_EQ(error, iocpnet_last_os_error());
            EXPECT_EQ(0u, session);
        }
    }

    Socket target;
};
INJECTION_SUITE(ConnectErrors);

TEST_P(ConnectErrors, AtOnceFailItOnceEachForItsReason)
{
    expect_each_fails(Call::connect, errors);
    expect_connects();
}

TEST_P(ConnectErrors, LaterFailItOnceEachForItsReason)
{
    expect_each_fails(Call::pending_error, errors);
}

TEST_P(ConnectErrors, OfAskingForTheResultFailItOnce)
{
    expect_each_fails(Call::getsockopt, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOBUFS});
}

TEST_P(ConnectErrors, InterruptionLetsItGoOn)
{
    const Fault fault(Call::connect, EINTR, 1);
    expect_connects();
    EXPECT_EQ(1u, fault.failed());
}

TEST_P(ConnectErrors, WithoutASocketAreTheResultOfTheCall)
{
    expect_each_is_the_result(Call::socket,
                              {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT});
    expect_each_is_the_result(Call::setsockopt, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK});
    expect_connects();
}

/* Whoever connects again makes each socket later: what goes wrong with one is the end of that attempt alone. */
TEST_P(ConnectErrors, OfOneThatIsToBeFollowedFailItAndTheNextIsConnected)
{
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.reconnect.initial_delay_ms = 1;
    std::vector<std::pair<Call, std::vector<int>>> steps = {
        {Call::connect, {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, ETIMEDOUT}},
        {Call::socket, {EMFILE, ENFILE, ENOBUFS, EAFNOSUPPORT}}};
    if (!on_ring()) {
        steps.push_back({Call::epoll_ctl, {ENOMEM, ENOSPC}});
    }
    for (const auto &step : steps) {
        for (const int error : step.second) {
            SCOPED_TRACE(strerrorname_np(error));
            const size_t seen = sessions_seen();
            const Fault fault(step.first, error, 1);
            iocpnet_session session = 0;
            ASSERT_EQ(IOCPNET_OK,
                      iocpnet_session_connect(host->service(), target.address().c_str(), &options, &session));
            expect_ended(seen, error);
            EXPECT_EQ(1u, fault.failed());
            expect_followed(session);
        }
    }
}

TEST_P(ConnectErrors, OfAskingForAnAddressAreTheResultOfTheCall)
{
    const iocpnet_session session = host->connect(target.address());
    Socket peer = target.accept();
    ASSERT_TRUE(host->wait([=](const Records &r) { return r.sessions.count(session) != 0; }));
    for (const int error : {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::getsockname, error, 1);
        char text[64] = "untouched";
        EXPECT_EQ(outcome_of(error).status, iocpnet_session_local_address(session, text, sizeof text));
        EXPECT_STREQ("untouched", text);
    }
    EXPECT_EQ(peer.peer_address(), session_address(iocpnet_session_local_address, session));
}

class EpollConnectErrors : public ConnectErrors
{
};
INJECTION_SUITE_OF_EPOLL(EpollConnectErrors);

TEST_P(EpollConnectErrors, OfWatchingTheSocketFailItOnce)
{
    expect_each_fails(Call::epoll_ctl, {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM});
}

class IoUringConnectErrors : public ConnectErrors
{
};
INJECTION_SUITE_OF_IO_URING(IoUringConnectErrors);

TEST_P(IoUringConnectErrors, OfTheWaitFailItOnce)
{
    expect_each_fails(Call::ring_connect, {ENOMEM, ENOBUFS, EBADF, EINVAL, EFAULT, EOPNOTSUPP});
}

TEST_P(IoUringConnectErrors, InterruptionsOfTheWaitLetItGoOn)
{
    for (const int error : {EAGAIN, EINTR, ECANCELED}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::ring_connect, error, 3);
        expect_connects();
        EXPECT_EQ(3u, fault.failed());
    }
}

} // namespace

#endif
