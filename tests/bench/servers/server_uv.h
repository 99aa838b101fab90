/* The server over libuv: uv_try_write first, uv_write for what is left. */
#ifndef BENCH_SERVERS_SERVER_UV_H
#define BENCH_SERVERS_SERVER_UV_H

#include <uv.h>

#include "messages.h"

typedef struct uv_server uv_server;

typedef struct uv_session {
    uv_tcp_t tcp; /* `data`: the server */
    struct uv_session *next;
    struct uv_session *previous;
    message_start start; /* fanout */
} uv_session;

/* What a mode does. */
struct uv_server {
    const server_options *options;
    uv_loop_t loop;
    uv_session sessions; /* head of their ring */
    uint8_t *buffer;     /* SERVER_BUFFER_BYTES, for the receives of all sessions */
    uv_read_cb on_read;
};

/* Ends the process when `status` is an error. */
void uv_must(int status, const char *call);

void uv_end_session(uv_session *session);

void uv_receive(uv_session *session);

/* The uv_read_cb of each mode. */
void uv_echo_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);
void uv_fanout_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);
void uv_tick_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

/* Starts the thread of the host. */
void uv_start_ticks(uv_server *server);

#endif
