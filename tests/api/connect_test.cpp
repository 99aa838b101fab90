/* Connecting to an end that says nothing: a listener whose queue is full drops what comes. Linux. */
#if defined(__linux__)

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class SilentTarget : public ModeTest
{
protected:
    void SetUp() override
    {
        listener = Socket::listen("127.0.0.1", 0);
        for (int i = 0; i < 4; i++) {
            waiting.push_back(Socket::connect_later(listener.address()));
        }
        ASSERT_FALSE(waiting.back().writable_within(50)) << "the queue of the listener is not full";
        ModeTest::SetUp();
    }

    iocpnet_session connect(Host &host, uint32_t timeout_ms)
    {
        iocpnet_session session = 0;
        iocpnet_connect_options options;
        iocpnet_connect_options_init(&options, sizeof options);
        options.timeout_ms = timeout_ms;
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), listener.address().c_str(), &options, &session));
        return session;
    }

    Socket listener;
    std::vector<Socket> waiting;
};
API_TEST_IN_EVERY_MODE(SilentTarget);

/* Sooner than the system itself gives up, which takes minutes. */
bool wait_failed(Host &host)
{
    return host.wait([](const Records &r) { return r.counts[IOCPNET_EVENT_CONNECT_FAILED] == 1; });
}

TEST_P(SilentTarget, ConnectFailsOnceAtItsTimeOut)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const auto begin = Clock::now();
    const iocpnet_session session = connect(host, 60);
    ASSERT_TRUE(wait_failed(host));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(55));
    const iocpnet_event end = host.recorder().session(session).last.fields;
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT), end.close_reason);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_LIBRARY), end.close_origin);
}

TEST_P(SilentTarget, DisconnectGivesTheAttemptUpAtOnce)
{
    for (const uint32_t mode : {IOCPNET_DISCONNECT_GRACEFUL, IOCPNET_DISCONNECT_ABORT}) {
        Host host(GetParam());
        ASSERT_EQ(IOCPNET_OK, host.start());
        const iocpnet_session session = connect(host, 0);
        ASSERT_EQ(IOCPNET_OK, disconnect(session, mode, 0, 9));
        ASSERT_TRUE(wait_failed(host));
        const iocpnet_event end = host.recorder().session(session).last.fields;
        EXPECT_LT(end.status, 0);
        EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
        EXPECT_EQ(9, end.close_code);
    }
}

TEST_P(SilentTarget, ConnectingSessionSendsNothingAndHasNoAddressOfItsOwn)
{
    char text[64];
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = connect(host, 0);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CONNECTING), session_details(session).state);
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, host.send(session, "early"));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_local_address(session, text, sizeof text));
    EXPECT_EQ(listener.address(), session_address(iocpnet_session_remote_address, session));
}

TEST_P(SilentTarget, StopGivesTheAttemptUpAtItsDeadline)
{
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    connect(host, 0);
    host.stop(50);
    const Records records = host.recorder().copy();
    EXPECT_EQ(1u, records.counts[IOCPNET_EVENT_CONNECT_FAILED]);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SERVICE_STOPPED),
              records.sessions.begin()->second.last.fields.close_reason);
}

} // namespace

#endif
