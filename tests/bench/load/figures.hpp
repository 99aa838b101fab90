#ifndef BENCH_LOAD_FIGURES_HPP
#define BENCH_LOAD_FIGURES_HPP

#include <cstdint>
#include <string>

#include "load/histogram.hpp"
#include "load/options.hpp"

namespace bench
{

/* What one slice measured. */
struct Figures {
    uint64_t messages = 0;
    uint64_t elapsed_ns = 0;
    uint64_t server_cpu_ns = 0;
    uint64_t load_cpu_ns = 0;
    uint64_t late = 0; /* messages that the generator itself sent late */
    bool saturated = false;
    Histogram latency;

    /* The share of its CPU that the generator used. */
    double load_share() const;

    /* One line of JSON. `more`: fields of the mode, each with a comma before it. */
    std::string json(const Options &options, const std::string &more) const;
};

} // namespace bench

#endif
