/* Repeatable choices. Each thread has a source of its own, derived from the round's seed and the thread's part in it. */
#pragma once

#include <cstddef>
#include <cstdint>

namespace stress
{

/* splitmix64: the next word of a sequence, which also makes a good hash. */
inline uint64_t mix(uint64_t word)
{
    word += 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

/* A seed for part `index` of `role`. */
inline uint64_t derive(uint64_t seed, uint64_t role, uint64_t index)
{
    return mix(mix(seed ^ mix(role)) ^ mix(index + 1));
}

class Random
{
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t any()
    {
        state_ += 0x9E3779B97F4A7C15u;
        return mix(state_);
    }
    /* 0 to limit - 1. */
    uint32_t below(uint64_t limit) { return static_cast<uint32_t>(any() % limit); }
    /* Both included. */
    uint32_t between(uint64_t low, uint64_t high) { return static_cast<uint32_t>(low + any() % (high - low + 1)); }
    bool chance(uint32_t percent) { return below(100) < percent; }

    template <typename T, size_t count>
    T one_of(const T (&values)[count])
    {
        return values[below(count)];
    }

private:
    uint64_t state_;
};

} // namespace stress
