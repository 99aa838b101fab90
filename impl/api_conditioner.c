/* Exported: the conditioner. */
#include <stdbool.h>
#include <stddef.h>

#include "api_support.h"
#include "net/conditioner.h"
#include "net/session.h"
#include "os/clock.h"
#include "service/service.h"
#include "util/handle.h"
#include "util/log.h"

#define HELD_BYTES_MAX (UINT32_C(1) << 30)

static const iocpnet_conditioner defaults = {
    .struct_size = sizeof defaults,
    .directions = IOCPNET_CONDITION_RECEIVE | IOCPNET_CONDITION_SEND,
    .held_bytes_max = UINT32_C(1) << 20,
};

int32_t IOCPNET_CALL iocpnet_conditioner_init(iocpnet_conditioner *conditioner, uint32_t size)
{
    iocpnet_conditioner filled = defaults;
    return icn_api_status(icn_api_init(conditioner, size, &filled, sizeof filled));
}

static bool times_are_valid(const iocpnet_conditioner *conditioner)
{
    return conditioner->delay_us <= ICN_LANE_US_MAX && conditioner->jitter_us <= ICN_LANE_US_MAX &&
           conditioner->stall_us <= ICN_LANE_US_MAX && conditioner->coalesce_us <= ICN_LANE_US_MAX;
}

static bool is_valid(const iocpnet_conditioner *conditioner)
{
    const uint32_t both = IOCPNET_CONDITION_RECEIVE | IOCPNET_CONDITION_SEND;
    return conditioner->directions != 0 && (conditioner->directions & ~both) == 0 && times_are_valid(conditioner) &&
           conditioner->stall_ppm <= ICN_LANE_PPM && conditioner->reset_ppm <= ICN_LANE_PPM &&
           conditioner->bytes_per_second <= ICN_LANE_RATE_MAX && conditioner->held_bytes_max != 0 &&
           conditioner->held_bytes_max <= HELD_BYTES_MAX;
}

static void translate(const iocpnet_conditioner *conditioner, icn_conditioner_settings *settings)
{
    const icn_lane_rules rules = {.bytes_per_s = conditioner->bytes_per_second,
                                  .delay_us = conditioner->delay_us,
                                  .jitter_us = conditioner->jitter_us,
                                  .stall_ppm = conditioner->stall_ppm,
                                  .stall_us = conditioner->stall_us,
                                  .coalesce_us = conditioner->coalesce_us,
                                  .fragment_bytes = conditioner->fragment_bytes,
                                  .reset_ppm = conditioner->reset_ppm};
    *settings = (icn_conditioner_settings){.seed = conditioner->seed, .hold_bytes_max = conditioner->held_bytes_max};
    if ((conditioner->directions & IOCPNET_CONDITION_RECEIVE) != 0) {
        settings->receive = rules;
    }
    if ((conditioner->directions & IOCPNET_CONDITION_SEND) != 0) {
        settings->send = rules;
    }
}

/* A test that fails by a seed that nobody chose can be run again with it. */
static uint64_t make_up_seed(uint64_t handle)
{
    uint64_t state = handle ^ (icn_os_clock_us() << 20);
    const uint64_t seed = icn_lane_draw(&state) | 1;
    icn_log_write(IOCPNET_LOG_NOTICE, "conditioner", "seed of %016llx: %llu", (unsigned long long)handle,
                  (unsigned long long)seed);
    return seed;
}

/* `read`: receives the settings, or NULL when none are given. */
static int32_t read_settings(const iocpnet_conditioner *given, uint64_t handle, icn_conditioner_settings *settings,
                             const icn_conditioner_settings **read)
{
    iocpnet_conditioner complete = defaults;
    *read = NULL;
    if (given == NULL) {
        return IOCPNET_OK;
    }
    int32_t status = icn_api_read(given, &complete, sizeof complete);
    if (status != IOCPNET_OK) {
        return status;
    }
    if (!is_valid(&complete)) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    translate(&complete, settings);
    if (settings->seed == 0) {
        settings->seed = make_up_seed(handle);
    }
    *read = settings;
    return IOCPNET_OK;
}

int32_t IOCPNET_CALL iocpnet_service_set_conditioner(iocpnet_service service, const iocpnet_conditioner *conditioner)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_conditioner_settings settings;
    const icn_conditioner_settings *wanted;
    int32_t status = read_settings(conditioner, service, &settings, &wanted);
    if (status == IOCPNET_OK) {
        status = icn_roster_set_conditioner(&pinned->roster, wanted);
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_session_set_conditioner(iocpnet_session session, const iocpnet_conditioner *conditioner)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_conditioner_settings settings;
    const icn_conditioner_settings *wanted;
    int32_t status = read_settings(conditioner, session, &settings, &wanted);
    if (status == IOCPNET_OK) {
        status = icn_session_set_conditioner(pinned, wanted);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}
