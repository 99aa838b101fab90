#include "net/budget.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/check.h"
#include "net/extension.h"
#include "net/session.h"
#include "os/clock.h"
#include "util/handle.h"
#include "util/log.h"
#include "util/memory.h"

/* A full budget is worth a line, but not one for each time. */
#define LOG_EVERY_MS 10000

icn_budget *icn_budget_create(uint64_t bytes_max)
{
    icn_budget *budget = icn_memory_allocate_zeroed(sizeof *budget, ICN_MEMORY_SERVICE);
    ICN_CHECK(bytes_max != 0);
    if (budget != NULL) {
        budget->bytes_max = bytes_max;
        icn_mutex_init(&budget->mutex);
        icn_list_init(&budget->waiters);
    }
    return budget;
}

void icn_budget_destroy(icn_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    ICN_CHECK(icn_u64_load(&budget->used) == 0 && icn_list_is_empty(&budget->waiters));
    icn_mutex_fini(&budget->mutex);
    icn_memory_release(budget, sizeof *budget, ICN_MEMORY_SERVICE);
}

static bool take_below(icn_budget *budget, uint64_t bytes, uint64_t limit)
{
    uint64_t used = icn_u64_load(&budget->used);
    do {
        /* Both are far from the end of their range: no overflow. */
        if (used + bytes > limit) {
            return false;
        }
    } while (!icn_u64_replace(&budget->used, &used, used + bytes));
    return true;
}

/* Equal parts of what is kept for sessions that hold little. */
static uint64_t own_part(const icn_budget *budget, const icn_session *session)
{
    const uint64_t sessions = icn_u64_load_relaxed(&session->loop->roster->sessions_live);
    /* None, when the last one ends just now. */
    return (budget->bytes_max - ICN_BUDGET_SHARED(budget->bytes_max)) / (sessions != 0 ? sessions : 1);
}

/* Under the mutex: how far the session may go. */
static uint64_t limit_of(const icn_budget *budget, const icn_session *session, const icn_extension *extension,
                         uint64_t held)
{
    if (held <= own_part(budget, session)) {
        return budget->bytes_max;
    }
    const bool before_others = icn_list_is_empty(&budget->waiters) || (extension != NULL && extension->budget.has_turn);
    return before_others ? ICN_BUDGET_SHARED(budget->bytes_max) : ICN_BUDGET_LOW(budget->bytes_max);
}

static bool take_above_low(icn_budget *budget, icn_session *session, uint64_t bytes, uint64_t held)
{
    icn_mutex_lock(&budget->mutex);
    icn_extension *extension = icn_extension_now(session);
    const bool taken = take_below(budget, bytes, limit_of(budget, session, extension, held));
    if (extension != NULL) {
        extension->budget.has_turn = false;
    }
    icn_mutex_unlock(&budget->mutex);
    return taken;
}

/* Under the mutex: true when it is time for a line. */
static bool is_to_be_logged(icn_budget *budget)
{
    const uint64_t now_ms = icn_os_clock_ms();
    const bool due = now_ms >= budget->log_again_ms;
    if (due) {
        budget->log_again_ms = now_ms + LOG_EVERY_MS;
    }
    return due;
}

static void count_refusal(icn_budget *budget)
{
    icn_u64_add(&budget->refused, 1);
    icn_mutex_lock(&budget->mutex);
    const bool logged = is_to_be_logged(budget);
    icn_mutex_unlock(&budget->mutex);
    if (logged) {
        icn_log_write(IOCPNET_LOG_WARNING, "budget", "sends are refused: %" PRIu64 " of %" PRIu64 " bytes are held",
                      icn_u64_load_relaxed(&budget->used), budget->bytes_max);
    }
}

static void wait_behind_others(icn_budget *budget, icn_session *session, uint64_t bytes)
{
    icn_mutex_lock(&budget->mutex);
    /* Under the mutex, so that the owner that ends the extension finds what is done to it here. */
    icn_extension *extension = icn_extension_now(session);
    if (extension != NULL) {
        icn_budget_place *place = &extension->budget;
        if (!icn_list_holds(&place->node)) {
            icn_list_append(&budget->waiters, &place->node);
            icn_u32_add(&budget->waiting, 1);
            place->bytes = 0;
        }
        place->bytes = bytes > place->bytes ? bytes : place->bytes;
    }
    icn_mutex_unlock(&budget->mutex);
    /* Bytes may have come back before anybody saw this one wait. */
    icn_budget_look(budget);
}

int32_t icn_budget_take(icn_session *session, uint64_t bytes, uint64_t held)
{
    const icn_roster *roster = session->loop->roster;
    icn_budget *budget = roster->budget;
    if (take_below(budget, bytes, ICN_BUDGET_LOW(budget->bytes_max)) || take_above_low(budget, session, bytes, held)) {
        return IOCPNET_OK;
    }
    if (roster->send_policy == IOCPNET_SEND_REFUSE) {
        if (icn_extension_make(session) == IOCPNET_E_NO_MEMORY) {
            return IOCPNET_E_NO_MEMORY;
        }
        wait_behind_others(budget, session, bytes);
    }
    count_refusal(budget);
    return IOCPNET_E_WOULD_BLOCK;
}

bool icn_budget_is_awaited(const icn_session *session)
{
    icn_budget *budget = session->loop->roster->budget;
    icn_mutex_lock(&budget->mutex);
    const icn_extension *extension = icn_extension_now(session);
    const bool awaited = extension != NULL && icn_list_holds(&extension->budget.node);
    icn_mutex_unlock(&budget->mutex);
    return awaited;
}

/* Under the mutex: takes the first one, with a pin. It has not ended, for it would have left. NULL: nobody waits. */
static icn_session *take_first(icn_budget *budget, uint64_t *bytes)
{
    icn_list_node *node = icn_list_take_first(&budget->waiters);
    if (node == NULL) {
        return NULL;
    }
    icn_extension *extension = ICN_CONTAINER(node, icn_extension, budget.node);
    icn_u32_subtract(&budget->waiting, 1);
    extension->budget.has_turn = true;
    *bytes = extension->budget.bytes;
    icn_handle_pin_again(extension->session->handle);
    return extension->session;
}

void icn_budget_look(icn_budget *budget)
{
    uint64_t bytes = 0;
    /* Whoever waits is counted before this looks at what is used, or what is given back is seen by the one that waits. */
    icn_fence();
    if (icn_u32_load(&budget->waiting) == 0 || icn_u64_load(&budget->used) > ICN_BUDGET_LOW(budget->bytes_max)) {
        return;
    }
    icn_mutex_lock(&budget->mutex);
    icn_session *session = take_first(budget, &bytes);
    icn_mutex_unlock(&budget->mutex);
    if (session != NULL) {
        const uint64_t handle = session->handle;
        icn_session_owe_writable(session, bytes);
        icn_handle_unpin(handle);
    }
}

void icn_budget_give_back(icn_budget *budget, uint64_t bytes)
{
    const uint64_t before = icn_u64_subtract(&budget->used, bytes);
    ICN_CHECK(before >= bytes);
    (void)before;
    icn_budget_look(budget);
}

void icn_budget_leave(icn_budget *budget, icn_extension *extension)
{
    icn_mutex_lock(&budget->mutex);
    if (icn_list_holds(&extension->budget.node)) {
        icn_list_remove(&extension->budget.node);
        icn_u32_subtract(&budget->waiting, 1);
    }
    icn_mutex_unlock(&budget->mutex);
    /* It may have been told that there is room, which is the next one's now. */
    icn_budget_look(budget);
}
