#include "os/sim/choice.h"

#include "base/check.h"

static uint64_t generator;
static const uint8_t *input; /* NULL: the generator decides */
static size_t input_left;
static uint8_t *record;
static size_t record_capacity;
static size_t record_size;

void icn_sim_choices_from_seed(uint64_t seed)
{
    generator = seed;
    input = NULL;
}

void icn_sim_choices_from_bytes(const uint8_t *bytes, size_t size)
{
    static const uint8_t nothing;

    input = bytes != NULL ? bytes : &nothing;
    input_left = size;
}

void icn_sim_choices_record(uint8_t *bytes, size_t capacity)
{
    record = bytes;
    record_capacity = capacity;
    record_size = 0;
}

size_t icn_sim_choices_recorded(void)
{
    return record_size;
}

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint32_t draw(void)
{
    uint64_t mixed = generator += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((mixed ^ mixed >> 31) >> 32);
}

static uint32_t read_byte(void)
{
    if (input_left == 0) {
        return 0;
    }
    input_left--;
    return *input++;
}

static void record_byte(uint32_t value)
{
    if (record_size < record_capacity) {
        record[record_size++] = (uint8_t)value;
    }
}

uint32_t icn_sim_choose(uint32_t count)
{
    const bool wide = count > 256;
    uint32_t chosen;

    ICN_CHECK(count >= 1 && count <= 65536);
    if (count == 1) {
        return 0;
    }
    if (input == NULL) {
        chosen = (uint32_t)((uint64_t)draw() * count >> 32);
    } else {
        chosen = read_byte();
        chosen = (wide ? chosen | read_byte() << 8 : chosen) % count;
    }
    if (record != NULL) {
        record_byte(chosen & 0xFF);
        if (wide) {
            record_byte(chosen >> 8);
        }
    }
    return chosen;
}

bool icn_sim_chance(uint32_t per_mille)
{
    ICN_CHECK(per_mille < 1000);
    return per_mille != 0 && icn_sim_choose(1000) >= 1000 - per_mille;
}
