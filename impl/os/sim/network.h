/*
 * The simulated network: descriptors, listeners, connections. Bytes are really carried, in order, through a pipe of
 * limited size in each direction. A connection has two ends; an end belongs to a descriptor of the library or to a peer.
 * What a call does it does at once; when the library sees it is the port's choice.
 */
#ifndef ICN_OS_SIM_NETWORK_H
#define ICN_OS_SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "os/socket.h"

typedef struct icn_sim_end icn_sim_end;

/* Called when something about a descriptor changed: there may be more to do. */
typedef void icn_sim_changed(void *user);

typedef struct icn_sim_network_options {
    uint32_t descriptors_max; /* more are refused with EMFILE; at most 1,024 */
    uint32_t pipe_bytes_max;  /* each pipe has 1 to this many bytes, by choice; at most 65,536 */
} icn_sim_network_options;

/* A new network, nothing in it. What was left in the old one is freed. */
void icn_sim_network_begin(const icn_sim_network_options *options);
/* The limit may change in the middle of a run. */
void icn_sim_set_descriptors_max(uint32_t descriptors_max);
uint32_t icn_sim_descriptors_open(void);

/* ---- peers ---- */

/* Connects to a listener of the library. NULL: nobody listens there, or its backlog is full. */
icn_sim_end *icn_sim_peer_connect(uint16_t port);

/* The library's connects to addresses where it does not listen itself wait here, oldest first, until the world decides. */
uint32_t icn_sim_connects_pending(void);
/* The port that one of them goes to. */
uint16_t icn_sim_connect_port(uint32_t which);
/* Decides one of them: os_error 0 makes a connection, whose far end is returned; else it fails and NULL is returned. */
icn_sim_end *icn_sim_connect_decide(uint32_t which, int32_t os_error);

/* Bytes taken, 0 when the pipe is full; -1: the connection is broken. */
int64_t icn_sim_write(icn_sim_end *end, const void *data, uint32_t size);
/* Bytes read; 0: none are there now; -1: broken, however often it is asked; -2: end of the stream. */
int64_t icn_sim_read(icn_sim_end *end, void *data, uint32_t size);
uint32_t icn_sim_readable(const icn_sim_end *end);
uint32_t icn_sim_writable(const icn_sim_end *end);
/* True: the far end shut down, or the connection is broken, so that a read tells something. */
bool icn_sim_ended(const icn_sim_end *end);
bool icn_sim_broken(const icn_sim_end *end);
/* FIN. */
void icn_sim_shutdown(icn_sim_end *end);
/* RST; os_error is what the far end sees: ECONNRESET, or as the network gives up: ETIMEDOUT, EHOSTUNREACH, ... */
void icn_sim_reset(icn_sim_end *end, int32_t os_error);
/* Gives the end back: FIN, or RST when bytes were not read. It is not touched any more. */
void icn_sim_close(icn_sim_end *end);
/* A number of the connection, the same for both ends, from 1. */
uint32_t icn_sim_connection(const icn_sim_end *end);
/* The port number of the end that connected: what the library sees as the remote port of an accepted session. */
uint16_t icn_sim_client_port(const icn_sim_end *end);

/* ---- the library's side: os/sim/socket.c and port/port_sim.c ---- */

/* Errors are codes of the system, 0 is success. */
int32_t icn_sim_descriptor_listen(const icn_address *address, uint32_t backlog, icn_os_socket *opened);
int32_t icn_sim_descriptor_open(icn_os_socket *opened);
/* A descriptor that is nothing but taken. */
int32_t icn_sim_descriptor_reserve(icn_os_socket *opened);
/* Closing one that is not open is a violation. */
void icn_sim_descriptor_close(icn_os_socket socket);
/* NULL: it is not a connection (a socket that was never connected, a listener). One that is not open is a violation. */
icn_sim_end *icn_sim_descriptor_end(icn_os_socket socket);
bool icn_sim_descriptor_addresses(icn_os_socket socket, icn_address *local, icn_address *remote);
void icn_sim_descriptor_reset_on_close(icn_os_socket socket);
/* NULL `changed` ends it. */
void icn_sim_descriptor_watch(icn_os_socket socket, icn_sim_changed *changed, void *user);
/* Connections that wait on a listener. */
uint32_t icn_sim_descriptor_waiting(icn_os_socket listener);
/* Takes the first of them: 0, EMFILE with it still waiting, or EAGAIN. */
int32_t icn_sim_descriptor_accept(icn_os_socket listener, icn_os_socket *accepted);
/* Starts a connect; `changed` tells when icn_sim_descriptor_connected has news. */
void icn_sim_descriptor_connect(icn_os_socket socket, const icn_address *address);
/* True: decided, and os_error is 0 or why it failed. */
bool icn_sim_descriptor_connected(icn_os_socket socket, int32_t *os_error);
/* As Linux does, an error is told once: to the send or receive that meets it first. 0: none, or it was told. */
int32_t icn_sim_take_error(icn_sim_end *end);
/* The same for one that wants to send: EPIPE once the error was told, and after its own FIN. */
int32_t icn_sim_take_send_error(icn_sim_end *end);
/* The network gives the connection up: this end was told of os_error just now, the far one sees a reset. */
void icn_sim_break(icn_sim_end *end, int32_t os_error);

/* Gives the network what it takes now of some pieces, and by choice less. Returns the bytes. (os/sim/socket.c) */
uint32_t icn_sim_socket_write(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count);

#endif
