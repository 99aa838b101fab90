#include "api_options.h"

#include "util/token_bucket.h"

#define KEEP_ALIVE_S_MAX 32767
#define KEEP_ALIVE_COUNT_MAX 127
#define SOCKET_BUFFER_BYTES_MAX (1u << 30)

static bool are_zero(const uint32_t *reserved, uint32_t count)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= reserved[i];
    }
    return any == 0;
}

/* How often to probe says nothing without probing. */
static bool keep_alive_is_valid(const iocpnet_socket_options *options)
{
    bool probes = options->keep_alive_idle_s != 0;
    return options->keep_alive_idle_s <= KEEP_ALIVE_S_MAX && options->keep_alive_interval_s <= KEEP_ALIVE_S_MAX &&
           options->keep_alive_count <= KEEP_ALIVE_COUNT_MAX &&
           (probes || (options->keep_alive_interval_s == 0 && options->keep_alive_count == 0));
}

bool icn_api_socket_options_are_valid(const iocpnet_socket_options *options)
{
    return keep_alive_is_valid(options) && options->receive_buffer_bytes <= SOCKET_BUFFER_BYTES_MAX &&
           options->send_buffer_bytes <= SOCKET_BUFFER_BYTES_MAX && are_zero(options->reserved, 2);
}

bool icn_api_limits_are_valid(const iocpnet_session_limits *limits)
{
    return limits->receive_bytes_per_s <= ICN_BUCKET_MAX && limits->receive_policy <= IOCPNET_RECEIVE_DISCONNECT &&
           are_zero(limits->reserved, 2);
}

bool icn_api_socket_options(const iocpnet_socket_options *options, icn_os_socket_options *wanted)
{
    *wanted = (icn_os_socket_options){
        .keep_alive_idle_s = options->keep_alive_idle_s,
        .keep_alive_interval_s = options->keep_alive_interval_s,
        .keep_alive_count = options->keep_alive_count,
        .receive_buffer_bytes = options->receive_buffer_bytes,
        .send_buffer_bytes = options->send_buffer_bytes,
    };
    return (wanted->keep_alive_idle_s | wanted->receive_buffer_bytes | wanted->send_buffer_bytes) != 0;
}

void icn_api_guard_options(const iocpnet_socket_options *options, const iocpnet_session_limits *limits,
                           icn_guard_options *guard)
{
    *guard = (icn_guard_options){
        .first_bytes_timeout_ms = limits->first_bytes_timeout_ms,
        .idle_timeout_ms = limits->idle_timeout_ms,
        .receive_bytes_per_s = limits->receive_bytes_per_s,
        .receive_events_per_s = limits->receive_events_per_s,
        .receive_messages_per_s = limits->receive_messages_per_s,
        .message_bytes_per_s = limits->message_bytes_per_s,
        .disconnect = limits->receive_policy == IOCPNET_RECEIVE_DISCONNECT,
        .linger_ms = options->linger_ms,
    };
}
