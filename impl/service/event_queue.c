#include "service/event_queue.h"

#include <stddef.h>
#include <string.h>

#include "base/attributes.h"
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

static uint32_t record_bytes(uint64_t payload)
{
    return (uint32_t)(sizeof(record) + ((payload + 7) & ~UINT64_C(7)));
}

static void block_clear(icn_event_block *block, icn_event_block *next)
{
    block->next = next;
    block->written = 0;
    block->published = 0;
    block->read = 0;
}

static icn_event_block *block_create(uint32_t capacity)
{
    icn_event_block *block = icn_memory_allocate(sizeof *block + capacity, ICN_MEMORY_EVENT_BUFFER);
    if (block != NULL) {
        block->capacity = capacity;
        block_clear(block, NULL);
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

static void forget_ends_of_stream(icn_event_queue *queue)
{
    queue->lent_ends_of_stream = NULL;
    queue->lent_ends_last = &queue->lent_ends_of_stream;
}

void icn_event_queue_init(icn_event_queue *queue, uint64_t bytes_max, uint64_t wanted)
{
    queue->bytes_max = bytes_max;
    queue->wanted = wanted;
    icn_mutex_init(&queue->mutex);
    icn_condition_init(&queue->arrived);
    icn_list_init(&queue->ended);
    icn_list_init(&queue->lent_sessions);
    forget_ends_of_stream(queue);
}

void icn_event_queue_receive_directly(icn_event_queue *queue, void **landing, void *own, uint32_t bytes)
{
    queue->landing = landing;
    queue->landing_own = own;
    queue->landing_room = record_bytes(bytes);
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
    blocks_destroy(queue->spares);
    if (queue->landing != NULL) {
        *queue->landing = queue->landing_own;
    }
    queue->spares = NULL;
    queue->lent = NULL;
    queue->reading = NULL;
    queue->writing = NULL;
    forget_ends_of_stream(queue);
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

static icn_event_block *take_spare(icn_event_queue *queue)
{
    icn_mutex_lock(&queue->mutex);
    icn_event_block *spare = queue->spares;
    if (spare != NULL) {
        queue->spares = spare->next;
        spare->next = NULL;
    }
    icn_mutex_unlock(&queue->mutex);
    return spare;
}

/* Of the blocks that are kept for re-use: behind what fills one, a record that lands has room. */
static uint32_t usual_capacity(const icn_event_queue *queue)
{
    const uint32_t filled = queue->landing_room > ICN_EVENT_BLOCK_BYTES ? queue->landing_room : ICN_EVENT_BLOCK_BYTES;
    return filled + queue->landing_room;
}

/* For a record of so many bytes. */
static icn_event_block *new_block(icn_event_queue *queue, uint32_t bytes)
{
    const uint32_t capacity = usual_capacity(queue);
    if (bytes > capacity) {
        return block_create(bytes + queue->landing_room);
    }
    icn_event_block *spare = take_spare(queue);
    return spare != NULL ? spare : block_create(capacity);
}

static bool add_block(icn_event_queue *queue, uint32_t bytes)
{
    icn_event_block *block = new_block(queue, bytes);
    if (block == NULL) {
        return false;
    }
    icn_mutex_lock(&queue->mutex);
    if (queue->writing == NULL) {
        queue->reading = block;
    } else {
        queue->writing->published = queue->writing->written;
        queue->writing->next = block;
        /* There may be nothing in the new block when the turn ends. */
        signal_arrived(queue);
    }
    icn_mutex_unlock(&queue->mutex);
    queue->writing = block;
    return true;
}

/* What is received next lands behind what was written, where its record will be: nobody else looks there. NULL: no room. */
static inline void *landing_in(const icn_event_queue *queue, icn_event_block *block)
{
    return block->capacity - block->written >= queue->landing_room ? block->bytes + block->written + sizeof(record)
                                                                   : NULL;
}

void icn_event_queue_land_elsewhere(icn_event_queue *queue)
{
    *queue->landing = add_block(queue, 0) ? landing_in(queue, queue->writing) : queue->landing_own;
}

static void offer_landing(icn_event_queue *queue)
{
    if (queue->landing != NULL) {
        *queue->landing = landing_in(queue, queue->writing);
        if (*queue->landing == NULL) {
            icn_event_queue_land_elsewhere(queue);
        }
    }
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
    offer_landing(queue);
    return true;
}

/* Behind the record of TIMER and POSTED. */
typedef struct extras {
    uint64_t timer_id;
    uint64_t timer_count;
    const void *data;
} extras;

static ICN_RARE bool append_with_extras(icn_event_queue *queue, icn_session *session, const iocpnet_event *event)
{
    const extras told = {.timer_id = event->timer_id, .timer_count = event->timer_count, .data = event->data};
    const record header = {.session = session, .kind = event->kind, .payload = sizeof told};
    return append(queue, &header, &told);
}

bool icn_event_queue_append(icn_event_queue *queue, icn_session *session, const iocpnet_event *event)
{
    if (event->kind == IOCPNET_EVENT_TIMER || event->kind == IOCPNET_EVENT_POSTED) {
        return append_with_extras(queue, session, event);
    }
    uint32_t payload = event->data != NULL ? (uint32_t)event->size : 0;
    const record header = {.session = session, .kind = event->kind, .payload = payload, .size = (uint32_t)event->size};
    return append(queue, &header, event->data);
}

bool icn_event_queue_append_received(icn_event_queue *queue, icn_session *session, const void *data, uint32_t size)
{
    const record header = {.session = session, .kind = IOCPNET_EVENT_RECEIVED, .payload = size, .size = size};
    return append(queue, &header, data);
}

icn_event_landing icn_event_queue_append_landed(icn_event_queue *queue, icn_session *session, const void *data,
                                                uint32_t size)
{
    icn_event_block *block = queue->writing;
    record *place = (record *)(uintptr_t)data - 1;
    const uint32_t bytes = record_bytes(size);
    if (data == queue->landing_own) {
        return ICN_EVENT_NOT_LANDED;
    }
    ICN_CHECK((uint8_t *)place == block->bytes + block->written && bytes <= block->capacity - block->written);
    place->session = session;
    place->kind = IOCPNET_EVENT_RECEIVED;
    place->payload = size;
    place->size = size;
    place->answer = 0;
    block->written += bytes;
    icn_u64_count(&queue->written, bytes);
    void *next = landing_in(queue, block);
    *queue->landing = next;
    return next != NULL ? ICN_EVENT_LANDED : ICN_EVENT_LANDED_LAST;
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
    session->end.ended_at = icn_u64_load_relaxed(&queue->written);
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
    icn_fence_after_change();
    return !(has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0);
}

bool icn_event_queue_may_feed(icn_event_queue *queue)
{
    icn_fence();
    return icn_u32_load(&queue->starving) != 0 && has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0;
}

/* Before the blocks are freed and the sessions released: one of these may have ended since. */
static void tell_ends_of_stream(icn_event_queue *queue)
{
    for (const record *ended = queue->lent_ends_of_stream; ended != NULL; ended = ended->next) {
        icn_session_end_seen(ended->session);
    }
    forget_ends_of_stream(queue);
}

/* What was lent serves again; what nobody needed since the last time is freed, but for one block. */
static void change_spares(icn_event_queue *queue)
{
    icn_event_block *unused;
    queue->many_spares = queue->lent != NULL && queue->lent->next != NULL;
    icn_mutex_lock(&queue->mutex);
    icn_event_block **unneeded = queue->spares != NULL && queue->lent == NULL ? &queue->spares->next : &queue->spares;
    unused = *unneeded;
    *unneeded = NULL;
    for (icn_event_block *block = queue->lent, *next; block != NULL; block = next) {
        next = block->next;
        icn_memory_spoil(block->bytes, block->written);
        icn_event_block **list = block->capacity == usual_capacity(queue) ? &queue->spares : &unused;
        block_clear(block, *list);
        *list = block;
    }
    icn_mutex_unlock(&queue->mutex);
    queue->lent = NULL;
    blocks_destroy(unused);
}

void icn_event_queue_reclaim(icn_event_queue *queue)
{
    tell_ends_of_stream(queue);
    if (queue->lent != NULL || queue->many_spares) {
        change_spares(queue);
    }
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
static inline bool is_unwanted(const icn_session *session)
{
    return icn_u8_load(&session->close_claim) == ICN_CLOSE_BY_HOST;
}

/* Of what is not RECEIVED: true when an event was stored. */
static ICN_APART bool fetch_other(icn_event_queue *queue, record *entry, iocpnet_event *event)
{
    if (entry->kind == END_OF_STREAM) {
        entry->next = NULL;
        *queue->lent_ends_last = entry;
        queue->lent_ends_last = &entry->next;
        return false;
    }
    icn_session_fill_event(entry->session, entry->kind, event);
    event->size = entry->size;
    if (entry->kind == IOCPNET_EVENT_TIMER || entry->kind == IOCPNET_EVENT_POSTED) {
        extras told;
        memcpy(&told, entry + 1, sizeof told);
        event->timer_id = told.timer_id;
        event->timer_count = told.timer_count;
        event->data = told.data;
    }
    return true;
}

static inline void fetch_received(record *entry, const icn_loop *loop, iocpnet_event *event)
{
    icn_session_begin_event(entry->session, loop, IOCPNET_EVENT_RECEIVED, entry + 1, entry->payload, event);
}

/* With the mutex: behind the records that come before the next end that is due, in the first block. */
static const uint8_t *end_of_run(const icn_event_queue *queue, const icn_event_block *block)
{
    const icn_list_node *node = queue->ended.next;
    uint64_t bytes = block->published - block->read;
    if (node != &queue->ended) {
        const icn_session *session = ICN_CONTAINER(node, icn_session, loop_node);
        const uint64_t before_end = session->end.ended_at - icn_u64_load_relaxed(&queue->consumed);
        bytes = before_end < bytes ? before_end : bytes;
    }
    return block->bytes + block->read + bytes;
}

/*
 * With the mutex: the records that the first block has, at least one; returns how many events were stored. `link`: what the
 * next RECEIVED that is handed out is linked to.
 */
static ICN_APART uint32_t fetch_run(icn_event_queue *queue, iocpnet_event *events, uint32_t capacity,
                                    icn_event_record ***link)
{
    icn_event_block *block = queue->reading;
    uint8_t *const begin = block->bytes + block->read;
    const uint8_t *const end = end_of_run(queue, block);
    const icn_loop *loop = ((record *)(void *)begin)->session->loop;
    const iocpnet_event *const events_end = events + capacity;
    iocpnet_event *event = events;
    icn_event_record **last = *link;
    uint8_t *at = begin;
    do {
        record *entry = (record *)(void *)at;
        at += record_bytes(entry->payload);
        if (entry->kind != IOCPNET_EVENT_RECEIVED) {
            event += fetch_other(queue, entry, event) ? 1 : 0;
        } else if (!is_unwanted(entry->session)) {
            fetch_received(entry, loop, event++);
            *last = entry;
            last = &entry->next;
        }
    } while (event != events_end && at != end);
    *link = last;
    block->read += (uint32_t)(at - begin);
    icn_u64_count(&queue->consumed, (uint64_t)(at - begin));
    return (uint32_t)(event - events);
}

/* The next session whose end is due, or NULL. */
static icn_session *next_end(icn_event_queue *queue)
{
    icn_list_node *node = queue->ended.next;
    if (node == &queue->ended) {
        return NULL;
    }
    icn_session *session = ICN_CONTAINER(node, icn_session, loop_node);
    return session->end.ended_at <= icn_u64_load_relaxed(&queue->consumed) ? session : NULL;
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
