/* Sockets of the simulated system: os/socket.h on the simulated network. */
#include "os/socket.h"

#include <errno.h>

#include "base/interleave.h"
#include "os/error.h"
#include "os/sim/choice.h"
#include "os/sim/fault.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"

icn_result icn_os_socket_startup(void)
{
    return icn_ok();
}

#define REFUSAL_CHANCE 100

icn_result icn_os_socket_listen(const icn_address *address, const icn_os_listen_options *options, icn_os_socket *opened)
{
    icn_interleave();
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_SOCKET);
    *opened = ICN_OS_SOCKET_NONE;
    if (options->reuse_port) {
        return icn_failure(IOCPNET_E_NOT_SUPPORTED);
    }
    return icn_os_result(error != 0 ? error : icn_sim_descriptor_listen(address, options->backlog, opened));
}

icn_result icn_os_socket_bind(icn_os_socket socket, const icn_address *address)
{
    (void)socket;
    (void)address;
    icn_interleave();
    return icn_os_result(icn_sim_fault_now(ICN_SIM_FAULT_SOCKET));
}

icn_result icn_os_socket_set_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    (void)socket;
    (void)options;
    icn_interleave();
    return icn_os_result(icn_sim_fault_now(ICN_SIM_FAULT_SOCKET));
}

void icn_os_socket_accepted_options(icn_os_socket socket, const icn_os_socket_options *options)
{
    (void)socket;
    (void)options;
}

icn_result icn_os_socket_open(icn_address_family family, icn_os_socket *opened)
{
    (void)family;
    icn_interleave();
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_SOCKET);
    *opened = ICN_OS_SOCKET_NONE;
    return icn_os_result(error != 0 ? error : icn_sim_descriptor_open(opened));
}

void icn_os_socket_close(icn_os_socket socket)
{
    icn_interleave();
    icn_sim_descriptor_close(socket);
}

icn_result icn_os_socket_local_address(icn_os_socket socket, icn_address *address)
{
    icn_address remote;
    icn_interleave();
    int32_t error = icn_sim_fault_now(ICN_SIM_FAULT_SOCKET);
    if (error == 0) {
        (void)icn_sim_descriptor_addresses(socket, address, &remote);
    }
    return icn_os_result(error);
}

/* A connection that was reset before it was looked at has no remote address any more, on some systems. */
icn_result icn_os_socket_remote_address(icn_os_socket socket, icn_address *address)
{
    icn_address local;
    icn_interleave();
    const icn_sim_end *end = icn_sim_descriptor_end(socket);
    bool gone = end == NULL || (icn_sim_broken(end) && icn_sim_choose(2) != 0);
    if (!gone) {
        (void)icn_sim_descriptor_addresses(socket, &local, address);
    }
    return icn_os_result(gone ? ENOTCONN : 0);
}

void icn_os_socket_set_no_delay(icn_os_socket socket, bool no_delay)
{
    (void)no_delay;
    (void)icn_sim_descriptor_end(socket);
}

void icn_os_socket_accepted(icn_os_socket socket, bool no_delay)
{
    (void)socket;
    (void)no_delay;
}

void icn_os_socket_set_reset_on_close(icn_os_socket socket)
{
    icn_interleave();
    icn_sim_descriptor_reset_on_close(socket);
}

/* There are no forked children. */
void icn_os_socket_stop_listening(icn_os_socket socket)
{
    (void)socket;
}

uint32_t icn_sim_socket_write(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    icn_sim_end *end = icn_sim_descriptor_end(socket);
    uint32_t room = icn_sim_writable(end);
    uint32_t most = icn_sim_broken(end) || room == 0 ? 0 : room - icn_sim_choose(room);
    uint32_t taken = 0;

    for (uint32_t i = 0; i < count && taken < most; i++) {
        uint64_t left = most - taken;
        uint32_t part = (uint32_t)(pieces[i].size < left ? pieces[i].size : left);
        int64_t written = icn_sim_write(end, pieces[i].data, part);
        if (written <= 0) {
            break;
        }
        taken += (uint32_t)written;
    }
    icn_sim_trace("sent", icn_sim_connection(end), taken);
    return taken;
}

/* Takes nothing at times, though there is room. */
int64_t icn_os_socket_send(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    icn_interleave();
    bool refused = icn_sim_chance(REFUSAL_CHANCE);
    uint32_t taken = refused ? 0 : icn_sim_socket_write(socket, pieces, count);
    if (!refused && taken == 0) {
        /* The caller is told no code, but the system has told it. */
        (void)icn_sim_take_send_error(icn_sim_descriptor_end(socket));
    }
    return taken != 0 ? (int64_t)taken : -1;
}

void icn_os_socket_shutdown_send(icn_os_socket socket)
{
    icn_interleave();
    icn_sim_end *end = icn_sim_descriptor_end(socket);
    if (end != NULL) {
        icn_sim_shutdown(end);
    }
}

void icn_os_reserve_open(icn_os_socket *reserve)
{
    icn_interleave();
    (void)icn_sim_descriptor_reserve(reserve);
}

void icn_os_reserve_close(icn_os_socket *reserve)
{
    if (*reserve != ICN_OS_SOCKET_NONE) {
        icn_os_socket_close(*reserve);
        *reserve = ICN_OS_SOCKET_NONE;
    }
}

bool icn_os_reserve_shed(icn_os_socket *reserve, icn_os_socket listener)
{
    icn_os_socket shed;

    icn_os_reserve_close(reserve);
    bool closed = icn_sim_descriptor_accept(listener, &shed) == 0;
    if (closed) {
        icn_os_socket_set_reset_on_close(shed);
        icn_os_socket_close(shed);
    }
    icn_os_reserve_open(reserve);
    return closed;
}
