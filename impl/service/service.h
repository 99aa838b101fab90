/*
 * A service: its dispatchers, its callbacks, and its life: CREATED -> RUNNING -> STOPPING -> STOPPED -> destroyed.
 * The state changes under the mutex; any thread may read it. The service is freed by the one thread that destroys it, once
 * no handle of it, its sessions or its listeners is pinned any more.
 */
#ifndef ICN_SERVICE_SERVICE_H
#define ICN_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/result.h"
#include "net/roster.h"
#include "os/thread.h"

typedef struct icn_service icn_service;
struct icn_buffer;
struct icn_dispatcher;

typedef struct icn_callback {
    iocpnet_callback function;
    void *user;
} icn_callback;

struct icn_service {
    icn_roster roster;
    iocpnet_service_options options;
    uint32_t port; /* IOCPNET_PORT_*, the one in use */
    icn_result port_refused;
    struct icn_dispatcher *dispatchers;
    icn_callback callbacks[IOCPNET_EVENT_KIND_COUNT]; /* under the mutex until started, then constant */

    icn_mutex mutex;
    icn_condition changed;     /* state */
    icn_atomic_u32 state;      /* IOCPNET_SERVICE_* */
    bool starting;             /* under the mutex: a thread is inside start */
    bool started;              /* under the mutex: it has been RUNNING */
    icn_atomic_u32 destroying; /* 1 once destroy was called; written under the destroy mutex */
    bool finalized;            /* under the destroy mutex: no pins are left */
    bool destroyed_due;        /* under the destroy mutex: a callback was promised SERVICE_DESTROYED */
};

/* `options` were checked and completed. Errors as iocpnet_service_create. */
icn_result icn_service_create(const iocpnet_service_options *options, uint64_t *handle);

int32_t icn_service_set_callback(icn_service *service, uint32_t kind, iocpnet_callback function, void *user);

/* IOCPNET_OK, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED or IOCPNET_E_TOO_LARGE. */
int32_t icn_service_check_broadcast(const icn_service *service, const struct icn_buffer *buffer);

icn_result icn_service_start(icn_service *service);

/* Frees everything. Nobody uses the service any more (service_destroy.c). */
void icn_service_free(icn_service *service);

/* Threads end, with what they were told before. STOPPED, driving by the library; once. */
void icn_service_join_threads(icn_service *service);

/* ---- service_stop.c ---- */

/* IOCPNET_OK with the result, or IOCPNET_PENDING. */
int32_t icn_service_stop(icn_service *service, uint32_t drain_ms, iocpnet_stop_result *result);
/* The roster's: the last hold was dropped. */
void icn_service_stopped(icn_roster *roster);
/* Tells the loops to stop; the first call decides. True when the service had never been started. */
bool icn_service_begin_stop(icn_service *service, uint32_t drain_ms);
/* Stops it at once, also when it is draining already. */
void icn_service_abort(icn_service *service);
void icn_service_wait_stopped(icn_service *service);
/* Drives all dispatchers on the calling thread until the service is STOPPED. */
void icn_service_drive_until_stopped(icn_service *service);

/* ---- service_destroy.c ---- */

/* The caller's pin of the service is dropped in here. IOCPNET_OK, IOCPNET_PENDING or IOCPNET_E_NO_MEMORY. */
icn_result icn_service_destroy(icn_service *service);
/* The handle's: no pins are left. */
void icn_service_finalized(void *object);

static inline uint32_t icn_service_state(const icn_service *service)
{
    return icn_u32_load(&service->state);
}

#endif
