/* Exported: groups of sessions. */
#include <stddef.h>

#include "api_support.h"
#include "net/group.h"
#include "net/session.h"
#include "service/service.h"
#include "util/handle.h"

int32_t IOCPNET_CALL iocpnet_group_create(iocpnet_service service, iocpnet_group *group)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = group != NULL ? icn_group_create(&pinned->roster, group) : IOCPNET_E_INVALID_ARGUMENT;
    icn_handle_unpin(service);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_group_destroy(iocpnet_group group)
{
    icn_group *pinned = icn_handle_pin(group, ICN_HANDLE_GROUP);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_group_destroy(pinned);
    icn_handle_unpin(group);
    return icn_api_status(status);
}

static int32_t with_both(iocpnet_group group, iocpnet_session session,
                         int32_t (*work)(icn_group *group, icn_session *session))
{
    icn_group *pinned = icn_handle_pin(group, ICN_HANDLE_GROUP);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_HANDLE;
    icn_session *member = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (member != NULL) {
        status = work(pinned, member);
        icn_handle_unpin(session);
    }
    icn_handle_unpin(group);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_group_add(iocpnet_group group, iocpnet_session session)
{
    return with_both(group, session, icn_group_add);
}

int32_t IOCPNET_CALL iocpnet_group_remove(iocpnet_group group, iocpnet_session session)
{
    return with_both(group, session, icn_group_remove);
}

int32_t IOCPNET_CALL iocpnet_group_count(iocpnet_group group, uint64_t *count)
{
    icn_group *pinned = icn_handle_pin(group, ICN_HANDLE_GROUP);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = count != NULL ? icn_group_count(pinned, count) : IOCPNET_E_INVALID_ARGUMENT;
    icn_handle_unpin(group);
    return icn_api_status(status);
}

static int32_t broadcast(icn_group *group, icn_buffer *buffer, const iocpnet_session *except, uint32_t count,
                         uint32_t flags, iocpnet_broadcast_result *result)
{
    const icn_service *service = ICN_CONTAINER(group->roster, icn_service, roster);
    if ((flags & ~(uint32_t)IOCPNET_BROADCAST_DISCONNECT_FULL) != 0 || (except == NULL && count != 0) ||
        count > IOCPNET_BROADCAST_EXCEPT_MAX) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    int32_t status = icn_service_check_broadcast(service, buffer);
    if (status != IOCPNET_OK || buffer->size == 0) {
        return status;
    }
    uint64_t sorted[IOCPNET_BROADCAST_EXCEPT_MAX];
    icn_api_sort_handles(except, count, sorted);
    const icn_broadcast to_group = {
        .buffer = buffer, .excepted = (const uint8_t *)sorted, .excepted_count = count, .flags = flags};
    return icn_group_broadcast(group, &to_group, result);
}

int32_t IOCPNET_CALL iocpnet_group_broadcast_except(iocpnet_group group, iocpnet_buffer buffer,
                                                    const iocpnet_session *sessions, uint32_t count, uint32_t flags,
                                                    iocpnet_broadcast_result *result)
{
    icn_group *pinned = icn_handle_pin(group, ICN_HANDLE_GROUP);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_HANDLE;
    iocpnet_broadcast_result counts = {0};
    icn_buffer *shared = icn_handle_pin(buffer, ICN_HANDLE_BUFFER);
    if (shared != NULL) {
        status = broadcast(pinned, shared, sessions, count, flags, &counts);
        icn_handle_unpin(buffer);
    }
    if (result != NULL && status == IOCPNET_OK) {
        *result = counts;
    }
    icn_handle_unpin(group);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_group_broadcast(iocpnet_group group, iocpnet_buffer buffer, uint32_t flags,
                                             iocpnet_broadcast_result *result)
{
    return iocpnet_group_broadcast_except(group, buffer, NULL, 0, flags, result);
}
