/* Sending meets each error that its manual pages have. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

/* send(2), tcp(7) and ip(7). Not EAGAIN: that is a full socket, and has a wait that ends. */
const std::vector<int> errors = {EACCES,      EPERM,    EALREADY,  EBADF,        ECONNRESET,   EDESTADDRREQ,
                                 EFAULT,      EINVAL,   EISCONN,   EMSGSIZE,     ENOBUFS,      ENOMEM,
                                 ENOTCONN,    ENOTSOCK, EPIPE,     EOPNOTSUPP,   EHOSTUNREACH, EHOSTDOWN,
                                 ENETUNREACH, ENETDOWN, ENETRESET, ECONNABORTED, ETIMEDOUT,    ENOSPC};

/* What can be sent is sent at once; only what a second attempt says counts. */
constexpr uint32_t attempts = 2;

const std::vector<std::string> small_reply = {"small"};
/* More than one chunk: it leaves as a gathered send. */
const std::vector<std::string> large_reply = {std::string(100000, 'r'), std::string(100000, 's')};
const std::string large_bytes = large_reply[0] + large_reply[1];

class SendErrors : public InjectionTest
{
protected:
    void SetUp() override
    {
        InjectionTest::SetUp();
        if (!IsSkipped()) {
            host->on(IOCPNET_EVENT_RECEIVED, reply);
            ASSERT_EQ(IOCPNET_OK, host->start());
        }
    }

    /* The first letter asks for a small or a large answer, or for a small one and a graceful close. */
    static void reply(const iocpnet_event &event)
    {
        const char letter = *static_cast<const char *>(event.data);
        const bool large = letter == 'l';
        for (const std::string &piece : large ? large_reply : small_reply) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, piece.data(), piece.size()));
        }
        if (letter == 'c') {
            EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_GRACEFUL, 20000));
        }
    }

    /* A peer whose session is known to be idle. */
    Socket connect()
    {
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(peer.send("s"));
        EXPECT_EQ("small", peer.receive(5));
        return peer;
    }

    void expect_each_ends_its_session(Call call, const char *request)
    {
        for (const int error : errors) {
            SCOPED_TRACE(strerrorname_np(error));
            const size_t n = sessions_seen();
            Socket peer = connect();
            const Fault fault(call, error, attempts);
            ASSERT_TRUE(peer.send(request));
            expect_ended(n, error);
            EXPECT_EQ("", peer.receive_all());
            EXPECT_EQ(attempts, fault.failed());
            const iocpnet_event last = host->recorder().session(host->recorder().nth(n)).last.fields;
            EXPECT_EQ(*request == 'l' ? large_bytes.size() : 5, last.bytes_unsent);
        }
        (void)connect();
    }
};
INJECTION_SUITE(SendErrors);

TEST_P(SendErrors, EndTheSessionOnceEachForItsReason)
{
    expect_each_ends_its_session(Call::send, "s");
}

TEST_P(SendErrors, OfAGatheredSendEndTheSessionOnceEachForItsReason)
{
    expect_each_ends_its_session(Call::sendmsg, "l");
}

TEST_P(SendErrors, ThatAreInterruptionsSendEachByteOnce)
{
    Socket peer = connect();
    const Fault fault(Call::send, EINTR, attempts);
    const Fault gathered(Call::sendmsg, EINTR, attempts);
    ASSERT_TRUE(peer.send("s"));
    EXPECT_EQ("small", peer.receive(5));
    ASSERT_TRUE(peer.send("l"));
    EXPECT_EQ(large_bytes, peer.receive(large_bytes.size()));
    EXPECT_EQ(attempts, fault.failed());
    EXPECT_EQ(attempts, gathered.failed());
}

TEST_P(SendErrors, OfTheAttemptAtOnceCostNothing)
{
    for (const int error : errors) {
        SCOPED_TRACE(strerrorname_np(error));
        Socket peer = connect();
        const Fault fault(Call::send, error, 1);
        ASSERT_TRUE(peer.send("s"));
        EXPECT_EQ("small", peer.receive(5));
        EXPECT_EQ(1u, fault.failed());
    }
}

TEST_P(SendErrors, WhileAGracefulCloseFlushesAreToldBesidesItsReason)
{
    for (const int error : {ECONNRESET, ENOBUFS, EPIPE}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        Socket peer = connect();
        const iocpnet_session session = host->recorder().nth(n);
        const Fault fault(Call::send, error, attempts);
        ASSERT_TRUE(peer.send("c"));
        ASSERT_TRUE(host->wait([&](const Records &r) { return r.sessions.at(session).ended; }));
        const iocpnet_event last = host->recorder().session(session).last.fields;
        EXPECT_EQ(IOCPNET_CLOSE_REQUESTED, static_cast<int>(last.close_reason));
        EXPECT_EQ(outcome_of(error).status, last.status);
        EXPECT_EQ(error, last.os_error);
        EXPECT_EQ(5u, last.bytes_unsent);
    }
}

TEST_P(SendErrors, OfEndingTheStreamLeaveTheCloseToItsDeadline)
{
    for (const int error : {EBADF, EINVAL, ENOTCONN, ENOTSOCK, ENOBUFS}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        Socket peer = connect();
        const iocpnet_session session = host->recorder().nth(n);
        const Fault fault(Call::shutdown, error, 1);
        ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 20));
        ASSERT_TRUE(host->wait([&](const Records &r) { return r.sessions.at(session).ended; }));
        const iocpnet_event last = host->recorder().session(session).last.fields;
        EXPECT_EQ(IOCPNET_CLOSE_REQUESTED, static_cast<int>(last.close_reason));
        EXPECT_EQ(IOCPNET_E_TIMED_OUT, last.status);
        EXPECT_EQ(1u, fault.failed());
    }
}

/* There are two ways to reset a connection, and the library tries both: one is enough. */
TEST_P(SendErrors, OfOneWayToResetAConnectionLeaveTheOther)
{
    for (const Call way : {Call::disconnect, Call::setsockopt}) {
        for (const int error : {EBADF, EINVAL, ENOBUFS, ENOMEM, ENOTCONN}) {
            SCOPED_TRACE(strerrorname_np(error));
            const size_t n = sessions_seen();
            Socket peer = connect();
            const Fault fault(way, error, 1);
            ASSERT_EQ(IOCPNET_OK, disconnect(host->recorder().nth(n), IOCPNET_DISCONNECT_ABORT));
            EXPECT_EQ("", peer.receive_all());
            EXPECT_EQ(Socket::End::reset, peer.end());
            EXPECT_EQ(1u, fault.failed());
        }
    }
}

TEST_P(SendErrors, OfClosingADescriptorCloseItOnceAllTheSame)
{
    for (const int error : {EINTR, EIO, ENOSPC, EDQUOT}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        Socket peer = connect();
        const Fault fault(Call::close, error, 1);
        ASSERT_EQ(IOCPNET_OK, disconnect(host->recorder().nth(n), IOCPNET_DISCONNECT_ABORT));
        EXPECT_EQ("", peer.receive_all());
        EXPECT_TRUE(wait_until([&] { return fault.failed() == 1; }));
        (void)connect();
    }
}

class IoUringSendErrors : public SendErrors
{
protected:
    /* A session whose send waits for room: its peer does not read. What it was given. */
    std::string fill(size_t n) { return host->fill_to_the_brim(host->recorder().nth(n), 100000); }
};
INJECTION_SUITE_OF_IO_URING(IoUringSendErrors);

TEST_P(IoUringSendErrors, OfTheWaitForRoomSendEachByteOnce)
{
    for (const int error : {EAGAIN, EINTR, ECANCELED, single_shot}) {
        SCOPED_TRACE(error);
        const size_t n = sessions_seen();
        Socket peer = connect();
        const Fault fault(Call::ring_room, error, 3);
        std::string sent;
        EXPECT_TRUE(wait_until([&] {
            sent += fill(n);
            return fault.failed() > 0;
        }));
        EXPECT_EQ(sent, peer.receive(sent.size()));
    }
}

TEST_P(IoUringSendErrors, OfTheSystemInTheWaitForRoomEndTheSessionOnce)
{
    for (const int error : {ENOMEM, ENOBUFS, EBADF, EINVAL}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        Socket peer = connect();
        const iocpnet_session session = host->recorder().nth(n);
        const Fault fault(Call::ring_room, error, 1);
        /* Until it ends: a send to an ended session is refused. */
        const std::string piece(100000, 'x');
        EXPECT_TRUE(wait_until([&] {
            const int32_t status = host->send(session, piece);
            return status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE;
        }));
        expect_ended(n, error);
        EXPECT_EQ(1u, fault.failed());
    }
}

} // namespace

#endif
