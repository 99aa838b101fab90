/*
 * Received bytes that a session keeps, because their message is not whole or has to wait. A few are kept without memory of
 * their own. Owner thread.
 */
#ifndef ICN_NET_RECEIVE_BUFFER_H
#define ICN_NET_RECEIVE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/framer.h"

/* Zero is empty. */
typedef struct icn_receive_buffer {
    uint8_t *memory;   /* NULL: the bytes are in `few` */
    uint32_t capacity; /* of memory */
    uint32_t begin;
    uint32_t end;
    uint8_t few[ICN_FRAMING_FIELD_END_MAX];
} icn_receive_buffer;

static inline uint32_t icn_receive_buffer_bytes(const icn_receive_buffer *buffer)
{
    return buffer->end - buffer->begin;
}

static inline const uint8_t *icn_receive_buffer_data(const icn_receive_buffer *buffer)
{
    return (buffer->memory != NULL ? buffer->memory : buffer->few) + buffer->begin;
}

/* `most`: bytes that it will probably hold at most. Memory grows with what is there. False: no memory, nothing changed. */
bool icn_receive_buffer_append(icn_receive_buffer *buffer, const uint8_t *data, uint32_t size, uint32_t most);
/* Drops bytes from the front. */
void icn_receive_buffer_consume(icn_receive_buffer *buffer, uint32_t bytes);
/* Drops everything, and frees the memory. */
void icn_receive_buffer_clear(icn_receive_buffer *buffer);

#endif
