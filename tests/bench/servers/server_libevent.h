/* The server over libevent: a bufferevent for each session. */
#ifndef BENCH_SERVERS_SERVER_LIBEVENT_H
#define BENCH_SERVERS_SERVER_LIBEVENT_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "common.h"

typedef struct event_server event_server;

typedef struct event_session {
    event_server *server;
    struct bufferevent *stream;
    struct event_session *next;
    struct event_session *previous;
} event_session;

struct event_server {
    const server_options *options;
    struct event_base *base;
    event_session sessions; /* head of their ring */
    bufferevent_data_cb on_read;
    bufferevent_data_cb on_write;
};

/* The callbacks of each mode. */
void event_echo_on_read(struct bufferevent *stream, void *session);
void event_echo_on_write(struct bufferevent *stream, void *session);
void event_fanout_on_read(struct bufferevent *stream, void *session);
void event_tick_on_read(struct bufferevent *stream, void *session);

/* Starts the thread of the host. */
void event_start_ticks(event_server *server);

#endif
