#ifndef BENCH_LOAD_PATTERN_HPP
#define BENCH_LOAD_PATTERN_HPP

#include <cstdint>
#include <random>
#include <vector>

namespace bench
{

/*
 * Random bytes that repeat after a prime number, so that every position of a stream has its own surroundings. A window
 * of `window_max` bytes from any position is contiguous: it is sent, and compared with, where it lies.
 */
class Pattern
{
public:
    static constexpr uint32_t period = 65521;
    static constexpr uint32_t window_max = 256 * 1024;

    Pattern() : bytes_(period + window_max)
    {
        std::minstd_rand random(1);
        for (uint32_t i = 0; i < period; i++) {
            bytes_[i] = static_cast<char>(random() >> 8);
        }
        for (size_t i = period; i < bytes_.size(); i++) {
            bytes_[i] = bytes_[i - period];
        }
    }

    const char *at(uint32_t position) const { return bytes_.data() + position; }

    static uint32_t advance(uint32_t position, uint64_t bytes)
    {
        const uint64_t next = position + bytes;
        return static_cast<uint32_t>(next < period ? next : next % period);
    }

    /* Far from that of the other streams. */
    static uint32_t start_of(uint64_t stream) { return static_cast<uint32_t>(stream % period * 40503 % period); }

private:
    std::vector<char> bytes_;
};

} // namespace bench

#endif
