/* The settings of conditioners: of a service, and of a session that its owner has to take over. */
#include <stddef.h>

#include "base/check.h"
#include "net/conditioner_state.h"
#include "os/clock.h"
#include "os/thread.h"
#include "util/memory.h"

/* Of a service. */
typedef struct icn_conditioner_default {
    icn_mutex mutex;
    /* Under the mutex. */
    bool on;
    uint64_t random; /* seeds of sessions are drawn from it */
    icn_conditioner_settings settings;
} icn_conditioner_default;

/* ---- making ---- */

static void use(icn_conditioner *conditioner, const icn_conditioner_settings *settings)
{
    uint64_t random = settings->seed;
    conditioner->settings = *settings;
    conditioner->off = false;
    conditioner->incoming.random = icn_lane_draw(&random);
    conditioner->outgoing.random = icn_lane_draw(&random);
}

static icn_conditioner *create(icn_session *session, const icn_conditioner_settings *settings)
{
    icn_conditioner *created = icn_memory_allocate_zeroed(sizeof *created, ICN_MEMORY_SESSION);
    if (created != NULL) {
        created->session = session;
        icn_timer_init(&created->timer);
        use(created, settings);
    }
    return created;
}

/* Any thread. */
void icn_conditioner_destroy_unused(icn_conditioner *conditioner)
{
    icn_memory_release(conditioner, sizeof *conditioner, ICN_MEMORY_SESSION);
}

static icn_conditioner_default *create_default(void)
{
    icn_conditioner_default *created = icn_memory_allocate_zeroed(sizeof *created, ICN_MEMORY_SERVICE);
    if (created != NULL) {
        icn_mutex_init(&created->mutex);
    }
    return created;
}

static void destroy_default(icn_conditioner_default *of_service)
{
    icn_mutex_fini(&of_service->mutex);
    icn_memory_release(of_service, sizeof *of_service, ICN_MEMORY_SERVICE);
}

/* The one that the service has, or a new one. Whoever is second throws his away. NULL: no memory. */
static icn_conditioner_default *default_for(icn_roster *roster)
{
    void *present = icn_pointer_load(&roster->conditioner);
    if (present != NULL) {
        return present;
    }
    icn_conditioner_default *created = create_default();
    while (created != NULL && !icn_pointer_replace(&roster->conditioner, &present, created)) {
        if (present != NULL) {
            destroy_default(created);
            return present;
        }
    }
    return created;
}

int32_t icn_roster_set_conditioner(icn_roster *roster, const icn_conditioner_settings *settings)
{
    if (settings == NULL && icn_pointer_load(&roster->conditioner) == NULL) {
        return IOCPNET_OK;
    }
    icn_conditioner_default *of_service = default_for(roster);
    if (of_service == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_mutex_lock(&of_service->mutex);
    of_service->on = settings != NULL;
    if (settings != NULL) {
        of_service->settings = *settings;
        of_service->random = settings->seed;
    }
    icn_mutex_unlock(&of_service->mutex);
    return IOCPNET_OK;
}

void icn_roster_end_conditioner(icn_roster *roster)
{
    icn_conditioner_default *of_service = icn_pointer_load(&roster->conditioner);
    if (of_service != NULL) {
        destroy_default(of_service);
    }
}

/* ---- settings of a session ---- */

/* From here on nothing of the session goes the short way. */
static void condition(icn_session *session)
{
    uint8_t claim = icn_u8_load(&session->close_claim);
    while (claim < ICN_CLOSE_UNCLAIMED_CONDITIONED &&
           !icn_u8_replace(&session->close_claim, &claim, ICN_CLOSE_UNCLAIMED_CONDITIONED)) {
    }
    session->conditioned = true;
}

static void begin(icn_session *session, icn_conditioner *conditioner)
{
    conditioner->sent = icn_u64_load_relaxed(&session->bytes_sent);
    condition(session);
}

static icn_conditioner *take_wanted(icn_session *session, icn_extension *extension, bool *off)
{
    icn_mutex *mutex = &session->loop->roster->groups.mutex;
    icn_u32_exchange(&extension->conditioner_changed, 0);
    icn_mutex_lock(mutex);
    icn_conditioner *wanted = extension->conditioner_wanted;
    extension->conditioner_wanted = NULL;
    *off = extension->conditioner_off;
    extension->conditioner_off = false;
    icn_mutex_unlock(mutex);
    return wanted;
}

static void turn_off(icn_conditioner *conditioner)
{
    const uint64_t now_us = icn_os_clock_us();
    conditioner->settings = (icn_conditioner_settings){.hold_bytes_max = conditioner->settings.hold_bytes_max};
    conditioner->off = true;
    conditioner->end_us = now_us;
    icn_lane_release(&conditioner->incoming);
    icn_lane_release(&conditioner->outgoing);
}

void icn_conditioner_take_change(icn_session *session, icn_extension *extension)
{
    bool off;
    icn_conditioner *wanted = take_wanted(session, extension, &off);
    icn_conditioner *present = extension->conditioner;
    if (wanted != NULL && present == NULL) {
        extension->conditioner = wanted;
    } else if (wanted != NULL) {
        use(present, &wanted->settings);
        icn_conditioner_destroy_unused(wanted);
    } else if (off && present != NULL) {
        turn_off(present);
    }
    if (wanted == NULL) {
        return;
    }
    if (!icn_conditioners_make(session->loop)) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    } else if (!session->conditioned) {
        begin(session, extension->conditioner);
    }
}

/* False: the session has ended. Takes `wanted` over. */
static bool put_wanted(icn_session *session, icn_conditioner *wanted)
{
    icn_mutex *mutex = &session->loop->roster->groups.mutex;
    icn_conditioner *unwanted = wanted;
    icn_mutex_lock(mutex);
    icn_extension *extension = icn_extension_now(session);
    if (extension != NULL) {
        unwanted = extension->conditioner_wanted;
        extension->conditioner_wanted = wanted;
        extension->conditioner_off = wanted == NULL;
        /* Behind the stores: the owner that sees the change takes the mutex, and finds at least these. */
        icn_u32_exchange(&extension->conditioner_changed, 1);
    }
    icn_mutex_unlock(mutex);
    icn_conditioner_destroy_unused(unwanted);
    return extension != NULL;
}

int32_t icn_session_set_conditioner(icn_session *session, const icn_conditioner_settings *settings)
{
    icn_conditioner *wanted = NULL;
    int32_t status = icn_extension_make(session);
    if (status == IOCPNET_OK && settings != NULL) {
        wanted = create(session, settings);
        status = wanted != NULL ? IOCPNET_OK : IOCPNET_E_NO_MEMORY;
    }
    if (status != IOCPNET_OK) {
        return status;
    }
    if (!put_wanted(session, wanted)) {
        return IOCPNET_E_CLOSED;
    }
    if (settings != NULL && icn_loop_is_mine(session->loop)) {
        /* What is sent next in this callback is conditioned already. */
        icn_conditioner_take_change(session, icn_extension_now(session));
    }
    icn_session_kick(session);
    return IOCPNET_OK;
}

/* ---- settings of a service ---- */

/* False: it has none any more. */
static bool draw_settings(icn_conditioner_default *of_service, icn_conditioner_settings *settings)
{
    icn_mutex_lock(&of_service->mutex);
    const bool on = of_service->on;
    if (on) {
        *settings = of_service->settings;
        settings->seed = icn_lane_draw(&of_service->random);
    }
    icn_mutex_unlock(&of_service->mutex);
    return on;
}

bool icn_conditioner_begin(icn_session *session)
{
    icn_conditioner_settings settings;
    if (!draw_settings(icn_pointer_load(&session->loop->roster->conditioner), &settings)) {
        return true;
    }
    icn_conditioner *conditioner = NULL;
    if (icn_extension_make_early(session) == IOCPNET_OK && icn_conditioners_make(session->loop)) {
        conditioner = create(session, &settings);
    }
    if (conditioner == NULL) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
        return false;
    }
    icn_extension_now(session)->conditioner = conditioner;
    begin(session, conditioner);
    return true;
}
