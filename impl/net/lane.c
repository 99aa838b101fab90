#include "net/lane.h"

#include <stddef.h>

#include "base/check.h"

#define US_PER_S 1000000

/* Capacity that nobody used while there was something to use it for, as when the peer did not read, is lost after this. */
#define CREDIT_US_MAX (UINT64_C(1) << 22)

/* Pieces closer together than this part of the longest delay are one. Less than there is room for. */
#define GRAINS 48

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t icn_lane_draw(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void icn_lane_init(icn_lane *lane, uint64_t seed)
{
    *lane = (icn_lane){.random = seed};
}

/* 0 to limit - 1; `limit` is far below 2^32, so that none is noticeably likelier. */
static uint32_t draw_below(icn_lane *lane, uint32_t limit)
{
    ICN_CHECK(limit != 0);
    return (uint32_t)((icn_lane_draw(&lane->random) >> 32) * limit >> 32);
}

static bool draw_chance(icn_lane *lane, uint32_t ppm)
{
    return draw_below(lane, ICN_LANE_PPM) < ppm;
}

/* Three draws for each piece, whatever is asked for: one option does not change what the others decide. */
typedef struct icn_lane_luck {
    uint32_t jitter_us;
    bool stalls;
    bool resets;
} icn_lane_luck;

static icn_lane_luck draw_luck(icn_lane *lane, const icn_lane_rules *rules)
{
    icn_lane_luck luck;
    luck.jitter_us = draw_below(lane, rules->jitter_us + 1);
    luck.stalls = draw_chance(lane, rules->stall_ppm);
    luck.resets = draw_chance(lane, rules->reset_ppm);
    return luck;
}

static uint64_t decide_due(icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us, const icn_lane_luck *luck)
{
    uint64_t due_us = lane->due_us;
    if (rules->coalesce_us == 0 || now_us >= lane->gathers_until) {
        lane->gathers_until = now_us + rules->coalesce_us;
        due_us = max_u64(due_us, lane->gathers_until + rules->delay_us + luck->jitter_us);
    }
    /* What follows waits behind a stall, too. */
    return due_us + (luck->stalls ? rules->stall_us : 0);
}

/* How far apart the first and the last byte of a piece may be. */
static uint64_t grain_us(const icn_lane_rules *rules)
{
    const uint64_t stall_us = rules->stall_ppm != 0 ? rules->stall_us : 0;
    return (rules->delay_us + rules->jitter_us + rules->coalesce_us + stall_us) / GRAINS;
}

static icn_lane_piece *piece_at(icn_lane *lane, uint32_t index)
{
    return &lane->pieces[(lane->first + index) % ICN_LANE_PIECES];
}

static void append(icn_lane *lane, const icn_lane_rules *rules, uint64_t due_us, uint32_t bytes)
{
    icn_lane_piece *last = lane->count != 0 ? piece_at(lane, lane->count - 1) : NULL;
    const bool full = lane->count == ICN_LANE_PIECES;
    if (last != NULL && (full || due_us - last->first_us <= grain_us(rules)) && last->bytes <= UINT32_MAX - bytes) {
        last->due_us = due_us;
        last->bytes += bytes;
    } else {
        /* Never full here: a session holds far fewer than 2^32 bytes. */
        ICN_CHECK(!full);
        *piece_at(lane, lane->count++) = (icn_lane_piece){.first_us = due_us, .due_us = due_us, .bytes = bytes};
    }
    lane->bytes += bytes;
}

bool icn_lane_accept(icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us, uint32_t bytes)
{
    const icn_lane_luck luck = draw_luck(lane, rules);
    ICN_CHECK(bytes != 0);
    lane->due_us = decide_due(lane, rules, now_us, &luck);
    append(lane, rules, lane->due_us, bytes);
    return !luck.resets;
}

uint64_t icn_lane_end_us(const icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us)
{
    return max_u64(lane->due_us, now_us + rules->delay_us);
}

/* Idle time gives no capacity for later. */
static uint64_t spent_until(const icn_lane *lane)
{
    return max_u64(lane->spent_until, lane->pieces[lane->first].due_us);
}

static uint64_t spent_remainder(const icn_lane *lane)
{
    return spent_until(lane) == lane->spent_until ? lane->spent_remainder : 0;
}

static uint64_t affordable(const icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us)
{
    const uint64_t from_us = spent_until(lane);
    const uint64_t passed_us = now_us > from_us ? now_us - from_us : 0;
    const uint64_t credit = (passed_us < CREDIT_US_MAX ? passed_us : CREDIT_US_MAX) * rules->bytes_per_s;
    const uint64_t spent = spent_remainder(lane);
    return credit > spent ? (credit - spent) / US_PER_S : 0;
}

uint32_t icn_lane_due(const icn_lane *lane, const icn_lane_rules *rules, uint64_t now_us)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        const icn_lane_piece *piece = &lane->pieces[(lane->first + i) % ICN_LANE_PIECES];
        if (piece->due_us > now_us) {
            break;
        }
        bytes += piece->bytes;
    }
    if (bytes != 0 && rules->bytes_per_s != 0) {
        const uint64_t most = affordable(lane, rules, now_us);
        bytes = bytes < most ? bytes : most;
    }
    const uint64_t most = rules->fragment_bytes != 0 ? rules->fragment_bytes : UINT32_MAX;
    return (uint32_t)(bytes < most ? bytes : most);
}

static void spend(icn_lane *lane, const icn_lane_rules *rules, uint64_t bytes)
{
    if (rules->bytes_per_s != 0) {
        const uint64_t work = bytes * US_PER_S + spent_remainder(lane);
        lane->spent_until = spent_until(lane) + work / rules->bytes_per_s;
        lane->spent_remainder = work % rules->bytes_per_s;
    }
}

void icn_lane_take(icn_lane *lane, const icn_lane_rules *rules, uint64_t bytes)
{
    ICN_CHECK(bytes <= lane->bytes);
    if (bytes == 0) {
        return;
    }
    spend(lane, rules, bytes);
    lane->bytes -= bytes;
    while (bytes != 0) {
        icn_lane_piece *piece = piece_at(lane, 0);
        if (bytes < piece->bytes) {
            piece->bytes -= (uint32_t)bytes;
            return;
        }
        bytes -= piece->bytes;
        lane->first = (lane->first + 1) % ICN_LANE_PIECES;
        lane->count--;
    }
}

uint64_t icn_lane_next_us(const icn_lane *lane, const icn_lane_rules *rules)
{
    if (lane->count == 0) {
        return ICN_LANE_NEVER;
    }
    const uint64_t due_us = lane->pieces[lane->first].due_us;
    if (rules->bytes_per_s == 0) {
        return due_us;
    }
    /* One byte is enough to go on with. */
    const uint64_t work = US_PER_S + spent_remainder(lane);
    return max_u64(due_us, spent_until(lane) + (work + rules->bytes_per_s - 1) / rules->bytes_per_s);
}

void icn_lane_release(icn_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++) {
        piece_at(lane, i)->first_us = 0;
        piece_at(lane, i)->due_us = 0;
    }
    lane->due_us = 0;
    lane->gathers_until = 0;
    lane->spent_until = 0;
    lane->spent_remainder = 0;
}

void icn_lane_clear(icn_lane *lane)
{
    lane->count = 0;
    lane->bytes = 0;
}
