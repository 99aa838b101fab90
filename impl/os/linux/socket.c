#include "os/socket.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "os/error.h"
#include "os/linux/calls.h"
#include "os/linux/sockaddr.h"

icn_result icn_os_socket_startup(void)
{
    return icn_ok();
}

/* False when the system refused; errno says why. */
static bool set_option(icn_os_socket socket, int level, int name, int value)
{
    return setsockopt((int)socket, level, name, &value, sizeof value) == 0;
}

static icn_result fail_to_open(icn_os_socket *opened)
{
    const icn_result result = icn_os_last_result();

    icn_os_socket_close(*opened);
    *opened = ICN_OS_SOCKET_NONE;
    return result;
}

icn_result icn_os_socket_open(icn_address_family family, icn_os_socket *opened)
{
    const int domain = family == ICN_ADDRESS_IPV4 ? AF_INET : AF_INET6;

    ICN_CHECK(family == ICN_ADDRESS_IPV4 || family == ICN_ADDRESS_IPV6);
    *opened = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (*opened != ICN_OS_SOCKET_NONE && !set_option(*opened, SOL_SOCKET, SO_OOBINLINE, 1)) {
        return fail_to_open(opened);
    }
    return *opened != ICN_OS_SOCKET_NONE ? icn_ok() : icn_os_last_result();
}

/* What is 0 stays as the system has it. */
static bool set_given(icn_os_socket socket, int level, int name, uint32_t value)
{
    return value == 0 || set_option(socket, level, name, (int)value);
}

static bool set_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    return set_given(socket, SOL_SOCKET, SO_KEEPALIVE, options->keep_alive_idle_s != 0 ? 1 : 0) &&
           set_given(socket, IPPROTO_TCP, TCP_KEEPIDLE, options->keep_alive_idle_s) &&
           set_given(socket, IPPROTO_TCP, TCP_KEEPINTVL, options->keep_alive_interval_s) &&
           set_given(socket, IPPROTO_TCP, TCP_KEEPCNT, options->keep_alive_count) &&
           set_given(socket, SOL_SOCKET, SO_RCVBUF, options->receive_buffer_bytes) &&
           set_given(socket, SOL_SOCKET, SO_SNDBUF, options->send_buffer_bytes);
}

icn_result icn_os_socket_set_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    return set_options(socket, options) ? icn_ok() : icn_os_last_result();
}

/* The options of the listener are those of what it accepts. */
void icn_os_socket_accepted_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    (void)socket;
    (void)options;
}

/* Without a port of its own the system chooses one when it connects: then it need not be free for every peer. */
icn_result icn_os_socket_bind(icn_os_socket socket, const icn_address *address)
{
    struct sockaddr_storage storage;
    const socklen_t length = icn_os_sockaddr_write(address, &storage);

    if (address->port == 0) {
        (void)set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    } else if (!set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)) {
        return icn_os_last_result();
    }
    return bind((int)socket, (const struct sockaddr *)&storage, length) == 0 ? icn_ok() : icn_os_last_result();
}

static bool bind_and_listen(icn_os_socket socket, const icn_address *address, const icn_os_listen_options *options)
{
    struct sockaddr_storage storage;
    const socklen_t length = icn_os_sockaddr_write(address, &storage);
    const bool whole = options->backlog == 0 || options->backlog > INT_MAX; /* the system cuts it to its maximum */

    if (address->family == ICN_ADDRESS_IPV6 &&
        !set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6_only ? 1 : 0)) {
        return false;
    }
    if (options->reuse_port && !set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1)) {
        return false;
    }
    return set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1) && set_options(socket, &options->socket) &&
           bind((int)socket, (const struct sockaddr *)&storage, length) == 0 &&
           listen((int)socket, whole ? INT_MAX : (int)options->backlog) == 0;
}

icn_result icn_os_socket_listen(const icn_address *address, const icn_os_listen_options *options, icn_os_socket *opened)
{
    icn_result result = icn_os_socket_open((icn_address_family)address->family, opened);

    if (result.status == IOCPNET_OK && !bind_and_listen(*opened, address, options)) {
        result = fail_to_open(opened);
    }
    if (result.status == IOCPNET_OK && options->no_delay) {
        icn_os_socket_set_no_delay(*opened, true);
    }
    return result;
}

void icn_os_socket_close(icn_os_socket socket)
{
    ICN_CHECK(socket != ICN_OS_SOCKET_NONE);
    /* EINTR closes as well on Linux: calling again could close a descriptor of somebody else. */
    const int result = close((int)socket);
    ICN_CHECK(result == 0 || errno != EBADF);
}

typedef int address_getter(int socket, struct sockaddr *address, socklen_t *length);

static icn_result get_address(icn_os_socket socket, address_getter *get, icn_address *address)
{
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;

    if (get((int)socket, (struct sockaddr *)&storage, &length) != 0) {
        return icn_os_last_result();
    }
    icn_os_sockaddr_read(&storage, address);
    return icn_ok();
}

icn_result icn_os_socket_local_address(icn_os_socket socket, icn_address *address)
{
    return get_address(socket, getsockname, address);
}

icn_result icn_os_socket_remote_address(icn_os_socket socket, icn_address *address)
{
    return get_address(socket, getpeername, address);
}

void icn_os_socket_set_no_delay(icn_os_socket socket, bool no_delay)
{
    (void)set_option(socket, IPPROTO_TCP, TCP_NODELAY, no_delay ? 1 : 0);
}

/* The options of the listener are those of what it accepts. */
void icn_os_socket_accepted(icn_os_socket socket, bool no_delay)
{
    (void)socket;
    (void)no_delay;
}

void icn_os_socket_set_reset_on_close(icn_os_socket socket)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    (void)setsockopt((int)socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)connect((int)socket, &nobody, sizeof nobody);
}

void icn_os_socket_stop_listening(icn_os_socket socket)
{
    (void)shutdown((int)socket, SHUT_RDWR);
}

static int64_t send_gathered(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    struct iovec vectors[ICN_OS_PIECES_MAX];
    struct msghdr message = {.msg_iov = vectors};

    message.msg_iovlen = count < ICN_OS_PIECES_MAX ? count : ICN_OS_PIECES_MAX;
    for (size_t i = 0; i < message.msg_iovlen; ++i) {
        /* The system's vector is also for reading, hence without const; sending changes nothing. */
        vectors[i].iov_base = (void *)(uintptr_t)pieces[i].data;
        vectors[i].iov_len = (size_t)pieces[i].size;
    }
    return sendmsg((int)socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The system takes at most 2 GiB less a page. */
int64_t icn_os_socket_send(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    if (count > 1) {
        return send_gathered(socket, pieces, count);
    }
    return icn_linux_send((int)socket, pieces->data, (size_t)pieces->size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void icn_os_socket_shutdown_send(icn_os_socket socket)
{
    (void)shutdown((int)socket, SHUT_WR);
}
