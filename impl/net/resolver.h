/*
 * Lookups of host names, on threads of their own: the system's resolver waits, and nothing can cut it short. A service has
 * one resolver, with few threads that are started as lookups need them and stay until it ends. Any thread.
 *
 * An answer goes to the session that asked, by its handle: one that has gone meanwhile is not disturbed by it.
 */
#ifndef ICN_NET_RESOLVER_H
#define ICN_NET_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/host_name.h"
#include "base/list.h"
#include "base/result.h"
#include "os/thread.h"

#define ICN_RESOLVER_THREADS_MAX 4
#define ICN_RESOLVER_LOOKUPS_MAX 1024 /* that are not answered yet; more are LIMIT_REACHED */
#define ICN_LOOKUP_ADDRESSES_MAX 16   /* of what the system finds, the first ones */

typedef struct icn_lookup {
    icn_list_node node; /* resolver->waiting */
    uint64_t session;   /* who asked */
    icn_result result;
    uint32_t count;
    icn_address addresses[ICN_LOOKUP_ADDRESSES_MAX]; /* without port, in the system's order */
    char name[ICN_HOST_NAME_SIZE];
} icn_lookup;

typedef struct icn_resolver {
    icn_mutex mutex;
    icn_condition changed;
    icn_list waiting;
    uint32_t lookup_count; /* made, and not answered or discarded */
    uint32_t thread_count;
    bool closed;
    icn_thread threads[ICN_RESOLVER_THREADS_MAX];
} icn_resolver;

void icn_resolver_init(icn_resolver *resolver);
void icn_resolver_fini(icn_resolver *resolver);

/*
 * No lookup is made or begun any more, and the threads are gone: waits for those that the system is busy with. No session
 * is left that could ask.
 */
void icn_resolver_end(icn_resolver *resolver);

/* A lookup, which is to be submitted or discarded. NO_MEMORY, LIMIT_REACHED, CLOSED, or why no thread can be started. */
icn_result icn_lookup_create(icn_resolver *resolver, const char *name, icn_lookup **created);
void icn_lookup_discard(icn_resolver *resolver, icn_lookup *lookup);

/* It is the resolver's, until icn_connector_answer hands it to the session. */
void icn_lookup_submit(icn_resolver *resolver, icn_lookup *lookup, uint64_t session);

/* Frees one that was answered. NULL is ignored. */
void icn_lookup_destroy(icn_lookup *lookup);

#endif
