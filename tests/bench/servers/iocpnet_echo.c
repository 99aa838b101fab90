#include "server_iocpnet.h"

#include <stdlib.h>
#include <string.h>

/* A session's own, its user value: what a full send queue did not take. */
typedef struct kept {
    uint8_t *bytes;
    size_t size;
    size_t sent; /* of them */
} kept;

/* Less than a send queue holds. */
enum {
    PIECE_BYTES = 256 * 1024
};

/*
 * By callbacks a session gets one when it has to keep something. In a batch an event can stand behind that one which was
 * fetched before: so there each session has one from the start.
 */
static bool each_has_one;

static void start(const server_options *options, iocpnet_service service)
{
    (void)service;
    each_has_one = strcmp(options->delivery, "batches") == 0;
}

static kept *make_own(iocpnet_session session)
{
    kept *own = server_allocate(sizeof *own);

    *own = (kept){NULL, 0, 0};
    server_must(iocpnet_session_set_user(session, own), "session_set_user");
    return own;
}

static kept *own_of(const iocpnet_event *event)
{
    return each_has_one ? server_user_of(event) : event->user;
}

static void IOCPNET_CALL on_connected(const iocpnet_event *event, void *user)
{
    (void)user;
    if (each_has_one) {
        (void)make_own(event->session);
    }
}

/* Bytes that had been received when the session paused come behind those that wait. */
static void keep(kept *own, const iocpnet_event *event)
{
    uint8_t *bytes = realloc(own->bytes, own->size + event->size);

    if (bytes == NULL) {
        server_die("realloc");
    }
    memcpy(bytes + own->size, event->data, event->size);
    own->bytes = bytes;
    own->size += event->size;
}

static void IOCPNET_CALL on_received(const iocpnet_event *event, void *user)
{
    kept *const own = own_of(event);

    (void)user;
    if ((own == NULL || own->bytes == NULL) &&
        iocpnet_session_send(event->session, event->data, event->size) == IOCPNET_OK) {
        return;
    }
    /* A session that has closed, the other reason for a refusal, refuses this too. */
    (void)iocpnet_session_pause_receive(event->session);
    keep(own != NULL ? own : make_own(event->session), event);
}

/* True when nothing is left. */
static bool send_kept(kept *own, iocpnet_session session)
{
    while (own->sent < own->size) {
        const size_t left = own->size - own->sent;
        const size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

        if (iocpnet_session_send(session, own->bytes + own->sent, piece) != IOCPNET_OK) {
            return false;
        }
        own->sent += piece;
    }
    return true;
}

static void IOCPNET_CALL on_writable(const iocpnet_event *event, void *user)
{
    kept *const own = own_of(event);

    (void)user;
    if (!send_kept(own, event->session)) {
        return;
    }
    free(own->bytes);
    *own = (kept){NULL, 0, 0};
    (void)iocpnet_session_resume_receive(event->session);
}

static void IOCPNET_CALL on_disconnected(const iocpnet_event *event, void *user)
{
    kept *const own = own_of(event);

    (void)user;
    if (own != NULL) {
        free(own->bytes);
        free(own);
    }
}

const iocpnet_handlers iocpnet_echo_handlers = {.start = start,
                                                .on = {[IOCPNET_EVENT_CONNECTED] = on_connected,
                                                       [IOCPNET_EVENT_RECEIVED] = on_received,
                                                       [IOCPNET_EVENT_WRITABLE] = on_writable,
                                                       [IOCPNET_EVENT_DISCONNECTED] = on_disconnected}};
