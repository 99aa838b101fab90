/*
 * What goes to all sessions, in its order, once: what a turn of the loop adds is one send for each session.
 * It begins anew when no session is behind; when it is full nothing more is received until then.
 */
#ifndef BENCH_SERVERS_BROADCAST_LOG_H
#define BENCH_SERVERS_BROADCAST_LOG_H

#include "messages.h"

enum {
    BROADCAST_LOG_BYTES = 64 * 1024 * 1024
};

typedef struct broadcast_log {
    const server_options *options;
    uint8_t *bytes;
    uint32_t sent; /* up to here it went to all sessions that are not behind */
    uint32_t end;
    uint32_t behind_count; /* sessions that have to be sent what is before `sent` */
    update_box *box;       /* tick */
    int wake;              /* tick: an eventfd that an update is written to */
    /* The sessions. */
    int *members; /* descriptors */
    uint32_t member_count;
    uint32_t *places;      /* in `members`, by descriptor */
    message_start *starts; /* by descriptor */
} broadcast_log;

/* With the mode tick it starts the thread of the host as well. */
broadcast_log *broadcast_log_create(const server_options *options);

void broadcast_log_join(broadcast_log *log, int fd);

void broadcast_log_leave(broadcast_log *log, int fd);

/* True when there is room for what SERVER_BUFFER_BYTES of a session can make whole. */
bool broadcast_log_has_room(const broadcast_log *log);

/* Appends what is whole of the bytes of a session. There has to be room. */
void broadcast_log_receive(broadcast_log *log, int fd, const uint8_t *bytes, size_t size);

/* Appends the updates that have come, or drops them when there is no room. */
void broadcast_log_take_updates(broadcast_log *log);

/* Empties it when no session is behind and all has been sent. */
void broadcast_log_rewind(broadcast_log *log);

#endif
