/* Exported: sizes and offsets of the public structs, so that a binding can check its declarations. */
#include <stddef.h>
#include <string.h>

#include "api_support.h"

typedef struct layout {
    const char *name;
    uint32_t offset;
    uint32_t size;
} layout;

#define WHOLE(type)                                                                                                    \
    {                                                                                                                  \
#type, 0, sizeof(type)                                                                                         \
    }
#define FIELD(type, field)                                                                                             \
    {                                                                                                                  \
#type "." #field, offsetof(type, field), sizeof(((type *)0)->field)                                            \
    }

/* tests/abi compares this list with the header. */
static const layout layouts[] = {
    WHOLE(iocpnet_event),
    FIELD(iocpnet_event, kind),
    FIELD(iocpnet_event, dispatcher),
    FIELD(iocpnet_event, service),
    FIELD(iocpnet_event, listener),
    FIELD(iocpnet_event, session),
    FIELD(iocpnet_event, size),
    FIELD(iocpnet_event, status),
    FIELD(iocpnet_event, os_error),
    FIELD(iocpnet_event, close_reason),
    FIELD(iocpnet_event, close_origin),
    FIELD(iocpnet_event, close_code),
    FIELD(iocpnet_event, bytes_unsent),
    FIELD(iocpnet_event, reserved),
    FIELD(iocpnet_event, data),
    FIELD(iocpnet_event, user),
    FIELD(iocpnet_event, close_text),
    FIELD(iocpnet_event, reserved_pointer),
    WHOLE(iocpnet_allocator),
    FIELD(iocpnet_allocator, struct_size),
    FIELD(iocpnet_allocator, reserved),
    FIELD(iocpnet_allocator, allocate),
    FIELD(iocpnet_allocator, release),
    FIELD(iocpnet_allocator, user),
    FIELD(iocpnet_allocator, reserved_pointer),
    WHOLE(iocpnet_live_objects),
    FIELD(iocpnet_live_objects, services),
    FIELD(iocpnet_live_objects, listeners),
    FIELD(iocpnet_live_objects, sessions),
    FIELD(iocpnet_live_objects, operations),
    FIELD(iocpnet_live_objects, buffers),
    FIELD(iocpnet_live_objects, descriptors),
    FIELD(iocpnet_live_objects, allocations),
    FIELD(iocpnet_live_objects, allocated_bytes),
    FIELD(iocpnet_live_objects, threads),
    WHOLE(iocpnet_service_options),
    FIELD(iocpnet_service_options, struct_size),
    FIELD(iocpnet_service_options, port),
    FIELD(iocpnet_service_options, driving),
    FIELD(iocpnet_service_options, delivery),
    FIELD(iocpnet_service_options, dispatcher_count),
    FIELD(iocpnet_service_options, sessions_max),
    FIELD(iocpnet_service_options, close_timeout_ms),
    FIELD(iocpnet_service_options, receive_buffer_bytes),
    FIELD(iocpnet_service_options, send_queue_bytes_max),
    FIELD(iocpnet_service_options, send_queue_bytes_low),
    FIELD(iocpnet_service_options, event_queue_bytes_max),
    FIELD(iocpnet_service_options, batch_events),
    FIELD(iocpnet_service_options, spin_us),
    FIELD(iocpnet_service_options, reserved),
    WHOLE(iocpnet_stop_result),
    FIELD(iocpnet_stop_result, sessions_drained),
    FIELD(iocpnet_stop_result, sessions_aborted),
    FIELD(iocpnet_stop_result, bytes_unsent),
    WHOLE(iocpnet_service_statistics),
    FIELD(iocpnet_service_statistics, accepts),
    FIELD(iocpnet_service_statistics, accepts_refused),
    FIELD(iocpnet_service_statistics, accepts_shed),
    FIELD(iocpnet_service_statistics, accept_backoffs),
    FIELD(iocpnet_service_statistics, connects),
    FIELD(iocpnet_service_statistics, connects_failed),
    FIELD(iocpnet_service_statistics, disconnects),
    FIELD(iocpnet_service_statistics, bytes_received),
    FIELD(iocpnet_service_statistics, bytes_sent),
    FIELD(iocpnet_service_statistics, sends),
    FIELD(iocpnet_service_statistics, sends_refused),
    FIELD(iocpnet_service_statistics, send_operations),
    FIELD(iocpnet_service_statistics, events),
    FIELD(iocpnet_service_statistics, turns),
    FIELD(iocpnet_service_statistics, sessions_live),
    FIELD(iocpnet_service_statistics, sessions_peak),
    FIELD(iocpnet_service_statistics, operations_live),
    FIELD(iocpnet_service_statistics, send_queue_bytes),
    FIELD(iocpnet_service_statistics, event_queue_bytes),
    FIELD(iocpnet_service_statistics, disconnects_by_reason),
    FIELD(iocpnet_service_statistics, broadcasts),
    FIELD(iocpnet_service_statistics, broadcast_sends),
    FIELD(iocpnet_service_statistics, broadcast_skips),
    WHOLE(iocpnet_service_details),
    FIELD(iocpnet_service_details, state),
    FIELD(iocpnet_service_details, port),
    FIELD(iocpnet_service_details, fallback_status),
    FIELD(iocpnet_service_details, fallback_os_error),
    FIELD(iocpnet_service_details, dispatcher_count),
    FIELD(iocpnet_service_details, driving),
    FIELD(iocpnet_service_details, delivery),
    FIELD(iocpnet_service_details, reserved),
    WHOLE(iocpnet_listener_options),
    FIELD(iocpnet_listener_options, struct_size),
    FIELD(iocpnet_listener_options, backlog),
    FIELD(iocpnet_listener_options, accept_count),
    FIELD(iocpnet_listener_options, dispatcher),
    FIELD(iocpnet_listener_options, ipv6_only),
    FIELD(iocpnet_listener_options, no_delay),
    FIELD(iocpnet_listener_options, reserved),
    WHOLE(iocpnet_iovec),
    FIELD(iocpnet_iovec, size),
    FIELD(iocpnet_iovec, data),
    WHOLE(iocpnet_connect_options),
    FIELD(iocpnet_connect_options, struct_size),
    FIELD(iocpnet_connect_options, timeout_ms),
    FIELD(iocpnet_connect_options, dispatcher),
    FIELD(iocpnet_connect_options, no_delay),
    FIELD(iocpnet_connect_options, reserved),
    FIELD(iocpnet_connect_options, user),
    FIELD(iocpnet_connect_options, reserved_pointer),
    WHOLE(iocpnet_disconnect_options),
    FIELD(iocpnet_disconnect_options, struct_size),
    FIELD(iocpnet_disconnect_options, mode),
    FIELD(iocpnet_disconnect_options, timeout_ms),
    FIELD(iocpnet_disconnect_options, reserved),
    FIELD(iocpnet_disconnect_options, code),
    FIELD(iocpnet_disconnect_options, text),
    FIELD(iocpnet_disconnect_options, reserved_pointer),
    WHOLE(iocpnet_session_details),
    FIELD(iocpnet_session_details, state),
    FIELD(iocpnet_session_details, dispatcher),
    FIELD(iocpnet_session_details, service),
    FIELD(iocpnet_session_details, listener),
    FIELD(iocpnet_session_details, bytes_received),
    FIELD(iocpnet_session_details, bytes_sent),
    FIELD(iocpnet_session_details, send_queue_bytes),
    FIELD(iocpnet_session_details, receive_paused),
    FIELD(iocpnet_session_details, reserved),
    WHOLE(iocpnet_broadcast_result),
    FIELD(iocpnet_broadcast_result, queued),
    FIELD(iocpnet_broadcast_result, skipped),
    FIELD(iocpnet_broadcast_result, disconnected),
    FIELD(iocpnet_broadcast_result, gone),
    FIELD(iocpnet_broadcast_result, pending),
    WHOLE(iocpnet_api),
    FIELD(iocpnet_api, struct_size),
    FIELD(iocpnet_api, version),
    FIELD(iocpnet_api, version_number),
    FIELD(iocpnet_api, status_name),
    FIELD(iocpnet_api, status_text),
    FIELD(iocpnet_api, close_reason_name),
    FIELD(iocpnet_api, last_os_error),
    FIELD(iocpnet_api, allocator_init),
    FIELD(iocpnet_api, set_allocator),
    FIELD(iocpnet_api, set_log_callback),
    FIELD(iocpnet_api, count_live_objects),
    FIELD(iocpnet_api, layout),
    FIELD(iocpnet_api, service_options_init),
    FIELD(iocpnet_api, service_create),
    FIELD(iocpnet_api, service_set_callback),
    FIELD(iocpnet_api, service_start),
    FIELD(iocpnet_api, service_dispatch),
    FIELD(iocpnet_api, service_poll),
    FIELD(iocpnet_api, service_wake),
    FIELD(iocpnet_api, service_stop),
    FIELD(iocpnet_api, service_destroy),
    FIELD(iocpnet_api, service_stats),
    FIELD(iocpnet_api, service_info),
    FIELD(iocpnet_api, listener_options_init),
    FIELD(iocpnet_api, listener_open),
    FIELD(iocpnet_api, listener_close),
    FIELD(iocpnet_api, listener_address),
    FIELD(iocpnet_api, connect_options_init),
    FIELD(iocpnet_api, session_connect),
    FIELD(iocpnet_api, session_send),
    FIELD(iocpnet_api, session_sendv),
    FIELD(iocpnet_api, disconnect_options_init),
    FIELD(iocpnet_api, session_disconnect),
    FIELD(iocpnet_api, session_pause_receive),
    FIELD(iocpnet_api, session_resume_receive),
    FIELD(iocpnet_api, session_set_user),
    FIELD(iocpnet_api, session_get_user),
    FIELD(iocpnet_api, session_local_address),
    FIELD(iocpnet_api, session_remote_address),
    FIELD(iocpnet_api, session_info),
    FIELD(iocpnet_api, buffer_create),
    FIELD(iocpnet_api, buffer_retain),
    FIELD(iocpnet_api, buffer_release),
    FIELD(iocpnet_api, session_send_buffer),
    FIELD(iocpnet_api, service_broadcast),
};

int32_t IOCPNET_CALL iocpnet_layout(const char *name, uint32_t *offset, uint32_t *size)
{
    if (name == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (strcmp(layouts[i].name, name) == 0) {
            if (offset != NULL) {
                *offset = layouts[i].offset;
            }
            if (size != NULL) {
                *size = layouts[i].size;
            }
            return IOCPNET_OK;
        }
    }
    return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
}
