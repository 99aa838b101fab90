/* What Linux adds to the contracts of os: signals, names, descriptors, the reserve, and the table of errors. */
#if defined(__linux__)

#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/api_socket.hpp"

extern "C" {
#include "iocpnet.h"
#include "os/error.h"
#include "os/linux/sockaddr.h"
#include "os/resolve.h"
#include "os/socket.h"
#include "os/thread.h"
}

namespace
{

using api_test::Socket;

struct SeenThread {
    sigset_t blocked = {};
    char name[16] = {};
};

void look_at_thread(void *argument)
{
    SeenThread *seen = static_cast<SeenThread *>(argument);
    pthread_sigmask(SIG_SETMASK, nullptr, &seen->blocked);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
}

SeenThread start_and_look(const char *name)
{
    icn_thread thread;
    SeenThread seen;
    EXPECT_EQ(icn_thread_start(&thread, name, look_at_thread, &seen).status, IOCPNET_OK);
    icn_thread_join(&thread);
    return seen;
}

TEST(OsLinuxThread, BlocksTheSignalsThatAHostHandles)
{
    const SeenThread seen = start_and_look("test");
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGIO}) {
        EXPECT_EQ(sigismember(&seen.blocked, number), 1) << number;
    }
}

TEST(OsLinuxThread, KeepsFaultsAndTheSignalsOfLanguageRuntimesOpen)
{
    const SeenThread seen = start_and_look("test");
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPWR, SIGXCPU, SIGRTMIN, SIGRTMAX}) {
        EXPECT_EQ(sigismember(&seen.blocked, number), 0) << number;
    }
}

TEST(OsLinuxThread, StarterKeepsItsOwnSignalMask)
{
    sigset_t before;
    sigset_t after;
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &some, nullptr);
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    start_and_look("test");
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int number = 1; number < NSIG; ++number) {
        EXPECT_EQ(sigismember(&before, number), sigismember(&after, number)) << number;
    }
}

TEST(OsLinuxThread, CarriesItsName)
{
    EXPECT_STREQ(start_and_look("fifteen-letters").name, "fifteen-letters");
}

TEST(OsLinuxSocket, IsNonBlockingAndClosedByExec)
{
    icn_os_socket socket = ICN_OS_SOCKET_NONE;
    ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV6, &socket).status, IOCPNET_OK);
    EXPECT_NE(fcntl(static_cast<int>(socket), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(static_cast<int>(socket), F_GETFD) & FD_CLOEXEC, 0);
    icn_os_socket_close(socket);
}

TEST(OsLinuxSocket, NoDelayIsSetAndCleared)
{
    icn_os_socket socket = ICN_OS_SOCKET_NONE;
    ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV4, &socket).status, IOCPNET_OK);
    for (const bool no_delay : {true, false}) {
        int value = -1;
        socklen_t size = sizeof value;
        icn_os_socket_set_no_delay(socket, no_delay);
        ASSERT_EQ(getsockopt(static_cast<int>(socket), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
        EXPECT_EQ(value != 0, no_delay);
    }
    icn_os_socket_close(socket);
}

/* The number that the next descriptor will get. */
int next_descriptor()
{
    const int descriptor = dup(STDOUT_FILENO);
    close(descriptor);
    return descriptor;
}

TEST(OsLinuxSocket, FailedListenLeavesNoDescriptor)
{
    icn_address address = {};
    const icn_os_listen_options options = {};
    icn_os_socket socket = ICN_OS_SOCKET_NONE;
    ASSERT_EQ(icn_address_parse("192.0.2.1:0", &address), IOCPNET_OK);
    const int before = next_descriptor();
    ASSERT_NE(icn_os_socket_listen(&address, &options, &socket).status, IOCPNET_OK);
    EXPECT_EQ(next_descriptor(), before);
}

TEST(OsLinuxSocket, ListensAgainWhereOldConnectionsAreInTimeWait)
{
    icn_address address = {};
    const icn_os_listen_options options = {};
    icn_os_socket listener = ICN_OS_SOCKET_NONE;
    char text[ICN_ADDRESS_TEXT_SIZE];
    ASSERT_EQ(icn_address_parse("127.0.0.1:0", &address), IOCPNET_OK);
    ASSERT_EQ(icn_os_socket_listen(&address, &options, &listener).status, IOCPNET_OK);
    ASSERT_EQ(icn_os_socket_local_address(listener, &address).status, IOCPNET_OK);
    icn_address_format(&address, text);
    Socket peer = Socket::connect(text);
    const int accepted = accept4(static_cast<int>(listener), nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_NE(accepted, -1);
    icn_os_socket_close(accepted); /* this end closes first, so that it is the one to wait */
    EXPECT_EQ(peer.receive_all(), "");
    peer.close();
    icn_os_socket_close(listener);
    ASSERT_EQ(icn_os_socket_listen(&address, &options, &listener).status, IOCPNET_OK);
    icn_os_socket_close(listener);
}

TEST(OsLinuxSocket, AddressesSurviveTheWayThroughTheSystemsForm)
{
    for (const char *text : {"1.2.3.4:5", "[::1]:65535", "[fe80::1%7]:80", "[2001:db8::]:0"}) {
        icn_address address;
        icn_address back;
        sockaddr_storage storage;
        char formatted[ICN_ADDRESS_TEXT_SIZE];
        ASSERT_EQ(icn_address_parse(text, &address), IOCPNET_OK);
        EXPECT_GT(icn_os_sockaddr_write(&address, &storage), 0u);
        icn_os_sockaddr_read(&storage, &back);
        icn_address_format(&back, formatted);
        EXPECT_STREQ(formatted, text);
    }
}

class OsLinuxReserve : public testing::Test
{
protected:
    void SetUp() override
    {
        icn_address address = {};
        const icn_os_listen_options options = {};
        ASSERT_EQ(icn_address_parse("127.0.0.1:0", &address), IOCPNET_OK);
        ASSERT_EQ(icn_os_socket_listen(&address, &options, &listener).status, IOCPNET_OK);
        ASSERT_EQ(icn_os_socket_local_address(listener, &address).status, IOCPNET_OK);
        char text[ICN_ADDRESS_TEXT_SIZE];
        icn_address_format(&address, text);
        at = text;
        icn_os_reserve_open(&reserve);
        ASSERT_NE(reserve, ICN_OS_SOCKET_NONE);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    void TearDown() override
    {
        setrlimit(RLIMIT_NOFILE, &limit);
        icn_os_reserve_close(&reserve);
        icn_os_socket_close(listener);
    }

    /* From here on this process opens no further descriptor. */
    void use_up_descriptors()
    {
        const int lowest = dup(STDOUT_FILENO);
        rlimit none = limit;
        close(lowest);
        none.rlim_cur = static_cast<rlim_t>(lowest);
        setrlimit(RLIMIT_NOFILE, &none);
    }

    icn_os_socket listener = ICN_OS_SOCKET_NONE;
    icn_os_socket reserve = ICN_OS_SOCKET_NONE;
    std::string at;
    rlimit limit = {};
};

TEST_F(OsLinuxReserve, ShedsOneConnectionWhenNoDescriptorIsLeft)
{
    Socket first = Socket::connect(at);
    Socket second = Socket::connect(at);
    use_up_descriptors();
    EXPECT_TRUE(icn_os_reserve_shed(&reserve, listener));
    EXPECT_NE(reserve, ICN_OS_SOCKET_NONE);
    EXPECT_EQ(first.receive_all(), "");
    EXPECT_NE(first.end(), Socket::End::none);
    EXPECT_FALSE(second.readable_within(0));
}

TEST_F(OsLinuxReserve, HasNothingToShedWithoutAConnection)
{
    EXPECT_FALSE(icn_os_reserve_shed(&reserve, listener));
    EXPECT_NE(reserve, ICN_OS_SOCKET_NONE);
}

TEST_F(OsLinuxReserve, ThatCouldNotBeOpenedIsOpenedByALaterShed)
{
    icn_os_reserve_close(&reserve);
    EXPECT_FALSE(icn_os_reserve_shed(&reserve, listener));
    EXPECT_NE(reserve, ICN_OS_SOCKET_NONE);
}

TEST(OsLinuxError, EachCodeHasItsStatus)
{
    struct Row {
        int os_error;
        int32_t status;
    };
    const Row rows[] = {
        {EMFILE, IOCPNET_E_NO_DESCRIPTORS},
        {ENFILE, IOCPNET_E_NO_DESCRIPTORS},
        {EAGAIN, IOCPNET_E_NO_MEMORY},
        {ENOBUFS, IOCPNET_E_NO_MEMORY},
        {ENOMEM, IOCPNET_E_NO_MEMORY},
        {ENOSPC, IOCPNET_E_NO_MEMORY},
        {EADDRINUSE, IOCPNET_E_ADDRESS_IN_USE},
        {EADDRNOTAVAIL, IOCPNET_E_ADDRESS_NOT_AVAILABLE},
        {ENODEV, IOCPNET_E_ADDRESS_NOT_AVAILABLE},
        {EACCES, IOCPNET_E_ACCESS_DENIED},
        {EPERM, IOCPNET_E_ACCESS_DENIED},
        {EAFNOSUPPORT, IOCPNET_E_NOT_SUPPORTED},
        {ENOSYS, IOCPNET_E_NOT_SUPPORTED},
        {EOPNOTSUPP, IOCPNET_E_NOT_SUPPORTED},
        {EPROTONOSUPPORT, IOCPNET_E_NOT_SUPPORTED},
        {ECONNREFUSED, IOCPNET_E_CONNECTION_REFUSED},
        {ECONNRESET, IOCPNET_E_CONNECTION_RESET},
        {ENOTCONN, IOCPNET_E_CONNECTION_RESET},
        {EPIPE, IOCPNET_E_CONNECTION_RESET},
        {ECONNABORTED, IOCPNET_E_CONNECTION_ABORTED},
        {ENETRESET, IOCPNET_E_CONNECTION_ABORTED},
        {ENETDOWN, IOCPNET_E_NETWORK_UNREACHABLE},
        {ENETUNREACH, IOCPNET_E_NETWORK_UNREACHABLE},
        {EHOSTDOWN, IOCPNET_E_HOST_UNREACHABLE},
        {EHOSTUNREACH, IOCPNET_E_HOST_UNREACHABLE},
        {ETIMEDOUT, IOCPNET_E_TIMED_OUT},
        {ECANCELED, IOCPNET_E_CANCELLED},
        {EBADF, IOCPNET_E_SYSTEM},
        {EINVAL, IOCPNET_E_SYSTEM},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(icn_os_result(row.os_error).status, row.status) << row.os_error;
        EXPECT_EQ(icn_os_result(row.os_error).os_error, row.os_error);
    }
}

TEST(OsLinuxSockaddr, AFamilyThatIsNoneOfOursIsNone)
{
    sockaddr_storage storage = {};
    icn_address address;
    storage.ss_family = AF_UNIX;
    icn_os_sockaddr_read(&storage, &address);
    EXPECT_EQ(address.family, ICN_ADDRESS_NONE);
}

TEST(OsLinuxError, LastResultIsThatOfErrnoAndNeverSuccess)
{
    errno = ECONNREFUSED;
    EXPECT_EQ(icn_os_last_result().status, IOCPNET_E_CONNECTION_REFUSED);
    errno = 0;
    EXPECT_EQ(icn_os_last_result().status, IOCPNET_E_SYSTEM);
}

TEST(OsLinuxResolve, NameThatNoHostCanHaveIsNotFound)
{
    icn_address addresses[4];
    uint32_t count = 9;
    const icn_result result = icn_os_resolve("a..b", addresses, 4, &count);
    EXPECT_EQ(result.status, IOCPNET_E_NAME_NOT_FOUND);
    EXPECT_NE(result.os_error, 0);
    EXPECT_EQ(count, 0u);
}

TEST(OsLinuxResolve, FirstAddressesOfANameAreStored)
{
    icn_address address = {};
    uint32_t count = 0;
    ASSERT_EQ(icn_os_resolve("localhost", &address, 1, &count).status, IOCPNET_OK);
    EXPECT_EQ(count, 1u);
    EXPECT_TRUE(address.family == ICN_ADDRESS_IPV4 || address.family == ICN_ADDRESS_IPV6);
    EXPECT_EQ(address.port, 0);
}

} // namespace

#endif
