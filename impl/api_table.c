/* Exported: the table of functions, for hosts that load the library by hand. */
#include <stddef.h>

#include "api_support.h"

static const iocpnet_api table_of_functions = {
    .struct_size = sizeof(iocpnet_api),
    .version = IOCPNET_VERSION,
    .version_number = iocpnet_version,
    .status_name = iocpnet_status_name,
    .status_text = iocpnet_status_text,
    .close_reason_name = iocpnet_close_reason_name,
    .last_os_error = iocpnet_last_os_error,
    .allocator_init = iocpnet_allocator_init,
    .set_allocator = iocpnet_set_allocator,
    .set_log_callback = iocpnet_set_log_callback,
    .count_live_objects = iocpnet_count_live_objects,
    .layout = iocpnet_layout,
    .service_options_init = iocpnet_service_options_init,
    .service_create = iocpnet_service_create,
    .service_set_callback = iocpnet_service_set_callback,
    .service_start = iocpnet_service_start,
    .service_dispatch = iocpnet_service_dispatch,
    .service_poll = iocpnet_service_poll,
    .service_wake = iocpnet_service_wake,
    .service_stop = iocpnet_service_stop,
    .service_destroy = iocpnet_service_destroy,
    .service_stats = iocpnet_service_stats,
    .service_info = iocpnet_service_info,
    .listener_options_init = iocpnet_listener_options_init,
    .listener_open = iocpnet_listener_open,
    .listener_close = iocpnet_listener_close,
    .listener_address = iocpnet_listener_address,
    .connect_options_init = iocpnet_connect_options_init,
    .session_connect = iocpnet_session_connect,
    .session_send = iocpnet_session_send,
    .session_sendv = iocpnet_session_sendv,
    .disconnect_options_init = iocpnet_disconnect_options_init,
    .session_disconnect = iocpnet_session_disconnect,
    .session_pause_receive = iocpnet_session_pause_receive,
    .session_resume_receive = iocpnet_session_resume_receive,
    .session_set_user = iocpnet_session_set_user,
    .session_get_user = iocpnet_session_get_user,
    .session_local_address = iocpnet_session_local_address,
    .session_remote_address = iocpnet_session_remote_address,
    .session_info = iocpnet_session_info,
    .buffer_create = iocpnet_buffer_create,
    .buffer_retain = iocpnet_buffer_retain,
    .buffer_release = iocpnet_buffer_release,
    .session_send_buffer = iocpnet_session_send_buffer,
    .service_broadcast = iocpnet_service_broadcast,
    .service_metrics = iocpnet_service_metrics,
    .service_trace = iocpnet_service_trace,
    .group_create = iocpnet_group_create,
    .group_destroy = iocpnet_group_destroy,
    .group_add = iocpnet_group_add,
    .group_remove = iocpnet_group_remove,
    .group_count = iocpnet_group_count,
    .group_broadcast = iocpnet_group_broadcast,
    .group_broadcast_except = iocpnet_group_broadcast_except,
    .framing_init = iocpnet_framing_init,
    .session_set_framing = iocpnet_session_set_framing,
    .session_send_message = iocpnet_session_send_message,
    .session_send_latest = iocpnet_session_send_latest,
    .session_set_timer = iocpnet_session_set_timer,
    .session_cancel_timer = iocpnet_session_cancel_timer,
    .service_set_timer = iocpnet_service_set_timer,
    .service_cancel_timer = iocpnet_service_cancel_timer,
    .session_post = iocpnet_session_post,
    .dispatcher_post = iocpnet_dispatcher_post,
    .session_consume = iocpnet_session_consume,
    .conditioner_init = iocpnet_conditioner_init,
    .service_set_conditioner = iocpnet_service_set_conditioner,
    .session_set_conditioner = iocpnet_session_set_conditioner,
};

int32_t IOCPNET_CALL iocpnet_get_api(uint32_t version, uint32_t size, iocpnet_api *table)
{
    int32_t status = icn_api_check_output(table, size);
    if (status != IOCPNET_OK) {
        return icn_api_status(status);
    }
    if (version / 1000000 != IOCPNET_VERSION_MAJOR || version / 1000 > IOCPNET_VERSION / 1000) {
        return icn_api_status(IOCPNET_E_NOT_SUPPORTED);
    }
    iocpnet_api filled = table_of_functions;
    filled.struct_size = size < sizeof filled ? size : (uint32_t)sizeof filled;
    icn_api_write(table, size, &filled, sizeof filled);
    return IOCPNET_OK;
}
