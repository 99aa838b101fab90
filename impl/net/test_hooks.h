/*
 * Deliberate mistakes, in test builds only: an owner reference that is not dropped has to show up as a leak.
 */
#ifndef ICN_NET_TEST_HOOKS_H
#define ICN_NET_TEST_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/result.h"
#include "os/resolve.h"

struct icn_session;

#if defined(ICN_TEST_HOOKS)

/* The next `count` last completions of receive operations do not drop their hold on the session. Any thread. */
void icn_test_forget_operation_completions(uint32_t count);
/* Drops all of them after all. Any thread. */
void icn_test_drop_forgotten_operations(void);

/* Answers in place of the system, on a thread of a resolver; see os/resolve.h. `context` as given. */
typedef struct icn_test_names {
    icn_result (*resolve)(void *context, const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count);
    void *context;
} icn_test_names;

/* NULL: the system answers again. Any thread, while nothing is looked up. */
void icn_test_set_names(const icn_test_names *names);
icn_result icn_test_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count);

/* For net/: true when this completion is to be forgotten; and what a kicked session has to drop. Owner thread. */
bool icn_test_forgets(struct icn_session *session);
void icn_test_look(struct icn_session *session);

#else

#define icn_test_resolve(name, addresses, capacity, count) icn_os_resolve(name, addresses, capacity, count)
#define icn_test_forgets(session) ((void)(session), false)
#define icn_test_look(session) ((void)(session))

#endif

#endif
