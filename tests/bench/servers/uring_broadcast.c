#include <errno.h>

#include "broadcast_log.h"
#include "server_uring.h"

enum {
    /* A turn has no more than this: each piece has a completion of its own. */
    RECEIVED_MAX = 65536
};

typedef struct received {
    int fd;
    uint32_t size;
    const uint8_t *bytes;
    uint32_t buffer;
} received;

typedef struct broadcast {
    broadcast_log *log;
    uint32_t tried_from; /* the last turn tried to send the log from here on */
    /* Received, and not yet in the log: it may only begin anew when what the last turn sent is known. */
    received *pieces;
    uint32_t piece_count;
} broadcast;

static void on_received(uring_loop *loop, int fd, const uint8_t *bytes, uint32_t size, uint32_t buffer)
{
    broadcast *const own = loop->own;

    if (loop->options->mode == SERVER_TICK) {
        uring_buffers_release(&loop->buffers, buffer);
        return;
    }
    if (own->piece_count == RECEIVED_MAX) {
        errno = ENOBUFS;
        server_die("received pieces");
    }
    own->pieces[own->piece_count++] = (received){fd, size, bytes, buffer};
}

static void on_sent(uring_loop *loop, int fd, uring_kind kind, int32_t result)
{
    const broadcast *const own = loop->own;
    uring_session *const session = &loop->sessions[fd];

    if (kind == URING_TRY_SEND) {
        session->sent = own->tried_from;
        ++own->log->behind_count;
    }
    session->is_blocked = false;
    if (result >= 0) {
        session->sent += (uint32_t)result;
    } else if (result != -EAGAIN) {
        session->has_failed = true;
    }
    if (!session->has_failed && session->sent < own->log->sent) {
        uring_send(loop, fd, own->log->bytes + session->sent, own->log->sent - session->sent);
    } else {
        --own->log->behind_count;
        uring_list(loop, fd);
    }
}

/* What there is no room for stays, and holds its buffer back. */
static void fill_log(uring_loop *loop)
{
    broadcast *const own = loop->own;
    uint32_t kept = 0;

    for (uint32_t index = 0; index < own->piece_count; ++index) {
        const received piece = own->pieces[index];

        if (kept > 0 || !broadcast_log_has_room(own->log)) {
            own->pieces[kept++] = piece;
            continue;
        }
        broadcast_log_receive(own->log, piece.fd, piece.bytes, piece.size);
        uring_buffers_release(&loop->buffers, piece.buffer);
    }
    own->piece_count = kept;
}

/* Without buffers a receive would fail at once: it waits until the log has taken all. */
static void go_on(uring_loop *loop, int fd)
{
    const broadcast *const own = loop->own;
    const uring_session *const session = &loop->sessions[fd];

    if (session->is_receiving) {
        if (session->has_failed) {
            uring_stop_receiving(loop, fd);
        }
    } else if (own->piece_count > 0 || session->is_blocked) {
        uring_list(loop, fd);
    } else if (session->has_ended || session->has_failed) {
        uring_close(loop, fd);
    } else {
        uring_receive(loop, fd);
    }
}

static void look_at_changed(uring_loop *loop)
{
    const uint32_t count = loop->changed_count;

    loop->changed_count = 0;
    for (uint32_t index = 0; index < count; ++index) {
        const int fd = loop->changed[index];

        loop->sessions[fd].is_listed = false;
        go_on(loop, fd);
    }
}

/* The one send of this turn for each session. */
static void send_to_all(uring_loop *loop)
{
    const broadcast *const own = loop->own;
    const broadcast_log *const log = own->log;

    for (uint32_t index = 0; index < log->member_count; ++index) {
        const uring_session *const session = &loop->sessions[log->members[index]];

        if (!session->is_blocked && !session->has_failed) {
            uring_try_send(loop, log->members[index], log->bytes + own->tried_from, log->sent - own->tried_from);
        }
    }
}

static void on_turn_end(uring_loop *loop)
{
    broadcast *const own = loop->own;
    broadcast_log *const log = own->log;

    broadcast_log_rewind(log);
    fill_log(loop);
    if (log->box != NULL) {
        broadcast_log_take_updates(log);
    }
    look_at_changed(loop);
    own->tried_from = log->sent;
    log->sent = log->end;
    if (own->tried_from < log->sent) {
        send_to_all(loop);
    }
    loop->has_more = own->piece_count > 0 && log->behind_count == 0;
}

static void on_opened(uring_loop *loop, int fd)
{
    const broadcast *const own = loop->own;

    broadcast_log_join(own->log, fd);
}

static void on_ended(uring_loop *loop, int fd)
{
    const broadcast *const own = loop->own;

    broadcast_log_leave(own->log, fd);
}

/* The updates are taken when the turn ends. */
static void on_ticked(uring_loop *loop)
{
    (void)loop;
}

static void start(uring_loop *loop)
{
    broadcast *own = server_allocate(sizeof *own);

    *own = (broadcast){.log = broadcast_log_create(loop->options),
                       .pieces = server_allocate(RECEIVED_MAX * sizeof *own->pieces)};
    loop->own = own;
    if (own->log->wake >= 0) {
        uring_watch_ticks(loop, own->log->wake);
    }
}

const uring_mode uring_broadcast = {.start = start,
                                    .received = on_received,
                                    .sent = on_sent,
                                    .turn_ends = on_turn_end,
                                    .is_gathering = true,
                                    .opened = on_opened,
                                    .ended = on_ended,
                                    .ticked = on_ticked};
