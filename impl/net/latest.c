#include "net/latest.h"

#include <stddef.h>

#include "base/check.h"
#include "net/budget.h"
#include "net/extension.h"
#include "net/session.h"

/* Bytes at the front of a queue that are bound together: enough for one send, and little that is late. */
#define WINDOW_BYTES 16384

/* What is to be put, and what there is for it so far. */
typedef struct icn_latest_put {
    uint64_t key;
    const iocpnet_iovec *pieces;
    uint32_t count;
    uint32_t bytes;
    uint64_t reserved;        /* in the queue; what is left of it at the end is given back */
    uint64_t missing;         /* of that */
    icn_latest_entry *spare;  /* NULL: none */
    icn_latest_entry *placed; /* a new one; NULL: none was needed */
    bool begun;               /* the inbox was empty before */
} icn_latest_put;

typedef enum icn_latest_outcome {
    PUT_NEW,
    PUT_IN_PLACE,
    PUT_NEEDS_ROOM,
    PUT_NEEDS_ENTRY,
    PUT_NEEDS_RECORD, /* of the inbox */
    PUT_TOO_LATE
} icn_latest_outcome;

/* Of the queue's limit. */
static uint64_t cost_of(uint32_t bytes)
{
    return (uint64_t)bytes + ICN_LATEST_ENTRY_BYTES;
}

/* ---- the table; under the mutex ---- */

/* The link that leads to the entry of the key, or to NULL where it belongs. */
static icn_latest_entry **find(icn_latest *latest, uint64_t key)
{
    /* No two keys are the same after this, and those in a row are far from each other. */
    uint64_t mixed = key * 0x9E3779B97F4A7C15u;
    icn_latest_entry **link = &latest->root;
    while (*link != NULL && (*link)->key != key) {
        link = &(*link)->next[mixed >> 62];
        mixed <<= 2;
    }
    return link;
}

/* The link to an entry right below this one; NULL: there is none. */
static icn_latest_entry **find_branch(icn_latest_entry *entry)
{
    for (uint32_t i = 0; i < ICN_LATEST_BRANCHES; i++) {
        if (entry->next[i] != NULL) {
            return &entry->next[i];
        }
    }
    return NULL;
}

/* The link to one further below that has nothing below itself; NULL: there is none. */
static icn_latest_entry **find_leaf(icn_latest_entry *entry)
{
    icn_latest_entry **leaf = find_branch(entry);
    while (leaf != NULL && find_branch(*leaf) != NULL) {
        leaf = find_branch(*leaf);
    }
    return leaf;
}

/* What is below an entry may stand in its place: it has the same bits up to there. */
static void take_out(icn_latest *latest, icn_latest_entry *entry)
{
    icn_latest_entry **link = find(latest, entry->key);
    icn_latest_entry **leaf = find_leaf(entry);
    icn_latest_entry *heir = NULL;
    ICN_CHECK(*link == entry);
    if (leaf != NULL) {
        heir = *leaf;
        *leaf = NULL;
        for (uint32_t i = 0; i < ICN_LATEST_BRANCHES; i++) {
            heir->next[i] = entry->next[i];
        }
    }
    *link = heir;
}

/* ---- sending; any thread ---- */

/* Under the mutex. `replaced`: bytes, 0: none were. */
static void count_put(icn_latest_pool *pool, uint32_t bytes, uint32_t replaced)
{
    icn_u64_count(&pool->sends, 1);
    icn_u64_count(&pool->bytes, bytes);
    if (replaced != 0) {
        icn_u64_count(&pool->replaced, 1);
        icn_u64_count(&pool->bytes_replaced, replaced);
    }
}

/* Under the mutex: the older message keeps its place. */
static icn_latest_outcome replace(icn_latest_entry *present, icn_latest_put *put)
{
    if (!icn_latest_entry_fits(present, put->bytes)) {
        icn_latest_entry_exchange_storage(present, put->spare);
    }
    icn_latest_entry_write(present, put->pieces, put->count, put->bytes);
    return PUT_IN_PLACE;
}

/* Under the mutex: a place of its own, behind what was sent before. The owner takes that itself. */
static icn_latest_outcome insert(icn_session *session, icn_latest_entry **link, icn_latest_put *put)
{
    icn_latest_entry *entry = put->spare;
    int32_t status = IOCPNET_OK;
    if (!icn_loop_is_mine(session->loop)) {
        status = icn_inbox_try_put_chunk(&session->loop->inbox, &session->send_queue, &entry->chunk, &put->begun);
    }
    if (status != IOCPNET_OK) {
        return status == IOCPNET_E_CLOSED ? PUT_TOO_LATE : PUT_NEEDS_RECORD;
    }
    entry->key = put->key;
    for (uint32_t i = 0; i < ICN_LATEST_BRANCHES; i++) {
        entry->next[i] = NULL;
    }
    icn_latest_entry_write(entry, put->pieces, put->count, put->bytes);
    *link = entry;
    put->placed = entry;
    put->spare = NULL;
    return PUT_NEW;
}

/* Under the mutex. What is missing changes nothing. */
static icn_latest_outcome put_into(icn_session *session, icn_latest *latest, icn_latest_put *put)
{
    icn_latest_entry **link = find(latest, put->key);
    icn_latest_entry *present = *link;
    const uint64_t there = put->reserved + (present != NULL ? cost_of(present->size) : 0);
    const uint64_t cost = cost_of(put->bytes);
    if (cost > there) {
        put->missing = cost - there;
        return PUT_NEEDS_ROOM;
    }
    if (put->spare == NULL && (present == NULL || !icn_latest_entry_fits(present, put->bytes))) {
        return PUT_NEEDS_ENTRY;
    }
    const uint32_t replaced = present != NULL ? present->size : 0;
    const icn_latest_outcome outcome = present != NULL ? replace(present, put) : insert(session, link, put);
    if (outcome <= PUT_IN_PLACE) {
        put->reserved = there - cost;
        count_put(&session->loop->latest, put->bytes, replaced);
    }
    return outcome;
}

static icn_latest_outcome try_put(icn_session *session, icn_latest_put *put)
{
    icn_mutex *mutex = &session->loop->latest.mutex;
    icn_latest_outcome outcome = PUT_TOO_LATE;
    icn_mutex_lock(mutex);
    /* Under the mutex, which the owner takes between ending an extension and freeing it. */
    icn_extension *extension = icn_extension_now(session);
    if (extension != NULL) {
        outcome = put_into(session, &extension->latest, put);
    }
    icn_mutex_unlock(mutex);
    return outcome;
}

/* IOCPNET_OK: it is there now. */
static int32_t provide(icn_session *session, icn_latest_put *put, icn_latest_outcome needed)
{
    int32_t status = IOCPNET_E_CLOSED;
    if (needed == PUT_NEEDS_ROOM) {
        status = icn_session_reserve(session, put->missing);
        put->reserved += status == IOCPNET_OK ? put->missing : 0;
    } else if (needed == PUT_NEEDS_ENTRY) {
        put->spare = icn_latest_entry_acquire(&session->loop->latest, put->bytes);
        status = put->spare != NULL ? IOCPNET_OK : IOCPNET_E_NO_MEMORY;
    } else if (needed == PUT_NEEDS_RECORD) {
        status = icn_inbox_provide(&session->loop->inbox);
    }
    return status;
}

static int32_t put_message(icn_session *session, icn_latest_put *put)
{
    int32_t status = IOCPNET_OK;
    icn_latest_outcome outcome;
    do {
        outcome = try_put(session, put);
        if (outcome > PUT_IN_PLACE) {
            status = provide(session, put, outcome);
        }
    } while (outcome > PUT_IN_PLACE && status == IOCPNET_OK);
    icn_latest_entry_recycle(put->spare);
    if (put->reserved != 0) {
        icn_session_give_up(session, put->reserved);
    }
    return status;
}

/* Behind what was sent before, which is in the queue by then. */
static int32_t put_by_owner(icn_session *session, icn_latest_put *put)
{
    icn_sessions_collect(session->loop);
    if (!icn_session_keep_reply(session)) {
        return IOCPNET_E_NO_MEMORY;
    }
    const int32_t status = put_message(session, put);
    if (put->placed != NULL) {
        icn_send_queue_append_chunk(&session->send_queue, &put->placed->chunk);
        session->late = true;
        icn_session_flush_with_turn(session);
    }
    return status;
}

static int32_t put_by_other(icn_session *session, icn_latest_put *put)
{
    const int32_t status = put_message(session, put);
    if (put->begun) {
        icn_loop_kick_inbox(session->loop);
    }
    return status;
}

int32_t icn_latest_send(icn_session *session, uint64_t key, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes)
{
    const icn_roster *roster = session->loop->roster;
    const int32_t status = icn_extension_make(session);
    if (status != IOCPNET_OK || bytes == 0) {
        return status;
    }
    if (bytes > UINT32_MAX || cost_of((uint32_t)bytes) > roster->send_queue_bytes_max) {
        return IOCPNET_E_TOO_LARGE;
    }
    icn_latest_put put = {.key = key, .pieces = pieces, .count = count, .bytes = (uint32_t)bytes};
    return icn_loop_is_mine(session->loop) ? put_by_owner(session, &put) : put_by_other(session, &put);
}

/* ---- the queue; owner thread ---- */

/* Under the mutex, but once the session has ended. */
static void bind(icn_latest *latest, icn_send_chunk *chunk)
{
    icn_latest_entry *entry = ICN_CONTAINER(chunk, icn_latest_entry, chunk);
    take_out(latest, entry);
    icn_latest_entry_bind(entry);
}

uint32_t icn_latest_bind(icn_session *session, uint32_t count_max)
{
    icn_extension *extension = icn_extension_now(session);
    icn_latest_pool *pool = &session->loop->latest;
    icn_send_chunk *chunk = session->send_queue.last;
    uint64_t bytes = 0;
    uint64_t given_back = 0;
    uint32_t count = 0;
    ICN_CHECK(session->late && extension != NULL);
    if (chunk == NULL) {
        /* All places are still in the inbox. */
        return 0;
    }
    icn_mutex_lock(&pool->mutex);
    do {
        chunk = chunk->next;
        if (icn_latest_is_unbound(chunk)) {
            if (bytes >= WINDOW_BYTES) {
                break;
            }
            bind(&extension->latest, chunk);
            given_back += ICN_LATEST_ENTRY_BYTES;
        }
        bytes += chunk->end - chunk->begin;
        count++;
    } while (count < count_max && chunk != session->send_queue.last);
    session->late = extension->latest.root != NULL;
    icn_mutex_unlock(&pool->mutex);
    icn_session_give_back(session, given_back);
    return count;
}

void icn_latest_end(icn_session *session, icn_extension *extension)
{
    icn_latest *latest = &extension->latest;
    icn_latest_pool *pool = &session->loop->latest;
    uint64_t given_back = 0;
    ICN_CHECK(icn_extension_now(session) == NULL);
    /* Whoever found the extension has left it when this is locked, and nobody finds it any more: all places are known. */
    icn_mutex_lock(&pool->mutex);
    icn_mutex_unlock(&pool->mutex);
    if (latest->root != NULL) {
        icn_sessions_collect(session->loop);
    }
    icn_send_chunk *chunk = session->send_queue.last;
    while (latest->root != NULL) {
        chunk = chunk->next;
        if (icn_latest_is_unbound(chunk)) {
            bind(latest, chunk);
            given_back += ICN_LATEST_ENTRY_BYTES;
        }
    }
    session->late = false;
    icn_session_give_back(session, given_back);
}
