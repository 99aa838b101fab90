#include "net/extension.h"

#include <stddef.h>

#include "base/check.h"
#include "net/conditioner.h"
#include "net/group.h"
#include "net/schedule.h"
#include "net/session.h"
#include "util/memory.h"

/* In place of the extension of a session that has ended. Never written to. */
static icn_extension ended;

static int32_t check_session(const icn_session *session)
{
    icn_session_state state = icn_session_state_now(session);
    if (state > ICN_SESSION_OPEN || icn_session_is_closing(session)) {
        return IOCPNET_E_CLOSED;
    }
    return state == ICN_SESSION_OPEN ? IOCPNET_OK : IOCPNET_E_INVALID_STATE;
}

static int32_t make(icn_session *session)
{
    icn_extension *made = icn_memory_allocate_zeroed(sizeof *made, ICN_MEMORY_SESSION);
    if (made == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    made->session = session;
    icn_list_init(&made->alarms);
    icn_list_init(&made->budget.node);
    void *found = NULL;
    while (!icn_pointer_replace(&session->extension, &found, made)) {
        if (found != NULL) {
            /* Another thread was faster, or the owner has ended it. */
            icn_memory_release(made, sizeof *made, ICN_MEMORY_SESSION);
            return found == &ended ? IOCPNET_E_CLOSED : IOCPNET_OK;
        }
    }
    return IOCPNET_OK;
}

int32_t icn_extension_make(icn_session *session)
{
    int32_t status = check_session(session);
    if (status != IOCPNET_OK || icn_pointer_load(&session->extension) != NULL) {
        return status;
    }
    return make(session);
}

int32_t icn_extension_make_early(icn_session *session)
{
    ICN_CHECK(icn_loop_is_mine(session->loop));
    return make(session);
}

icn_extension *icn_extension_now(const icn_session *session)
{
    icn_extension *extension = icn_pointer_load(&session->extension);
    return extension != &ended ? extension : NULL;
}

/* True when there was none, as most sessions never need one. */
static bool end_without(icn_session *session, icn_extension **extension)
{
    void *found = NULL;
    while (found == NULL && !icn_pointer_replace(&session->extension, &found, &ended)) {
    }
    ICN_CHECK(found != &ended);
    *extension = found;
    return found == NULL;
}

void icn_extension_end(icn_session *session)
{
    icn_mutex *groups = &session->loop->roster->groups.mutex;
    icn_extension *extension;
    if (end_without(session, &extension)) {
        return;
    }
    /* Under the mutex, so that whoever finds the session in a group finds its extension, too. */
    icn_mutex_lock(groups);
    icn_pointer_exchange(&session->extension, &ended);
    icn_groups_leave(session, extension);
    icn_mutex_unlock(groups);
    icn_schedule_leave(session, extension);
    icn_latest_end(session, extension);
    if (session->loop->roster->budget != NULL) {
        icn_budget_leave(session->loop->roster->budget, extension);
    }
    session->conditioned = false;
    icn_conditioner_destroy(extension->conditioner);
    icn_conditioner_destroy_unused(extension->conditioner_wanted);
    icn_memory_release(extension, sizeof *extension, ICN_MEMORY_SESSION);
}
