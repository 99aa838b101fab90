#include "net/receive_buffer.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "util/memory.h"

static uint32_t capacity_of(const icn_receive_buffer *buffer)
{
    return buffer->memory != NULL ? buffer->capacity : (uint32_t)sizeof buffer->few;
}

static uint8_t *memory_of(icn_receive_buffer *buffer)
{
    return buffer->memory != NULL ? buffer->memory : buffer->few;
}

static void move_to_front(icn_receive_buffer *buffer)
{
    uint8_t *memory = memory_of(buffer);
    memmove(memory, memory + buffer->begin, icn_receive_buffer_bytes(buffer));
    buffer->end -= buffer->begin;
    buffer->begin = 0;
}

/* Twice what is there, so that it is not copied for each piece; no more than is expected. */
static uint32_t capacity_for(uint32_t bytes, uint32_t most)
{
    const uint64_t twice = (uint64_t)bytes * 2;
    const uint32_t wanted = twice < most ? (uint32_t)twice : most;
    return wanted > bytes ? wanted : bytes;
}

static bool grow(icn_receive_buffer *buffer, uint32_t capacity)
{
    uint8_t *memory = icn_memory_allocate(capacity, ICN_MEMORY_RECEIVE_BUFFER);
    if (memory == NULL) {
        return false;
    }
    const uint32_t bytes = icn_receive_buffer_bytes(buffer);
    memcpy(memory, icn_receive_buffer_data(buffer), bytes);
    icn_memory_release(buffer->memory, buffer->capacity, ICN_MEMORY_RECEIVE_BUFFER);
    buffer->memory = memory;
    buffer->capacity = capacity;
    buffer->begin = 0;
    buffer->end = bytes;
    return true;
}

bool icn_receive_buffer_append(icn_receive_buffer *buffer, const uint8_t *data, uint32_t size, uint32_t most)
{
    const uint64_t bytes = (uint64_t)icn_receive_buffer_bytes(buffer) + size;
    ICN_CHECK(size != 0);
    if (bytes > UINT32_MAX) {
        return false;
    }
    if (bytes > capacity_of(buffer)) {
        if (!grow(buffer, capacity_for((uint32_t)bytes, most))) {
            return false;
        }
    } else if (buffer->end + size > capacity_of(buffer)) {
        move_to_front(buffer);
    }
    memcpy(memory_of(buffer) + buffer->end, data, size);
    buffer->end += size;
    return true;
}

void icn_receive_buffer_consume(icn_receive_buffer *buffer, uint32_t bytes)
{
    ICN_CHECK(bytes <= icn_receive_buffer_bytes(buffer));
    buffer->begin += bytes;
    if (buffer->begin == buffer->end) {
        buffer->begin = 0;
        buffer->end = 0;
    }
}

void icn_receive_buffer_clear(icn_receive_buffer *buffer)
{
    icn_memory_release(buffer->memory, buffer->capacity, ICN_MEMORY_RECEIVE_BUFFER);
    buffer->memory = NULL;
    buffer->capacity = 0;
    buffer->begin = 0;
    buffer->end = 0;
}
