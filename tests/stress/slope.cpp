#include "stress/slope.hpp"

#include <cstdio>

#if defined(__linux__)
#include <unistd.h>
#endif

namespace soak
{

namespace
{

constexpr size_t samples_max = 4000;

} // namespace

double resident_bytes()
{
#if defined(__linux__)
    unsigned long long size = 0;
    unsigned long long resident = 0;
    FILE *file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) {
        return 0;
    }
    const int fields = std::fscanf(file, "%llu %llu", &size, &resident);
    std::fclose(file);
    return fields == 2 ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
#else
    return 0;
#endif
}

void Samples::add(const Sample &sample)
{
    if (offered_++ % every_ != 0) {
        return;
    }
    samples_.push_back(sample);
    if (samples_.size() == samples_max) {
        for (size_t i = 0; i < samples_max / 2; i++) {
            samples_[i] = samples_[2 * i];
        }
        samples_.resize(samples_max / 2);
        every_ *= 2;
    }
}

double Samples::slope(double Sample::*figure) const
{
    double n = 0;
    double mean_x = 0;
    double mean_y = 0;
    double xx = 0;
    double xy = 0;
    /* Means and sums of squares in one pass, which loses no digits. */
    for (size_t i = first(); i < samples_.size(); i++) {
        const double dx = samples_[i].sessions - mean_x;
        n++;
        mean_x += dx / n;
        const double dy = samples_[i].*figure - mean_y;
        mean_y += dy / n;
        xx += dx * (samples_[i].sessions - mean_x);
        xy += dx * (samples_[i].*figure - mean_y);
    }
    return xx > 0 ? xy / xx * 1000 : 0;
}

double Samples::span() const
{
    return samples_.empty() ? 0 : samples_.back().sessions - samples_[first()].sessions;
}

} // namespace soak
