/* Messages of one size in a stream of bytes, and updates on their way from the thread of the host to a loop. */
#ifndef BENCH_SERVERS_MESSAGES_H
#define BENCH_SERVERS_MESSAGES_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of one session: a message that has not come to its end. All zero at first. */
typedef struct message_start {
    uint8_t *bytes; /* to be freed by its owner */
    uint32_t size;
} message_start;

/* Whole messages, one or more, borrowed. */
typedef void (*messages_whole)(const uint8_t *bytes, uint32_t size, void *user);

/* Gives received bytes to `whole` as far as they are whole messages, and keeps the rest. */
void messages_take(message_start *start, uint32_t message_bytes, const uint8_t *bytes, size_t size,
                   messages_whole whole, void *user);

/* From one thread to one other, without a lock. */
typedef struct update_box update_box;

update_box *update_box_create(uint32_t update_bytes);

/* On the sending thread. False, and nothing is stored, when the other is too far behind. */
bool update_box_put(update_box *box, const uint8_t *update);

/* On the receiving thread: the oldest update, or NULL; it stays until it is dropped. */
const uint8_t *update_box_first(update_box *box);

void update_box_drop(update_box *box);

#ifdef __cplusplus
}
#endif

#endif
