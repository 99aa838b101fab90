#include "server_uv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BACKLOG = 4096
};

void uv_must(int status, const char *call)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", call, uv_strerror(status));
        _exit(1);
    }
}

static void on_closed(uv_handle_t *handle)
{
    uv_session *session = (uv_session *)handle;

    free(session->start.bytes);
    free(session);
}

void uv_end_session(uv_session *session)
{
    if (!uv_is_closing((uv_handle_t *)&session->tcp)) {
        session->previous->next = session->next;
        session->next->previous = session->previous;
        uv_close((uv_handle_t *)&session->tcp, on_closed);
    }
}

/* Shared: what is received is sent, or copied, before the next receive. */
static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    const uv_server *const server = handle->data;

    (void)suggested;
    *buffer = uv_buf_init((char *)server->buffer, SERVER_BUFFER_BYTES);
}

void uv_receive(uv_session *session)
{
    const uv_server *const server = session->tcp.data;

    uv_must(uv_read_start((uv_stream_t *)&session->tcp, on_allocate, server->on_read), "uv_read_start");
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_server *const server = listener->data;
    uv_session *const session = server_allocate(sizeof *session);

    uv_must(status, "uv_listen");
    *session = (uv_session){.next = server->sessions.next, .previous = &server->sessions};
    uv_must(uv_tcp_init(&server->loop, &session->tcp), "uv_tcp_init");
    session->tcp.data = server;
    session->next->previous = session;
    session->previous->next = session;
    uv_must(uv_accept(listener, (uv_stream_t *)&session->tcp), "uv_accept");
    uv_must(uv_tcp_nodelay(&session->tcp, 1), "uv_tcp_nodelay");
    uv_receive(session);
}

static void listen_on(uv_server *server, int listener)
{
    uv_tcp_t *const tcp = server_allocate(sizeof *tcp);

    uv_must(uv_tcp_init(&server->loop, tcp), "uv_tcp_init");
    tcp->data = server;
    uv_must(uv_tcp_open(tcp, listener), "uv_tcp_open");
    uv_must(uv_listen((uv_stream_t *)tcp, BACKLOG, on_connection), "uv_listen");
}

static void serve(const server_options *options, const int *listeners)
{
    static const uv_read_cb ON_READ[] = {
        [SERVER_ECHO] = uv_echo_on_read, [SERVER_FANOUT] = uv_fanout_on_read, [SERVER_TICK] = uv_tick_on_read};
    uv_server *const server = server_allocate(sizeof *server);

    *server = (uv_server){.options = options, .on_read = ON_READ[options->mode]};
    server->sessions.next = &server->sessions;
    server->sessions.previous = &server->sessions;
    server->buffer = server_allocate(SERVER_BUFFER_BYTES);
    uv_must(uv_loop_init(&server->loop), "uv_loop_init");
    for (uint32_t index = 0; index < options->addresses; ++index) {
        listen_on(server, listeners[index]);
    }
    if (options->mode == SERVER_TICK) {
        uv_start_ticks(server);
    }
    uv_run(&server->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    return server_main(argc, argv, serve);
}
