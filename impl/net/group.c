#include "net/group.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "net/broadcast.h"
#include "net/session.h"
#include "util/handle.h"
#include "util/memory.h"

#define CAPACITY_MIN 8u
#define SMALL_COPY 64u /* members that a broadcast copies to its stack */

static size_t handles_size(uint32_t places)
{
    return places * sizeof(uint64_t);
}

void icn_groups_init(icn_roster *roster)
{
    icn_mutex_init(&roster->groups.mutex);
    icn_list_init(&roster->groups.all);
}

void icn_groups_fini(icn_roster *roster)
{
    ICN_CHECK(icn_list_is_empty(&roster->groups.all));
    icn_mutex_fini(&roster->groups.mutex);
}

/* Runs on whichever thread drops the last pin of a group that has ended. */
static void finalize(void *object)
{
    icn_group *group = object;
    uint64_t service = group->roster->service;
    ICN_CHECK(group->ended && group->count == 0);
    icn_memory_release(group->members, handles_size(group->capacity), ICN_MEMORY_GROUP);
    icn_memory_release(group->copy, handles_size(group->copy_places), ICN_MEMORY_GROUP);
    icn_memory_release(group, sizeof *group, ICN_MEMORY_GROUP);
    icn_handle_unpin(service);
}

/* Once this returned true the group is ended by icn_groups_end, at the latest. */
static bool enter_list(icn_group *group)
{
    icn_groups *groups = &group->roster->groups;
    icn_mutex_lock(&groups->mutex);
    bool open = !groups->closed;
    if (open) {
        icn_list_append(&groups->all, &group->node);
    }
    group->ended = !open;
    icn_mutex_unlock(&groups->mutex);
    return open;
}

int32_t icn_group_create(icn_roster *roster, uint64_t *handle)
{
    icn_group *group = icn_memory_allocate_zeroed(sizeof *group, ICN_MEMORY_GROUP);
    if (group == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    group->roster = roster;
    group->ended = true;
    icn_list_init(&group->node);
    int32_t status = icn_handle_create(ICN_HANDLE_GROUP, group, finalize, &group->handle);
    if (status != IOCPNET_OK) {
        icn_memory_release(group, sizeof *group, ICN_MEMORY_GROUP);
        return status;
    }
    icn_handle_pin_again(roster->service);
    const uint64_t made = group->handle;
    if (enter_list(group)) {
        *handle = made;
    } else {
        icn_handle_retire(made);
        status = IOCPNET_E_CLOSED;
    }
    icn_handle_unpin(made);
    return status;
}

/* ---- the set; with the mutex ---- */

/* Fibonacci hashing: the position of the handle in the low bits, its generation above. */
static uint32_t place_of(const icn_group *group, uint64_t handle)
{
    return (uint32_t)((handle * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (group->capacity - 1);
}

/* Where the handle is, or the empty place where it would be. */
static uint32_t find(const icn_group *group, uint64_t handle)
{
    ICN_CHECK(group->count < group->capacity);
    uint32_t place = place_of(group, handle);
    while (group->members[place] != 0 && group->members[place] != handle) {
        place = (place + 1) & (group->capacity - 1);
    }
    return place;
}

static bool has_member(const icn_group *group, uint64_t handle)
{
    return group->count != 0 && group->members[find(group, handle)] == handle;
}

static bool rehash(icn_group *group, uint32_t capacity)
{
    uint64_t *members = icn_memory_allocate_zeroed(handles_size(capacity), ICN_MEMORY_GROUP);
    if (members == NULL) {
        return false;
    }
    uint64_t *old = group->members;
    const uint32_t old_capacity = group->capacity;
    group->members = members;
    group->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            members[find(group, old[i])] = old[i];
        }
    }
    icn_memory_release(old, handles_size(old_capacity), ICN_MEMORY_GROUP);
    return true;
}

/* Room for one more: at most three quarters of the places are taken. */
static bool reserve_member(icn_group *group)
{
    if (group->capacity == 0) {
        return rehash(group, CAPACITY_MIN);
    }
    return group->count + 1 <= group->capacity / 4 * 3 || rehash(group, group->capacity * 2);
}

/* Closes the gap: whatever was put behind it for want of its own place moves up. */
static void take_out(icn_group *group, uint64_t handle)
{
    const uint32_t mask = group->capacity - 1;
    uint32_t gap = find(group, handle);
    ICN_CHECK(group->members[gap] == handle);
    for (uint32_t at = (gap + 1) & mask; group->members[at] != 0; at = (at + 1) & mask) {
        const uint32_t home = place_of(group, group->members[at]);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            group->members[gap] = group->members[at];
            gap = at;
        }
    }
    group->members[gap] = 0;
    group->count--;
}

static bool reserve_group(icn_extension *extension)
{
    if (extension->group_count < extension->group_capacity) {
        return true;
    }
    const uint32_t capacity = extension->group_capacity == 0 ? 2 : extension->group_capacity * 2;
    icn_group **groups = icn_memory_allocate(capacity * sizeof(icn_group *), ICN_MEMORY_GROUP);
    if (groups == NULL) {
        return false;
    }
    if (extension->group_count != 0) {
        memcpy(groups, extension->groups, extension->group_count * sizeof(icn_group *));
    }
    icn_memory_release(extension->groups, extension->group_capacity * sizeof(icn_group *), ICN_MEMORY_GROUP);
    extension->groups = groups;
    extension->group_capacity = capacity;
    return true;
}

static void forget_group(icn_extension *extension, const icn_group *group)
{
    uint32_t at = 0;
    while (extension->groups[at] != group) {
        at++;
        ICN_CHECK(at < extension->group_count);
    }
    extension->groups[at] = extension->groups[--extension->group_count];
}

static int32_t add(icn_group *group, icn_session *session)
{
    icn_extension *extension = icn_extension_now(session);
    if (group->ended) {
        return IOCPNET_E_INVALID_HANDLE;
    }
    if (extension == NULL) {
        return IOCPNET_E_CLOSED;
    }
    if (has_member(group, session->handle)) {
        return IOCPNET_OK;
    }
    if (!reserve_member(group) || !reserve_group(extension)) {
        return IOCPNET_E_NO_MEMORY;
    }
    group->members[find(group, session->handle)] = session->handle;
    group->count++;
    extension->groups[extension->group_count++] = group;
    return IOCPNET_OK;
}

int32_t icn_group_add(icn_group *group, icn_session *session)
{
    if (session->loop->roster != group->roster) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    int32_t status = icn_extension_make(session);
    if (status != IOCPNET_OK) {
        return status;
    }
    icn_mutex_lock(&group->roster->groups.mutex);
    status = add(group, session);
    icn_mutex_unlock(&group->roster->groups.mutex);
    return status;
}

int32_t icn_group_remove(icn_group *group, icn_session *session)
{
    int32_t status = IOCPNET_E_INVALID_HANDLE;
    icn_mutex_lock(&group->roster->groups.mutex);
    if (!group->ended) {
        status = IOCPNET_OK;
        if (has_member(group, session->handle)) {
            take_out(group, session->handle);
            forget_group(icn_extension_now(session), group);
        }
    }
    icn_mutex_unlock(&group->roster->groups.mutex);
    return status;
}

int32_t icn_group_count(icn_group *group, uint64_t *count)
{
    icn_mutex_lock(&group->roster->groups.mutex);
    bool ended = group->ended;
    if (!ended) {
        *count = group->count;
    }
    icn_mutex_unlock(&group->roster->groups.mutex);
    return ended ? IOCPNET_E_INVALID_HANDLE : IOCPNET_OK;
}

uint32_t icn_groups_of(const icn_session *session)
{
    icn_mutex *mutex = &session->loop->roster->groups.mutex;
    if (icn_pointer_load(&session->extension) == NULL) {
        return 0;
    }
    icn_mutex_lock(mutex);
    const icn_extension *extension = icn_extension_now(session);
    const uint32_t count = extension != NULL ? extension->group_count : 0;
    icn_mutex_unlock(mutex);
    return count;
}

void icn_groups_leave(icn_session *session, icn_extension *extension)
{
    while (extension->group_count != 0) {
        take_out(extension->groups[--extension->group_count], session->handle);
    }
    icn_memory_release(extension->groups, extension->group_capacity * sizeof(icn_group *), ICN_MEMORY_GROUP);
}

/* With the mutex: nobody finds it any more. A member has not ended, so that this pin is never the last. */
static void end(icn_group *group)
{
    for (uint32_t i = 0; i < group->capacity; i++) {
        const uint64_t handle = group->members[i];
        if (handle != 0) {
            icn_session *session = icn_handle_pin(handle, ICN_HANDLE_SESSION);
            ICN_CHECK(session != NULL);
            forget_group(icn_extension_now(session), group);
            icn_handle_unpin(handle);
        }
    }
    group->count = 0;
    group->ended = true;
    icn_list_remove(&group->node);
}

int32_t icn_group_destroy(icn_group *group)
{
    icn_mutex *mutex = &group->roster->groups.mutex;
    icn_mutex_lock(mutex);
    bool first = !group->ended;
    if (first) {
        end(group);
    }
    icn_mutex_unlock(mutex);
    if (!first) {
        return IOCPNET_E_INVALID_HANDLE;
    }
    icn_handle_retire(group->handle);
    return IOCPNET_OK;
}

void icn_groups_end(icn_roster *roster)
{
    icn_groups *groups = &roster->groups;
    icn_mutex_lock(&groups->mutex);
    groups->closed = true;
    while (!icn_list_is_empty(&groups->all)) {
        icn_group *group = ICN_CONTAINER(groups->all.next, icn_group, node);
        end(group);
        icn_mutex_unlock(&groups->mutex);
        icn_handle_retire(group->handle);
        icn_mutex_lock(&groups->mutex);
    }
    icn_mutex_unlock(&groups->mutex);
}

/* ---- broadcast ---- */

/* Who gets it, and where that is kept. */
typedef struct recipients {
    uint64_t *handles;
    uint32_t count;
    uint32_t places; /* of handles, when they are not on the stack; else 0 */
    uint64_t small[SMALL_COPY];
} recipients;

/* With the mutex: room for all members. The copy is of this broadcast alone until it gives it back. */
static bool find_room(icn_group *group, recipients *to)
{
    to->handles = to->small;
    to->places = 0;
    if (group->count <= SMALL_COPY) {
        return true;
    }
    if (group->copy_places >= group->count) {
        to->handles = group->copy;
        to->places = group->copy_places;
        group->copy = NULL;
        group->copy_places = 0;
        return true;
    }
    to->places = group->capacity;
    to->handles = icn_memory_allocate(handles_size(to->places), ICN_MEMORY_GROUP);
    return to->handles != NULL;
}

static int32_t copy_members(icn_group *group, const icn_broadcast *broadcast, recipients *to)
{
    if (group->ended) {
        return IOCPNET_E_INVALID_HANDLE;
    }
    if (!find_room(group, to)) {
        return IOCPNET_E_NO_MEMORY;
    }
    to->count = 0;
    for (uint32_t i = 0; i < group->capacity; i++) {
        const uint64_t handle = group->members[i];
        if (handle != 0 && !icn_broadcast_excepts(broadcast, handle)) {
            to->handles[to->count++] = handle;
        }
    }
    return IOCPNET_OK;
}

/* The larger one of two copies is kept for the next broadcast. */
static void give_back(icn_group *group, const recipients *to)
{
    uint64_t *unneeded = to->handles;
    uint32_t unneeded_places = to->places;
    if (to->places == 0) {
        return;
    }
    icn_mutex_lock(&group->roster->groups.mutex);
    if (group->copy_places < to->places) {
        unneeded = group->copy;
        unneeded_places = group->copy_places;
        group->copy = to->handles;
        group->copy_places = to->places;
    }
    icn_mutex_unlock(&group->roster->groups.mutex);
    icn_memory_release(unneeded, handles_size(unneeded_places), ICN_MEMORY_GROUP);
}

int32_t icn_group_broadcast(icn_group *group, const icn_broadcast *broadcast, iocpnet_broadcast_result *result)
{
    recipients to;
    icn_mutex_lock(&group->roster->groups.mutex);
    int32_t status = copy_members(group, broadcast, &to);
    icn_mutex_unlock(&group->roster->groups.mutex);
    if (status == IOCPNET_OK) {
        icn_broadcast_to_list(group->roster, broadcast->buffer, to.handles, to.count, broadcast->flags, result);
        give_back(group, &to);
    }
    return status;
}
