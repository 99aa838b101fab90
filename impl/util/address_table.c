#include "util/address_table.h"

#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "os/clock.h"
#include "os/thread.h"
#include "util/memory.h"

typedef struct entry {
    uint64_t key;
    icn_list_node idle; /* without sessions: in the table's list of those that may be forgotten */
    icn_bucket bucket;
    uint32_t sessions;
    icn_address_place next; /* of the same chain */
    uint32_t chain;
    uint8_t family; /* ICN_ADDRESS_NONE: not in use yet */
} entry;

struct icn_address_table {
    icn_mutex mutex;
    icn_address_limits limits;
    uint64_t secret; /* peers choose the keys, and are not to choose the chains */
    uint64_t sessions;
    uint32_t used;       /* entries that have been in use */
    uint32_t chains_max; /* a power of two */
    icn_list idle;       /* oldest first */
    entry *entries;
    icn_address_place chains[];
};

static uint32_t chains_for(uint32_t addresses)
{
    uint32_t chains = 16;
    while (chains < addresses) {
        chains *= 2;
    }
    return chains;
}

static size_t table_size(uint32_t chains)
{
    return sizeof(icn_address_table) + sizeof(icn_address_place) * chains;
}

static size_t entries_size(const icn_address_table *table)
{
    return sizeof(entry) * table->limits.addresses_max;
}

icn_address_table *icn_address_table_create(const icn_address_limits *limits, uint64_t now_ms)
{
    uint32_t chains = chains_for(limits->addresses_max);
    icn_address_table *table = icn_memory_allocate_zeroed(table_size(chains), ICN_MEMORY_SERVICE);
    ICN_CHECK(limits->addresses_max != 0);
    if (table == NULL) {
        return NULL;
    }
    table->limits = *limits;
    table->chains_max = chains;
    table->entries = icn_memory_allocate_zeroed(entries_size(table), ICN_MEMORY_SERVICE);
    if (table->entries == NULL) {
        icn_memory_release(table, table_size(chains), ICN_MEMORY_SERVICE);
        return NULL;
    }
    table->secret = icn_os_clock_us() * 0x9E3779B97F4A7C15u ^ (uintptr_t)table ^ now_ms << 32;
    icn_list_init(&table->idle);
    icn_mutex_init(&table->mutex);
    return table;
}

void icn_address_table_destroy(icn_address_table *table)
{
    if (table == NULL) {
        return;
    }
    ICN_CHECK(table->sessions == 0);
    icn_mutex_fini(&table->mutex);
    icn_memory_release(table->entries, entries_size(table), ICN_MEMORY_SERVICE);
    icn_memory_release(table, table_size(table->chains_max), ICN_MEMORY_SERVICE);
}

/* IPv4, also as mapped into IPv6: the address; else the network of the first 64 bits, which one customer has. */
static uint64_t key_of(const icn_address *address, uint8_t *family)
{
    uint64_t key = 0;
    bool mapped = icn_address_is_mapped(address);
    *family = mapped ? ICN_ADDRESS_IPV4 : address->family;
    if (*family == ICN_ADDRESS_IPV4) {
        memcpy(&key, address->ip + (mapped ? 12 : 0), 4);
    } else {
        memcpy(&key, address->ip, 8);
    }
    return key;
}

static uint32_t chain_of(const icn_address_table *table, uint64_t key)
{
    uint64_t mixed = (key ^ table->secret) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 29) * 0x94D049BB133111EBu;
    return (uint32_t)(mixed >> 32) & (table->chains_max - 1);
}

static entry *at(const icn_address_table *table, icn_address_place place)
{
    ICN_CHECK(place != 0 && place <= table->used);
    return &table->entries[place - 1];
}

static icn_address_place find(const icn_address_table *table, uint32_t chain, uint64_t key, uint8_t family)
{
    icn_address_place place = table->chains[chain];
    while (place != 0 && (at(table, place)->key != key || at(table, place)->family != family)) {
        place = at(table, place)->next;
    }
    return place;
}

static void unchain(icn_address_table *table, icn_address_place place)
{
    icn_address_place *link = &table->chains[at(table, place)->chain];
    while (*link != place) {
        link = &at(table, *link)->next;
    }
    *link = at(table, place)->next;
}

/* 0: every entry has sessions. */
static icn_address_place take_place(icn_address_table *table)
{
    if (table->used < table->limits.addresses_max) {
        return ++table->used;
    }
    icn_list_node *oldest = icn_list_take_first(&table->idle);
    if (oldest == NULL) {
        return 0;
    }
    icn_address_place place = (icn_address_place)(ICN_CONTAINER(oldest, entry, idle) - table->entries) + 1;
    unchain(table, place);
    return place;
}

static icn_address_place remember(icn_address_table *table, uint32_t chain, uint64_t key, uint8_t family,
                                  uint64_t now_ms)
{
    icn_address_place place = take_place(table);
    if (place == 0) {
        return 0;
    }
    entry *made = at(table, place);
    *made = (entry){.key = key, .family = family, .chain = chain, .next = table->chains[chain]};
    table->chains[chain] = place;
    icn_list_init(&made->idle);
    if (table->limits.rate.rate != 0) {
        icn_bucket_init(&made->bucket, &table->limits.rate, now_ms);
    }
    return place;
}

static icn_address_verdict judge(const icn_address_limits *limits, entry *of, uint64_t now_ms)
{
    if (limits->rate.rate != 0 && !icn_bucket_take(&of->bucket, &limits->rate, now_ms)) {
        return ICN_ADDRESS_IS_TOO_FAST;
    }
    bool full = limits->sessions_max != 0 && of->sessions >= limits->sessions_max;
    return full ? ICN_ADDRESS_HAS_TOO_MANY : ICN_ADDRESS_ADMITTED;
}

/* Without sessions it is the last that is forgotten. */
static void heard_of(icn_address_table *table, entry *of)
{
    icn_list_remove(&of->idle);
    if (of->sessions == 0) {
        icn_list_append(&table->idle, &of->idle);
    }
}

static icn_address_verdict admit(icn_address_table *table, icn_address_place place, uint64_t now_ms)
{
    entry *of = at(table, place);
    icn_address_verdict verdict = judge(&table->limits, of, now_ms);
    if (verdict == ICN_ADDRESS_ADMITTED) {
        of->sessions++;
        table->sessions++;
    }
    heard_of(table, of);
    return verdict;
}

icn_address_verdict icn_address_table_admit(icn_address_table *table, const icn_address *address, uint64_t now_ms,
                                            icn_address_place *place)
{
    icn_address_verdict verdict = ICN_ADDRESS_ADMITTED;
    uint8_t family;
    uint64_t key = key_of(address, &family);
    uint32_t chain = chain_of(table, key);
    icn_mutex_lock(&table->mutex);
    icn_address_place found = find(table, chain, key, family);
    if (found == 0) {
        found = remember(table, chain, key, family, now_ms);
    }
    if (found != 0) {
        verdict = admit(table, found, now_ms);
    }
    icn_mutex_unlock(&table->mutex);
    *place = verdict == ICN_ADDRESS_ADMITTED ? found : 0;
    return verdict;
}

void icn_address_table_leave(icn_address_table *table, icn_address_place place)
{
    if (place == 0) {
        return;
    }
    icn_mutex_lock(&table->mutex);
    entry *of = at(table, place);
    ICN_CHECK(of->sessions != 0 && table->sessions != 0);
    of->sessions--;
    table->sessions--;
    heard_of(table, of);
    icn_mutex_unlock(&table->mutex);
}

uint64_t icn_address_table_sessions(icn_address_table *table)
{
    icn_mutex_lock(&table->mutex);
    uint64_t sessions = table->sessions;
    icn_mutex_unlock(&table->mutex);
    return sessions;
}

uint32_t icn_address_table_addresses(icn_address_table *table)
{
    icn_mutex_lock(&table->mutex);
    uint32_t used = table->used;
    icn_mutex_unlock(&table->mutex);
    return used;
}
