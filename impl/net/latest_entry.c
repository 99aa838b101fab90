#include "net/latest_entry.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "util/memory.h"

void icn_latest_pool_init(icn_latest_pool *pool)
{
    icn_mutex_init(&pool->mutex);
}

static void set_storage(icn_latest_entry *entry, uint8_t *storage, uint32_t bytes)
{
    icn_memory_release(entry->storage, entry->storage_bytes, ICN_MEMORY_SEND_BUFFER);
    entry->storage = storage;
    entry->storage_bytes = storage != NULL ? bytes : 0;
}

static void destroy(icn_latest_entry *entry)
{
    set_storage(entry, NULL, 0);
    icn_memory_release(entry, ICN_LATEST_ENTRY_BYTES, ICN_MEMORY_SEND_BUFFER);
}

void icn_latest_pool_fini(icn_latest_pool *pool)
{
    while (pool->spares != NULL) {
        icn_latest_entry *entry = pool->spares;
        pool->spares = entry->next[0];
        destroy(entry);
    }
    icn_mutex_fini(&pool->mutex);
}

static icn_latest_entry *take_spare(icn_latest_pool *pool)
{
    icn_mutex_lock(&pool->mutex);
    icn_latest_entry *entry = pool->spares;
    if (entry != NULL) {
        ICN_CHECK(pool->spare_count != 0);
        pool->spares = entry->next[0];
        pool->spare_count--;
    }
    icn_mutex_unlock(&pool->mutex);
    return entry;
}

static icn_latest_entry *create(icn_latest_pool *pool)
{
    icn_latest_entry *entry = icn_memory_allocate(ICN_LATEST_ENTRY_BYTES, ICN_MEMORY_SEND_BUFFER);
    if (entry != NULL) {
        *entry = (icn_latest_entry){.pool = pool, .chunk = {.kind = ICN_SEND_CHUNK_LATEST}};
    }
    return entry;
}

static uint32_t room_of(const icn_latest_entry *entry)
{
    return entry->storage != NULL ? entry->storage_bytes : ICN_LATEST_OWN_BYTES;
}

static uint8_t *data_of(icn_latest_entry *entry)
{
    return entry->storage != NULL ? entry->storage : (uint8_t *)(entry + 1);
}

icn_latest_entry *icn_latest_entry_acquire(icn_latest_pool *pool, uint32_t bytes)
{
    icn_latest_entry *entry = take_spare(pool);
    if (entry == NULL) {
        entry = create(pool);
    }
    if (entry != NULL && room_of(entry) < bytes) {
        uint8_t *storage = icn_memory_allocate(bytes, ICN_MEMORY_SEND_BUFFER);
        if (storage == NULL) {
            icn_latest_entry_recycle(entry);
            return NULL;
        }
        set_storage(entry, storage, bytes);
    }
    return entry;
}

void icn_latest_entry_recycle(icn_latest_entry *entry)
{
    if (entry == NULL) {
        return;
    }
    icn_latest_pool *pool = entry->pool;
    if (entry->storage_bytes > ICN_LATEST_STORAGE_KEPT) {
        set_storage(entry, NULL, 0);
    }
    entry->chunk = (icn_send_chunk){.kind = ICN_SEND_CHUNK_LATEST};
    icn_mutex_lock(&pool->mutex);
    bool kept = pool->spare_count < ICN_LATEST_SPARES_MAX;
    if (kept) {
        entry->next[0] = pool->spares;
        pool->spares = entry;
        pool->spare_count++;
    }
    icn_mutex_unlock(&pool->mutex);
    if (!kept) {
        destroy(entry);
    }
}

bool icn_latest_entry_fits(const icn_latest_entry *entry, uint32_t bytes)
{
    const uint32_t room = room_of(entry);
    return bytes <= room && (room <= ICN_LATEST_STORAGE_KEPT || bytes >= room / 2);
}

void icn_latest_entry_exchange_storage(icn_latest_entry *a, icn_latest_entry *b)
{
    uint8_t *storage = a->storage;
    uint32_t bytes = a->storage_bytes;
    ICN_CHECK(icn_latest_is_unbound(&a->chunk) && icn_latest_is_unbound(&b->chunk));
    a->storage = b->storage;
    a->storage_bytes = b->storage_bytes;
    b->storage = storage;
    b->storage_bytes = bytes;
}

void icn_latest_entry_write(icn_latest_entry *entry, const iocpnet_iovec *pieces, uint32_t count, uint32_t bytes)
{
    uint8_t *to = data_of(entry);
    ICN_CHECK(bytes <= room_of(entry));
    entry->size = bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].size != 0) {
            memcpy(to, pieces[i].data, (size_t)pieces[i].size);
            to += pieces[i].size;
        }
    }
    ICN_CHECK(to == data_of(entry) + bytes);
}

void icn_latest_entry_bind(icn_latest_entry *entry)
{
    ICN_CHECK(icn_latest_is_unbound(&entry->chunk) && entry->size != 0);
    entry->chunk.data = data_of(entry);
    /* No room behind it: nothing else is written there. */
    entry->chunk.capacity = entry->size;
    entry->chunk.end = entry->size;
}
