/* The hand-written epoll server: one loop on one thread. */
#ifndef BENCH_SERVERS_SERVER_EPOLL_H
#define BENCH_SERVERS_SERVER_EPOLL_H

#include "common.h"

typedef struct epoll_loop epoll_loop;

/* What a mode does with an event of a connection. */
typedef void (*epoll_serve)(epoll_loop *loop, int fd, uint32_t events);

/* In a table by descriptor. */
typedef struct epoll_session {
    uint8_t *pending; /* echo: what the socket did not take; NULL when there is nothing */
    uint32_t pending_start;
    uint32_t pending_end;
    bool is_armed;  /* registered for EPOLLOUT as well */
    bool is_listed; /* in `again` of the loop */
} epoll_session;

struct epoll_loop {
    const server_options *options;
    epoll_serve serve;
    int descriptor;
    uint8_t *buffer; /* SERVER_BUFFER_BYTES, for the receives of all sessions */
    epoll_session *sessions;
    int *again; /* descriptors to serve once more, after the others' turn */
    uint32_t again_count;
};

/* Registers for EPOLLOUT, for good: edge-triggered, it costs nothing while sends succeed. */
void epoll_arm_writable(epoll_loop *loop, int fd);

/* For a receive that filled the buffer: its session comes again after the others' turn. */
void epoll_serve_again(epoll_loop *loop, int fd);

void epoll_end_session(epoll_loop *loop, int fd);

void epoll_serve_echo(epoll_loop *loop, int fd, uint32_t events);

#endif
