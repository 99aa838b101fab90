#include "cost/measure.hpp"

#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace cost
{

namespace
{

/* How often in each block; a hundred at once is the most that a case does. */
struct Amounts {
    uint64_t warm_up;
    uint64_t in_short;
    uint64_t in_long;
};

constexpr Amounts usual{1000, 500, 2500};
/* strace makes each system call slow. */
constexpr Amounts traced{300, 100, 400};

/* What begin and end of a window cost themselves. */
class Nothing : public Work
{
public:
    uint64_t round(Meter &meter) override
    {
        meter.begin();
        meter.end();
        return 1;
    }
};

void run_block(Work &work, Meter &meter, uint64_t amount)
{
    for (uint64_t done = 0; done < amount;) {
        const uint64_t units = work.round(meter);
        meter.count_units(units);
        done += units;
    }
}

void run_case(const Case &one, Meter &meter, const Amounts &amounts)
{
    if (!one.is_possible()) {
        std::printf("%s impossible\n", one.name.c_str());
        return;
    }
    const std::unique_ptr<Work> work = one.make(meter);
    run_block(*work, meter, amounts.warm_up);
    meter.forget();
    run_block(*work, meter, amounts.in_short);
    meter.report(one.name + "/short");
    run_block(*work, meter, amounts.in_long);
    meter.report(one.name + "/long");
}

/* Those whose name is `text`, or else those that have it in their names. */
std::vector<Case> named(const std::vector<Case> &cases, const std::string &text)
{
    std::vector<Case> found;
    for (const Case &one : cases) {
        if (one.name == text) {
            return {one};
        }
        if (one.name.find(text) != std::string::npos) {
            found.push_back(one);
        }
    }
    return found;
}

} // namespace

int measure(const std::vector<Case> &cases, int argument_count, char **arguments)
{
    const bool marks = argument_count > 1 && std::strcmp(arguments[1], "--marks") == 0;
    const int next = marks ? 2 : 1;
    const std::string wanted = argument_count > next ? arguments[next] : "";
    const Amounts &amounts = marks ? traced : usual;
    Meter meter(marks);
    alarm(120); /* a hang ends here */
    run_case({"window", [](Meter &) { return std::make_unique<Nothing>(); }}, meter, amounts);
    for (const Case &one : named(cases, wanted)) {
        run_case(one, meter, amounts);
    }
    return 0;
}

} // namespace cost
