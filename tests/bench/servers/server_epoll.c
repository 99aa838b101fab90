#include "server_epoll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "epoll_care.h"

enum {
    EVENTS_MAX = 1024
};

static const uint64_t LISTENER = UINT64_C(1) << 32;
static const uint64_t TICKS = UINT64_C(1) << 33;

static void control(epoll_loop *loop, int operation, int fd, uint32_t events, uint64_t value)
{
    struct epoll_event event = {.events = events, .data.u64 = value};

    if (epoll_ctl(loop->descriptor, operation, fd, &event) != 0) {
        server_die("epoll_ctl");
    }
}

void epoll_arm_writable(epoll_loop *loop, int fd)
{
    if (!loop->sessions[fd].is_armed) {
        loop->sessions[fd].is_armed = true;
        control(loop, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, (uint64_t)fd);
    }
}

void epoll_serve_again(epoll_loop *loop, int fd)
{
    if (!loop->sessions[fd].is_listed) {
        loop->sessions[fd].is_listed = true;
        loop->again[loop->again_count++] = fd;
    }
}

void epoll_watch_ticks(epoll_loop *loop, int fd)
{
    control(loop, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, TICKS);
}

/* Lists may still have its descriptor: its next session then has a turn too many. */
void epoll_end_session(epoll_loop *loop, int fd)
{
    if (loop->mode->ended != NULL) {
        loop->mode->ended(loop, fd);
    }
    if (loop->options->careful != 0) {
        control(loop, EPOLL_CTL_DEL, fd, 0, 0);
    }
    free(loop->sessions[fd].pending);
    loop->sessions[fd] =
        (epoll_session){.is_listed = loop->sessions[fd].is_listed, .is_held = loop->sessions[fd].is_held};
    if (loop->care != NULL) {
        epoll_care_end(loop->care, fd);
    } else {
        close(fd);
    }
}

/* One a turn: the listener is level-triggered, which spares the accept that fails. */
static void accept_one(epoll_loop *loop, int listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    const bool asks = loop->options->careful != 0;
    const int fd =
        accept4(listener, asks ? (struct sockaddr *)&peer : NULL, asks ? &size : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) {
            return;
        }
        server_die("accept4");
    }
    if (loop->care != NULL && !epoll_care_begin(loop->care, fd, &peer)) {
        close(fd);
        return;
    }
    loop->sessions[fd].is_open = true;
    if (loop->mode->opened != NULL) {
        loop->mode->opened(loop, fd);
    }
    control(loop, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, (uint64_t)fd);
}

static void serve_listed(epoll_loop *loop, int *earlier)
{
    const uint32_t count = loop->again_count;

    memcpy(earlier, loop->again, count * sizeof *earlier);
    loop->again_count = 0;
    for (uint32_t index = 0; index < count; ++index) {
        loop->sessions[earlier[index]].is_listed = false;
        if (loop->sessions[earlier[index]].is_open) {
            loop->mode->serve(loop, earlier[index], EPOLLIN);
        }
    }
}

static void on_event(epoll_loop *loop, uint64_t value, uint32_t events)
{
    if ((value & LISTENER) != 0) {
        accept_one(loop, (int)(uint32_t)value);
    } else if ((value & TICKS) != 0) {
        loop->mode->ticked(loop);
    } else {
        loop->mode->serve(loop, (int)value, events);
    }
}

static void run(epoll_loop *loop)
{
    static _Thread_local struct epoll_event events[EVENTS_MAX];
    int *const earlier = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *earlier);

    for (;;) {
        const int count = epoll_wait(loop->descriptor, events, EVENTS_MAX, loop->again_count > 0 ? 0 : -1);

        if (count < 0 && errno != EINTR) {
            server_die("epoll_wait");
        }
        if (loop->again_count > 0) {
            serve_listed(loop, earlier);
        }
        for (int index = 0; index < count; ++index) {
            on_event(loop, events[index].data.u64, events[index].events);
        }
        if (loop->mode->turn_ends != NULL) {
            loop->mode->turn_ends(loop);
        }
        if (loop->care != NULL) {
            epoll_care_turn_ends(loop->care);
        }
    }
}

static void serve(const server_options *options, const int *listeners)
{
    epoll_loop loop = {.options = options, .mode = options->mode == SERVER_ECHO ? &epoll_echo : &epoll_broadcast};

    loop.descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (loop.descriptor < 0) {
        server_die("epoll_create1");
    }
    if (options->careful == 2) {
        loop.care = epoll_care_open();
    }
    loop.buffer = server_allocate(SERVER_BUFFER_BYTES);
    loop.again = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *loop.again);
    loop.sessions = calloc(SERVER_DESCRIPTORS_MAX, sizeof *loop.sessions);
    if (loop.sessions == NULL) {
        server_die("calloc");
    }
    for (uint32_t index = 0; index < options->addresses; ++index) {
        control(&loop, EPOLL_CTL_ADD, listeners[index], EPOLLIN, LISTENER | (uint32_t)listeners[index]);
    }
    if (loop.mode->start != NULL) {
        loop.mode->start(&loop);
    }
    run(&loop);
}

int main(int argc, char **argv)
{
    return server_main(argc, argv, serve);
}
