/*
 * Groups of sessions of one service: each a set of handles, and each session that is in one has the list of its groups.
 *
 * One mutex of the service guards both sides, so that they never differ. A session that ends leaves its groups under it,
 * on its owner thread, as the mark is set that lets nobody add it again (extension.h) and before its handle is retired:
 * so every handle in a set is one of a session that has an extension, as long as the mutex is held.
 * A broadcast copies the set under the mutex and sends without it.
 */
#ifndef ICN_NET_GROUP_H
#define ICN_NET_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/extension.h"
#include "net/inbox.h"
#include "net/roster.h"

struct icn_session;

typedef struct icn_group {
    icn_roster *roster;
    uint64_t handle;

    /* Under the mutex. */
    icn_list_node node; /* roster->groups.all */
    bool ended;
    uint32_t count;
    uint32_t capacity;    /* of members: 0 or a power of two, never full */
    uint64_t *members;    /* hash table with linear probing; 0: empty */
    uint64_t *copy;       /* for the next broadcast; NULL: in use, or never needed */
    uint32_t copy_places; /* of copy */
} icn_group;

void icn_groups_init(icn_roster *roster);
void icn_groups_fini(icn_roster *roster);

/* Any thread. IOCPNET_OK, IOCPNET_E_NO_MEMORY, IOCPNET_E_LIMIT_REACHED, or IOCPNET_E_CLOSED after icn_groups_end. */
int32_t icn_group_create(icn_roster *roster, uint64_t *handle);

/* The following by any thread with a pin of the group. IOCPNET_E_INVALID_HANDLE: another thread ended it first. */
int32_t icn_group_destroy(icn_group *group);
/* With a pin of the session. Also INVALID_ARGUMENT (of another service), INVALID_STATE, CLOSED, NO_MEMORY. */
int32_t icn_group_add(icn_group *group, struct icn_session *session);
int32_t icn_group_remove(icn_group *group, struct icn_session *session);
int32_t icn_group_count(icn_group *group, uint64_t *count);
/* How many the session is in. Any thread with a pin. */
uint32_t icn_groups_of(const struct icn_session *session);
/* To all members but those that are excepted. Also IOCPNET_E_NO_MEMORY, and then nobody gets it. */
int32_t icn_group_broadcast(icn_group *group, const icn_broadcast *broadcast, iocpnet_broadcast_result *result);

/* Owner thread, from icn_extension_end, with the mutex: the session leaves its groups. */
void icn_groups_leave(struct icn_session *session, icn_extension *extension);

/* Ends all groups; no more are made. Any thread. */
void icn_groups_end(icn_roster *roster);

#endif
