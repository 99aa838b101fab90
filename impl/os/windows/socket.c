#include "os/socket.h"

#include <limits.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <mstcpip.h>

#include "os/error.h"
#include "os/windows/gather.h"
#include "os/windows/sockaddr.h"

#define BACKLOG_PLAIN_MAX 200 /* more has to be asked for with SOMAXCONN_HINT */
#define BACKLOG_HINT_MAX 65535

#define KEEP_ALIVE_INTERVAL_MS 1000 /* the system's own */
#define KEEP_ALIVE_COUNT 16         /* TCP_KEEPCNT, which older headers do not have */

#ifndef SOMAXCONN_HINT
#define SOMAXCONN_HINT(backlog) (-(backlog))
#endif

static INIT_ONCE started = INIT_ONCE_STATIC_INIT;

/* FALSE leaves `started` as it was: the next caller tries again. */
static BOOL CALLBACK start_sockets(PINIT_ONCE once, PVOID error, PVOID *context)
{
    WSADATA description;
    (void)once;
    (void)context;
    *(int *)error = WSAStartup(MAKEWORD(2, 2), &description);
    return *(int *)error == 0;
}

icn_result icn_os_socket_startup(void)
{
    int error = 0;
    InitOnceExecuteOnce(&started, start_sockets, &error, NULL);
    return icn_os_result(error);
}

static bool set_option(SOCKET socket, int level, int name, int value)
{
    return setsockopt(socket, level, name, (const char *)&value, (int)sizeof value) == 0;
}

/* Non-blocking, for the plain reads that follow a zero-byte receive; overlapped calls do not mind. */
icn_result icn_os_socket_open(icn_address_family family, icn_os_socket *opened)
{
    u_long non_blocking = 1;
    SOCKET made = WSASocketW(icn_os_sockaddr_family(family), SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (made == INVALID_SOCKET) {
        return icn_os_last_result();
    }
    if (ioctlsocket(made, (long)FIONBIO, &non_blocking) != 0 || !set_option(made, SOL_SOCKET, SO_OOBINLINE, 1)) {
        icn_result result = icn_os_last_result();
        closesocket(made);
        return result;
    }
    *opened = (icn_os_socket)made;
    return icn_ok();
}

static int system_backlog(uint32_t backlog)
{
    if (backlog == 0) {
        return SOMAXCONN;
    }
    if (backlog <= BACKLOG_PLAIN_MAX) {
        return (int)backlog;
    }
    return SOMAXCONN_HINT((int)(backlog < BACKLOG_HINT_MAX ? backlog : BACKLOG_HINT_MAX));
}

static bool set_given(SOCKET socket, int level, int name, uint32_t value)
{
    return value == 0 || set_option(socket, level, name, (int)value);
}

/* The times in one call, which every version knows. The count is newer: where it is not known it stays the system's own. */
static bool set_keep_alive(SOCKET socket, const icn_os_socket_options *options)
{
    struct tcp_keepalive times = {1, options->keep_alive_idle_s * 1000, options->keep_alive_interval_s * 1000};
    DWORD size = 0;
    if (options->keep_alive_idle_s == 0) {
        return true;
    }
    if (times.keepaliveinterval == 0) {
        times.keepaliveinterval = KEEP_ALIVE_INTERVAL_MS;
    }
    (void)set_given(socket, IPPROTO_TCP, KEEP_ALIVE_COUNT, options->keep_alive_count);
    return WSAIoctl(socket, SIO_KEEPALIVE_VALS, &times, (DWORD)sizeof times, NULL, 0, &size, NULL, NULL) == 0;
}

static bool set_options(SOCKET socket, const icn_os_socket_options *options)
{
    return set_keep_alive(socket, options) && set_given(socket, SOL_SOCKET, SO_RCVBUF, options->receive_buffer_bytes) &&
           set_given(socket, SOL_SOCKET, SO_SNDBUF, options->send_buffer_bytes);
}

icn_result icn_os_socket_set_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    return set_options((SOCKET)socket, options) ? icn_ok() : icn_os_last_result();
}

void icn_os_socket_accepted_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    set_options((SOCKET)socket, options);
}

icn_result icn_os_socket_bind(icn_os_socket socket, const icn_address *address)
{
    SOCKADDR_STORAGE storage;
    int length = icn_os_sockaddr_write(address, &storage);
    bool bound = bind((SOCKET)socket, (const struct sockaddr *)&storage, length) == 0;
    return bound ? icn_ok() : icn_os_last_result();
}

/* Without SO_EXCLUSIVEADDRUSE another program could take over the port; SO_REUSEADDR would invite it to. */
static bool bind_and_listen(SOCKET socket, const icn_address *address, const icn_os_listen_options *options)
{
    SOCKADDR_STORAGE storage;
    int length = icn_os_sockaddr_write(address, &storage);
    if (!set_option(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1) || !set_options(socket, &options->socket)) {
        return false;
    }
    if (address->family == ICN_ADDRESS_IPV6 && !set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6_only)) {
        return false;
    }
    return bind(socket, (const struct sockaddr *)&storage, length) == 0 &&
           listen(socket, system_backlog(options->backlog)) == 0;
}

icn_result icn_os_socket_listen(const icn_address *address, const icn_os_listen_options *options, icn_os_socket *opened)
{
    icn_os_socket made = ICN_OS_SOCKET_NONE;
    icn_result result = icn_failure(IOCPNET_E_NOT_SUPPORTED);
    if (options->reuse_port) {
        return result;
    }
    result = icn_os_socket_open((icn_address_family)address->family, &made);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    if (!bind_and_listen((SOCKET)made, address, options)) {
        result = icn_os_last_result();
        closesocket((SOCKET)made);
        return result;
    }
    *opened = made;
    return icn_ok();
}

void icn_os_socket_close(icn_os_socket socket)
{
    closesocket((SOCKET)socket);
}

icn_result icn_os_socket_local_address(icn_os_socket socket, icn_address *address)
{
    SOCKADDR_STORAGE storage;
    int length = (int)sizeof storage;
    if (getsockname((SOCKET)socket, (struct sockaddr *)&storage, &length) != 0) {
        return icn_os_last_result();
    }
    icn_os_sockaddr_read(&storage, address);
    return icn_ok();
}

icn_result icn_os_socket_remote_address(icn_os_socket socket, icn_address *address)
{
    SOCKADDR_STORAGE storage;
    int length = (int)sizeof storage;
    if (getpeername((SOCKET)socket, (struct sockaddr *)&storage, &length) != 0) {
        return icn_os_last_result();
    }
    icn_os_sockaddr_read(&storage, address);
    return icn_ok();
}

void icn_os_socket_set_no_delay(icn_os_socket socket, bool no_delay)
{
    set_option((SOCKET)socket, IPPROTO_TCP, TCP_NODELAY, no_delay);
}

void icn_os_socket_accepted(icn_os_socket socket, bool no_delay)
{
    icn_os_socket_set_no_delay(socket, no_delay);
}

void icn_os_socket_set_reset_on_close(icn_os_socket socket)
{
    struct linger linger = {1, 0};
    setsockopt((SOCKET)socket, SOL_SOCKET, SO_LINGER, (const char *)&linger, (int)sizeof linger);
}

/* There are no forked children. */
void icn_os_socket_stop_listening(icn_os_socket socket)
{
    (void)socket;
}

DWORD icn_os_gather(const iocpnet_iovec *pieces, uint32_t count, WSABUF *buffers)
{
    DWORD filled = 0;
    for (uint32_t i = 0; i < count && filled < ICN_OS_PIECES_MAX; i++) {
        bool fits = pieces[i].size <= ULONG_MAX;
        buffers[filled].len = fits ? (ULONG)pieces[i].size : ULONG_MAX;
        buffers[filled].buf = (CHAR *)(uintptr_t)pieces[i].data;
        filled++;
        if (!fits) {
            break;
        }
    }
    return filled;
}

/* Without an OVERLAPPED the non-blocking socket takes what fits into its buffer; nothing is left pending. */
int64_t icn_os_socket_send(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    WSABUF buffers[ICN_OS_PIECES_MAX];
    DWORD size = 0;
    DWORD filled = icn_os_gather(pieces, count, buffers);
    return WSASend((SOCKET)socket, buffers, filled, &size, 0, NULL, NULL) == 0 ? (int64_t)size : -1;
}

void icn_os_socket_shutdown_send(icn_os_socket socket)
{
    shutdown((SOCKET)socket, SD_SEND);
}

/* A process here has millions of handles: there is no shortage that a spare one would help with. */
void icn_os_reserve_open(icn_os_socket *reserve)
{
    *reserve = ICN_OS_SOCKET_NONE;
}

void icn_os_reserve_close(icn_os_socket *reserve)
{
    *reserve = ICN_OS_SOCKET_NONE;
}

bool icn_os_reserve_shed(icn_os_socket *reserve, icn_os_socket listener)
{
    (void)reserve;
    (void)listener;
    return false;
}
