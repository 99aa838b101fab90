/*
 * Deliberate mistakes, in test builds only: an owner reference that is not dropped has to show up as a leak.
 */
#ifndef ICN_NET_TEST_HOOKS_H
#define ICN_NET_TEST_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

struct icn_session;

#if defined(ICN_TEST_HOOKS)

/* The next `count` last completions of receive operations do not drop their hold on the session. Any thread. */
void icn_test_forget_operation_completions(uint32_t count);
/* Drops all of them after all. Any thread. */
void icn_test_drop_forgotten_operations(void);

/* For net/: true when this completion is to be forgotten; and what a kicked session has to drop. Owner thread. */
bool icn_test_forgets(struct icn_session *session);
void icn_test_look(struct icn_session *session);

#else

#define icn_test_forgets(session) ((void)(session), false)
#define icn_test_look(session) ((void)(session))

#endif

#endif
