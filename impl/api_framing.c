/* Exported: framing. */
#include "api_framing.h"

#include <stddef.h>

#include "api_support.h"
#include "net/session_framing.h"
#include "util/handle.h"

#define MESSAGE_BYTES_MAX 65536

/* By the kind that is asked for. */
static const iocpnet_framing defaults[] = {
    [IOCPNET_FRAMING_NONE] = {.kind = IOCPNET_FRAMING_NONE, .message_bytes_max = MESSAGE_BYTES_MAX},
    [IOCPNET_FRAMING_LENGTH] = {.kind = IOCPNET_FRAMING_LENGTH,
                                .message_bytes_max = MESSAGE_BYTES_MAX,
                                .length_width = 4,
                                .header_bytes = 4},
    [IOCPNET_FRAMING_DELIMITER] = {.kind = IOCPNET_FRAMING_DELIMITER,
                                   .message_bytes_max = MESSAGE_BYTES_MAX,
                                   .delimiter_bytes = 1,
                                   .delimiter = {'\n'}},
    /* A length in 16 bits counts the header too. */
    [IOCPNET_FRAMING_SIZE_ID] = {.kind = IOCPNET_FRAMING_LENGTH,
                                 .flags = IOCPNET_FRAMING_KEEP,
                                 .message_bytes_max = UINT16_MAX,
                                 .length_width = 2,
                                 .length_adjustment = -4,
                                 .header_bytes = 4},
    [IOCPNET_FRAMING_STREAM] = {.kind = IOCPNET_FRAMING_STREAM, .message_bytes_max = MESSAGE_BYTES_MAX},
};

int32_t IOCPNET_CALL iocpnet_framing_init(iocpnet_framing *framing, uint32_t size, uint32_t kind)
{
    if (kind >= sizeof defaults / sizeof defaults[0]) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    iocpnet_framing chosen = defaults[kind];
    return icn_api_status(icn_api_init(framing, size, &chosen, sizeof chosen));
}

int32_t icn_api_read_framing(const iocpnet_framing *given, icn_framing *framing)
{
    iocpnet_framing complete = defaults[IOCPNET_FRAMING_NONE];
    complete.struct_size = sizeof complete;
    int32_t status = icn_api_read(given, &complete, sizeof complete);
    return status == IOCPNET_OK ? icn_framing_read(&complete, framing) : status;
}

int32_t IOCPNET_CALL iocpnet_session_set_framing(iocpnet_session session, const iocpnet_framing *framing)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_framing read;
    int32_t status = icn_api_read_framing(framing, &read);
    if (status == IOCPNET_OK) {
        status = icn_session_set_framing(pinned, &read);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_session_consume(iocpnet_session session, uint64_t bytes)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_session_consume(pinned, bytes);
    icn_handle_unpin(session);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_session_send_message(iocpnet_session session, const void *data, uint64_t size)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status =
        data != NULL || size == 0 ? icn_session_send_message(pinned, data, size) : IOCPNET_E_INVALID_ARGUMENT;
    icn_handle_unpin(session);
    return icn_api_status(status);
}
