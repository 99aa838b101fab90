#include "net/inbox.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "util/memory.h"

struct icn_inbox_block {
    icn_inbox_block *next;
    uint32_t used;
    uint8_t data[ICN_INBOX_BLOCK_BYTES - sizeof(void *) - 8];
};

#define BLOCK_CAPACITY ((uint32_t)sizeof(((icn_inbox_block *)0)->data))

/* A record: the queue, a size, the bytes. Without padding, for there may be many of one byte. */
#define POINTER_BYTES sizeof(uintptr_t)
#define SIZE_OFFSET POINTER_BYTES
#define HEADER_BYTES (SIZE_OFFSET + sizeof(uint16_t))

/* More in one record than this has a chunk of its own, which is filled without the mutex. */
#define RECORD_MAX (ICN_INBOX_BLOCK_BYTES / 4)

/* More than this begins no new block: what would be left empty of the last one is memory that no limit of a queue knows of. */
#define WASTE_MAX (ICN_INBOX_BLOCK_BYTES / 32)

/* In place of a size: what follows is a pointer, or a broadcast. */
#define SIZE_CHUNK UINT16_MAX
#define SIZE_BUFFER (UINT16_MAX - 1)
#define SIZE_BROADCAST (UINT16_MAX - 2)

_Static_assert(RECORD_MAX < SIZE_BROADCAST, "a size has 16 bits");

/* Behind the head of a broadcast: the buffer, the flags, the count, the handles. */
#define BROADCAST_BYTES (POINTER_BYTES + 2 * sizeof(uint32_t))
/* What one costs of the limit for those that wait: none is for nothing. */
#define BROADCAST_COST 64

static icn_inbox_block *block_create(void)
{
    icn_inbox_block *block = icn_memory_allocate(sizeof *block, ICN_MEMORY_SEND_BUFFER);
    if (block != NULL) {
        block->next = NULL;
        block->used = 0;
    }
    return block;
}

static void destroy_blocks(icn_inbox_block *block)
{
    while (block != NULL) {
        icn_inbox_block *next = block->next;
        icn_memory_release(block, sizeof *block, ICN_MEMORY_SEND_BUFFER);
        block = next;
    }
}

void icn_inbox_init(icn_inbox *inbox)
{
    icn_mutex_init(&inbox->mutex);
}

void icn_inbox_fini(icn_inbox *inbox)
{
    icn_inbox_block *block = inbox->first;
    icn_inbox_record record = {0};
    uint32_t offset = 0;
    while (icn_inbox_next(inbox, &block, &offset, &record)) {
        ICN_CHECK(record.kind == ICN_INBOX_BROADCAST);
        icn_buffer_drop(record.broadcast.buffer);
    }
    destroy_blocks(inbox->spares);
    destroy_blocks(inbox->emptied);
    icn_mutex_fini(&inbox->mutex);
}

static void append_block(icn_inbox *inbox, icn_inbox_block *block)
{
    block->next = NULL;
    if (inbox->last == NULL) {
        inbox->first = block;
    } else {
        inbox->last->next = block;
    }
    inbox->last = block;
    inbox->latest_queue = NULL;
}

static bool has_room(const icn_inbox *inbox, uint32_t bytes)
{
    return inbox->last != NULL && bytes <= BLOCK_CAPACITY - inbox->last->used;
}

static void append_spare(icn_inbox *inbox)
{
    icn_inbox_block *spare = inbox->spares;
    inbox->spares = spare->next;
    inbox->spare_count--;
    append_block(inbox, spare);
}

static void add_spare(icn_inbox *inbox, icn_inbox_block *block)
{
    block->next = inbox->spares;
    inbox->spares = block;
    inbox->spare_count++;
}

/* Under the mutex, which is left meanwhile: the allocator is the host's. */
static bool allocate_spare(icn_inbox *inbox)
{
    icn_mutex_unlock(&inbox->mutex);
    icn_inbox_block *spare = block_create();
    icn_mutex_lock(&inbox->mutex);
    if (spare != NULL) {
        add_spare(inbox, spare);
    }
    return spare != NULL;
}

/* Under the mutex, which may be left meanwhile. */
static int32_t make_room(icn_inbox *inbox, const icn_send_queue *queue, uint32_t bytes)
{
    while (!has_room(inbox, bytes)) {
        if (inbox->spare_count > inbox->promised) {
            append_spare(inbox);
        } else if (!allocate_spare(inbox)) {
            return IOCPNET_E_NO_MEMORY;
        }
    }
    /* Also after the mutex was left: what is put for a closed queue is never shared out. */
    return queue->inbox_closed ? IOCPNET_E_CLOSED : IOCPNET_OK;
}

/* Pointers in records are not aligned. */
static void *pointer_at(const uint8_t *at)
{
    uintptr_t pointer;
    memcpy(&pointer, at, sizeof pointer);
    return (void *)pointer;
}

static void set_pointer(uint8_t *at, const void *pointer)
{
    uintptr_t value = (uintptr_t)pointer;
    memcpy(at, &value, sizeof value);
}

static uint16_t size_at(const uint8_t *record)
{
    uint16_t size;
    memcpy(&size, record + SIZE_OFFSET, sizeof size);
    return size;
}

static void set_size(uint8_t *record, uint16_t size)
{
    memcpy(record + SIZE_OFFSET, &size, sizeof size);
}

/* Under the mutex: a new record, whose payload is still to be written. */
static void add_record(icn_inbox *inbox, icn_send_queue *queue, uint16_t size)
{
    uint8_t *record = inbox->last->data + inbox->last->used;
    set_pointer(record, queue);
    set_size(record, size);
    inbox->last->used += (uint32_t)HEADER_BYTES;
    inbox->latest = record;
    inbox->latest_queue = size <= RECORD_MAX ? queue : NULL;
}

/* Under the mutex. */
static void write_pieces(icn_inbox *inbox, const iocpnet_iovec *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].size != 0) {
            memcpy(inbox->last->data + inbox->last->used, pieces[i].data, (size_t)pieces[i].size);
            inbox->last->used += (uint32_t)pieces[i].size;
        }
    }
}

/* Under the mutex: the latest record has room for more of the same queue. A closed queue has no record to grow. */
static bool can_grow(const icn_inbox *inbox, const icn_send_queue *queue, uint32_t bytes)
{
    return inbox->latest_queue == queue && !queue->inbox_closed && bytes <= BLOCK_CAPACITY - inbox->last->used &&
           size_at(inbox->latest) + bytes <= RECORD_MAX;
}

/* Under the mutex: behind what is there. */
static void write_raw(icn_inbox *inbox, const void *bytes, size_t size)
{
    memcpy(inbox->last->data + inbox->last->used, bytes, size);
    inbox->last->used += (uint32_t)size;
}

static void write_pointer(icn_inbox *inbox, const void *pointer)
{
    set_pointer(inbox->last->data + inbox->last->used, pointer);
    inbox->last->used += (uint32_t)POINTER_BYTES;
}

static int32_t put_pointer(icn_inbox *inbox, icn_send_queue *queue, uint16_t size, void *pointer)
{
    int32_t status = make_room(inbox, queue, (uint32_t)(HEADER_BYTES + POINTER_BYTES));
    if (status == IOCPNET_OK) {
        add_record(inbox, queue, size);
        write_pointer(inbox, pointer);
    }
    return status;
}

/* Under the mutex: these bytes would begin a block, and leave much of the one before empty. */
static bool wastes(const icn_inbox *inbox, const icn_send_queue *queue, uint64_t bytes)
{
    return bytes > WASTE_MAX && inbox->last != NULL && !can_grow(inbox, queue, (uint32_t)bytes) &&
           !has_room(inbox, (uint32_t)(HEADER_BYTES + bytes));
}

/* Under the mutex. */
static int32_t put_bytes(icn_inbox *inbox, icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count,
                         uint32_t bytes)
{
    if (can_grow(inbox, queue, bytes)) {
        set_size(inbox->latest, (uint16_t)(size_at(inbox->latest) + bytes));
    } else {
        int32_t status = make_room(inbox, queue, (uint32_t)HEADER_BYTES + bytes);
        if (status != IOCPNET_OK) {
            return status;
        }
        add_record(inbox, queue, (uint16_t)bytes);
    }
    write_pieces(inbox, pieces, count);
    return IOCPNET_OK;
}

/* Under the mutex: true when these are the first records since the owner took all of them. */
static bool fill(icn_inbox *inbox)
{
    bool begun = icn_u32_load_relaxed(&inbox->filled) == 0;
    icn_u32_store(&inbox->filled, 1);
    return begun;
}

/* Under the mutex. */
static bool count_put(icn_inbox *inbox, uint64_t bytes)
{
    icn_u64_count(&inbox->sends, 1);
    icn_u64_count(&inbox->bytes, bytes);
    return fill(inbox);
}

int32_t icn_inbox_put(icn_inbox *inbox, icn_send_queue *queue, const iocpnet_iovec *pieces, uint32_t count,
                      uint64_t bytes, bool *begun)
{
    icn_send_chunk *chunk = NULL;
    if (bytes > RECORD_MAX) {
        chunk = icn_send_chunk_copy(pieces, count, bytes);
        if (chunk == NULL) {
            return IOCPNET_E_NO_MEMORY;
        }
    }
    icn_mutex_lock(&inbox->mutex);
    if (chunk == NULL && wastes(inbox, queue, bytes)) {
        icn_mutex_unlock(&inbox->mutex); /* the allocator is the host's */
        chunk = icn_send_chunk_copy(pieces, count, bytes);
        if (chunk == NULL) {
            return IOCPNET_E_NO_MEMORY;
        }
        icn_mutex_lock(&inbox->mutex);
    }
    int32_t status = chunk != NULL ? put_pointer(inbox, queue, SIZE_CHUNK, chunk)
                                   : put_bytes(inbox, queue, pieces, count, (uint32_t)bytes);
    if (status == IOCPNET_OK) {
        *begun = count_put(inbox, bytes);
    }
    icn_mutex_unlock(&inbox->mutex);
    if (status != IOCPNET_OK && chunk != NULL) {
        icn_send_chunk_destroy(chunk);
    }
    return status;
}

/* A small one is copied: one record then grows over many sends. */
int32_t icn_inbox_put_buffer(icn_inbox *inbox, icn_send_queue *queue, icn_buffer *buffer, bool *begun)
{
    if (buffer->size <= ICN_SEND_SMALL_MAX) {
        const iocpnet_iovec piece = {.size = buffer->size, .data = buffer->data};
        return icn_inbox_put(inbox, queue, &piece, 1, buffer->size, begun);
    }
    icn_buffer_hold(buffer);
    icn_mutex_lock(&inbox->mutex);
    int32_t status = put_pointer(inbox, queue, SIZE_BUFFER, buffer);
    if (status == IOCPNET_OK) {
        *begun = count_put(inbox, buffer->size);
    }
    icn_mutex_unlock(&inbox->mutex);
    if (status != IOCPNET_OK) {
        icn_buffer_drop(buffer);
    }
    return status;
}

int32_t icn_inbox_try_put_chunk(icn_inbox *inbox, icn_send_queue *queue, icn_send_chunk *chunk, bool *begun)
{
    int32_t status = IOCPNET_E_NO_MEMORY;
    icn_mutex_lock(&inbox->mutex);
    if (has_room(inbox, (uint32_t)(HEADER_BYTES + POINTER_BYTES)) || inbox->spare_count > inbox->promised) {
        status = put_pointer(inbox, queue, SIZE_CHUNK, chunk);
    }
    if (status == IOCPNET_OK) {
        *begun = fill(inbox);
    }
    icn_mutex_unlock(&inbox->mutex);
    return status;
}

int32_t icn_inbox_provide(icn_inbox *inbox)
{
    int32_t status = IOCPNET_OK;
    icn_mutex_lock(&inbox->mutex);
    if (inbox->spare_count <= inbox->promised) {
        status = allocate_spare(inbox) ? IOCPNET_OK : IOCPNET_E_NO_MEMORY;
    }
    icn_mutex_unlock(&inbox->mutex);
    return status;
}

static uint32_t record_bytes(const icn_broadcast *broadcast)
{
    return (uint32_t)(HEADER_BYTES + BROADCAST_BYTES + broadcast->excepted_count * sizeof(uint64_t));
}

static uint64_t cost(const icn_broadcast *broadcast)
{
    return (uint64_t)broadcast->buffer->size + record_bytes(broadcast) + BROADCAST_COST;
}

int32_t icn_inbox_promise_broadcast(icn_inbox *inbox, const icn_broadcast *broadcast, uint64_t bytes_max)
{
    ICN_CHECK(record_bytes(broadcast) <= BLOCK_CAPACITY);
    int32_t status = IOCPNET_OK;
    icn_mutex_lock(&inbox->mutex);
    /* A spare of its own, for the block that is last now may be full or taken when the promise is kept. */
    while (status == IOCPNET_OK && inbox->spare_count <= inbox->promised) {
        status = allocate_spare(inbox) ? IOCPNET_OK : IOCPNET_E_NO_MEMORY;
    }
    /* One always may wait, however large it is. */
    if (status == IOCPNET_OK && inbox->broadcast_bytes != 0 && inbox->broadcast_bytes + cost(broadcast) > bytes_max) {
        status = IOCPNET_E_WOULD_BLOCK;
    }
    if (status == IOCPNET_OK) {
        inbox->promised++;
        inbox->broadcast_bytes += cost(broadcast);
    }
    icn_mutex_unlock(&inbox->mutex);
    return status;
}

void icn_inbox_forget_promise(icn_inbox *inbox, const icn_broadcast *broadcast)
{
    icn_mutex_lock(&inbox->mutex);
    inbox->promised--;
    inbox->broadcast_bytes -= cost(broadcast);
    icn_mutex_unlock(&inbox->mutex);
}

bool icn_inbox_put_broadcast(icn_inbox *inbox, const icn_broadcast *broadcast)
{
    icn_buffer_hold(broadcast->buffer);
    icn_mutex_lock(&inbox->mutex);
    inbox->promised--;
    inbox->broadcast_waiting += cost(broadcast);
    if (!has_room(inbox, record_bytes(broadcast))) {
        append_spare(inbox);
    }
    add_record(inbox, NULL, SIZE_BROADCAST);
    write_pointer(inbox, broadcast->buffer);
    write_raw(inbox, &broadcast->flags, sizeof broadcast->flags);
    write_raw(inbox, &broadcast->excepted_count, sizeof broadcast->excepted_count);
    if (broadcast->excepted_count != 0) {
        write_raw(inbox, broadcast->excepted, broadcast->excepted_count * sizeof(uint64_t));
    }
    bool begun = fill(inbox);
    icn_mutex_unlock(&inbox->mutex);
    return begun;
}

void icn_inbox_close(icn_inbox *inbox, icn_send_queue *queue)
{
    icn_mutex_lock(&inbox->mutex);
    queue->inbox_closed = true;
    icn_mutex_unlock(&inbox->mutex);
}

/* Under the mutex: what a whole filling did without, to be freed; what the owner has emptied takes its place. */
static icn_inbox_block *change_spares(icn_inbox *inbox)
{
    icn_inbox_block *unused = NULL;
    while (inbox->spare_count > inbox->promised) {
        icn_inbox_block *spare = inbox->spares;
        inbox->spares = spare->next;
        inbox->spare_count--;
        spare->next = unused;
        unused = spare;
    }
    while (inbox->emptied != NULL) {
        icn_inbox_block *kept = inbox->emptied;
        inbox->emptied = kept->next;
        add_spare(inbox, kept);
    }
    inbox->emptied_count = 0;
    return unused;
}

icn_inbox_block *icn_inbox_take(icn_inbox *inbox)
{
    icn_mutex_lock(&inbox->mutex);
    icn_inbox_block *taken = inbox->first;
    icn_inbox_block *unused = change_spares(inbox);
    inbox->first = NULL;
    inbox->last = NULL;
    inbox->latest_queue = NULL;
    inbox->broadcast_bytes -= inbox->broadcast_waiting;
    inbox->broadcast_waiting = 0;
    icn_u32_store(&inbox->filled, 0);
    icn_mutex_unlock(&inbox->mutex);
    inbox->sharing_out = true;
    destroy_blocks(unused);
    return taken;
}

static uint32_t read_broadcast(const uint8_t *at, icn_broadcast *broadcast)
{
    broadcast->buffer = pointer_at(at);
    at += POINTER_BYTES;
    memcpy(&broadcast->flags, at, sizeof broadcast->flags);
    memcpy(&broadcast->excepted_count, at + sizeof broadcast->flags, sizeof broadcast->excepted_count);
    broadcast->excepted = at + sizeof broadcast->flags + sizeof broadcast->excepted_count;
    return (uint32_t)(BROADCAST_BYTES + broadcast->excepted_count * sizeof(uint64_t));
}

/* What stands behind the head of a record; returns its bytes. */
static uint32_t read_body(const uint8_t *at, uint16_t size, icn_inbox_record *record)
{
    switch (size) {
    case SIZE_CHUNK:
        record->kind = ICN_INBOX_CHUNK;
        record->chunk = pointer_at(at);
        return (uint32_t)POINTER_BYTES;
    case SIZE_BUFFER:
        record->kind = ICN_INBOX_BUFFER;
        record->buffer = pointer_at(at);
        return (uint32_t)POINTER_BYTES;
    case SIZE_BROADCAST:
        record->kind = ICN_INBOX_BROADCAST;
        return read_broadcast(at, &record->broadcast);
    default:
        record->kind = ICN_INBOX_BYTES;
        record->bytes = at;
        record->size = size;
        return size;
    }
}

/* Some are kept; what is in the others is in the send queues now, and not to be there twice. Returns the next one. */
static icn_inbox_block *emptied(icn_inbox *inbox, icn_inbox_block *block)
{
    icn_inbox_block *next = block->next;
    if (inbox->emptied_count == ICN_INBOX_SPARES_MAX) {
        icn_memory_release(block, sizeof *block, ICN_MEMORY_SEND_BUFFER);
    } else {
        block->used = 0;
        block->next = inbox->emptied;
        inbox->emptied = block;
        inbox->emptied_count++;
    }
    return next;
}

bool icn_inbox_next(icn_inbox *inbox, icn_inbox_block **block, uint32_t *offset, icn_inbox_record *record)
{
    while (*block != NULL && *offset == (*block)->used) {
        *block = emptied(inbox, *block);
        *offset = 0;
    }
    if (*block == NULL) {
        return false;
    }
    const uint8_t *at = (*block)->data + *offset;
    record->queue = pointer_at(at);
    *offset += (uint32_t)HEADER_BYTES + read_body(at + HEADER_BYTES, size_at(at), record);
    return true;
}

void icn_inbox_shared_out(icn_inbox *inbox)
{
    ICN_CHECK(inbox->sharing_out);
    inbox->sharing_out = false;
}
