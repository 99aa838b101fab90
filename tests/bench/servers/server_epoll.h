/* The hand-written epoll server: one loop on one thread. */
#ifndef BENCH_SERVERS_SERVER_EPOLL_H
#define BENCH_SERVERS_SERVER_EPOLL_H

#include "common.h"

typedef struct epoll_loop epoll_loop;

/*
 * With --careful 1 it does what a library that is made for others can not leave out: it asks where a peer is, receives up
 * to what ended a connection, and takes a descriptor out of epoll before it closes it, as a child process may have a copy.
 * With --careful 2 it also has what a session is made of: see epoll_care.h.
 */

/* What a mode does. */
typedef struct epoll_mode {
    /* Events of a session. */
    void (*serve)(epoll_loop *loop, int fd, uint32_t events);
    /* The rest is NULL where a mode does not need it. */
    void (*start)(epoll_loop *loop);
    void (*opened)(epoll_loop *loop, int fd);
    void (*ended)(epoll_loop *loop, int fd);
    void (*ticked)(epoll_loop *loop);
    void (*turn_ends)(epoll_loop *loop);
} epoll_mode;

/* In a table by descriptor. */
typedef struct epoll_session {
    uint8_t *pending; /* echo: what the socket did not take; NULL when there is nothing */
    uint32_t pending_start;
    uint32_t pending_end;
    bool is_open;
    bool is_armed;  /* registered for EPOLLOUT as well */
    bool is_listed; /* in `again` of the loop */
    bool is_held;   /* broadcast: there was no room for what it sends */
    bool is_behind; /* broadcast: it was sent the log up to pending_start */
    bool is_ending; /* broadcast: its peer sends no more */
} epoll_session;

struct epoll_loop {
    const server_options *options;
    const epoll_mode *mode;
    int descriptor;
    uint8_t *buffer; /* SERVER_BUFFER_BYTES, for the receives of all sessions */
    epoll_session *sessions;
    int *again; /* descriptors to serve once more, after the others' turn */
    uint32_t again_count;
    struct epoll_care *care; /* with --careful 2 */
    void *own;               /* the mode's */
};

/* Registers for EPOLLOUT, for good: edge-triggered, it costs nothing while sends succeed. */
void epoll_arm_writable(epoll_loop *loop, int fd);

/* For a receive that filled the buffer: its session comes again after the others' turn. */
void epoll_serve_again(epoll_loop *loop, int fd);

void epoll_end_session(epoll_loop *loop, int fd);

/* Edge-triggered: `fd` is an eventfd, and each write to it becomes a call of `ticked`. */
void epoll_watch_ticks(epoll_loop *loop, int fd);

extern const epoll_mode epoll_echo;
extern const epoll_mode epoll_broadcast;

#endif
