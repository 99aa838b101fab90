/*
 * Framing: where messages begin and end in a stream of bytes. Pure: bytes in, a verdict out; nothing is kept and nothing is
 * allocated. Any thread.
 */
#ifndef ICN_NET_FRAMER_H
#define ICN_NET_FRAMER_H

#include <stdbool.h>
#include <stdint.h>

#include "iocpnet.h"

/* A length field ends within so many bytes of its message: what has to be there before a length is known. */
#define ICN_FRAMING_FIELD_END_MAX 16

/* As in iocpnet_framing, checked. */
typedef struct icn_framing {
    uint32_t kind; /* IOCPNET_FRAMING_* */
    uint32_t message_bytes_max;
    int32_t length_adjustment;
    uint8_t length_offset;
    uint8_t length_width;
    uint8_t header_bytes;
    uint8_t delimiter_bytes;
    bool big_endian;
    bool keep; /* header or delimiter are delivered, and come with what is sent */
    uint8_t delimiter[IOCPNET_FRAMING_DELIMITER_MAX];
} icn_framing;

typedef enum icn_frame_verdict {
    ICN_FRAME_PARTIAL = 0,
    ICN_FRAME_WHOLE,
    ICN_FRAME_TOO_LONG,
    ICN_FRAME_MALFORMED
} icn_frame_verdict;

/* What stands at the begin of some bytes. */
typedef struct icn_frame {
    icn_frame_verdict verdict;
    uint32_t
        bytes; /* WHOLE: of the stream, with header or delimiter. PARTIAL: look again at the latest when there are so many */
    uint32_t begin; /* WHOLE: what is delivered begins here */
    uint32_t size;  /* WHOLE: bytes that are delivered, perhaps none */
} icn_frame;

/* INVALID_ARGUMENT, with `framing` unchanged, or OK. */
int32_t icn_framing_read(const iocpnet_framing *options, icn_framing *framing);

/*
 * `count`: at least 1. `scanned`: 0 for a new message, else what the last look at its beginning stored; bytes that were
 * searched for the delimiter before.
 */
icn_frame icn_framing_look(const icn_framing *framing, const uint8_t *bytes, uint32_t count, uint32_t *scanned);

/* After PARTIAL of `have` bytes: how many of the `count` that follow are of the same message for sure, at least 1. */
uint32_t icn_framing_step(const icn_framing *framing, const icn_frame *partial, uint32_t have, const uint8_t *next,
                          uint32_t count);

/* A message as it is sent: its pieces, with bytes of the framing's own. Not to be copied. */
typedef struct icn_framed {
    iocpnet_iovec pieces[3];
    uint32_t count;
    uint64_t bytes; /* the sum of the pieces */
    uint8_t own[IOCPNET_FRAMING_HEADER_MAX];
} icn_framed;

/* TOO_LARGE: longer than the framing allows. INVALID_ARGUMENT: not one message. INVALID_STATE: no framing. */
int32_t icn_framing_wrap(const icn_framing *framing, const uint8_t *data, uint64_t size, icn_framed *framed);

#endif
