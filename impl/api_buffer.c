/* Exported: shared buffers, and what sends them. */
#include <stddef.h>

#include "api_support.h"
#include "net/broadcast.h"
#include "net/buffer.h"
#include "net/session.h"
#include "service/service.h"
#include "util/handle.h"

#define FLAGS (IOCPNET_BROADCAST_EXCEPT | IOCPNET_BROADCAST_DISCONNECT_FULL)

int32_t IOCPNET_CALL iocpnet_buffer_create(const void *data, uint64_t size, iocpnet_buffer *buffer)
{
    if (buffer == NULL || (data == NULL && size != 0)) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    if (size > IOCPNET_BUFFER_BYTES_MAX) {
        return icn_api_status(IOCPNET_E_TOO_LARGE);
    }
    return icn_api_status(icn_buffer_create(data, (uint32_t)size, buffer));
}

static int32_t with_buffer(iocpnet_buffer buffer, int32_t (*work)(icn_buffer *buffer))
{
    icn_buffer *pinned = icn_handle_pin(buffer, ICN_HANDLE_BUFFER);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = work(pinned);
    icn_handle_unpin(buffer);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_buffer_retain(iocpnet_buffer buffer)
{
    return with_buffer(buffer, icn_buffer_retain);
}

int32_t IOCPNET_CALL iocpnet_buffer_release(iocpnet_buffer buffer)
{
    return with_buffer(buffer, icn_buffer_release);
}

int32_t IOCPNET_CALL iocpnet_session_send_buffer(iocpnet_session session, iocpnet_buffer buffer)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_HANDLE;
    icn_buffer *shared = icn_handle_pin(buffer, ICN_HANDLE_BUFFER);
    if (shared != NULL) {
        status = icn_session_send_buffer(pinned, shared);
        icn_handle_unpin(buffer);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

static int32_t broadcast_except(icn_service *service, icn_buffer *buffer, const iocpnet_session *sessions,
                                uint32_t count, uint32_t flags, iocpnet_broadcast_result *result)
{
    uint64_t sorted[IOCPNET_BROADCAST_EXCEPT_MAX];
    icn_api_sort_handles(sessions, count, sorted);
    const icn_broadcast to_all = {
        .buffer = buffer, .excepted = (const uint8_t *)sorted, .excepted_count = count, .flags = flags};
    return icn_broadcast_to_all(&service->roster, &to_all, result);
}

static int32_t broadcast(icn_service *service, icn_buffer *buffer, const iocpnet_session *sessions, uint32_t count,
                         uint32_t flags, iocpnet_broadcast_result *result)
{
    int32_t status = icn_service_check_broadcast(service, buffer);
    if (status != IOCPNET_OK || buffer->size == 0) {
        return status;
    }
    if ((flags & IOCPNET_BROADCAST_EXCEPT) != 0) {
        return broadcast_except(service, buffer, sessions, count, flags, result);
    }
    icn_broadcast_to_list(&service->roster, buffer, sessions, count, flags, result);
    return IOCPNET_OK;
}

static bool arguments_are_valid(const iocpnet_session *sessions, uint32_t count, uint32_t flags)
{
    bool except = (flags & IOCPNET_BROADCAST_EXCEPT) != 0;
    return (flags & ~(uint32_t)FLAGS) == 0 && (sessions != NULL || count == 0) &&
           (!except || count <= IOCPNET_BROADCAST_EXCEPT_MAX);
}

int32_t IOCPNET_CALL iocpnet_service_broadcast(iocpnet_service service, iocpnet_buffer buffer,
                                               const iocpnet_session *sessions, uint32_t count, uint32_t flags,
                                               iocpnet_broadcast_result *result)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_HANDLE;
    iocpnet_broadcast_result counts = {0};
    icn_buffer *shared = icn_handle_pin(buffer, ICN_HANDLE_BUFFER);
    if (shared != NULL) {
        status = IOCPNET_E_INVALID_ARGUMENT;
        if (arguments_are_valid(sessions, count, flags)) {
            status = broadcast(pinned, shared, sessions, count, flags, &counts);
        }
        icn_handle_unpin(buffer);
    }
    if (result != NULL && status >= 0) {
        *result = counts;
    }
    icn_handle_unpin(service);
    return icn_api_status(status);
}
