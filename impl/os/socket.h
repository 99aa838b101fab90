/*
 * TCP sockets. Every one is made non-blocking (overlapped on Windows), not inherited by child processes, and raises no
 * SIGPIPE. Urgent bytes are left in the stream (RFC 6093), by accepted sockets too: they inherit that of their listener.
 * Each open socket counts as a live descriptor (util/live is above this layer: ports and net count).
 */
#ifndef ICN_OS_SOCKET_H
#define ICN_OS_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/result.h"
#include "iocpnet.h"

#if defined(_WIN32)
typedef intptr_t icn_os_socket;
#else
typedef int32_t icn_os_socket;
#endif

#define ICN_OS_SOCKET_NONE ((icn_os_socket)-1)

/* 0: as the system has it. */
typedef struct icn_os_socket_options {
    uint32_t keep_alive_idle_s; /* 0: no keep-alive */
    uint32_t keep_alive_interval_s;
    uint32_t keep_alive_count;
    uint32_t receive_buffer_bytes;
    uint32_t send_buffer_bytes;
} icn_os_socket_options;

typedef struct icn_os_listen_options {
    uint32_t backlog; /* 0: the system's maximum */
    bool ipv6_only;
    bool no_delay;                /* of the sockets that it accepts; see icn_os_socket_accepted */
    bool reuse_port;              /* NOT_SUPPORTED where there is none */
    icn_os_socket_options socket; /* of the sockets that it accepts; see icn_os_socket_accepted_options */
} icn_os_listen_options;

/*
 * Gets the system's sockets ready (WSAStartup); any number of times, any thread. Called before the first socket.
 */
icn_result icn_os_socket_startup(void);

/* Makes a socket that is bound and listens. Windows: SO_EXCLUSIVEADDRUSE. Linux: SO_REUSEADDR. */
icn_result icn_os_socket_listen(const icn_address *address, const icn_os_listen_options *options,
                                icn_os_socket *opened);

/* Makes a socket to connect with. */
icn_result icn_os_socket_open(icn_address_family family, icn_os_socket *opened);

/* Before it connects: an address of its own, port 0 for any. */
icn_result icn_os_socket_bind(icn_os_socket socket, const icn_address *address);

/* Before it connects or listens, as the sizes of buffers decide what it tells the peer. */
icn_result icn_os_socket_set_options(icn_os_socket socket, const icn_os_socket_options *options);
/* For an accepted socket, where the system has not done it already (Linux: inherited). Failures do not matter. */
void icn_os_socket_accepted_options(icn_os_socket socket, const icn_os_socket_options *options);

void icn_os_socket_close(icn_os_socket socket);

icn_result icn_os_socket_local_address(icn_os_socket socket, icn_address *address);
icn_result icn_os_socket_remote_address(icn_os_socket socket, icn_address *address);

/* Failures do not matter to the caller: the connection works all the same. */
void icn_os_socket_set_no_delay(icn_os_socket socket, bool no_delay);
/* The same for an accepted socket, where the system has not done it already (Linux: inherited from the listener). */
void icn_os_socket_accepted(icn_os_socket socket, bool no_delay);

/*
 * Closing the socket will reset the connection: SO_LINGER {1, 0}. Linux resets it here: a copy of the descriptor in a forked
 * child would put off what closing does. So the socket has no addresses any more.
 */
void icn_os_socket_set_reset_on_close(icn_os_socket socket);

/* Before a listener is closed: no client connects any more, not even to a copy of it in a forked child. */
void icn_os_socket_stop_listening(icn_os_socket socket);

/* At most this many pieces are taken by one send; the rest is sent again. */
#define ICN_OS_PIECES_MAX 64

/*
 * Sends what the system takes of `count` pieces, 1 or more, without waiting. Returns the bytes taken, at most 2 GiB, or -1:
 * icn_os_last_result tells why, a full buffer included.
 */
int64_t icn_os_socket_send(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count);

/* Ends the outgoing stream (FIN). */
void icn_os_socket_shutdown_send(icn_os_socket socket);

/*
 * A spare descriptor: given up for a moment to take one waiting connection off a full listener and close it, so that
 * its client learns of the refusal. Linux only; elsewhere `open` stores ICN_OS_SOCKET_NONE and `shed` returns false.
 */
void icn_os_reserve_open(icn_os_socket *reserve);
void icn_os_reserve_close(icn_os_socket *reserve);
/* True when a connection was closed. Afterwards the reserve is open again if the system allows it. */
bool icn_os_reserve_shed(icn_os_socket *reserve, icn_os_socket listener);

#endif
