/* The system refuses an option of a socket that the library has found valid. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

constexpr int error = ENOPROTOOPT;
constexpr iocpnet_socket_options given = {100, 7, 5, 32768, 65536, 0, {}};
/* Out-of-band bytes in line, and one for each field of `given`; keep-alive has one more, to turn it on. */
constexpr uint32_t options_of_connect = 7;
/* And the port that is shared with other sockets, the address that is used again, IPv6 without IPv4. */
constexpr uint32_t options_of_listener = options_of_connect + 3;

class OptionErrors : public InjectionTest
{
protected:
    /* With a port, of an address that no other test connects from. */
    static std::string local_address() { return Socket::listen("127.0.0.83").address(); }

    iocpnet_connect_options connecting() const
    {
        iocpnet_connect_options options;
        iocpnet_connect_options_init(&options, sizeof options);
        options.socket = given;
        return options;
    }

    int32_t connect(const iocpnet_connect_options &options, iocpnet_session *session)
    {
        return iocpnet_session_connect(host->service(), target.address().c_str(), &options, session);
    }

    /* The call fails that comes after `made` of its kind. */
    void expect_refused(const iocpnet_connect_options &options, Call call, uint32_t made)
    {
        const Fault fault(call, error, 1, made);
        const uint64_t before = open_descriptors();
        iocpnet_session session = 0;
        EXPECT_EQ(outcome_of(error).status, connect(options, &session));
        EXPECT_EQ(error, iocpnet_last_os_error());
        EXPECT_EQ(0u, session);
        EXPECT_EQ(1u, fault.failed());
        EXPECT_EQ(before, open_descriptors());
    }

    void expect_failed_once(const iocpnet_connect_options &options, uint32_t made)
    {
        SCOPED_TRACE(made);
        const size_t seen = sessions_seen();
        const Fault fault(Call::setsockopt, error, 1, made);
        iocpnet_session session = 0;
        ASSERT_EQ(IOCPNET_OK, connect(options, &session));
        expect_ended(seen, error);
        EXPECT_EQ(1u, fault.failed());
        expect_followed(session);
    }

    /* Not of the service itself, whose own sessions would have options, too. */
    Socket target = Socket::listen();
};
INJECTION_SUITE(OptionErrors);

TEST_P(OptionErrors, OfAListenerAreTheResultOfOpeningItAndLeaveNothing)
{
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.socket = given;
    options.reuse_port = 1;
    for (uint32_t made = 0; made < options_of_listener; made++) {
        SCOPED_TRACE(made);
        const uint64_t before = open_descriptors();
        const Fault fault(Call::setsockopt, error, 1, made);
        iocpnet_listener listener = 0;
        EXPECT_EQ(outcome_of(error).status, iocpnet_listener_open(host->service(), "[::1]:0", &options, &listener));
        EXPECT_EQ(error, iocpnet_last_os_error());
        EXPECT_EQ(0u, listener);
        EXPECT_EQ(before, open_descriptors());
    }
    /* What is left is a delay: no reason not to listen. */
    const Fault fault(Call::setsockopt, error, 1, options_of_listener);
    iocpnet_listener listener = 0;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(host->service(), "[::1]:0", &options, &listener));
    EXPECT_EQ(1u, fault.failed());
}

TEST_P(OptionErrors, OfConnectingAreTheResultOfTheCallAndLeaveNothing)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    const iocpnet_connect_options options = connecting();
    for (uint32_t made = 0; made < options_of_connect; made++) {
        SCOPED_TRACE(made);
        expect_refused(options, Call::setsockopt, made);
    }
}

TEST_P(OptionErrors, OfTheLocalAddressAreTheResultOfTheCallAndLeaveNothing)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    iocpnet_connect_options options = connecting();
    const std::string local = local_address();
    options.local_address = local.c_str();
    expect_refused(options, Call::setsockopt, options_of_connect);
    expect_refused(options, Call::bind, 0);
}

/* An attempt has a socket of its own: what the system refuses fails it, and the next one begins. */
TEST_P(OptionErrors, OfAnAttemptFailItOnceAndTheNextOneIsConnected)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    iocpnet_connect_options options = connecting();
    options.reconnect.initial_delay_ms = 1;
    for (uint32_t made = 0; made < options_of_connect; made++) {
        expect_failed_once(options, made);
    }
    const std::string local = local_address();
    options.local_address = local.c_str();
    expect_failed_once(options, options_of_connect);
}

} // namespace

#endif
