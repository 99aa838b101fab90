/*
 * Bytes that many sessions send without a copy for each: written once, then shared by the host, by inboxes and by send
 * queues, and freed when the last of them has let go. Any thread.
 */
#ifndef ICN_NET_BUFFER_H
#define ICN_NET_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

typedef struct icn_buffer {
    uint64_t handle;
    icn_atomic_u64
        references;         /* one of the handle, as long as it is known, and one for each place that has to send it */
    icn_atomic_u32 holders; /* in the host: create and retain less release; the handle ends with the last one */
    uint32_t size;
    uint8_t *data; /* behind this */
} icn_buffer;

/* With a copy of the bytes and one holder. Returns IOCPNET_OK, IOCPNET_E_NO_MEMORY or IOCPNET_E_LIMIT_REACHED. */
int32_t icn_buffer_create(const void *data, uint32_t size, uint64_t *handle);

/* For the host; the caller has a pin. IOCPNET_OK, IOCPNET_E_INVALID_HANDLE when the last holder was faster, or
 * IOCPNET_E_LIMIT_REACHED. */
int32_t icn_buffer_retain(icn_buffer *buffer);
int32_t icn_buffer_release(icn_buffer *buffer);

/* One more place that has it to send; the caller has a pin or such a place itself. */
void icn_buffer_hold(icn_buffer *buffer);
/* The last one frees the buffer. */
void icn_buffer_drop(icn_buffer *buffer);

#endif
