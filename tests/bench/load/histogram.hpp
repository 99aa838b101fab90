#ifndef BENCH_LOAD_HISTOGRAM_HPP
#define BENCH_LOAD_HISTOGRAM_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace bench
{

/* Log-linear: 128 buckets for each power of two; a bucket stands for its middle, which is wrong by 0.4 % at most. */
class Histogram
{
public:
    void record(uint64_t value)
    {
        counts_[index(std::min(value, value_max))]++;
        total_++;
        max_ = std::max(max_, value);
    }

    void clear() { *this = Histogram(); }

    uint64_t max() const { return max_; }

    /* The value that `share` of all values do not exceed: 0.99 for p99. 0 when there are none. */
    uint64_t percentile(double share) const
    {
        const double wanted = share * static_cast<double>(total_);
        uint64_t seen = 0;
        for (size_t i = 0; i < counts_.size(); i++) {
            seen += counts_[i];
            if (seen != 0 && static_cast<double>(seen) >= wanted) {
                return std::min(middle(i), max_);
            }
        }
        return 0;
    }

    static constexpr bool represents(uint64_t value)
    {
        const uint64_t shown = middle(index(value));
        const uint64_t error = shown > value ? shown - value : value - shown;
        return error * 250 <= value;
    }

private:
    static constexpr size_t steps_log2 = 7;
    static constexpr size_t steps = size_t{1} << steps_log2;
    static constexpr uint64_t value_max = (uint64_t{1} << 40) - 1;

    static constexpr size_t index(uint64_t value)
    {
        if (value < 2 * steps) {
            return static_cast<size_t>(value);
        }
        const size_t shift = 63 - static_cast<size_t>(__builtin_clzll(value)) - steps_log2;
        return shift * steps + static_cast<size_t>(value >> shift);
    }

    static constexpr uint64_t middle(size_t index)
    {
        if (index < 2 * steps) {
            return index;
        }
        const size_t shift = index / steps - 1;
        return (uint64_t{index % steps + steps} << shift) + ((uint64_t{1} << shift) >> 1);
    }

    std::array<uint64_t, (40 - steps_log2 + 1) * steps> counts_{};
    uint64_t total_ = 0;
    uint64_t max_ = 0;
};

constexpr bool histogram_is_precise()
{
    for (uint64_t value = 1; value < uint64_t{1} << 39; value += value / 100 + 1) {
        if (!Histogram::represents(value)) {
            return false;
        }
    }
    return true;
}

static_assert(histogram_is_precise(), "a percentile is wrong by more than 0.4 %");

} // namespace bench

#endif
