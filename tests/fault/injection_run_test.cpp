/* A dispatcher's own system calls meet each error that the manual pages have: no event is lost, and nothing spins. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

/* epoll_wait(2). */
const std::vector<int> wait_errors = {EBADF, EFAULT, EINVAL};
/* io_uring_enter(2). */
const std::vector<int> enter_errors = {EAGAIN, EBADF,  EBADFD, EBADR,  EBUSY,      EEXIST,
                                       EFAULT, EINVAL, ENXIO,  ENOMEM, EOPNOTSUPP, EPERM};

class RunErrors : public InjectionTest
{
protected:
    Call call() const { return either(Call::epoll_wait, Call::io_uring_enter); }
    const std::vector<int> &errors() const { return on_ring() ? enter_errors : wait_errors; }
};

/* Of the port as a whole: other statuses would tell of an argument, or of a connection. */
int32_t status_of_port(int error)
{
    return outcome_of(error).status == IOCPNET_E_NO_MEMORY ? IOCPNET_E_NO_MEMORY : IOCPNET_E_SYSTEM;
}

/* Driven by hand, or by the library. */
std::vector<Mode> modes_of(uint32_t driving)
{
    std::vector<Mode> modes;
    for (const Mode &mode : driven_modes(all_ports())) {
        if (mode.driving == driving) {
            modes.push_back(mode);
        }
    }
    return modes;
}

class DrivenByHand : public RunErrors
{
protected:
    void SetUp() override
    {
        RunErrors::SetUp();
        if (!IsSkipped()) {
            host->drive_by_hand();
            ASSERT_EQ(IOCPNET_OK, host->start());
        }
    }

    bool drive_until(const std::function<bool()> &condition)
    {
        return wait_until([&] { return condition() || host->drive_once(0, 0) < 0 || condition(); }) && condition();
    }
};
INSTANTIATE_TEST_SUITE_P(, DrivenByHand, testing::ValuesIn(modes_of(IOCPNET_DRIVING_HOST)),
                         [](const auto &test) { return mode_name(test.param); });

TEST_P(DrivenByHand, ErrorsAreTheResultOfTheCallAndLoseNothing)
{
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(drive_until([&] { return sessions_seen() == 1; }));
    const iocpnet_session session = host->recorder().nth(0);
    uint64_t received = 0;
    for (const int error : errors()) {
        SCOPED_TRACE(strerrorname_np(error));
        ASSERT_TRUE(peer.send("kept"));
        {
            const Fault fault(call(), error);
            EXPECT_TRUE(wait_until([&] { return host->drive_once(0, 0) == status_of_port(error); }));
            EXPECT_EQ(error, iocpnet_last_os_error());
        }
        received += 4;
        EXPECT_TRUE(drive_until([&] { return host->recorder().session(session).received_bytes == received; }));
    }
}

TEST_P(DrivenByHand, InterruptionIsNoError)
{
    const Fault fault(call(), EINTR, 5);
    for (int i = 0; i < 5; i++) {
        EXPECT_GE(host->drive_once(0, 0), 0);
    }
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(drive_until([&] { return sessions_seen() == 1; }));
    EXPECT_EQ(5u, fault.failed());
}

class DrivenByTheLibrary : public RunErrors
{
protected:
    void SetUp() override
    {
        RunErrors::SetUp();
        if (!IsSkipped()) {
            ASSERT_EQ(IOCPNET_OK, host->start());
        }
    }
};
INSTANTIATE_TEST_SUITE_P(, DrivenByTheLibrary, testing::ValuesIn(modes_of(IOCPNET_DRIVING_LIBRARY)),
                         [](const auto &test) { return mode_name(test.param); });

TEST_P(DrivenByTheLibrary, ErrorsAreTriedAgainAndLoseNothing)
{
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(echoes(peer));
    for (const int error : errors()) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(call(), error, 3);
        ASSERT_TRUE(peer.send("kept"));
        EXPECT_EQ("kept", peer.receive(4));
        expect_served();
        EXPECT_EQ(3u, fault.failed());
    }
}

TEST_P(DrivenByTheLibrary, InterruptionsLoseNothing)
{
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(echoes(peer));
    const Fault fault(call(), EINTR, 100);
    for (int i = 0; i < 100 || fault.failed() < 100; i++) {
        ASSERT_TRUE(echoes(peer));
    }
}

class IoUringRequests : public InjectionTest
{
};
INJECTION_SUITE_OF_IO_URING(IoUringRequests);

TEST_P(IoUringRequests, WakeWhosePollEndsIsPolledAgainOnce)
{
    for (const int error : {EAGAIN, EINTR, ECANCELED, ENOMEM, EBADF, EINVAL, single_shot}) {
        SCOPED_TRACE(error);
        const Fault fault(Call::ring_wake, error, 3);
        Host other(GetParam());
        other.on(IOCPNET_EVENT_RECEIVED, nullptr);
        const std::string listening = other.listen();
        ASSERT_EQ(IOCPNET_OK, other.start());
        Socket peer = Socket::connect(listening);
        ASSERT_TRUE(other.wait_connected(1));
        for (int i = 0; i < 10 || fault.failed() < 3; i++) { /* each wakes the dispatcher, if it sleeps */
            ASSERT_EQ(IOCPNET_OK, other.send(other.recorder().nth(0), "x"));
            ASSERT_EQ("x", peer.receive(1));
        }
        EXPECT_EQ(3u, fault.failed());
        EXPECT_LE(fault.seen(), 5u);
    }
}

TEST_P(IoUringRequests, CancelThatFailsIsTriedAgainAndCompletesOnce)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    for (const int error : {ENOENT, EALREADY, EINTR, EINVAL, ENOMEM}) {
        SCOPED_TRACE(strerrorname_np(error));
        const size_t n = sessions_seen();
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(echoes(peer));
        const iocpnet_session session = host->recorder().nth(n);
        const Fault fault(Call::ring_cancel, error, 3);
        ASSERT_TRUE(wait_until([] { return live_objects().operations == 2; })); /* an accept and a receive */
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(session));
        EXPECT_TRUE(wait_until([] { return live_objects().operations == 1; }));
        EXPECT_EQ(3u, fault.failed());
        ASSERT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(session));
        EXPECT_TRUE(echoes(peer));
        peer.close();
        ASSERT_TRUE(host->wait_disconnected(n + 1)); /* nothing of it changes the count in the next round */
    }
}

TEST_P(IoUringRequests, CancelThatFailsWhileSessionsEndEndsEachOnce)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    const Fault fault(Call::ring_cancel, EALREADY, 20);
    std::vector<Socket> peers = host->connect_peers(address, 10);
    for (size_t n = 0; n < peers.size(); n++) {
        ASSERT_EQ(IOCPNET_OK, disconnect(host->recorder().nth(n), IOCPNET_DISCONNECT_ABORT));
    }
    EXPECT_TRUE(host->wait_disconnected(10));
    EXPECT_EQ(20u, fault.failed());
}

} // namespace

#endif
