#include <stdlib.h>
#include <string.h>

#include "server_uv.h"

/* What uv_try_write did not take, followed by its bytes. */
typedef struct rest {
    uv_write_t request;
    uint8_t bytes[];
} rest;

static void on_written(uv_write_t *request, int status)
{
    uv_session *const session = (uv_session *)request->handle;

    free(request);
    if (status < 0) {
        uv_end_session(session);
    } else {
        uv_receive(session);
    }
}

/* Nothing is received while output is pending. */
static void write_rest(uv_stream_t *stream, const char *bytes, size_t size)
{
    rest *const left = server_allocate(sizeof *left + size);
    const uv_buf_t buffer = uv_buf_init((char *)left->bytes, (unsigned)size);

    memcpy(left->bytes, bytes, size);
    uv_read_stop(stream);
    uv_must(uv_write(&left->request, stream, &buffer, 1, on_written), "uv_write");
}

void uv_echo_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    int written;

    if (size <= 0) {
        if (size < 0) {
            uv_end_session((uv_session *)stream);
        }
        return;
    }
    written = uv_try_write(stream, &(uv_buf_t){buffer->base, (size_t)size}, 1);
    if (written == UV_EAGAIN) {
        written = 0;
    }
    if (written < 0) {
        uv_end_session((uv_session *)stream);
    } else if (written < size) {
        write_rest(stream, buffer->base + written, (size_t)(size - written));
    }
}
