#include "net/test_hooks.h"

#if defined(ICN_TEST_HOOKS)

#include <stddef.h>

#include "base/check.h"
#include "net/session.h"
#include "util/handle.h"

#define FORGOTTEN_MAX 64

static icn_atomic_u32 to_forget;
static icn_atomic_u64 forgotten_handles[FORGOTTEN_MAX];
static icn_atomic_u32 forgotten_count;

void icn_test_forget_operation_completions(uint32_t count)
{
    icn_u32_store(&to_forget, count);
}

bool icn_test_forgets(icn_session *session)
{
    uint32_t left = icn_u32_load(&to_forget);
    do {
        if (left == 0) {
            return false;
        }
    } while (!icn_u32_replace(&to_forget, &left, left - 1));
    uint32_t index = icn_u32_add(&forgotten_count, 1);
    ICN_CHECK(index < FORGOTTEN_MAX);
    session->forgotten++;
    icn_u64_store(&forgotten_handles[index], session->handle);
    return true;
}

void icn_test_drop_forgotten_operations(void)
{
    uint32_t count = icn_u32_exchange(&forgotten_count, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t handle = icn_u64_load(&forgotten_handles[i]);
        icn_session *session = icn_handle_pin(handle, ICN_HANDLE_SESSION);
        if (session != NULL) {
            icn_u32_store(&session->drop_forgotten, 1);
            icn_session_kick(session);
            icn_handle_unpin(handle);
        }
    }
}

void icn_test_look(icn_session *session)
{
    if (icn_u32_exchange(&session->drop_forgotten, 0) == 0) {
        return;
    }
    ICN_CHECK(session->operations >= session->forgotten);
    for (; session->forgotten != 0; session->forgotten--) {
        icn_session_drop(session);
    }
}

static icn_atomic_pointer names_for_test;

void icn_test_set_names(const icn_test_names *names)
{
    icn_pointer_exchange(&names_for_test, (void *)(uintptr_t)names);
}

icn_result icn_test_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count)
{
    const icn_test_names *names = icn_pointer_load(&names_for_test);
    ICN_CHECK(capacity != 0);
    return names != NULL ? names->resolve(names->context, name, addresses, capacity, count)
                         : icn_os_resolve(name, addresses, capacity, count);
}

#else

/* ISO C wants something in every translation unit. */
typedef int icn_no_test_hooks;

#endif
