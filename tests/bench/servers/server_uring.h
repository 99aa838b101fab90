/*
 * The hand-written io_uring server: one loop on one thread. Multishot accept and receive; what a turn sends leaves in
 * the call that waits for the next turn.
 */
#ifndef BENCH_SERVERS_SERVER_URING_H
#define BENCH_SERVERS_SERVER_URING_H

#include <sys/socket.h>

#include "common.h"
#include "uring_buffers.h"
#include "uring_ring.h"

/* With the descriptor they make the user data of a request. */
typedef enum uring_kind {
    URING_ACCEPT,
    URING_RECEIVE,
    URING_TRY_SEND, /* completes within the submission, and is seen only when it took less than all */
    URING_SEND,     /* waits until all is sent */
    URING_TICK,
    URING_IGNORED
} uring_kind;

/* Received bytes that wait to be sent. */
typedef struct uring_piece {
    struct uring_piece *next;
    const uint8_t *bytes;
    uint32_t size;
    uint32_t buffer;
} uring_piece;

/* In a table by descriptor. */
typedef struct uring_session {
    bool is_receiving; /* the kernel has its multishot receive */
    bool is_listed;    /* in `changed` of the loop */
    bool is_blocked;   /* a URING_SEND is under way */
    bool has_ended;    /* nothing more will be received */
    bool has_failed;   /* nothing more can be sent */
    uint16_t tried;    /* echo: first pieces that were submitted to be sent in this turn */
    uring_piece *first;
    uring_piece *last;
    uint32_t sent; /* broadcast: up to here it was sent the log, when it is blocked */
} uring_session;

typedef struct uring_loop uring_loop;

/* What a mode does. */
typedef struct uring_mode {
    void (*start)(uring_loop *loop);
    /* Bytes of a session came; `buffer` has to be released. */
    void (*received)(uring_loop *loop, int fd, const uint8_t *bytes, uint32_t size, uint32_t buffer);
    /* A URING_TRY_SEND that did not send all, or a URING_SEND. */
    void (*sent)(uring_loop *loop, int fd, uring_kind kind, int32_t result);
    /* A turn's completions have been seen. */
    void (*turn_ends)(uring_loop *loop);
    /* The kernel hands out few completions at a time: a turn asks for them until there are no more. */
    bool is_gathering;
    /* The rest is NULL where a mode does not need it. */
    void (*opened)(uring_loop *loop, int fd);
    void (*ended)(uring_loop *loop, int fd);
    void (*ticked)(uring_loop *loop);
} uring_mode;

struct uring_loop {
    const server_options *options;
    const uring_mode *mode;
    uring_ring ring;
    uring_buffers buffers;
    uring_session *sessions;
    int *changed; /* sessions to look at when the turn ends */
    uint32_t changed_count;
    bool has_missed; /* a receive found no buffer in this turn */
    bool has_more;   /* to do, whether or not something completes */
    void *own;       /* the mode's */
};

/* The session is looked at when the turn ends. */
void uring_list(uring_loop *loop, int fd);

struct io_uring_sqe *uring_request(uring_loop *loop, uring_kind kind, uint8_t operation, int fd);

void uring_receive(uring_loop *loop, int fd);

void uring_stop_receiving(uring_loop *loop, int fd);

/* A send that does not wait: what it could not send is told before anything that is received after. */
void uring_try_send(uring_loop *loop, int fd, const void *bytes, uint32_t size);

/* The same for several pieces, which are read until the next submission has returned. */
void uring_try_send_gathered(uring_loop *loop, int fd, const struct msghdr *pieces);

void uring_send(uring_loop *loop, int fd, const void *bytes, uint32_t size);

/* No request of it is under way. */
void uring_close(uring_loop *loop, int fd);

/* `fd` is an eventfd, and each write to it becomes a call of `ticked`. */
void uring_watch_ticks(uring_loop *loop, int fd);

extern const uring_mode uring_echo;
extern const uring_mode uring_broadcast;

#endif
