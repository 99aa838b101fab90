#include <pthread.h>
#include <stdlib.h>

#include "messages.h"
#include "server_iocpnet.h"

/* A session's own, its user value. */
typedef struct member {
    iocpnet_session session;
    uint32_t place; /* in `members` */
    message_start start;
} member;

/* Changed by the dispatcher's thread; with ticks the thread of the host reads it. */
static struct {
    pthread_mutex_t lock;
    uint32_t message_bytes;
    uint32_t count;
    member *members[SERVER_DESCRIPTORS_MAX];
} room = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void send_to_all(const uint8_t *bytes, uint32_t size, void *user)
{
    (void)user;
    for (uint32_t index = 0; index < room.count; ++index) {
        const iocpnet_session session = room.members[index]->session;

        /* It is too far behind. One that has closed is told of by its event. */
        if (iocpnet_session_send(session, bytes, size) == IOCPNET_E_WOULD_BLOCK) {
            (void)iocpnet_session_disconnect(session, NULL);
        }
    }
}

static void IOCPNET_CALL on_connected(const iocpnet_event *event, void *user)
{
    member *const own = server_allocate(sizeof *own);

    (void)user;
    server_must(iocpnet_session_set_user(event->session, own), "session_set_user");
    pthread_mutex_lock(&room.lock);
    *own = (member){.session = event->session, .place = room.count};
    room.members[room.count++] = own;
    pthread_mutex_unlock(&room.lock);
}

static void IOCPNET_CALL on_received(const iocpnet_event *event, void *user)
{
    member *const own = server_user_of(event);

    (void)user;
    messages_take(&own->start, room.message_bytes, event->data, event->size, send_to_all, NULL);
}

static void IOCPNET_CALL on_disconnected(const iocpnet_event *event, void *user)
{
    member *const own = server_user_of(event);

    (void)user;
    pthread_mutex_lock(&room.lock);
    room.members[own->place] = room.members[--room.count];
    room.members[own->place]->place = own->place;
    pthread_mutex_unlock(&room.lock);
    free(own->start.bytes);
    free(own);
}

/* On the thread of the host. */
static void tick(const uint8_t *update, void *user)
{
    pthread_mutex_lock(&room.lock);
    send_to_all(update, room.message_bytes, user);
    pthread_mutex_unlock(&room.lock);
}

static void start(const server_options *options, iocpnet_service service)
{
    (void)service;
    room.message_bytes = options->message_bytes;
    if (options->mode == SERVER_TICK) {
        server_start_ticks(options, tick, NULL);
    }
}

const iocpnet_handlers iocpnet_fanout_handlers = {.start = start,
                                                  .on = {[IOCPNET_EVENT_CONNECTED] = on_connected,
                                                         [IOCPNET_EVENT_RECEIVED] = on_received,
                                                         [IOCPNET_EVENT_DISCONNECTED] = on_disconnected}};

const iocpnet_handlers iocpnet_tick_handlers = {
    .start = start, .on = {[IOCPNET_EVENT_CONNECTED] = on_connected, [IOCPNET_EVENT_DISCONNECTED] = on_disconnected}};
