/* Receiving meets each error that its manual pages have. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

/* recv(2), tcp(7), ip(7) and io_uring_enter(2). */
const std::vector<int> errors = {EAGAIN,    EINTR,    EBADF,        ECONNREFUSED, EFAULT,       EINVAL,
                                 ENOMEM,    ENOTCONN, ENOTSOCK,     ECONNRESET,   ECONNABORTED, ETIMEDOUT,
                                 EPIPE,     ENOBUFS,  EHOSTUNREACH, EHOSTDOWN,    ENETUNREACH,  ENETDOWN,
                                 ENETRESET, EPROTO,   EACCES,       EPERM,        ENOSPC,       EOPNOTSUPP};

class ReceiveErrors : public InjectionTest
{
protected:
    void SetUp() override
    {
        InjectionTest::SetUp();
        if (!IsSkipped()) {
            ASSERT_EQ(IOCPNET_OK, host->start());
        }
    }

    Call receive() const { return either(Call::recv, Call::ring_receive); }
    /* Without a word to the host: the receive is tried again. An io_uring means its buffers by ENOBUFS. */
    std::vector<int> passing() const
    {
        return on_ring() ? std::vector<int>{EAGAIN, EINTR, ECANCELED, ENOBUFS} : std::vector<int>{EAGAIN, EINTR};
    }
};
INJECTION_SUITE(ReceiveErrors);

class IoUringReceiveErrors : public ReceiveErrors
{
};
INJECTION_SUITE_OF_IO_URING(IoUringReceiveErrors);

TEST_P(ReceiveErrors, ThatAreInterruptionsLoseNothing)
{
    for (const int error : passing()) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(receive(), error, 1);
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send("first, "));
        ASSERT_TRUE(wait_until([&] { return fault.failed() == 1; }));
        ASSERT_TRUE(peer.send("second"));
        EXPECT_EQ("first, second", peer.receive(13));
    }
}

TEST_P(ReceiveErrors, OfManyAttemptsInARowLoseNothing)
{
    for (const int error : passing()) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(receive(), error, 20);
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(wait_until([&] { return fault.failed() == 20 || !peer.send("x"); }));
        ASSERT_TRUE(peer.send("last"));
        std::string received;
        while (received.find("last") == std::string::npos) {
            const std::string piece = peer.receive_some(1024);
            ASSERT_FALSE(piece.empty());
            received += piece;
        }
    }
}

TEST_P(ReceiveErrors, EndTheSessionOnceEachForItsReason)
{
    for (const int error : errors) {
        if (is_in(error, passing())) {
            continue;
        }
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        const Fault fault(receive(), error, 1);
        Socket peer = Socket::connect(address);
        (void)peer.send("x");
        expect_ended(n, error);
        EXPECT_EQ("", peer.receive_all());
        EXPECT_EQ(1u, fault.failed());
    }
    expect_served();
}

TEST_P(ReceiveErrors, AfterTheHostClosedAreToldBesidesItsReason)
{
    const size_t n = sessions_seen();
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(echoes(peer));
    const iocpnet_session session = host->recorder().nth(n);
    /* On a ring it is the next receive that fails, not the one in flight. */
    ASSERT_TRUE(wait_until([] { return live_objects().operations == 2; })); /* an accept and a receive */
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(session));
    ASSERT_TRUE(wait_until([] { return live_objects().operations == 1; }));
    const Fault fault(receive(), ETIMEDOUT, 1);
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 20000));
    (void)peer.send("x");
    ASSERT_TRUE(host->wait([&](const Records &r) { return r.sessions.at(session).ended; }));
    const iocpnet_event last = host->recorder().session(session).last.fields;
    EXPECT_EQ(IOCPNET_CLOSE_REQUESTED, static_cast<int>(last.close_reason));
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, last.status);
    EXPECT_EQ(ETIMEDOUT, last.os_error);
}

TEST_P(IoUringReceiveErrors, EndOfEachMultishotStartsItAgainOnceAndLosesNothing)
{
    const Fault single(Call::ring_receive, single_shot);
    Socket peer = Socket::connect(address);
    constexpr uint32_t pieces = 50;
    for (uint32_t i = 0; i < pieces; i++) {
        ASSERT_TRUE(echoes(peer));
    }
    EXPECT_TRUE(wait_until([&] { return single.failed() >= pieces; }));
    EXPECT_LE(single.failed(), pieces + 1);
}

} // namespace

#endif
