#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "messages.h"
#include "server_libevent.h"

static void broadcast(event_server *server, const uint8_t *bytes, size_t size)
{
    for (event_session *session = server->sessions.next; session != &server->sessions; session = session->next) {
        bufferevent_write(session->stream, bytes, size);
    }
}

void event_fanout_on_read(struct bufferevent *stream, void *user)
{
    const event_session *const session = user;
    struct evbuffer *const input = bufferevent_get_input(stream);
    const size_t length = evbuffer_get_length(input);
    const size_t whole = length - length % session->server->options->message_bytes;

    if (whole > 0) {
        broadcast(session->server, evbuffer_pullup(input, (ev_ssize_t)whole), whole);
        evbuffer_drain(input, whole);
    }
}

void event_tick_on_read(struct bufferevent *stream, void *session)
{
    struct evbuffer *const input = bufferevent_get_input(stream);

    (void)session;
    evbuffer_drain(input, evbuffer_get_length(input));
}

typedef struct ticks {
    event_server *server;
    update_box *box;
    int wake;
} ticks;

/* Edge-triggered, so that nothing has to be read. */
static void on_wake(evutil_socket_t fd, short what, void *user)
{
    const ticks *const all = user;
    const uint8_t *update;

    (void)fd;
    (void)what;
    while ((update = update_box_first(all->box)) != NULL) {
        broadcast(all->server, update, all->server->options->message_bytes);
        update_box_drop(all->box);
    }
}

/* On the thread of the host. */
static void tick(const uint8_t *update, void *user)
{
    const ticks *const all = user;
    const uint64_t one = 1;

    if (update_box_put(all->box, update) && write(all->wake, &one, sizeof one) != sizeof one) {
        server_die("write to an eventfd");
    }
}

void event_start_ticks(event_server *server)
{
    ticks *const all = server_allocate(sizeof *all);
    struct event *wake;

    *all = (ticks){server, update_box_create(server->options->message_bytes), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    wake = event_new(server->base, all->wake, EV_READ | EV_PERSIST | EV_ET, on_wake, all);
    if (all->wake < 0 || wake == NULL || event_add(wake, NULL) != 0) {
        server_die("event of ticks");
    }
    server_start_ticks(server->options, tick, all);
}
