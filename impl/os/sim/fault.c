#include "os/sim/fault.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "os/sim/choice.h"
#include "os/sim/trace.h"

#define ERRORS_MAX 12

/* From the man pages of pthread_create, socket, bind, getpeername, epoll_ctl, io_uring_enter, accept, recv and send. */
static const int32_t errors[ICN_SIM_FAULT_KINDS][ERRORS_MAX] = {
    [ICN_SIM_FAULT_THREAD] = {EAGAIN, ENOMEM},
    [ICN_SIM_FAULT_SOCKET] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES},
    [ICN_SIM_FAULT_PORT_OPEN] = {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS},
    [ICN_SIM_FAULT_ATTACH] = {ENOMEM, ENOSPC},
    [ICN_SIM_FAULT_RUN] = {ENOMEM, EAGAIN},
    [ICN_SIM_FAULT_START] = {ENOMEM, ENOBUFS, EACCES, ENETUNREACH},
    [ICN_SIM_FAULT_ACCEPT] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM},
    [ICN_SIM_FAULT_RECEIVE] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, ECONNABORTED, ENOMEM, ENOBUFS},
    [ICN_SIM_FAULT_SEND] = {ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOMEM, ENOBUFS, EACCES},
};

static uint32_t rates[ICN_SIM_FAULT_KINDS];

void icn_sim_fault_set(icn_sim_fault kind, uint32_t per_mille)
{
    rates[kind] = per_mille;
}

void icn_sim_fault_clear_all(void)
{
    memset(rates, 0, sizeof rates);
}

int32_t icn_sim_fault_now(icn_sim_fault kind)
{
    uint32_t count = 0;

    if (!icn_sim_chance(rates[kind])) {
        return 0;
    }
    while (count < ERRORS_MAX && errors[kind][count] != 0) {
        count++;
    }
    int32_t error = errors[kind][icn_sim_choose(count)];
    icn_sim_trace("fault", kind, (uint64_t)error);
    return error;
}
