#include "messages.h"

#include <string.h>

enum {
    UPDATES_MAX = 64
};

struct update_box {
    uint32_t update_bytes;
    uint32_t put; /* both count up; written by one thread each */
    uint32_t dropped;
    uint8_t updates[]; /* UPDATES_MAX of update_bytes each */
};

static size_t add_to_start(message_start *start, uint32_t message_bytes, const uint8_t *bytes, size_t size)
{
    const size_t missing = message_bytes - start->size;
    const size_t taken = size < missing ? size : missing;

    if (start->bytes == NULL) {
        start->bytes = server_allocate(message_bytes);
    }
    memcpy(start->bytes + start->size, bytes, taken);
    start->size += (uint32_t)taken;
    return taken;
}

void messages_take(message_start *start, uint32_t message_bytes, const uint8_t *bytes, size_t size,
                   messages_whole whole, void *user)
{
    if (start->size > 0) {
        const size_t taken = add_to_start(start, message_bytes, bytes, size);

        bytes += taken;
        size -= taken;
        if (start->size == message_bytes) {
            whole(start->bytes, message_bytes, user);
            start->size = 0;
        }
    }
    if (size >= message_bytes) {
        const size_t run = size - size % message_bytes;

        whole(bytes, (uint32_t)run, user);
        bytes += run;
        size -= run;
    }
    if (size > 0) {
        add_to_start(start, message_bytes, bytes, size);
    }
}

update_box *update_box_create(uint32_t update_bytes)
{
    update_box *box = server_allocate(sizeof *box + (size_t)update_bytes * UPDATES_MAX);

    *box = (update_box){.update_bytes = update_bytes};
    return box;
}

bool update_box_put(update_box *box, const uint8_t *update)
{
    if (box->put - __atomic_load_n(&box->dropped, __ATOMIC_ACQUIRE) == UPDATES_MAX) {
        return false;
    }
    memcpy(box->updates + (size_t)(box->put % UPDATES_MAX) * box->update_bytes, update, box->update_bytes);
    __atomic_store_n(&box->put, box->put + 1, __ATOMIC_RELEASE);
    return true;
}

const uint8_t *update_box_first(update_box *box)
{
    if (__atomic_load_n(&box->put, __ATOMIC_ACQUIRE) == box->dropped) {
        return NULL;
    }
    return box->updates + (size_t)(box->dropped % UPDATES_MAX) * box->update_bytes;
}

void update_box_drop(update_box *box)
{
    __atomic_store_n(&box->dropped, box->dropped + 1, __ATOMIC_RELEASE);
}
