#include "broadcast_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *allocate_cleared(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        server_die("calloc");
    }
    return memory;
}

/* On the thread of the host, which never waits: an update that the loop has no room for is left out. */
static void tick(const uint8_t *update, void *user)
{
    const broadcast_log *const log = user;
    const uint64_t one = 1;

    if (update_box_put(log->box, update) && write(log->wake, &one, sizeof one) != sizeof one) {
        server_die("write to an eventfd");
    }
}

broadcast_log *broadcast_log_create(const server_options *options)
{
    broadcast_log *log = server_allocate(sizeof *log);

    *log = (broadcast_log){.options = options,
                           .bytes = server_allocate(BROADCAST_LOG_BYTES),
                           .wake = -1,
                           .members = server_allocate(SERVER_DESCRIPTORS_MAX * sizeof *log->members),
                           .places = allocate_cleared(SERVER_DESCRIPTORS_MAX, sizeof *log->places),
                           .starts = allocate_cleared(SERVER_DESCRIPTORS_MAX, sizeof *log->starts)};
    if (options->mode == SERVER_TICK) {
        log->box = update_box_create(options->message_bytes);
        log->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (log->wake < 0) {
            server_die("eventfd");
        }
        server_start_ticks(options, tick, log);
    }
    return log;
}

void broadcast_log_join(broadcast_log *log, int fd)
{
    log->places[fd] = log->member_count;
    log->members[log->member_count++] = fd;
}

void broadcast_log_leave(broadcast_log *log, int fd)
{
    const int last = log->members[--log->member_count];

    log->members[log->places[fd]] = last;
    log->places[last] = log->places[fd];
    free(log->starts[fd].bytes);
    log->starts[fd] = (message_start){NULL, 0};
}

bool broadcast_log_has_room(const broadcast_log *log)
{
    return BROADCAST_LOG_BYTES - log->end >= SERVER_BUFFER_BYTES + log->options->message_bytes;
}

static void append(const uint8_t *bytes, uint32_t size, void *user)
{
    broadcast_log *const log = user;

    memcpy(log->bytes + log->end, bytes, size);
    log->end += size;
}

void broadcast_log_receive(broadcast_log *log, int fd, const uint8_t *bytes, size_t size)
{
    if (log->options->mode == SERVER_FANOUT) {
        messages_take(&log->starts[fd], log->options->message_bytes, bytes, size, append, log);
    }
}

void broadcast_log_take_updates(broadcast_log *log)
{
    const uint8_t *update;

    while ((update = update_box_first(log->box)) != NULL) {
        if (broadcast_log_has_room(log)) {
            append(update, log->options->message_bytes, log);
        }
        update_box_drop(log->box);
    }
}

void broadcast_log_rewind(broadcast_log *log)
{
    if (log->behind_count == 0 && log->sent == log->end) {
        log->sent = 0;
        log->end = 0;
    }
}
