#include "shrink.hpp"

#include <algorithm>
#include <ctime>

namespace sim_test
{

namespace
{

constexpr size_t record_bytes_max = size_t{1} << 20;

void drop_zeros_at_end(std::vector<uint8_t> &choices)
{
    while (!choices.empty() && choices.back() == 0) {
        choices.pop_back();
    }
}

SeriesResult run_choices(const std::vector<uint8_t> &choices)
{
    static const uint8_t nothing[1] = {};
    Series series;
    series.bytes = choices.empty() ? nothing : choices.data();
    series.size = choices.size();
    return run_child(series);
}

uint64_t seconds_now()
{
    timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec);
}

class Shrinker
{
public:
    Shrinker(std::vector<uint8_t> choices, const std::string &invariant, uint32_t seconds_max)
        : invariant_(invariant), deadline_(seconds_now() + seconds_max)
    {
        best_.choices = std::move(choices);
        best_.result = run_choices(best_.choices);
        best_.trials = 1;
    }

    Shrunk run()
    {
        bool better = true;
        while (better && !is_late()) {
            better = drop_tail();
            better = change_chunks(&Shrinker::without) || better;
            better = change_chunks(&Shrinker::zeroed) || better;
            better = lower_values() || better;
        }
        return best_;
    }

private:
    using Change = std::vector<uint8_t> (Shrinker::*)(size_t at, size_t size) const;

    bool is_late() const { return seconds_now() >= deadline_; }

    /* Fewer steps before all; then fewer choices, and smaller ones. */
    bool is_better(const std::vector<uint8_t> &choices, const SeriesResult &result) const
    {
        if (result.violation_steps != best_.result.violation_steps) {
            return result.violation_steps < best_.result.violation_steps;
        }
        if (choices.size() != best_.choices.size()) {
            return choices.size() < best_.choices.size();
        }
        return choices < best_.choices;
    }

    bool attempt(std::vector<uint8_t> choices)
    {
        drop_zeros_at_end(choices);
        if (choices == best_.choices || is_late()) {
            return false;
        }
        const SeriesResult result = run_choices(choices);
        best_.trials++;
        if (!result.violated || invariant_ != result.invariant || !is_better(choices, result)) {
            return false;
        }
        best_.choices = std::move(choices);
        best_.result = result;
        return true;
    }

    bool drop_tail()
    {
        bool better = false;
        for (size_t part = best_.choices.size() / 2; part != 0; part /= 2) {
            while (part <= best_.choices.size() &&
                   attempt({best_.choices.begin(), best_.choices.end() - static_cast<std::ptrdiff_t>(part)})) {
                better = true;
            }
        }
        return better;
    }

    std::vector<uint8_t> without(size_t at, size_t size) const
    {
        std::vector<uint8_t> choices = best_.choices;
        const auto from = choices.begin() + static_cast<std::ptrdiff_t>(at);
        choices.erase(from, from + static_cast<std::ptrdiff_t>(std::min(size, choices.size() - at)));
        return choices;
    }

    std::vector<uint8_t> zeroed(size_t at, size_t size) const
    {
        std::vector<uint8_t> choices = best_.choices;
        const auto from = choices.begin() + static_cast<std::ptrdiff_t>(at);
        std::fill(from, from + static_cast<std::ptrdiff_t>(std::min(size, choices.size() - at)), uint8_t{0});
        return choices;
    }

    bool change_chunks(Change change)
    {
        bool better = false;
        for (size_t size = best_.choices.size() / 2; size != 0 && !is_late(); size /= 2) {
            for (size_t at = 0; at < best_.choices.size() && !is_late();) {
                if (attempt((this->*change)(at, size))) {
                    better = true;
                } else {
                    at += size;
                }
            }
        }
        return better;
    }

    bool lower_value(size_t at)
    {
        for (const int to : {1, best_.choices[at] / 2, best_.choices[at] - 1}) {
            std::vector<uint8_t> choices = best_.choices;
            if (to < choices[at]) {
                choices[at] = static_cast<uint8_t>(to);
                if (attempt(choices)) {
                    return true;
                }
            }
        }
        return false;
    }

    bool lower_values()
    {
        bool better = false;
        for (size_t at = 0; at < best_.choices.size() && !is_late(); at++) {
            better = (best_.choices[at] > 1 && lower_value(at)) || better;
        }
        return better;
    }

    const std::string invariant_;
    const uint64_t deadline_;
    Shrunk best_ = {};
};

} // namespace

std::vector<uint8_t> record_choices(uint64_t seed)
{
    auto *recorded = static_cast<uint8_t *>(shared_memory(record_bytes_max));
    Series series;
    series.first_seed = seed;
    series.record = recorded;
    series.record_capacity = record_bytes_max;
    (void)run_child(series);
    std::vector<uint8_t> choices(recorded, recorded + record_bytes_max);
    free_shared_memory(recorded, record_bytes_max);
    drop_zeros_at_end(choices);
    return choices;
}

Shrunk shrink(std::vector<uint8_t> choices, const std::string &invariant, uint32_t seconds_max)
{
    return Shrinker(std::move(choices), invariant, seconds_max).run();
}

} // namespace sim_test
