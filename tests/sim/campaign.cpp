#include "campaign.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <sys/wait.h>

namespace sim_test
{

namespace
{

constexpr uint64_t batch_runs = 500;

void add(SeriesResult &sum, const SeriesResult &part)
{
    sum.runs += part.runs;
    sum.life_cycles += part.life_cycles;
    sum.steps += part.steps;
    sum.preemptions += part.preemptions;
    sum.hash += part.hash;
    /* Of several the one with the smallest seed. */
    if (part.violated && (!sum.violated || part.seed < sum.seed)) {
        sum.violated = true;
        sum.seed = part.seed;
        sum.violation_steps = part.violation_steps;
        std::memcpy(sum.invariant, part.invariant, sizeof sum.invariant);
        std::memcpy(sum.text, part.text, sizeof sum.text);
    }
}

class Campaigner
{
public:
    explicit Campaigner(const Campaign &campaign) : campaign_(campaign), next_seed_(campaign.first_seed) {}

    SeriesResult run()
    {
        do {
            while (children_.size() < campaign_.jobs && wants_more()) {
                start_one();
            }
            wait_for_one();
        } while (!children_.empty() || wants_more());
        return sum_;
    }

private:
    bool wants_more() const
    {
        const uint64_t started = next_seed_ - campaign_.first_seed;
        const bool enough = campaign_.runs != 0 ? started >= campaign_.runs : sum_.life_cycles >= campaign_.life_cycles;
        return !sum_.violated && !enough;
    }

    void start_one()
    {
        Series series;
        const uint64_t started = next_seed_ - campaign_.first_seed;
        series.first_seed = next_seed_;
        series.count = campaign_.runs != 0 ? std::min(batch_runs, campaign_.runs - started) : batch_runs;
        next_seed_ += series.count;
        children_.push_back(std::make_unique<Child>(series));
    }

    void wait_for_one()
    {
        int status;
        const int process = waitpid(-1, &status, 0);
        for (size_t i = 0; i < children_.size(); i++) {
            if (children_[i]->is(process)) {
                add(sum_, children_[i]->ended(status));
                children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
                return;
            }
        }
    }

    const Campaign campaign_;
    uint64_t next_seed_;
    SeriesResult sum_ = {};
    std::vector<std::unique_ptr<Child>> children_;
};

} // namespace

SeriesResult run_campaign(const Campaign &campaign)
{
    return Campaigner(campaign).run();
}

} // namespace sim_test
