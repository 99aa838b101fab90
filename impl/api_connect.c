#include "api_connect.h"

#include <stddef.h>

#include "api_options.h"

#define FACTOR_PERCENT_MIN 100
#define FACTOR_PERCENT_MAX 10000
#define JITTER_PERCENT_MAX 100

bool icn_api_reconnect_is_valid(const iocpnet_reconnect *reconnect)
{
    return reconnect->delay_max_ms >= reconnect->initial_delay_ms && reconnect->factor_percent >= FACTOR_PERCENT_MIN &&
           reconnect->factor_percent <= FACTOR_PERCENT_MAX && reconnect->jitter_percent <= JITTER_PERCENT_MAX &&
           reconnect->reserved == 0;
}

static icn_backoff backoff_of(const iocpnet_reconnect *reconnect)
{
    return (icn_backoff){.initial_ms = reconnect->initial_delay_ms,
                         .max_ms = reconnect->delay_max_ms,
                         .factor_percent = reconnect->factor_percent,
                         .jitter_percent = reconnect->jitter_percent,
                         .attempts_max = reconnect->attempts_max,
                         .lasted_ms = reconnect->lasted_ms};
}

static int32_t read_target(icn_connect_plan *plan, const char *address, const icn_address *remote)
{
    if (remote != NULL) {
        plan->remote = *remote;
        return IOCPNET_OK;
    }
    return icn_host_name_parse(address, plan->name, &plan->remote.port);
}

/* An address of another family than the one that is connected to can never do. */
static int32_t read_local(icn_connect_plan *plan, const char *local)
{
    if (local == NULL) {
        return IOCPNET_OK;
    }
    int32_t status = icn_address_parse(local, &plan->local);
    bool other = plan->remote.family != ICN_ADDRESS_NONE && plan->local.family != plan->remote.family;
    return status == IOCPNET_OK && !other ? IOCPNET_OK : IOCPNET_E_INVALID_ADDRESS;
}

int32_t icn_api_read_plan(const char *address, const icn_address *remote, const iocpnet_connect_options *options,
                          const icn_framing *framing, icn_connect_plan *plan)
{
    *plan = (icn_connect_plan){.framing = *framing,
                               .no_delay = options->no_delay != 0,
                               .timeout_ms = options->timeout_ms,
                               .attempt_delay_ms = options->attempt_delay_ms,
                               .reconnect = backoff_of(&options->reconnect)};
    int32_t status = read_target(plan, address, remote);
    if (status == IOCPNET_OK) {
        status = read_local(plan, options->local_address);
    }
    plan->has_socket_options = icn_api_socket_options(&options->socket, &plan->socket);
    icn_api_guard_options(&options->socket, &options->limits, &plan->guard);
    return status;
}
