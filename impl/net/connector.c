#include "net/connector.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "net/session.h"
#include "os/clock.h"
#include "util/handle.h"
#include "util/log.h"
#include "util/memory.h"

void icn_connector_init(icn_connector *connector, const icn_connector_options *options)
{
    ICN_CHECK(options->plan->remote.port != 0);
    connector->plan = *options->plan;
    connector->failures = options->failures;
    connector->delay_ms = options->delay_ms;
    connector->asked = options->asked;
}

void icn_connector_fini(icn_connector *connector)
{
    ICN_CHECK(connector->attempts == NULL);
    icn_lookup_destroy(icn_pointer_exchange(&connector->answer, NULL));
}

/* The exchange releases the lookup to the owner, who acquires it; and the pin keeps the connector until then. */
void icn_connector_answer(icn_lookup *lookup)
{
    uint64_t handle = lookup->session;
    icn_session *session = icn_handle_pin(handle, ICN_HANDLE_SESSION);
    if (session == NULL) {
        icn_lookup_destroy(lookup);
        return;
    }
    void *before = icn_pointer_exchange(&icn_session_connector(session)->answer, lookup);
    ICN_CHECK(before == NULL);
    (void)before;
    icn_session_kick(session);
    icn_handle_unpin(handle);
}

void icn_addresses_interleave(icn_address *addresses, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t other = i;
        while (other < count && addresses[other].family == addresses[i - 1].family) {
            other++;
        }
        if (other == count) {
            /* All that are left are of one family. */
            return;
        }
        const icn_address moved = addresses[other];
        memmove(&addresses[i + 1], &addresses[i], (other - i) * sizeof addresses[0]);
        addresses[i] = moved;
    }
}

/* ---- beginning ---- */

static void ask(icn_session *session, icn_connector *connector)
{
    icn_resolver *resolver = &session->loop->roster->resolver;
    icn_lookup *lookup;
    if (connector->asked) {
        return;
    }
    icn_result result = icn_lookup_create(resolver, connector->plan.name, &lookup);
    if (result.status != IOCPNET_OK) {
        icn_session_fail(session, result.status, result.os_error);
        return;
    }
    connector->asked = true;
    icn_lookup_submit(resolver, lookup, session->handle);
}

static void begin(icn_session *session, icn_connector *connector)
{
    uint32_t timeout_ms = connector->plan.timeout_ms;
    ICN_CHECK(!connector->begun);
    connector->begun = true;
    connector->deadline_ms = timeout_ms != 0 ? icn_os_deadline_ms(timeout_ms) : 0;
    icn_connector_arm(session, connector);
    if (connector->plan.name[0] != 0) {
        ask(session, connector);
    } else {
        icn_connector_try(session, connector, &connector->plan.remote, 1);
    }
}

void icn_connector_start(icn_session *session, icn_connector *connector)
{
    if (connector->delay_ms == 0) {
        begin(session, connector);
    } else {
        icn_timer_set(&session->loop->timers, &session->end.timer, icn_os_deadline_ms(connector->delay_ms));
    }
}

bool icn_connector_is_late(const icn_connector *connector)
{
    return connector->deadline_ms != 0 && icn_os_clock_ms() >= connector->deadline_ms;
}

void icn_connector_due(icn_session *session, icn_connector *connector)
{
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_CONNECTING);
    if (icn_session_is_closing(session)) {
        /* Whoever asked for it has kicked the session. */
        return;
    }
    if (!connector->begun) {
        begin(session, connector);
    } else {
        icn_connector_start_next(session, connector);
    }
}

static void answered(icn_session *session, icn_connector *connector, icn_lookup *lookup)
{
    ICN_CHECK(connector->asked && connector->begun);
    if (lookup->result.status != IOCPNET_OK) {
        icn_session_fail(session, lookup->result.status, lookup->result.os_error);
        return;
    }
    icn_addresses_interleave(lookup->addresses, lookup->count);
    icn_connector_try(session, connector, lookup->addresses, lookup->count);
}

void icn_connector_look(icn_session *session, icn_connector *connector)
{
    icn_lookup *lookup = icn_pointer_exchange(&connector->answer, NULL);
    if (lookup != NULL) {
        bool wanted = icn_session_state_now(session) == ICN_SESSION_CONNECTING && !icn_session_is_closing(session);
        if (wanted) {
            answered(session, connector, lookup);
        }
        icn_lookup_destroy(lookup);
    }
    icn_connector_settle(session, connector);
}

void icn_connector_finish(icn_session *session, icn_connector *connector)
{
    ICN_CHECK(session->operations == 0 && icn_session_state_now(session) == ICN_SESSION_ENDING);
    icn_connector_settle(session, connector);
    icn_connector_forget(connector);
}

/* ---- making ---- */

static int32_t create(icn_loop *loop, const icn_connector_options *options, void *user, icn_session **created)
{
    const icn_connect_plan *plan = options->plan;
    const bool framed = plan->framing.kind != IOCPNET_FRAMING_NONE;
    const icn_session_options session_options = {.no_delay = plan->no_delay,
                                                 .user = user,
                                                 .framing = framed ? &plan->framing : NULL,
                                                 .guard = icn_guard_is_needed(&plan->guard) ? &plan->guard : NULL,
                                                 .connector = options};
    return icn_session_create(loop, ICN_OS_SOCKET_NONE, &session_options, created);
}

static icn_result begin_named(icn_loop *loop, const icn_connector_options *options, void *user, icn_session **created)
{
    icn_resolver *resolver = &loop->roster->resolver;
    icn_lookup *lookup;
    icn_result result = icn_lookup_create(resolver, options->plan->name, &lookup);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    result.status = create(loop, options, user, created);
    if (result.status == IOCPNET_OK) {
        /* An answer that comes before the session is handed over waits: its first kick is claimed by its maker. */
        icn_lookup_submit(resolver, lookup, (*created)->handle);
    } else {
        icn_lookup_discard(resolver, lookup);
    }
    return result;
}

icn_result icn_connector_begin(icn_loop *loop, const icn_connect_plan *plan, void *user, uint64_t *handle)
{
    const bool named = plan->name[0] != 0;
    const icn_connector_options options = {.plan = plan, .asked = named};
    icn_session *created = NULL;
    icn_result result =
        named ? begin_named(loop, &options, user, &created) : icn_failure(create(loop, &options, user, &created));
    if (result.status == IOCPNET_OK) {
        *handle = created->handle;
        icn_session_hand_over(created);
    }
    return result;
}

/* ---- what follows ---- */

/* Not when the host has ended it, or the service ends. */
static bool is_to_follow(const icn_session *session)
{
    uint8_t reason = session->close.reason;
    return !session->loop->stopping && reason != IOCPNET_CLOSE_REQUESTED && reason != IOCPNET_CLOSE_SERVICE_STOPPED;
}

static bool has_lasted(const icn_connector *connector)
{
    return connector->opened_ms != 0 && icn_os_clock_ms() - connector->opened_ms >= connector->plan.reconnect.lasted_ms;
}

void icn_connector_follow(icn_session *session, icn_connector *connector)
{
    icn_loop *loop = session->loop;
    const icn_backoff *backoff = &connector->plan.reconnect;
    uint32_t failures = has_lasted(connector) ? 1 : connector->failures + 1;
    icn_session *next;
    if (!is_to_follow(session) || !icn_backoff_allows(backoff, failures)) {
        return;
    }
    uint64_t random = icn_backoff_random(&loop->roster->jitter);
    const icn_connector_options options = {
        .plan = &connector->plan, .failures = failures, .delay_ms = icn_backoff_delay_ms(backoff, failures, random)};
    int32_t status = create(loop, &options, icn_pointer_load(&session->user), &next);
    if (status != IOCPNET_OK) {
        icn_log_write(IOCPNET_LOG_WARNING, "session", "%016llx is not connected again (status %d)",
                      (unsigned long long)session->handle, (int)status);
        return;
    }
    connector->next = next->handle;
    connector->next_delay_ms = options.delay_ms;
    icn_session_hand_over(next);
}
