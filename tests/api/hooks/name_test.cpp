/* Connecting by name, with a resolver of the test's own: several addresses, errors, and lookups that hang. */
#include "support/api_fixture.hpp"
#include "support/fake_names.hpp"

#include <memory>

using namespace api_test;

namespace
{

class Names : public ModeTest
{
protected:
    void start() { ASSERT_EQ(IOCPNET_OK, host().start()); }
    Host &host()
    {
        if (!host_) {
            host_ = std::make_unique<Host>(GetParam());
        }
        return *host_;
    }
    void TearDown() override
    {
        names.release();
        host_.reset();
        ModeTest::TearDown();
    }
    iocpnet_session connect(const std::string &address, const std::function<void(iocpnet_connect_options &)> &adjust)
    {
        iocpnet_session session = 0;
        iocpnet_connect_options options;
        iocpnet_connect_options_init(&options, sizeof options);
        options.timeout_ms = 0;
        if (adjust) {
            adjust(options);
        }
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_connect(host().service(), address.c_str(), &options, &session));
        return session;
    }
    iocpnet_event end_of(iocpnet_session session)
    {
        EXPECT_TRUE(host().wait([=](const Records &r) {
            const auto found = r.sessions.find(session);
            return found != r.sessions.end() && found->second.ended;
        }));
        return host().recorder().session(session).last.fields;
    }
    static std::string port_of(const std::string &address) { return address.substr(address.rfind(':')); }

    FakeNames names;
    std::unique_ptr<Host> host_;
};
API_TEST_IN_EVERY_MODE(Names);

TEST_P(Names, NameIsConnectedToItsAddress)
{
    Socket target = Socket::listen();
    names.add("server.test", {"127.0.0.1:1"});
    start();
    const iocpnet_session session = connect("server.test" + port_of(target.address()), nullptr);
    Socket peer = target.accept();
    ASSERT_TRUE(host().wait_connected(1));
    EXPECT_EQ(target.address(), session_address(iocpnet_session_remote_address, session));
    EXPECT_EQ(peer.peer_address(), session_address(iocpnet_session_local_address, session));
    ASSERT_EQ(IOCPNET_OK, host().send(session, "ping"));
    EXPECT_EQ("ping", peer.receive(4));
    ASSERT_TRUE(peer.send("pong"));
    EXPECT_TRUE(host().wait_received(session, 4));
}

TEST_P(Names, NameThatIsNotFoundFailsWithItsOwnStatus)
{
    names.fail("later.test", IOCPNET_E_NAME_NOT_RESOLVED, 77);
    start();
    const iocpnet_event none = end_of(connect("nobody.test:9", nullptr));
    EXPECT_EQ(IOCPNET_E_NAME_NOT_FOUND, none.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_ABORTED), none.close_reason);
    const iocpnet_event later = end_of(connect("later.test:9", nullptr));
    EXPECT_EQ(IOCPNET_E_NAME_NOT_RESOLVED, later.status);
    EXPECT_EQ(77, later.os_error);
}

TEST_P(Names, SessionWhoseLookupHangsHasAStateAndNoAddress)
{
    char text[64];
    names.hold();
    start();
    const iocpnet_session session = connect("slow.test:9", nullptr);
    ASSERT_TRUE(names.wait_asked(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_CONNECTING), session_details(session).state);
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_remote_address(session, text, sizeof text));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, iocpnet_session_local_address(session, text, sizeof text));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, host().send(session, "early"));
}

TEST_P(Names, DisconnectEndsALookupThatHangsAtOnce)
{
    names.hold();
    start();
    const iocpnet_session session = connect("slow.test:9", nullptr);
    ASSERT_TRUE(names.wait_asked(1));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 0, 9));
    const iocpnet_event end = end_of(session);
    EXPECT_EQ(IOCPNET_E_CANCELLED, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end.close_reason);
    EXPECT_EQ(9, end.close_code);
    names.release();
}

TEST_P(Names, TimeoutEndsALookupThatHangs)
{
    names.hold();
    start();
    const iocpnet_event end = end_of(connect("slow.test:9", [](auto &o) { o.timeout_ms = 30; }));
    EXPECT_EQ(IOCPNET_E_TIMED_OUT, end.status);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT), end.close_reason);
}

TEST_P(Names, StopDoesNotWaitForALookup)
{
    names.hold();
    start();
    const iocpnet_session session = connect("slow.test:9", nullptr);
    ASSERT_TRUE(names.wait_asked(1));
    host().stop(0);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SERVICE_STOPPED),
              host().recorder().session(session).last.fields.close_reason);
}

/* The answer finds another session, or none, in the place of the one that asked. */
TEST_P(Names, AnswersThatComeTooLateDisturbNobody)
{
    Socket target = Socket::listen();
    names.add("slow.test", {"127.0.0.1:1"});
    names.hold();
    start();
    for (int i = 0; i < 4; i++) {
        const iocpnet_session session = connect("slow.test:9", nullptr);
        ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
        end_of(session);
    }
    names.release();
    const iocpnet_session session = connect("slow.test" + port_of(target.address()), nullptr);
    ASSERT_TRUE(host().wait_connected(1));
    EXPECT_EQ(5u, host().recorder().session_count());
    EXPECT_EQ(IOCPNET_OK, host().send(session, "x"));
}

TEST_P(Names, LookupsThatWaitAreBounded)
{
    names.hold();
    start();
    for (uint32_t i = 0; i < ICN_RESOLVER_LOOKUPS_MAX; i++) {
        connect("slow.test:9", nullptr);
    }
    iocpnet_session session = 77;
    EXPECT_EQ(IOCPNET_E_LIMIT_REACHED, iocpnet_session_connect(host().service(), "slow.test:9", nullptr, &session));
    EXPECT_EQ(77u, session);
    ASSERT_TRUE(names.wait_asked(ICN_RESOLVER_THREADS_MAX));
    EXPECT_EQ(static_cast<uint32_t>(ICN_RESOLVER_THREADS_MAX), names.asked());
}

/* It would wait for an hour, if one that is refused did not make room. */
TEST_P(Names, AddressThatRefusesMakesRoomForTheNextAtOnce)
{
    Socket target = Socket::listen();
    names.add("two.test", {"[::1]:1", "127.0.0.1:1"});
    start();
    const iocpnet_session session =
        connect("two.test" + port_of(target.address()), [](auto &o) { o.attempt_delay_ms = 3600000; });
    ASSERT_TRUE(host().wait_connected(1));
    EXPECT_EQ(target.address(), session_address(iocpnet_session_remote_address, session));
    EXPECT_EQ(1u, host().stats().connects);
    EXPECT_EQ(0u, host().stats().connects_failed);
}

TEST_P(Names, EveryAddressRefusedIsOneFailure)
{
    std::string nobody;
    {
        Socket target = Socket::listen();
        nobody = port_of(target.address());
    }
    names.add("none.test", {"[::1]:1", "127.0.0.1:1", "127.0.0.2:1"});
    start();
    const iocpnet_session session = connect("none.test" + nobody, nullptr);
    EXPECT_EQ(IOCPNET_E_CONNECTION_REFUSED, end_of(session).status);
    EXPECT_EQ(1u, host().stats().connects_failed);
    EXPECT_EQ(std::vector<uint32_t>{IOCPNET_EVENT_CONNECT_FAILED}, host().recorder().session(session).kinds);
}

/* The host itself has spoken: that no socket could be made for the other address says less. */
TEST_P(Names, FailureThatTellsMostIsTheOneThatIsTold)
{
    names.add("two.test", {"127.0.0.1:1", "[::1]:1"});
    start();
    const std::string nobody = port_of(Socket::listen().address());
    const iocpnet_session session = connect("two.test" + nobody, [](auto &o) { o.local_address = "127.0.0.1:0"; });
    EXPECT_EQ(IOCPNET_E_CONNECTION_REFUSED, end_of(session).status);
}

TEST_P(Names, AddressesThatAnswerAtTheSameTimeAreOneSession)
{
    Host other(GetParam());
    other.echo();
    const std::string port = port_of(other.listen(nullptr, "[::]:0"));
    ASSERT_EQ(IOCPNET_OK, other.start());
    names.add("two.test", {"[::1]:1", "127.0.0.1:1"});
    start();
    for (uint32_t n = 1; n <= 50; n++) {
        const iocpnet_session session = connect("two.test" + port, [](auto &o) { o.attempt_delay_ms = 0; });
        ASSERT_TRUE(host().wait_connected(n));
        ASSERT_EQ(IOCPNET_OK, host().send(session, "echo"));
        EXPECT_TRUE(host().wait_received(session, 4));
        ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
        end_of(session);
    }
    EXPECT_EQ(50u, host().stats().connects);
    EXPECT_EQ(0u, host().stats().connects_failed);
    EXPECT_TRUE(wait_until([&] { return other.stats().sessions_live == 0; }));
}

TEST_P(Names, AddressesOfAnotherFamilyThanTheLocalOneAreLeftOut)
{
    Socket target = Socket::listen();
    names.add("two.test", {"[::1]:1", "127.0.0.1:1"});
    names.add("six.test", {"[::1]:1"});
    start();
    connect("two.test" + port_of(target.address()), [](auto &o) { o.local_address = "127.0.0.1:0"; });
    ASSERT_TRUE(host().wait_connected(1));
    const iocpnet_session session =
        connect("six.test" + port_of(target.address()), [](auto &o) { o.local_address = "127.0.0.1:0"; });
    EXPECT_EQ(IOCPNET_E_ADDRESS_NOT_AVAILABLE, end_of(session).status);
}

TEST_P(Names, NameIsLookedUpAgainForEachSessionOfARow)
{
    start();
    const iocpnet_session first = connect("moved.test:9", [](auto &o) { o.reconnect.initial_delay_ms = 1; });
    const iocpnet_session second = end_of(first).next_session;
    ASSERT_NE(0u, second);
    EXPECT_EQ(IOCPNET_E_NAME_NOT_FOUND, end_of(second).status);
    EXPECT_GE(names.asked(), 2u);
    host().stop(0);
}

/* Each allocation fails in its turn: an error, a failed connect, or a connection; and nothing is left of it. */
TEST_P(Names, AllocationThatFailsIsAnErrorOrAFailedConnect)
{
    Socket target = Socket::listen();
    names.add("two.test", {"[::1]:1", "127.0.0.1:1"});
    start();
    for (uint64_t n = 1; n <= 16; n++) {
        iocpnet_connect_options options;
        iocpnet_connect_options_init(&options, sizeof options);
        options.reconnect.initial_delay_ms = 1;
        options.reconnect.attempts_max = 1;
        iocpnet_session session = 0;
        const std::string address = "two.test" + port_of(target.address());
        icn_memory_fail(n, 0);
        const int32_t status = iocpnet_session_connect(host().service(), address.c_str(), &options, &session);
        EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_NO_MEMORY) << status;
        if (status == IOCPNET_OK) {
            EXPECT_TRUE(host().wait([=](const Records &r) {
                const auto found = r.sessions.find(session);
                return found != r.sessions.end() && (found->second.connected || found->second.ended);
            }));
        }
        icn_memory_fail(0, 0);
    }
    host().stop(0);
}

#if defined(__linux__)

/* A listener whose queue is full says nothing: the attempt stays in flight. */
class Eyeballs : public Names
{
protected:
    void SetUp() override
    {
        Names::SetUp();
        make_silent();
    }

    void make_silent()
    {
        waiting.clear();
        silent = Socket::listen("127.0.0.2", 0);
        for (int i = 0; i < 4; i++) {
            waiting.push_back(Socket::connect_later(silent.address()));
        }
        ASSERT_FALSE(waiting.back().writable_within(50)) << "the queue of the listener is not full";
    }

    /* Another connection of this machine may have the port that the system chose for the silent one. */
    int32_t listen_beside_silent(const Host &other)
    {
        int32_t status = IOCPNET_E_ADDRESS_IN_USE;
        for (int tries = 0; tries < 20 && status == IOCPNET_E_ADDRESS_IN_USE; tries++) {
            if (tries != 0) {
                make_silent();
            }
            iocpnet_listener listener = 0;
            const std::string address = "127.0.0.1" + port_of(silent.address());
            status = iocpnet_listener_open(other.service(), address.c_str(), nullptr, &listener);
        }
        return status;
    }

    void expect_timed_out(uint32_t attempt_delay_ms)
    {
        names.add("half.test", {"127.0.0.2:1", "127.0.0.2:1"});
        start();
        const iocpnet_session session = connect("half.test" + port_of(silent.address()), [=](auto &o) {
            o.attempt_delay_ms = attempt_delay_ms;
            o.timeout_ms = 60;
        });
        EXPECT_EQ(IOCPNET_E_TIMED_OUT, end_of(session).status);
    }

    Socket silent;
    std::vector<Socket> waiting;
};
API_TEST_IN_EVERY_MODE(Eyeballs);

TEST_P(Eyeballs, SilentAddressHoldsUpNobody)
{
    Host other(GetParam());
    ASSERT_EQ(IOCPNET_OK, listen_beside_silent(other));
    ASSERT_EQ(IOCPNET_OK, other.start());
    names.add("half.test", {"127.0.0.2:1", "127.0.0.1:1"});
    start();
    const iocpnet_session session =
        connect("half.test" + port_of(silent.address()), [](auto &o) { o.attempt_delay_ms = 20; });
    ASSERT_TRUE(host().wait_connected(1));
    EXPECT_EQ("127.0.0.1" + port_of(silent.address()), session_address(iocpnet_session_remote_address, session));
    /* The other attempt is cancelled, and its socket closed, while the session is open. */
    EXPECT_TRUE(wait_until([&] { return live_objects().operations <= 3; }));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    end_of(session);
}

TEST_P(Eyeballs, TimeoutCoversAllAttempts)
{
    expect_timed_out(1);
}

TEST_P(Eyeballs, TimeoutDoesNotWaitForTheNextAttempt)
{
    expect_timed_out(3600000);
}

TEST_P(Eyeballs, DisconnectEndsAllAttempts)
{
    names.add("half.test", {"127.0.0.2:1", "127.0.0.2:1", "127.0.0.2:1"});
    start();
    const iocpnet_session session =
        connect("half.test" + port_of(silent.address()), [](auto &o) { o.attempt_delay_ms = 0; });
    EXPECT_TRUE(wait_until([] { return live_objects().operations >= 3; }));
    ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED), end_of(session).close_reason);
}

#endif

} // namespace
