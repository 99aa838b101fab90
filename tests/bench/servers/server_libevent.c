#include "server_libevent.h"

#include <event2/listener.h>
#include <stdlib.h>

static void end_session(event_session *session)
{
    session->previous->next = session->next;
    session->next->previous = session->previous;
    bufferevent_free(session->stream);
    free(session);
}

static void on_drained(struct bufferevent *stream, void *session)
{
    (void)stream;
    end_session(session);
}

/* At the end of the stream what is queued still leaves. */
static void on_event(struct bufferevent *stream, short what, void *user)
{
    if ((what & BEV_EVENT_ERROR) != 0 || evbuffer_get_length(bufferevent_get_output(stream)) == 0) {
        end_session(user);
    } else if ((what & BEV_EVENT_EOF) != 0) {
        bufferevent_setwatermark(stream, EV_WRITE, 0, 0);
        bufferevent_setcb(stream, NULL, on_drained, on_event, user);
    }
}

/* The sockets have TCP_NODELAY from their listener. */
static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                          void *user)
{
    event_server *const server = user;
    event_session *const session = server_allocate(sizeof *session);

    (void)listener;
    (void)address;
    (void)size;
    *session = (event_session){server, bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE),
                               server->sessions.next, &server->sessions};
    if (session->stream == NULL) {
        server_die("bufferevent_socket_new");
    }
    session->next->previous = session;
    session->previous->next = session;
    bufferevent_set_max_single_read(session->stream, SERVER_BUFFER_BYTES);
    bufferevent_set_max_single_write(session->stream, SERVER_BUFFER_BYTES);
    bufferevent_setcb(session->stream, server->on_read, server->on_write, on_event, session);
    bufferevent_enable(session->stream, EV_READ | EV_WRITE);
}

static void serve(const server_options *options, const int *listeners)
{
    static const bufferevent_data_cb ON_READ[] = {
        [SERVER_ECHO] = event_echo_on_read, [SERVER_FANOUT] = event_fanout_on_read, [SERVER_TICK] = event_tick_on_read};
    event_server *const server = server_allocate(sizeof *server);

    *server = (event_server){.options = options,
                             .base = event_base_new(),
                             .sessions = {.next = &server->sessions, .previous = &server->sessions},
                             .on_read = ON_READ[options->mode],
                             .on_write = options->mode == SERVER_ECHO ? event_echo_on_write : NULL};
    if (server->base == NULL) {
        server_die("event_base_new");
    }
    for (uint32_t index = 0; index < options->addresses; ++index) {
        if (evconnlistener_new(server->base, on_connection, server, LEV_OPT_CLOSE_ON_EXEC, 0, listeners[index]) ==
            NULL) {
            server_die("evconnlistener_new");
        }
    }
    if (options->mode == SERVER_TICK) {
        event_start_ticks(server);
    }
    event_base_dispatch(server->base);
}

int main(int argc, char **argv)
{
    return server_main(argc, argv, serve);
}
