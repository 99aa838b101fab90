#include "job_log.hpp"

#include <algorithm>

#include "invariants.hpp"

extern "C" {
#include "os/sim/scheduler.h"
}

namespace sim_test
{

uint32_t JobLog::post_begins(uint64_t owner, uint64_t stamp)
{
    jobs_.push_back({owner, stamp, UINT64_MAX, false, false});
    return count() - 1;
}

void JobLog::post_returned(uint32_t number, bool accepted, uint64_t stamp)
{
    Posted &job = jobs_[number];
    job.returned = stamp;
    job.refused = !accepted;
    if (job.refused && job.ran) {
        icn_sim_violation(invariant::jobs, "job %u was refused, and ran", number);
    }
}

void JobLog::runs(uint32_t number, uint64_t owner, bool complete)
{
    if (number >= count() || jobs_[number].ran || jobs_[number].refused || jobs_[number].owner != owner) {
        icn_sim_violation(invariant::jobs, "job %u is none, ran before, was refused, or is of somebody else", number);
    }
    Posted &job = jobs_[number];
    job.ran = true;
    for (uint32_t i = 0; i < number && complete; i++) {
        const Posted &earlier = jobs_[i];
        if (earlier.owner == owner && earlier.returned < job.begun && !earlier.ran && !earlier.refused) {
            icn_sim_violation(invariant::jobs, "job %u ran before job %u, which was first", number, i);
        }
    }
}

bool JobLog::has_waiting(uint64_t owner) const
{
    return std::any_of(jobs_.begin(), jobs_.end(), [&](const Posted &job) {
        return job.owner == owner && job.returned != UINT64_MAX && !job.refused && !job.ran;
    });
}

void JobLog::check_all_ran(uint64_t owner) const
{
    if (has_waiting(owner)) {
        icn_sim_violation(invariant::jobs, "owner %#llx: a job was accepted, and never ran",
                          static_cast<unsigned long long>(owner));
    }
}

} // namespace sim_test
