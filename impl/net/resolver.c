#include "net/resolver.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "net/connector.h"
#include "net/test_hooks.h"
#include "util/live.h"
#include "util/memory.h"

void icn_resolver_init(icn_resolver *resolver)
{
    icn_mutex_init(&resolver->mutex);
    icn_condition_init(&resolver->changed);
    icn_list_init(&resolver->waiting);
}

void icn_resolver_fini(icn_resolver *resolver)
{
    ICN_CHECK(resolver->thread_count == 0 && icn_list_is_empty(&resolver->waiting));
    icn_condition_fini(&resolver->changed);
    icn_mutex_fini(&resolver->mutex);
}

void icn_lookup_destroy(icn_lookup *lookup)
{
    icn_memory_release(lookup, sizeof *lookup, ICN_MEMORY_SESSION);
}

/* Under the mutex. NULL: the resolver ends. */
static icn_lookup *wait_for_lookup(icn_resolver *resolver)
{
    while (!resolver->closed && icn_list_is_empty(&resolver->waiting)) {
        icn_condition_wait(&resolver->changed, &resolver->mutex);
    }
    icn_list_node *node = resolver->closed ? NULL : icn_list_take_first(&resolver->waiting);
    return node != NULL ? ICN_CONTAINER(node, icn_lookup, node) : NULL;
}

static void look_up(icn_lookup *lookup)
{
    ICN_CHECK(lookup->session != 0);
    lookup->result = icn_test_resolve(lookup->name, lookup->addresses, ICN_LOOKUP_ADDRESSES_MAX, &lookup->count);
    ICN_CHECK(lookup->count <= ICN_LOOKUP_ADDRESSES_MAX);
}

static void serve(void *argument)
{
    icn_resolver *resolver = argument;
    icn_lookup *lookup;
    icn_mutex_lock(&resolver->mutex);
    while ((lookup = wait_for_lookup(resolver)) != NULL) {
        icn_mutex_unlock(&resolver->mutex);
        look_up(lookup);
        icn_connector_answer(lookup);
        icn_mutex_lock(&resolver->mutex);
        resolver->lookup_count--;
    }
    icn_mutex_unlock(&resolver->mutex);
    icn_live_remove(ICN_LIVE_THREADS);
}

/* Under the mutex: one more thread, unless there is one for each lookup, or enough. */
static icn_result provide_thread(icn_resolver *resolver)
{
    if (resolver->thread_count == ICN_RESOLVER_THREADS_MAX || resolver->lookup_count <= resolver->thread_count) {
        return icn_ok();
    }
    icn_live_add(ICN_LIVE_THREADS);
    icn_result result = icn_thread_start(&resolver->threads[resolver->thread_count], "iocpnet-name", serve, resolver);
    if (result.status == IOCPNET_OK) {
        resolver->thread_count++;
        return result;
    }
    icn_live_remove(ICN_LIVE_THREADS);
    return resolver->thread_count != 0 ? icn_ok() : result;
}

/* Under the mutex. */
static icn_result admit(icn_resolver *resolver)
{
    if (resolver->closed) {
        return icn_failure(IOCPNET_E_CLOSED);
    }
    if (resolver->lookup_count == ICN_RESOLVER_LOOKUPS_MAX) {
        return icn_failure(IOCPNET_E_LIMIT_REACHED);
    }
    resolver->lookup_count++;
    icn_result result = provide_thread(resolver);
    if (result.status != IOCPNET_OK) {
        resolver->lookup_count--;
    }
    return result;
}

icn_result icn_lookup_create(icn_resolver *resolver, const char *name, icn_lookup **created)
{
    icn_lookup *lookup = icn_memory_allocate_zeroed(sizeof *lookup, ICN_MEMORY_SESSION);
    if (lookup == NULL) {
        return icn_failure(IOCPNET_E_NO_MEMORY);
    }
    ICN_CHECK(strlen(name) < sizeof lookup->name);
    memcpy(lookup->name, name, strlen(name) + 1);
    icn_mutex_lock(&resolver->mutex);
    icn_result result = admit(resolver);
    icn_mutex_unlock(&resolver->mutex);
    if (result.status != IOCPNET_OK) {
        icn_lookup_destroy(lookup);
        return result;
    }
    *created = lookup;
    return result;
}

void icn_lookup_discard(icn_resolver *resolver, icn_lookup *lookup)
{
    icn_mutex_lock(&resolver->mutex);
    ICN_CHECK(resolver->lookup_count != 0);
    resolver->lookup_count--;
    icn_mutex_unlock(&resolver->mutex);
    icn_lookup_destroy(lookup);
}

void icn_lookup_submit(icn_resolver *resolver, icn_lookup *lookup, uint64_t session)
{
    lookup->session = session;
    icn_mutex_lock(&resolver->mutex);
    ICN_CHECK(!resolver->closed);
    icn_list_append(&resolver->waiting, &lookup->node);
    icn_condition_signal_all(&resolver->changed);
    icn_mutex_unlock(&resolver->mutex);
}

/* With the mutex once: from then on no thread is started, and none begins with a lookup. */
static uint32_t shut(icn_resolver *resolver)
{
    icn_mutex_lock(&resolver->mutex);
    resolver->closed = true;
    icn_condition_signal_all(&resolver->changed);
    uint32_t count = resolver->thread_count;
    icn_mutex_unlock(&resolver->mutex);
    return count;
}

void icn_resolver_end(icn_resolver *resolver)
{
    icn_list_node *node;
    uint32_t count = shut(resolver);
    for (uint32_t i = 0; i < count; i++) {
        icn_thread_join(&resolver->threads[i]);
    }
    resolver->thread_count = 0;
    /* Nobody waits for these: their sessions have ended. */
    while ((node = icn_list_take_first(&resolver->waiting)) != NULL) {
        icn_lookup_destroy(ICN_CONTAINER(node, icn_lookup, node));
    }
}
