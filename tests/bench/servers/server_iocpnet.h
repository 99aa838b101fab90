/* The server over iocpnet, by its public API alone. */
#ifndef BENCH_SERVERS_SERVER_IOCPNET_H
#define BENCH_SERVERS_SERVER_IOCPNET_H

#include "common.h"
#include "iocpnet.h"

/* By IOCPNET_EVENT_*; NULL for what a mode does not look at. The same for callbacks and for batches. */
typedef struct iocpnet_handlers {
    void (*start)(const server_options *options, iocpnet_service service); /* or NULL */
    iocpnet_callback on[IOCPNET_EVENT_KIND_COUNT];
} iocpnet_handlers;

extern const iocpnet_handlers iocpnet_echo_handlers;
extern const iocpnet_handlers iocpnet_fanout_handlers;
extern const iocpnet_handlers iocpnet_tick_handlers;

/*
 * The session's user value. In a batch an event can stand beside CONNECTED: it was fetched before the value was set.
 */
static inline void *server_user_of(const iocpnet_event *event)
{
    void *user = event->user;

    if (user == NULL) {
        (void)iocpnet_session_get_user(event->session, &user);
    }
    return user;
}

/* Ends the process when `status` is an error. */
void server_must(int32_t status, const char *call);

#endif
