#include "net/framer.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

static bool length_is_valid(const iocpnet_framing *options)
{
    const uint32_t width = options->length_width;
    return (width == 1 || width == 2 || width == 4) && options->length_offset <= ICN_FRAMING_FIELD_END_MAX - width &&
           options->header_bytes >= options->length_offset + width &&
           options->header_bytes <= IOCPNET_FRAMING_HEADER_MAX;
}

static bool delimiter_is_valid(const iocpnet_framing *options)
{
    const uint32_t bytes = options->delimiter_bytes;
    return bytes >= 1 && bytes <= IOCPNET_FRAMING_DELIMITER_MAX;
}

/* Bytes at least of each message that is delivered. */
static uint32_t shortest(const iocpnet_framing *options)
{
    if ((options->flags & IOCPNET_FRAMING_KEEP) == 0 || options->kind == IOCPNET_FRAMING_STREAM) {
        return 1;
    }
    return options->kind == IOCPNET_FRAMING_LENGTH ? options->header_bytes : options->delimiter_bytes;
}

static bool is_valid(const iocpnet_framing *options)
{
    const uint32_t flags = IOCPNET_FRAMING_BIG_ENDIAN | IOCPNET_FRAMING_KEEP;
    if ((options->flags & ~flags) != 0 || options->reserved != 0) {
        return false;
    }
    switch (options->kind) {
    case IOCPNET_FRAMING_NONE:
        return true;
    case IOCPNET_FRAMING_STREAM:
        break;
    case IOCPNET_FRAMING_LENGTH:
        if (!length_is_valid(options)) {
            return false;
        }
        break;
    case IOCPNET_FRAMING_DELIMITER:
        if (!delimiter_is_valid(options)) {
            return false;
        }
        break;
    default:
        return false;
    }
    return options->message_bytes_max >= shortest(options) && options->message_bytes_max <= IOCPNET_FRAMING_MESSAGE_MAX;
}

int32_t icn_framing_read(const iocpnet_framing *options, icn_framing *framing)
{
    if (!is_valid(options)) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    *framing = (icn_framing){.kind = options->kind,
                             .message_bytes_max = options->message_bytes_max,
                             .length_adjustment = options->length_adjustment,
                             .length_offset = (uint8_t)options->length_offset,
                             .length_width = (uint8_t)options->length_width,
                             .header_bytes = (uint8_t)options->header_bytes,
                             .delimiter_bytes = (uint8_t)options->delimiter_bytes,
                             .big_endian = (options->flags & IOCPNET_FRAMING_BIG_ENDIAN) != 0,
                             .keep = (options->flags & IOCPNET_FRAMING_KEEP) != 0};
    memcpy(framing->delimiter, options->delimiter, sizeof framing->delimiter);
    return IOCPNET_OK;
}

static uint32_t read_field(const icn_framing *framing, const uint8_t *field)
{
    const uint32_t width = framing->length_width;
    uint32_t value = 0;
    for (uint32_t i = 0; i < width; i++) {
        value = value << 8 | field[framing->big_endian ? i : width - 1 - i];
    }
    return value;
}

static void write_field(const icn_framing *framing, uint32_t value, uint8_t *field)
{
    const uint32_t width = framing->length_width;
    for (uint32_t i = 0; i < width; i++) {
        field[framing->big_endian ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
    }
}

static inline icn_frame verdict_of(icn_frame_verdict verdict)
{
    return (icn_frame){.verdict = verdict};
}

static inline icn_frame partial_of(uint32_t bytes)
{
    return (icn_frame){.verdict = ICN_FRAME_PARTIAL, .bytes = bytes};
}

static icn_frame look_for_length(const icn_framing *framing, const uint8_t *bytes, uint32_t count)
{
    const uint32_t field_end = (uint32_t)framing->length_offset + framing->length_width;
    const uint32_t header = framing->header_bytes;
    if (count < field_end) {
        return partial_of(field_end);
    }
    /* 64 bits: no field and no adjustment overflows. */
    const int64_t body = (int64_t)read_field(framing, bytes + framing->length_offset) + framing->length_adjustment;
    if (body < 0) {
        return verdict_of(ICN_FRAME_MALFORMED);
    }
    const uint32_t begin = framing->keep ? 0 : header;
    if (body + header - begin > (int64_t)framing->message_bytes_max) {
        return verdict_of(ICN_FRAME_TOO_LONG);
    }
    const uint32_t all = header + (uint32_t)body;
    if (count < all) {
        return partial_of(all);
    }
    return (icn_frame){.verdict = ICN_FRAME_WHOLE, .bytes = all, .begin = begin, .size = all - begin};
}

/* The first delimiter that is whole, or NULL. */
static const uint8_t *find_delimiter(const icn_framing *framing, const uint8_t *bytes, uint32_t count)
{
    const uint32_t width = framing->delimiter_bytes;
    while (count >= width) {
        const uint8_t *found = memchr(bytes, framing->delimiter[0], count - width + 1);
        if (found == NULL || memcmp(found, framing->delimiter, width) == 0) {
            return found;
        }
        count -= (uint32_t)(found + 1 - bytes);
        bytes = found + 1;
    }
    return NULL;
}

/* Of the stream, with the delimiter. */
static uint32_t delimited_max(const icn_framing *framing)
{
    return framing->message_bytes_max + (framing->keep ? 0 : framing->delimiter_bytes);
}

static icn_frame look_for_delimiter(const icn_framing *framing, const uint8_t *bytes, uint32_t count, uint32_t *scanned)
{
    const uint32_t width = framing->delimiter_bytes;
    const uint32_t most = delimited_max(framing);
    /* What stands behind the longest message is not looked at: so it does not matter how the stream is cut. */
    const uint32_t visible = count < most ? count : most;
    ICN_CHECK(*scanned <= visible);
    const uint8_t *found = find_delimiter(framing, bytes + *scanned, visible - *scanned);
    if (found != NULL) {
        const uint32_t content = (uint32_t)(found - bytes);
        return (icn_frame){
            .verdict = ICN_FRAME_WHOLE, .bytes = content + width, .size = framing->keep ? content + width : content};
    }
    if (visible == most) {
        return verdict_of(ICN_FRAME_TOO_LONG);
    }
    *scanned = visible >= width ? visible - (width - 1) : 0;
    return partial_of(most);
}

icn_frame icn_framing_look(const icn_framing *framing, const uint8_t *bytes, uint32_t count, uint32_t *scanned)
{
    ICN_CHECK(count != 0);
    switch (framing->kind) {
    case IOCPNET_FRAMING_LENGTH:
        return look_for_length(framing, bytes, count);
    case IOCPNET_FRAMING_DELIMITER:
        return look_for_delimiter(framing, bytes, count, scanned);
    default:
        return (icn_frame){.verdict = ICN_FRAME_WHOLE, .bytes = count, .size = count};
    }
}

uint32_t icn_framing_step(const icn_framing *framing, const icn_frame *partial, uint32_t have, const uint8_t *next,
                          uint32_t count)
{
    ICN_CHECK(partial->verdict == ICN_FRAME_PARTIAL && have < partial->bytes && count != 0);
    const uint32_t most = partial->bytes - have;
    const uint32_t step = count < most ? count : most;
    if (framing->kind != IOCPNET_FRAMING_DELIMITER) {
        return step;
    }
    /* A delimiter ends with its last byte, so the message goes on at least up to the next one of these. */
    const uint8_t *last = memchr(next, framing->delimiter[framing->delimiter_bytes - 1], step);
    return last != NULL ? (uint32_t)(last + 1 - next) : step;
}

static void add_piece(icn_framed *framed, const void *data, uint64_t size)
{
    framed->pieces[framed->count++] = (iocpnet_iovec){.size = size, .data = data};
    framed->bytes += size;
}

static void wrap_with_header(const icn_framing *framing, const uint8_t *data, uint64_t size, uint32_t value,
                             icn_framed *framed)
{
    const uint32_t offset = framing->length_offset;
    const uint32_t width = framing->length_width;
    if (framing->keep) {
        write_field(framing, value, framed->own);
        add_piece(framed, data, offset);
        add_piece(framed, framed->own, width);
        add_piece(framed, data + offset + width, size - offset - width);
    } else {
        memset(framed->own, 0, framing->header_bytes);
        write_field(framing, value, framed->own + offset);
        add_piece(framed, framed->own, framing->header_bytes);
        add_piece(framed, data, size);
    }
}

static int32_t wrap_length(const icn_framing *framing, const uint8_t *data, uint64_t size, icn_framed *framed)
{
    const uint64_t header = framing->keep ? framing->header_bytes : 0;
    if (size < header) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    const int64_t value = (int64_t)(size - header) - framing->length_adjustment;
    if (value < 0) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    if (value >> 8 * framing->length_width != 0) {
        return IOCPNET_E_TOO_LARGE;
    }
    wrap_with_header(framing, data, size, (uint32_t)value, framed);
    return IOCPNET_OK;
}

/* True when the first delimiter in the message, with its own behind it, is that one. */
static bool is_one_message(const icn_framing *framing, const uint8_t *content, uint32_t size)
{
    const uint32_t width = framing->delimiter_bytes;
    uint8_t joint[2 * IOCPNET_FRAMING_DELIMITER_MAX];
    const uint32_t tail = size < width - 1 ? size : width - 1;
    if (size != 0 && find_delimiter(framing, content, size) != NULL) {
        return false;
    }
    if (tail != 0) {
        memcpy(joint, content + size - tail, tail);
    }
    memcpy(joint + tail, framing->delimiter, width);
    return find_delimiter(framing, joint, tail + width) == joint + tail;
}

static int32_t wrap_delimited(const icn_framing *framing, const uint8_t *data, uint64_t size, icn_framed *framed)
{
    const uint32_t width = framing->delimiter_bytes;
    uint32_t content = (uint32_t)size;
    if (framing->keep) {
        if (size < width || memcmp(data + size - width, framing->delimiter, width) != 0) {
            return IOCPNET_E_INVALID_ARGUMENT;
        }
        content -= width;
    }
    if (!is_one_message(framing, data, content)) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    memcpy(framed->own, framing->delimiter, width);
    add_piece(framed, data, content);
    add_piece(framed, framed->own, width);
    return IOCPNET_OK;
}

int32_t icn_framing_wrap(const icn_framing *framing, const uint8_t *data, uint64_t size, icn_framed *framed)
{
    framed->count = 0;
    framed->bytes = 0;
    if (framing->kind != IOCPNET_FRAMING_LENGTH && framing->kind != IOCPNET_FRAMING_DELIMITER) {
        return IOCPNET_E_INVALID_STATE;
    }
    if (size > framing->message_bytes_max) {
        return IOCPNET_E_TOO_LARGE;
    }
    return framing->kind == IOCPNET_FRAMING_LENGTH ? wrap_length(framing, data, size, framed)
                                                   : wrap_delimited(framing, data, size, framed);
}
