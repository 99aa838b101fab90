/*
 * What a conditioner decides: when bytes that came, or are to leave, may go on. Pure: the time and the number of bytes in, a
 * time out; the same seed and the same input give the same decisions. Owner thread.
 *
 * A lane is one direction of a session. Its pieces keep their order and are few: bytes that would go on within a small part
 * of the longest delay are one piece, so that a lane is of constant size however much is in it.
 */
#ifndef ICN_NET_LANE_H
#define ICN_NET_LANE_H

#include <stdbool.h>
#include <stdint.h>

/* Of iocpnet_conditioner, checked. */
#define ICN_LANE_US_MAX UINT32_C(60000000)
#define ICN_LANE_RATE_MAX (UINT64_C(1) << 40)
#define ICN_LANE_PPM UINT32_C(1000000)

/* Zero: everything goes on at once. */
typedef struct icn_lane_rules {
    uint64_t bytes_per_s; /* 0: no cap */
    uint32_t delay_us;
    uint32_t jitter_us;
    uint32_t stall_ppm;
    uint32_t stall_us;
    uint32_t coalesce_us;
    uint32_t fragment_bytes; /* 0: as many as there are */
    uint32_t reset_ppm;
} icn_lane_rules;

#define ICN_LANE_PIECES 64
#define ICN_LANE_NEVER UINT64_MAX

/* Bytes that go on together: all of them no sooner than asked, for the last one decides. */
typedef struct icn_lane_piece {
    uint64_t first_us; /* when the first of them was due */
    uint64_t due_us;
    uint32_t bytes;
} icn_lane_piece;

typedef struct icn_lane {
    uint64_t random;          /* state of the generator */
    uint64_t bytes;           /* of all pieces */
    uint64_t due_us;          /* of the last piece ever: nothing overtakes */
    uint64_t gathers_until;   /* what comes before goes on with the last piece */
    uint64_t spent_until;     /* the capacity before is used, or was not, which is lost */
    uint64_t spent_remainder; /* and this much of it behind: microseconds * bytes_per_s */
    uint32_t first;
    uint32_t count;
    icn_lane_piece pieces[ICN_LANE_PIECES];
} icn_lane;

void icn_lane_init(icn_lane *lane, uint64_t seed);
/* Bytes came. False: the connection is to be reset instead. */
bool icn_lane_accept(icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us, uint32_t bytes);
/* When the end of a stream that came now goes on, once the lane is empty. */
uint64_t icn_lane_end_us(const icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us);
/* Bytes that may go on now as one piece. */
uint32_t icn_lane_due(const icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us);
/* Bytes at the front have gone on, whether they were due or not. */
void icn_lane_take(icn_lane *lane, const icn_lane_rules *rules, uint64_t bytes);
/* When bytes may go on, perhaps long ago; ICN_LANE_NEVER: there are none. */
uint64_t icn_lane_next_us(const icn_lane *lane, const icn_lane_rules *rules);
/* Everything that is there may go on, and what comes is not held back by it. */
void icn_lane_release(icn_lane *lane);
/* Nothing is there any more. */
void icn_lane_clear(icn_lane *lane);

/* The next number of a generator with this state. */
uint64_t icn_lane_draw(uint64_t *state);

#endif
