/* Samples of figures over time, and the straight line through them. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace soak
{

struct Sample {
    double sessions; /* that have ended so far */
    double rss_bytes;
    double allocated_bytes; /* by the library */
};

/* Bytes that the process has in memory; 0 where the system does not tell. */
double resident_bytes();

/* A bounded number of samples: when they become too many, every other one is dropped. */
class Samples
{
public:
    void add(const Sample &sample);
    /* Bytes for each 1,000 sessions, by least squares over what came after the warm-up. */
    double slope(double Sample::*figure) const;
    /* Sessions from the first to the last sample after the warm-up. */
    double span() const;
    size_t count() const { return samples_.size(); }

private:
    size_t first() const { return samples_.size() / 3; }

    std::vector<Sample> samples_;
    uint64_t every_ = 1; /* one in so many is kept */
    uint64_t offered_ = 0;
};

} // namespace soak
