#include "server_libevent.h"

enum {
    OUTPUT_BYTES_MAX = SERVER_BUFFER_BYTES
};

/* What is received moves to the output without a copy; nothing is received while there is much of it. */
void event_echo_on_read(struct bufferevent *stream, void *session)
{
    struct evbuffer *const output = bufferevent_get_output(stream);

    (void)session;
    bufferevent_read_buffer(stream, output);
    if (evbuffer_get_length(output) > OUTPUT_BYTES_MAX) {
        bufferevent_disable(stream, EV_READ);
    }
}

/* The output is empty. */
void event_echo_on_write(struct bufferevent *stream, void *session)
{
    (void)session;
    if ((bufferevent_get_enabled(stream) & EV_READ) == 0) {
        bufferevent_enable(stream, EV_READ);
    }
}
