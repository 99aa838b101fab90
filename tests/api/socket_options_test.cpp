/* Options of sockets, as the system has them. */
#include "support/api_fixture.hpp"

#if !defined(_WIN32)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <dirent.h>
#endif

using namespace api_test;

namespace
{

class SocketOptions : public PortTest
{
};
API_TEST_ON_EVERY_PORT(SocketOptions);

template <typename Options>
Options defaults(int32_t(IOCPNET_CALL *init)(Options *, uint32_t))
{
    Options options;
    EXPECT_EQ(IOCPNET_OK, init(&options, sizeof options));
    return options;
}

constexpr iocpnet_socket_options given = {100, 7, 5, 32768, 65536, 0, {}};

#if !defined(_WIN32)

std::string text_of(const sockaddr_in &address)
{
    char ip[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &address.sin_addr, ip, sizeof ip);
    return std::string(ip) + ":" + std::to_string(ntohs(address.sin_port));
}

/* The descriptor of this process that has these two ends; -1: there is none. */
int find_socket(const std::string &local, const std::string &remote)
{
    int found = -1;
    DIR *const folder = opendir("/proc/self/fd");
    while (const dirent *entry = readdir(folder)) {
        const int descriptor = std::atoi(entry->d_name);
        sockaddr_in here = {};
        sockaddr_in there = {};
        socklen_t here_size = sizeof here;
        socklen_t there_size = sizeof there;
        if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&here), &here_size) == 0 &&
            getpeername(descriptor, reinterpret_cast<sockaddr *>(&there), &there_size) == 0 &&
            here.sin_family == AF_INET && text_of(here) == local && text_of(there) == remote) {
            found = descriptor;
        }
    }
    closedir(folder);
    return found;
}

int option_of(int descriptor, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(0, getsockopt(descriptor, level, name, &value, &size));
    return value;
}

void expect_given(iocpnet_session session)
{
    const int descriptor = find_socket(session_address(iocpnet_session_local_address, session),
                                       session_address(iocpnet_session_remote_address, session));
    ASSERT_NE(-1, descriptor);
    EXPECT_EQ(1, option_of(descriptor, SOL_SOCKET, SO_KEEPALIVE));
    EXPECT_EQ(100, option_of(descriptor, IPPROTO_TCP, TCP_KEEPIDLE));
    EXPECT_EQ(7, option_of(descriptor, IPPROTO_TCP, TCP_KEEPINTVL));
    EXPECT_EQ(5, option_of(descriptor, IPPROTO_TCP, TCP_KEEPCNT));
    EXPECT_EQ(2 * 32768, option_of(descriptor, SOL_SOCKET, SO_RCVBUF)); /* Linux tells the double */
    EXPECT_EQ(2 * 65536, option_of(descriptor, SOL_SOCKET, SO_SNDBUF));
}

bool delays(iocpnet_session session)
{
    const int descriptor = find_socket(session_address(iocpnet_session_local_address, session),
                                       session_address(iocpnet_session_remote_address, session));
    EXPECT_NE(-1, descriptor);
    return option_of(descriptor, IPPROTO_TCP, TCP_NODELAY) == 0;
}

TEST_P(SocketOptions, NoDelayOfAListenerIsThatOfItsSessions)
{
    for (const uint32_t no_delay : {1u, 0u}) {
        Host host(callbacks());
        auto options = defaults(iocpnet_listener_options_init);
        options.no_delay = no_delay;
        const std::string address = host.listen(&options);
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(1));
        EXPECT_EQ(no_delay == 0, delays(host.recorder().nth(0)));
    }
}

/* With a plan for reconnecting the socket is made, and passed on, in another place. */
TEST_P(SocketOptions, NoDelayOfAConnectIsThatOfTheSession)
{
    for (const uint32_t no_delay : {1u, 0u}) {
        for (const uint32_t reconnect_ms : {0u, 10000u}) {
            Host host(callbacks());
            ASSERT_EQ(IOCPNET_OK, host.start());
            Socket server = Socket::listen();
            auto options = defaults(iocpnet_connect_options_init);
            options.no_delay = no_delay;
            options.reconnect.initial_delay_ms = reconnect_ms;
            iocpnet_session session = 0;
            ASSERT_EQ(IOCPNET_OK,
                      iocpnet_session_connect(host.service(), server.address().c_str(), &options, &session));
            ASSERT_TRUE(host.wait_connected(1));
            EXPECT_EQ(no_delay == 0, delays(session));
        }
    }
}

#else

void expect_given(iocpnet_session session)
{
    EXPECT_NE(0u, session);
}

#endif

TEST_P(SocketOptions, OfAListenerAreThoseOfItsSessions)
{
    Host host(callbacks());
    auto options = defaults(iocpnet_listener_options_init);
    options.socket = given;
    const std::string address = host.listen(&options);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    expect_given(host.recorder().nth(0));
}

TEST_P(SocketOptions, OfAConnectAreThoseOfTheSession)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket server = Socket::listen();
    auto options = defaults(iocpnet_connect_options_init);
    options.socket = given;
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), server.address().c_str(), &options, &session));
    ASSERT_TRUE(host.wait_connected(1));
    expect_given(session);
}

TEST_P(SocketOptions, AConnectComesFromItsLocalAddress)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket server = Socket::listen();
    auto options = defaults(iocpnet_connect_options_init);
    options.local_address = "127.0.0.2:0";
    iocpnet_session session = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), server.address().c_str(), &options, &session));
    ASSERT_TRUE(host.wait_connected(1));
    Socket peer = server.accept();
    EXPECT_EQ(0u, peer.peer_address().rfind("127.0.0.2:", 0)) << peer.peer_address();
    EXPECT_EQ(peer.peer_address(), session_address(iocpnet_session_local_address, session));
}

TEST_P(SocketOptions, AnAddressOfAnotherMachineIsNotAvailable)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    auto options = defaults(iocpnet_connect_options_init);
    options.local_address = "192.0.2.1:0";
    iocpnet_session session = 77;
    EXPECT_EQ(IOCPNET_E_ADDRESS_NOT_AVAILABLE,
              iocpnet_session_connect(host.service(), "127.0.0.1:1", &options, &session));
    EXPECT_EQ(77u, session);
    EXPECT_EQ(0u, live_objects().sessions);
}

TEST_P(SocketOptions, SeveralListenersShareAnAddressWhereTheSystemHasThat)
{
    Host host(callbacks());
    auto options = defaults(iocpnet_listener_options_init);
    options.reuse_port = 1;
    iocpnet_listener first = 0;
    iocpnet_listener second = 0;
    const int32_t status = iocpnet_listener_open(host.service(), "127.0.0.1:0", &options, &first);
#if defined(_WIN32)
    EXPECT_EQ(IOCPNET_E_NOT_SUPPORTED, status);
    (void)second;
#else
    ASSERT_EQ(IOCPNET_OK, status);
    const std::string address = session_address(iocpnet_listener_address, first);
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), address.c_str(), &options, &second));
    EXPECT_EQ(IOCPNET_E_ADDRESS_IN_USE, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &second));
#endif
}

} // namespace
