#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server_uring.h"

enum {
    /* Of all gathered sends of one turn. */
    GATHERED_MAX = 64,
    GATHERED_PIECES_MAX = 16
};

/* Read by the kernel while it submits. */
typedef struct gathered {
    struct msghdr header;
    struct iovec pieces[GATHERED_PIECES_MAX];
} gathered;

typedef struct echo {
    uring_piece *unused;
    int *tried; /* sessions with a URING_TRY_SEND in this turn */
    uint32_t tried_count;
    uint32_t gathered_count;
    gathered *gathered; /* GATHERED_MAX */
} echo;

static uring_piece *take_piece(echo *own)
{
    uring_piece *piece = own->unused;

    if (piece == NULL) {
        return server_allocate(sizeof *piece);
    }
    own->unused = piece->next;
    return piece;
}

static void drop_first(uring_loop *loop, uring_session *session)
{
    echo *const own = loop->own;
    uring_piece *const piece = session->first;

    uring_buffers_release(&loop->buffers, piece->buffer);
    session->first = piece->next;
    piece->next = own->unused;
    own->unused = piece;
}

static void drop_bytes(uring_loop *loop, uring_session *session, uint32_t size)
{
    while (session->first != NULL && session->first->size <= size) {
        size -= session->first->size;
        drop_first(loop, session);
    }
    if (size > 0) {
        session->first->bytes += size;
        session->first->size -= size;
    }
}

static void on_received(uring_loop *loop, int fd, const uint8_t *bytes, uint32_t size, uint32_t buffer)
{
    uring_session *const session = &loop->sessions[fd];
    uring_piece *piece;

    if (session->has_failed) {
        uring_buffers_release(&loop->buffers, buffer);
        return;
    }
    piece = take_piece(loop->own);
    *piece = (uring_piece){NULL, bytes, size, buffer};
    if (session->first == NULL) {
        session->first = piece;
    } else {
        session->last->next = piece;
    }
    session->last = piece;
    uring_list(loop, fd);
}

static void on_sent(uring_loop *loop, int fd, uring_kind kind, int32_t result)
{
    uring_session *const session = &loop->sessions[fd];

    session->tried = 0;
    session->is_blocked = false;
    if (result >= 0) {
        drop_bytes(loop, session, (uint32_t)result);
    } else if (result != -EAGAIN) {
        session->has_failed = true;
        while (session->first != NULL) {
            drop_first(loop, session);
        }
    }
    if (kind == URING_TRY_SEND && session->first != NULL) {
        uring_send(loop, fd, session->first->bytes, session->first->size);
    }
    uring_list(loop, fd);
}

static gathered *take_gathered(uring_loop *loop)
{
    echo *const own = loop->own;

    if (own->gathered_count == GATHERED_MAX) {
        uring_ring_submit(&loop->ring);
        own->gathered_count = 0;
    }
    return &own->gathered[own->gathered_count++];
}

/* Returns the first piece that it has no room for, if any. */
static uring_piece *try_gathered(uring_loop *loop, int fd)
{
    uring_session *const session = &loop->sessions[fd];
    gathered *const all = take_gathered(loop);
    uring_piece *piece = session->first;

    for (; piece != NULL && session->tried < GATHERED_PIECES_MAX; piece = piece->next) {
        all->pieces[session->tried++] = (struct iovec){(void *)(uintptr_t)piece->bytes, piece->size};
    }
    all->header = (struct msghdr){.msg_iov = all->pieces, .msg_iovlen = session->tried};
    uring_try_send_gathered(loop, fd, &all->header);
    return piece;
}

static void try_send(uring_loop *loop, int fd)
{
    uring_session *const session = &loop->sessions[fd];
    echo *const own = loop->own;

    if (session->first->next == NULL) {
        session->tried = 1;
        uring_try_send(loop, fd, session->first->bytes, session->first->size);
    } else if (try_gathered(loop, fd) != NULL) {
        loop->has_more = true;
    }
    if (!session->is_receiving) {
        loop->has_more = true;
    }
    own->tried[own->tried_count++] = fd;
}

static void go_on(uring_loop *loop, int fd)
{
    uring_session *const session = &loop->sessions[fd];

    if (session->is_blocked || session->has_failed) {
        if (session->is_receiving) {
            uring_stop_receiving(loop, fd);
        } else if (!session->is_blocked) {
            uring_close(loop, fd);
        }
    } else if (session->first != NULL) {
        try_send(loop, fd);
    } else if (session->has_ended) {
        uring_close(loop, fd);
    } else if (!session->is_receiving) {
        uring_receive(loop, fd);
    }
}

/* What the last turn tried to send has been sent, unless it has been told otherwise since. */
static void settle(uring_loop *loop)
{
    echo *const own = loop->own;

    for (uint32_t index = 0; index < own->tried_count; ++index) {
        uring_session *const session = &loop->sessions[own->tried[index]];

        for (; session->tried > 0; --session->tried) {
            drop_first(loop, session);
        }
        if (session->first != NULL || !session->is_receiving) {
            uring_list(loop, own->tried[index]);
        }
    }
    own->tried_count = 0;
    own->gathered_count = 0;
}

static void on_turn_end(uring_loop *loop)
{
    settle(loop);
    for (uint32_t index = 0; index < loop->changed_count; ++index) {
        const int fd = loop->changed[index];

        loop->sessions[fd].is_listed = false;
        go_on(loop, fd);
    }
    loop->changed_count = 0;
}

static void start(uring_loop *loop)
{
    echo *own = server_allocate(sizeof *own);

    *own = (echo){.tried = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *own->tried),
                  .gathered = server_allocate(GATHERED_MAX * sizeof *own->gathered)};
    loop->own = own;
}

const uring_mode uring_echo = {.start = start, .received = on_received, .sent = on_sent, .turn_ends = on_turn_end};
