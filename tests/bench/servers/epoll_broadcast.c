#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "broadcast_log.h"
#include "server_epoll.h"

typedef struct broadcast {
    broadcast_log *log;
    int *held; /* sessions that were ready when there was no room */
    uint32_t held_count;
} broadcast;

/* Sends from `*sent` on up to what all have been sent. True when that is all of it. An error is left to its event. */
static bool give(const broadcast_log *log, int fd, uint32_t *sent)
{
    while (*sent < log->sent) {
        const ssize_t taken = send(fd, log->bytes + *sent, log->sent - *sent, MSG_NOSIGNAL);

        if (taken < 0) {
            return errno != EAGAIN;
        }
        *sent += (uint32_t)taken;
    }
    return true;
}

static void catch_up(epoll_loop *loop, int fd)
{
    const broadcast *const own = loop->own;
    epoll_session *const session = &loop->sessions[fd];

    if (session->is_behind && give(own->log, fd, &session->pending_start)) {
        session->is_behind = false;
        --own->log->behind_count;
    }
}

static void hold(epoll_loop *loop, int fd)
{
    broadcast *const own = loop->own;

    if (!loop->sessions[fd].is_held) {
        loop->sessions[fd].is_held = true;
        own->held[own->held_count++] = fd;
    }
}

/* Returns false when the session has ended, or has no more to receive. */
static bool receive(epoll_loop *loop, int fd)
{
    const broadcast *const own = loop->own;
    ssize_t got;

    if (!broadcast_log_has_room(own->log)) {
        hold(loop, fd);
        return false;
    }
    got = recv(fd, loop->buffer, SERVER_BUFFER_BYTES, 0);
    if (got > 0) {
        broadcast_log_receive(own->log, fd, loop->buffer, (size_t)got);
        if (got == SERVER_BUFFER_BYTES) {
            epoll_serve_again(loop, fd);
        }
        return true;
    }
    if (got == 0 || errno != EAGAIN) {
        epoll_end_session(loop, fd);
    }
    return false;
}

static void serve(epoll_loop *loop, int fd, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        epoll_end_session(loop, fd);
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        catch_up(loop, fd);
    }
    if ((events & EPOLLRDHUP) != 0) {
        loop->sessions[fd].is_ending = true;
    }
    if ((events & EPOLLIN) != 0) {
        while (receive(loop, fd) && loop->sessions[fd].is_ending) {
        }
    }
}

/* The one send of this turn for each session. */
static void send_to_all(epoll_loop *loop, uint32_t from)
{
    const broadcast *const own = loop->own;
    broadcast_log *const log = own->log;

    for (uint32_t index = 0; index < log->member_count; ++index) {
        const int fd = log->members[index];
        epoll_session *const session = &loop->sessions[fd];
        uint32_t sent = from;

        if (!session->is_behind && !give(log, fd, &sent)) {
            session->is_behind = true;
            session->pending_start = sent;
            ++log->behind_count;
            epoll_arm_writable(loop, fd);
        }
    }
}

static void release_held(epoll_loop *loop)
{
    broadcast *const own = loop->own;

    for (uint32_t index = 0; index < own->held_count; ++index) {
        loop->sessions[own->held[index]].is_held = false;
        epoll_serve_again(loop, own->held[index]);
    }
    own->held_count = 0;
}

static void on_turn_end(epoll_loop *loop)
{
    broadcast *const own = loop->own;
    const uint32_t from = own->log->sent;

    own->log->sent = own->log->end;
    if (from < own->log->sent) {
        send_to_all(loop, from);
    }
    broadcast_log_rewind(own->log);
    if (own->held_count > 0 && broadcast_log_has_room(own->log)) {
        release_held(loop);
    }
}

static void on_opened(epoll_loop *loop, int fd)
{
    const broadcast *const own = loop->own;

    broadcast_log_join(own->log, fd);
}

static void on_ended(epoll_loop *loop, int fd)
{
    const broadcast *const own = loop->own;

    own->log->behind_count -= loop->sessions[fd].is_behind;
    broadcast_log_leave(own->log, fd);
}

static void on_ticked(epoll_loop *loop)
{
    const broadcast *const own = loop->own;

    broadcast_log_take_updates(own->log);
}

static void start(epoll_loop *loop)
{
    broadcast *own = server_allocate(sizeof *own);

    *own = (broadcast){.log = broadcast_log_create(loop->options),
                       .held = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *own->held)};
    loop->own = own;
    if (own->log->wake >= 0) {
        epoll_watch_ticks(loop, own->log->wake);
    }
}

const epoll_mode epoll_broadcast = {serve, start, on_opened, on_ended, on_ticked, on_turn_end};
