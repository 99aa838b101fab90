#include <stdlib.h>

#include "messages.h"
#include "server_iocpnet.h"

/* Set before the service starts. */
static struct {
    iocpnet_service service;
    uint32_t message_bytes;
} room;

/* On any thread. A session that is too far behind is ended. */
static void send_to_all(const uint8_t *bytes, uint32_t size, void *user)
{
    iocpnet_buffer buffer;
    int32_t status;

    (void)user;
    server_must(iocpnet_buffer_create(bytes, size, &buffer), "buffer_create");
    status = iocpnet_service_broadcast(room.service, buffer, NULL, 0,
                                       IOCPNET_BROADCAST_EXCEPT | IOCPNET_BROADCAST_DISCONNECT_FULL, NULL);
    /* Nobody is there before the start. What a dispatcher that is too far behind refuses is dropped. */
    if (status != IOCPNET_E_INVALID_STATE && status != IOCPNET_E_WOULD_BLOCK) {
        server_must(status, "service_broadcast");
    }
    server_must(iocpnet_buffer_release(buffer), "buffer_release");
}

static void IOCPNET_CALL on_connected(const iocpnet_event *event, void *user)
{
    message_start *const own = server_allocate(sizeof *own);

    (void)user;
    *own = (message_start){NULL, 0};
    server_must(iocpnet_session_set_user(event->session, own), "session_set_user");
}

static void IOCPNET_CALL on_received(const iocpnet_event *event, void *user)
{
    (void)user;
    messages_take(server_user_of(event), room.message_bytes, event->data, event->size, send_to_all, NULL);
}

static void IOCPNET_CALL on_disconnected(const iocpnet_event *event, void *user)
{
    message_start *const own = server_user_of(event);

    (void)user;
    free(own->bytes);
    free(own);
}

/* On the thread of the host. */
static void tick(const uint8_t *update, void *user)
{
    send_to_all(update, room.message_bytes, user);
}

static void start(const server_options *options, iocpnet_service service)
{
    room.service = service;
    room.message_bytes = options->message_bytes;
    if (options->mode == SERVER_TICK) {
        server_start_ticks(options, tick, NULL);
    }
}

const iocpnet_handlers iocpnet_fanout_handlers = {.start = start,
                                                  .on = {[IOCPNET_EVENT_CONNECTED] = on_connected,
                                                         [IOCPNET_EVENT_RECEIVED] = on_received,
                                                         [IOCPNET_EVENT_DISCONNECTED] = on_disconnected}};

const iocpnet_handlers iocpnet_tick_handlers = {.start = start};
