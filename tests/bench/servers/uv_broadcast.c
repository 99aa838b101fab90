#include <stdlib.h>
#include <string.h>

#include "server_uv.h"

enum {
    /* A session that is further behind is ended, as it could take all memory. */
    QUEUE_BYTES_MAX = 64 * 1024 * 1024
};

/* What several sessions could not be given at once. */
typedef struct shared_bytes {
    uint32_t references;
    uint8_t bytes[];
} shared_bytes;

typedef struct write_request {
    uv_write_t request;
    shared_bytes *shared;
} write_request;

static void release(shared_bytes *shared)
{
    if (--shared->references == 0) {
        free(shared);
    }
}

static void on_written(uv_write_t *base, int status)
{
    write_request *const request = (write_request *)base;

    (void)status; /* the session's read tells of the end */
    release(request->shared);
    free(request);
}

static shared_bytes *share(const uint8_t *bytes, uint32_t size)
{
    shared_bytes *shared = server_allocate(sizeof *shared + size);

    shared->references = 1;
    memcpy(shared->bytes, bytes, size);
    return shared;
}

static void write_from(uv_session *session, shared_bytes *shared, uint32_t start, uint32_t end)
{
    write_request *const request = server_allocate(sizeof *request);
    const uv_buf_t buffer = uv_buf_init((char *)shared->bytes + start, end - start);

    ++shared->references;
    request->shared = shared;
    uv_must(uv_write(&request->request, (uv_stream_t *)&session->tcp, &buffer, 1, on_written), "uv_write");
    if (uv_stream_get_write_queue_size((uv_stream_t *)&session->tcp) > QUEUE_BYTES_MAX) {
        uv_end_session(session);
    }
}

/* `*shared` is made for the first session that can not be given all at once. */
static void write_to(uv_session *session, const uint8_t *bytes, uint32_t size, shared_bytes **shared)
{
    const uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, size);
    const int written = uv_try_write((uv_stream_t *)&session->tcp, &buffer, 1);

    if (written == (int)size) {
        return;
    }
    if (written < 0 && written != UV_EAGAIN) {
        uv_end_session(session);
        return;
    }
    if (*shared == NULL) {
        *shared = share(bytes, size);
    }
    write_from(session, *shared, written > 0 ? (uint32_t)written : 0, size);
}

static void broadcast(const uint8_t *bytes, uint32_t size, void *user)
{
    uv_server *const server = user;
    shared_bytes *shared = NULL;
    uv_session *next;

    for (uv_session *session = server->sessions.next; session != &server->sessions; session = next) {
        next = session->next;
        write_to(session, bytes, size, &shared);
    }
    if (shared != NULL) {
        release(shared);
    }
}

void uv_fanout_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    uv_session *const session = (uv_session *)stream;
    uv_server *const server = stream->data;

    if (size < 0) {
        uv_end_session(session);
    } else if (size > 0) {
        messages_take(&session->start, server->options->message_bytes, (const uint8_t *)buffer->base, (size_t)size,
                      broadcast, server);
    }
}

void uv_tick_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    (void)buffer;
    if (size < 0) {
        uv_end_session((uv_session *)stream);
    }
}

typedef struct ticks {
    uv_async_t async;
    uv_server *server;
    update_box *box;
} ticks;

static void on_wake(uv_async_t *async)
{
    const ticks *const all = (const ticks *)async;
    const uint8_t *update;

    while ((update = update_box_first(all->box)) != NULL) {
        broadcast(update, all->server->options->message_bytes, all->server);
        update_box_drop(all->box);
    }
}

/* On the thread of the host. */
static void tick(const uint8_t *update, void *user)
{
    ticks *const all = user;

    if (update_box_put(all->box, update)) {
        uv_must(uv_async_send(&all->async), "uv_async_send");
    }
}

void uv_start_ticks(uv_server *server)
{
    ticks *const all = server_allocate(sizeof *all);

    *all = (ticks){.server = server, .box = update_box_create(server->options->message_bytes)};
    uv_must(uv_async_init(&server->loop, &all->async, on_wake), "uv_async_init");
    server_start_ticks(server->options, tick, all);
}
