#include "service/event_queue.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "util/memory.h"

/* The kind of a record that no host sees. */
#define END_OF_STREAM 0

typedef icn_event_record record;

struct icn_event_block {
    icn_event_block *next;
    uint32_t capacity;
    uint32_t written;   /* producer */
    uint32_t published; /* under the mutex */
    uint32_t read;      /* under the mutex */
    _Alignas(8) uint8_t bytes[];
};

static icn_event_block *block_create(uint32_t capacity)
{
    icn_event_block *block = icn_memory_allocate(sizeof *block + capacity, ICN_MEMORY_EVENT_BUFFER);
    if (block != NULL) {
        block->next = NULL;
        block->capacity = capacity;
        block->written = 0;
        block->published = 0;
        block->read = 0;
    }
    return block;
}

static void blocks_destroy(icn_event_block *block)
{
    while (block != NULL) {
        icn_event_block *next = block->next;
        icn_memory_release(block, sizeof *block + block->capacity, ICN_MEMORY_EVENT_BUFFER);
        block = next;
    }
}

void icn_event_queue_init(icn_event_queue *queue, uint64_t bytes_max, uint64_t wanted)
{
    queue->bytes_max = bytes_max;
    queue->wanted = wanted;
    icn_mutex_init(&queue->mutex);
    icn_condition_init(&queue->arrived);
    icn_list_init(&queue->ended);
    icn_list_init(&queue->lent_sessions);
    icn_list_init(&queue->lent_ends_of_stream);
}

static void release_sessions(icn_list *sessions)
{
    icn_list_node *node;
    while ((node = icn_list_take_first(sessions)) != NULL) {
        icn_session_release(ICN_CONTAINER(node, icn_session, loop_node));
    }
}

void icn_event_queue_discard(icn_event_queue *queue)
{
    blocks_destroy(queue->lent);
    blocks_destroy(queue->reading);
    queue->lent = NULL;
    queue->reading = NULL;
    queue->writing = NULL;
    release_sessions(&queue->lent_sessions);
    release_sessions(&queue->ended);
}

void icn_event_queue_fini(icn_event_queue *queue)
{
    ICN_CHECK(queue->reading == NULL && icn_list_is_empty(&queue->ended));
    icn_condition_fini(&queue->arrived);
    icn_mutex_fini(&queue->mutex);
}

/* With the mutex. */
static void signal_arrived(icn_event_queue *queue)
{
    if (queue->waiting) {
        icn_condition_signal_all(&queue->arrived);
    }
}

static bool add_block(icn_event_queue *queue, uint32_t bytes)
{
    icn_event_block *block = block_create(bytes > ICN_EVENT_BLOCK_BYTES ? bytes : ICN_EVENT_BLOCK_BYTES);
    if (block == NULL) {
        return false;
    }
    icn_mutex_lock(&queue->mutex);
    if (queue->writing == NULL) {
        queue->reading = block;
    } else {
        queue->writing->published = queue->writing->written;
        queue->writing->next = block;
    }
    icn_mutex_unlock(&queue->mutex);
    queue->writing = block;
    return true;
}

static uint32_t record_bytes(uint64_t payload)
{
    return (uint32_t)(sizeof(record) + ((payload + 7) & ~UINT64_C(7)));
}

/* A record with `payload` bytes of data behind it. False: no memory. */
static inline bool append(icn_event_queue *queue, const record *header, const void *data)
{
    uint32_t bytes = record_bytes(header->payload);
    icn_event_block *block = queue->writing;
    if (block == NULL || bytes > block->capacity - block->written) {
        if (!add_block(queue, bytes)) {
            return false;
        }
        block = queue->writing;
    }
    /* Behind `published`: the consumer does not look there before this thread publishes it under the mutex. */
    record *place = (record *)(void *)(block->bytes + block->written);
    *place = *header;
    if (header->payload != 0) {
        memcpy(place + 1, data, header->payload);
    }
    block->written += bytes;
    icn_u64_count(&queue->written, bytes);
    return true;
}

bool icn_event_queue_append(icn_event_queue *queue, icn_session *session, const iocpnet_event *event)
{
    uint32_t payload = event->data != NULL ? (uint32_t)event->size : 0;
    const record header = {.session = session, .kind = event->kind, .payload = payload, .size = (uint32_t)event->size};
    return append(queue, &header, event->data);
}

bool icn_event_queue_append_received(icn_event_queue *queue, icn_session *session, const void *data, uint32_t size)
{
    const record header = {.session = session, .kind = IOCPNET_EVENT_RECEIVED, .payload = size, .size = size};
    return append(queue, &header, data);
}

bool icn_event_queue_append_end_of_stream(icn_event_queue *queue, icn_session *session)
{
    const iocpnet_event event = {.kind = END_OF_STREAM};
    return icn_event_queue_append(queue, session, &event);
}

void icn_event_queue_append_end(icn_event_queue *queue, icn_session *session)
{
    /* First, so that what comes before the end can be fetched when the end is seen. */
    icn_event_queue_publish(queue);
    session->ended_at = icn_u64_load_relaxed(&queue->written);
    icn_mutex_lock(&queue->mutex);
    icn_list_append(&queue->ended, &session->loop_node);
    signal_arrived(queue);
    icn_mutex_unlock(&queue->mutex);
}

void icn_event_queue_append_stopped(icn_event_queue *queue)
{
    icn_mutex_lock(&queue->mutex);
    queue->stopped_due = true;
    signal_arrived(queue);
    icn_mutex_unlock(&queue->mutex);
}

void icn_event_queue_publish(icn_event_queue *queue)
{
    icn_event_block *block = queue->writing;
    /* Only this thread writes `published` of the last block, so it may read it without the mutex. */
    if (block == NULL || block->published == block->written) {
        return;
    }
    icn_mutex_lock(&queue->mutex);
    block->published = block->written;
    signal_arrived(queue);
    icn_mutex_unlock(&queue->mutex);
}

uint64_t icn_event_queue_bytes(const icn_event_queue *queue)
{
    /* `consumed` first: it never passes a `written` that is read later. */
    uint64_t consumed = icn_u64_load(&queue->consumed);
    return icn_u64_load(&queue->written) - consumed;
}

bool icn_event_queue_is_full(const icn_event_queue *queue)
{
    return icn_event_queue_bytes(queue) > queue->bytes_max;
}

static bool has_room(const icn_event_queue *queue)
{
    return icn_event_queue_bytes(queue) <= queue->bytes_max / 2;
}

bool icn_event_queue_starve(icn_event_queue *queue)
{
    icn_u32_exchange(&queue->starving, 1);
    /* Producer: the flag, then the bytes; consumer: the bytes, then the flag; fences between: one of them sees the other. */
    icn_fence();
    return !(has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0);
}

bool icn_event_queue_may_feed(icn_event_queue *queue)
{
    icn_fence();
    return icn_u32_load(&queue->starving) != 0 && has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0;
}

/* Before the sessions are released: one of these may have ended since. */
static void tell_ends_of_stream(icn_event_queue *queue)
{
    icn_list_node *node;
    while ((node = icn_list_take_first(&queue->lent_ends_of_stream)) != NULL) {
        icn_session_end_seen(ICN_CONTAINER(node, icn_session, end_node));
    }
}

void icn_event_queue_reclaim(icn_event_queue *queue)
{
    blocks_destroy(queue->lent);
    queue->lent = NULL;
    tell_ends_of_stream(queue);
    release_sessions(&queue->lent_sessions);
}

/* With the mutex: true when the first block has a record that was published. Blocks that were read to their end are lent. */
static bool has_record(icn_event_queue *queue)
{
    icn_event_block *block = queue->reading;
    while (block != NULL) {
        if (block->read < block->published) {
            return true;
        }
        if (block->next == NULL) {
            break;
        }
        queue->reading = block->next;
        block->next = queue->lent;
        queue->lent = block;
        block = queue->reading;
    }
    return false;
}

/* The host asked for this session's end: it wants no more of its bytes. */
static bool is_unwanted(const record *entry)
{
    return entry->kind == IOCPNET_EVENT_RECEIVED && icn_u32_load(&entry->session->close_claim) == ICN_CLOSE_BY_HOST;
}

/* True when an event was stored. `link`: where a RECEIVED that is handed out is linked to. */
static inline bool fetch_record(icn_event_queue *queue, record *entry, iocpnet_event *event, icn_event_record ***link)
{
    if (entry->kind == END_OF_STREAM) {
        icn_list_append(&queue->lent_ends_of_stream, &entry->session->end_node);
        return false;
    }
    if (is_unwanted(entry)) {
        return false;
    }
    icn_session_begin_event(entry->session, entry->kind, event);
    event->size = entry->size;
    if (entry->payload != 0) {
        event->data = entry + 1;
        **link = entry;
        *link = &entry->next;
    }
    return true;
}

/* With the mutex: how many bytes of records come before the next end that is due, or UINT64_MAX. */
static uint64_t bytes_before_end(const icn_event_queue *queue)
{
    const icn_list_node *node = queue->ended.next;
    return node == &queue->ended
               ? UINT64_MAX
               : ICN_CONTAINER(node, icn_session, loop_node)->ended_at - icn_u64_load_relaxed(&queue->consumed);
}

/* With the mutex: the records that the first block has, at least one; returns how many events were stored. */
static uint32_t fetch_run(icn_event_queue *queue, iocpnet_event *events, uint32_t capacity, icn_event_record ***link)
{
    icn_event_block *block = queue->reading;
    const uint64_t bytes_max = bytes_before_end(queue);
    const uint32_t begin = block->read;
    uint32_t read = begin;
    uint32_t count = 0;
    do {
        record *entry = (record *)(void *)(block->bytes + read);
        read += record_bytes(entry->payload);
        count += fetch_record(queue, entry, &events[count], link) ? 1 : 0;
    } while (count < capacity && read < block->published && read - begin < bytes_max);
    block->read = read;
    icn_u64_count(&queue->consumed, read - begin);
    return count;
}

/* The next session whose end is due, or NULL. */
static icn_session *next_end(icn_event_queue *queue)
{
    icn_list_node *node = queue->ended.next;
    if (node == &queue->ended) {
        return NULL;
    }
    icn_session *session = ICN_CONTAINER(node, icn_session, loop_node);
    return session->ended_at <= icn_u64_load_relaxed(&queue->consumed) ? session : NULL;
}

/* True when an event was stored. */
static bool fetch_end(icn_event_queue *queue, icn_session *session, iocpnet_event *event)
{
    uint32_t kind = icn_session_last_event(session);
    icn_list_remove(&session->loop_node);
    icn_list_append(&queue->lent_sessions, &session->loop_node);
    if ((queue->wanted & IOCPNET_EVENT_BIT(kind)) == 0) {
        return false;
    }
    icn_session_fill_event(session, kind, event);
    return true;
}

static bool fetch_stopped(icn_event_queue *queue, iocpnet_event *event)
{
    if (!queue->stopped_due) {
        return false;
    }
    queue->stopped_due = false;
    memset(event, 0, sizeof *event);
    event->kind = IOCPNET_EVENT_SERVICE_STOPPED;
    return true;
}

uint32_t icn_event_queue_fetch(icn_event_queue *queue, iocpnet_event *events, uint32_t capacity)
{
    uint32_t count = 0;
    icn_event_record **link = &queue->lent_received;
    icn_mutex_lock(&queue->mutex);
    while (count < capacity) {
        icn_session *ended = next_end(queue);
        if (ended != NULL) {
            count += fetch_end(queue, ended, &events[count]) ? 1 : 0;
        } else if (has_record(queue)) {
            count += fetch_run(queue, &events[count], capacity - count, &link);
        } else {
            count += fetch_stopped(queue, &events[count]) ? 1 : 0;
            break;
        }
    }
    icn_mutex_unlock(&queue->mutex);
    *link = NULL;
    if (count == 0) {
        /* The host has nothing to look at, and nothing that would make it poll again. */
        tell_ends_of_stream(queue);
        release_sessions(&queue->lent_sessions);
    }
    return count;
}

/* With the mutex. */
static bool has_events(icn_event_queue *queue)
{
    return !icn_list_is_empty(&queue->ended) || queue->stopped_due || has_record(queue);
}

bool icn_event_queue_has_events(icn_event_queue *queue)
{
    icn_mutex_lock(&queue->mutex);
    bool has = has_events(queue);
    icn_mutex_unlock(&queue->mutex);
    return has;
}

bool icn_event_queue_wait(icn_event_queue *queue, uint32_t timeout_ms)
{
    icn_mutex_lock(&queue->mutex);
    if (timeout_ms != 0 && !queue->woken && !has_events(queue)) {
        queue->waiting = true;
        icn_condition_wait_ms(&queue->arrived, &queue->mutex, timeout_ms);
        queue->waiting = false;
    }
    bool woken = queue->woken;
    queue->woken = false;
    icn_mutex_unlock(&queue->mutex);
    return woken;
}

void icn_event_queue_wake(icn_event_queue *queue)
{
    icn_mutex_lock(&queue->mutex);
    queue->woken = true;
    signal_arrived(queue);
    icn_mutex_unlock(&queue->mutex);
}
