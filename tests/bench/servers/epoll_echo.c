#include "server_epoll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* How many bytes the socket took, or -1 when the session has ended. */
static ssize_t give(epoll_loop *loop, int fd, const uint8_t *bytes, size_t size)
{
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

    if (sent >= 0) {
        return sent;
    }
    if (errno == EAGAIN) {
        return 0;
    }
    epoll_end_session(loop, fd);
    return -1;
}

static void keep(epoll_loop *loop, int fd, const uint8_t *bytes, size_t size)
{
    epoll_session *session = &loop->sessions[fd];

    session->pending = server_allocate(size);
    session->pending_start = 0;
    session->pending_end = (uint32_t)size;
    memcpy(session->pending, bytes, size);
    epoll_arm_writable(loop, fd);
}

/* True when nothing is left to send, and the session has not ended. */
static bool flush(epoll_loop *loop, int fd)
{
    epoll_session *session = &loop->sessions[fd];

    while (session->pending_start < session->pending_end) {
        const ssize_t sent =
            give(loop, fd, session->pending + session->pending_start, session->pending_end - session->pending_start);

        if (sent <= 0) {
            return false;
        }
        session->pending_start += (uint32_t)sent;
    }
    free(session->pending);
    session->pending = NULL;
    return true;
}

/* Receives once and sends it back. True when there may be more to receive and nothing is left to send. */
static bool turn(epoll_loop *loop, int fd, bool has_ended, bool *is_full)
{
    const ssize_t got = recv(fd, loop->buffer, SERVER_BUFFER_BYTES, 0);
    ssize_t sent;

    *is_full = false;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            epoll_end_session(loop, fd);
        }
        return false;
    }
    sent = give(loop, fd, loop->buffer, (size_t)got);
    if (sent < 0) {
        return false;
    }
    if (sent < got) {
        keep(loop, fd, loop->buffer + sent, (size_t)(got - sent));
        return false;
    }
    *is_full = got == SERVER_BUFFER_BYTES;
    return has_ended;
}

/* The end of the stream can share an edge with the last bytes: then it is received up to the end. */
static void serve(epoll_loop *loop, int fd, uint32_t events)
{
    bool is_full = false;

    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && loop->options->careful == 0) {
        epoll_end_session(loop, fd);
        return;
    }
    if (loop->sessions[fd].pending != NULL) {
        /* Nothing was received while output was pending, and its edges are lost. */
        if (!flush(loop, fd)) {
            return;
        }
    } else if ((events & (EPOLLIN | EPOLLRDHUP)) == 0) {
        return;
    }
    while (turn(loop, fd, (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0, &is_full)) {
    }
    if (is_full) {
        epoll_serve_again(loop, fd);
    }
}

const epoll_mode epoll_echo = {.serve = serve};
