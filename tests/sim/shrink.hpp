/* Makes the choices of a violated run simpler, as long as the same invariant is violated. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "child.hpp"

namespace sim_test
{

struct Shrunk {
    std::vector<uint8_t> choices;
    SeriesResult result; /* of the run that they make */
    uint64_t trials;
};

/* The choices of the run of a seed, without the zeros at their end. */
std::vector<uint8_t> record_choices(uint64_t seed);

/* Each trial is a process of its own. `seconds_max`: for all of them. */
Shrunk shrink(std::vector<uint8_t> choices, const std::string &invariant, uint32_t seconds_max);

} // namespace sim_test
