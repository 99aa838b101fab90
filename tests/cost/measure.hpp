/* Something that is done again and again, and counted. */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cost/meter.hpp"

namespace cost
{

class Work
{
public:
    virtual ~Work() = default;

    /* Does it some times, inside windows of the meter; how often. */
    virtual uint64_t round(Meter &meter) = 0;
};

struct Case {
    std::string name;
    std::function<std::unique_ptr<Work>(Meter &)> make;
    std::function<bool()> is_possible = [] { return true; };
};

/*
 * A program that measures cases: `[--marks] [NAME-OR-PART-OF-NAMES]`. Each one is warmed up and then makes two blocks,
 * NAME/short and NAME/long, which differ in how often it is done alone. For a case that is not possible here it prints
 * 'NAME impossible'. Returns the exit code.
 */
int measure(const std::vector<Case> &cases, int argument_count, char **arguments);

} // namespace cost
