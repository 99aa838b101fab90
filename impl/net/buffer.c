#include "net/buffer.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "iocpnet.h"
#include "util/handle.h"
#include "util/memory.h"

void icn_buffer_hold(icn_buffer *buffer)
{
    icn_u64_add(&buffer->references, 1);
}

void icn_buffer_drop(icn_buffer *buffer)
{
    /* Each drop releases what its thread read of the buffer, the last one acquires it all. */
    uint64_t before = icn_u64_subtract(&buffer->references, 1);
    ICN_CHECK(before != 0);
    if (before == 1) {
        icn_memory_release(buffer, sizeof *buffer + buffer->size, ICN_MEMORY_SEND_BUFFER);
    }
}

/* The handle's: no host knows the buffer any more. */
static void finalize(void *object)
{
    icn_buffer_drop(object);
}

int32_t icn_buffer_create(const void *data, uint32_t size, uint64_t *handle)
{
    icn_buffer *buffer = icn_memory_allocate(sizeof *buffer + size, ICN_MEMORY_SEND_BUFFER);
    if (buffer == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_u64_store_relaxed(&buffer->references, 1);
    icn_u32_store_relaxed(&buffer->holders, 1);
    buffer->size = size;
    buffer->data = (uint8_t *)(buffer + 1);
    if (size != 0) {
        memcpy(buffer->data, data, size);
    }
    int32_t status = icn_handle_create(ICN_HANDLE_BUFFER, buffer, finalize, &buffer->handle);
    if (status != IOCPNET_OK) {
        icn_buffer_drop(buffer);
        return status;
    }
    /* Before the maker's pin goes: whoever guessed the handle may have released the buffer already. */
    uint64_t made = buffer->handle;
    *handle = made;
    icn_handle_unpin(made);
    return IOCPNET_OK;
}

int32_t icn_buffer_retain(icn_buffer *buffer)
{
    uint32_t holders = icn_u32_load(&buffer->holders);
    do {
        if (holders == 0) {
            return IOCPNET_E_INVALID_HANDLE;
        }
        if (holders == UINT32_MAX) {
            return IOCPNET_E_LIMIT_REACHED;
        }
    } while (!icn_u32_replace(&buffer->holders, &holders, holders + 1));
    return IOCPNET_OK;
}

int32_t icn_buffer_release(icn_buffer *buffer)
{
    uint32_t holders = icn_u32_load(&buffer->holders);
    do {
        if (holders == 0) {
            return IOCPNET_E_INVALID_HANDLE;
        }
    } while (!icn_u32_replace(&buffer->holders, &holders, holders - 1));
    if (holders == 1) {
        icn_handle_retire(buffer->handle);
    }
    return IOCPNET_OK;
}
