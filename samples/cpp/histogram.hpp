// A log-linear histogram: 32 buckets for each power of two, so that a percentile is at most 3 % too high.
#ifndef SAMPLE_HISTOGRAM_HPP
#define SAMPLE_HISTOGRAM_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sample
{

class histogram
{
public:
    static constexpr std::size_t steps = 32;
    static constexpr std::size_t bucket_count = 60 * steps;
    using counts = std::array<std::uint64_t, bucket_count>;

    // One thread records; any thread reads meanwhile. A plain store suffices: there is no other writer to lose to.
    void record(std::uint64_t value) noexcept
    {
        std::atomic<std::uint64_t> &bucket = buckets_[index(value)];
        bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    void add_to(counts &sum) const noexcept
    {
        for (std::size_t i = 0; i < bucket_count; ++i) {
            sum[i] += buckets_[i].load(std::memory_order_relaxed);
        }
    }

    // The value that `share` of all values do not exceed: 0.99 for p99. 0 when there are none.
    static std::uint64_t percentile(const counts &counts, double share) noexcept
    {
        std::uint64_t total = 0;
        for (const std::uint64_t count : counts) {
            total += count;
        }
        const double wanted = share * static_cast<double>(total);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            seen += counts[i];
            if (seen != 0 && static_cast<double>(seen) >= wanted) {
                return highest(i);
            }
        }
        return 0;
    }

private:
    // Values under 64 have a bucket each; above, the highest six bits choose it.
    static std::size_t index(std::uint64_t value) noexcept
    {
        std::size_t shift = 0;
        while ((value >> shift) >= 2 * steps) {
            ++shift;
        }
        return shift * steps + static_cast<std::size_t>(value >> shift);
    }

    static std::uint64_t highest(std::size_t index) noexcept
    {
        if (index < 2 * steps) {
            return index;
        }
        const std::size_t shift = index / steps - 1;
        return ((std::uint64_t{index % steps + steps} + 1) << shift) - 1;
    }

    std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
};

} // namespace sample

#endif
