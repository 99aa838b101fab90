/* Exported: sends of state. */
#include <stddef.h>

#include "api_support.h"
#include "net/latest.h"
#include "net/session_framing.h"
#include "util/handle.h"

static int32_t send_latest(icn_session *session, uint64_t key, const void *data, uint64_t size, uint32_t flags)
{
    if ((data == NULL && size != 0) || (flags & ~(uint32_t)IOCPNET_LATEST_MESSAGE) != 0) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    if (flags != 0) {
        return icn_session_send_latest_message(session, key, data, size);
    }
    const iocpnet_iovec piece = {.size = size, .data = data};
    return icn_latest_send(session, key, &piece, 1, size);
}

int32_t IOCPNET_CALL iocpnet_session_send_latest(iocpnet_session session, uint64_t key, const void *data, uint64_t size,
                                                 uint32_t flags)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = send_latest(pinned, key, data, size, flags);
    icn_handle_unpin(session);
    return icn_api_status(status);
}
