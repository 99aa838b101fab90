/* The server over iocpnet, by its public API alone. */
#ifndef BENCH_SERVERS_SERVER_IOCPNET_H
#define BENCH_SERVERS_SERVER_IOCPNET_H

#include "common.h"
#include "iocpnet.h"

/* By IOCPNET_EVENT_*; NULL for what a mode does not look at. The same for callbacks and for batches. */
typedef struct iocpnet_handlers {
    iocpnet_callback on[IOCPNET_EVENT_KIND_COUNT];
} iocpnet_handlers;

extern const iocpnet_handlers iocpnet_echo_handlers;

/* Ends the process when `status` is an error. */
void server_must(int32_t status, const char *call);

#endif
