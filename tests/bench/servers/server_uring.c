#include "server_uring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    KIND_BITS = 8,
    TRY_FLAGS = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT,
    SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL
};

void uring_list(uring_loop *loop, int fd)
{
    if (!loop->sessions[fd].is_listed) {
        loop->sessions[fd].is_listed = true;
        loop->changed[loop->changed_count++] = fd;
    }
}

struct io_uring_sqe *uring_request(uring_loop *loop, uring_kind kind, uint8_t operation, int fd)
{
    struct io_uring_sqe *entry = uring_ring_entry(&loop->ring);

    entry->opcode = operation;
    entry->fd = fd;
    entry->user_data = (uint64_t)fd << KIND_BITS | (uint64_t)kind;
    return entry;
}

static void request_accepts(uring_loop *loop, int listener)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_ACCEPT, IORING_OP_ACCEPT, listener);

    entry->ioprio = IORING_ACCEPT_MULTISHOT;
    entry->accept_flags = SOCK_CLOEXEC;
}

void uring_receive(uring_loop *loop, int fd)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_RECEIVE, IORING_OP_RECV, fd);

    entry->ioprio = IORING_RECV_MULTISHOT;
    entry->flags = IOSQE_BUFFER_SELECT;
    entry->buf_group = URING_BUFFERS_GROUP;
    loop->sessions[fd].is_receiving = true;
}

void uring_stop_receiving(uring_loop *loop, int fd)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_IGNORED, IORING_OP_ASYNC_CANCEL, -1);

    entry->addr = (uint64_t)fd << KIND_BITS | URING_RECEIVE;
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
}

/* MSG_WAITALL makes a short send a failure, which is not skipped; MSG_DONTWAIT makes it come at once. */
void uring_try_send(uring_loop *loop, int fd, const void *bytes, uint32_t size)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_TRY_SEND, IORING_OP_SEND, fd);

    entry->addr = (uintptr_t)bytes;
    entry->len = size;
    entry->msg_flags = TRY_FLAGS;
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
}

void uring_try_send_gathered(uring_loop *loop, int fd, const struct msghdr *pieces)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_TRY_SEND, IORING_OP_SENDMSG, fd);

    entry->addr = (uintptr_t)pieces;
    entry->len = 1;
    entry->msg_flags = TRY_FLAGS;
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
}

void uring_send(uring_loop *loop, int fd, const void *bytes, uint32_t size)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_SEND, IORING_OP_SEND, fd);

    entry->addr = (uintptr_t)bytes;
    entry->len = size;
    entry->msg_flags = SEND_FLAGS;
    loop->sessions[fd].is_blocked = true;
}

void uring_close(uring_loop *loop, int fd)
{
    uring_request(loop, URING_IGNORED, IORING_OP_CLOSE, fd)->flags = IOSQE_CQE_SKIP_SUCCESS;
    if (loop->mode->ended != NULL) {
        loop->mode->ended(loop, fd);
    }
    loop->sessions[fd] = (uring_session){.first = NULL};
}

/* A poll without end reports each write, so that nothing has to be read. */
void uring_watch_ticks(uring_loop *loop, int fd)
{
    struct io_uring_sqe *entry = uring_request(loop, URING_TICK, IORING_OP_POLL_ADD, fd);

    entry->poll32_events = POLLIN;
    entry->len = IORING_POLL_ADD_MULTI;
}

static void on_ticked(uring_loop *loop, int fd, const struct io_uring_cqe *completion)
{
    if (completion->res < 0) {
        errno = -completion->res;
        server_die("poll of an eventfd");
    }
    loop->mode->ticked(loop);
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        uring_watch_ticks(loop, fd);
    }
}

static void on_accepted(uring_loop *loop, int listener, const struct io_uring_cqe *completion)
{
    if (completion->res >= 0) {
        if (loop->mode->opened != NULL) {
            loop->mode->opened(loop, completion->res);
        }
        uring_list(loop, completion->res);
    } else if (completion->res != -ECONNABORTED) {
        errno = -completion->res;
        server_die("accept");
    }
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        request_accepts(loop, listener);
    }
}

static void on_received(uring_loop *loop, int fd, const struct io_uring_cqe *completion)
{
    uring_session *session = &loop->sessions[fd];

    if ((completion->flags & IORING_CQE_F_BUFFER) != 0) {
        const uint8_t *bytes = uring_buffers_received(&loop->buffers, completion);
        const uint32_t buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;

        if (completion->res > 0) {
            loop->mode->received(loop, fd, bytes, (uint32_t)completion->res, buffer);
        } else {
            uring_buffers_release(&loop->buffers, buffer);
        }
    }
    if (completion->res == -ENOBUFS) {
        loop->has_missed = true;
    } else if (completion->res <= 0 && completion->res != -ECANCELED) {
        session->has_ended = true;
    }
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        session->is_receiving = false;
        uring_list(loop, fd);
    }
}

static void on_completed(uring_loop *loop, const struct io_uring_cqe *completion)
{
    const uring_kind kind = (uring_kind)(completion->user_data & ((1U << KIND_BITS) - 1));
    const int fd = (int)(completion->user_data >> KIND_BITS);

    switch (kind) {
    case URING_RECEIVE:
        on_received(loop, fd, completion);
        break;
    case URING_ACCEPT:
        on_accepted(loop, fd, completion);
        break;
    case URING_TRY_SEND:
    case URING_SEND:
        loop->mode->sent(loop, fd, kind, completion->res);
        break;
    case URING_TICK:
        on_ticked(loop, fd, completion);
        break;
    default:
        break;
    }
}

/* Returns how many there were. */
static uint32_t take_completions(uring_loop *loop)
{
    uint32_t head;
    uint32_t count;
    const uint32_t tail = uring_ring_completed(&loop->ring, &head);

    count = tail - head;
    for (; head != tail; ++head) {
        on_completed(loop, &loop->ring.completions[head & loop->ring.completed_mask]);
    }
    uring_ring_consume(&loop->ring, head);
    return count;
}

/* A turn sees all completions: a try to send that is not told of has succeeded. */
static void turn(uring_loop *loop)
{
    uint32_t count = take_completions(loop);

    while (uring_ring_has_overflown(&loop->ring) || (loop->mode->is_gathering && count > 0)) {
        uring_ring_submit_and_wait(&loop->ring, false);
        count = take_completions(loop);
    }
    if (loop->has_missed) {
        loop->has_missed = false;
        uring_buffers_grow(&loop->buffers);
    }
    loop->mode->turn_ends(loop);
}

static void serve(const server_options *options, const int *listeners)
{
    uring_loop *loop = server_allocate(sizeof *loop);

    *loop = (uring_loop){.options = options, .mode = options->mode == SERVER_ECHO ? &uring_echo : &uring_broadcast};
    uring_ring_open(&loop->ring);
    uring_buffers_open(&loop->buffers, &loop->ring);
    loop->changed = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *loop->changed);
    loop->sessions = calloc(SERVER_DESCRIPTORS_MAX, sizeof *loop->sessions);
    if (loop->sessions == NULL) {
        server_die("calloc");
    }
    loop->mode->start(loop);
    for (uint32_t index = 0; index < options->addresses; ++index) {
        request_accepts(loop, listeners[index]);
    }
    for (;;) {
        uring_ring_submit_and_wait(&loop->ring, !loop->has_more);
        loop->has_more = false;
        turn(loop);
    }
}

int main(int argc, char **argv)
{
    return server_main(argc, argv, serve);
}
