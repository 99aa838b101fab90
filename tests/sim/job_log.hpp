/* All jobs of a run: each that was accepted runs once, in order, and before the end of whom it was posted to. */
#pragma once

#include <cstdint>
#include <vector>

namespace sim_test
{

class JobLog
{
public:
    void begin() { jobs_.clear(); }

    /* A call that posts begins; returns the number of the job. `owner`: a session, or a dispatcher of a service. */
    uint32_t post_begins(uint64_t owner, uint64_t stamp);
    void post_returned(uint32_t number, bool accepted, uint64_t stamp);
    /* It runs. `complete`: those before it can not have been lost. */
    void runs(uint32_t number, uint64_t owner, bool complete);
    /* One that was accepted for it has not run. */
    bool has_waiting(uint64_t owner) const;
    /* Of those that were accepted for it before, none may be left. */
    void check_all_ran(uint64_t owner) const;

    uint32_t count() const { return static_cast<uint32_t>(jobs_.size()); }

    static uint64_t owner_of_session(uint32_t index) { return index; }
    static uint64_t owner_of_dispatcher(uint32_t service, uint32_t dispatcher)
    {
        return uint64_t{1} << 32 | uint64_t{service} << 8 | dispatcher;
    }

private:
    struct Posted {
        uint64_t owner;
        uint64_t begun;
        uint64_t returned; /* UINT64_MAX: not yet */
        bool refused;
        bool ran;
    };

    std::vector<Posted> jobs_;
};

} // namespace sim_test
