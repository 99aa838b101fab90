/* Who is in which group, as the host has asked for: a member is known by the number of the stream that its session sends. */
#pragma once

#include <cstdint>
#include <vector>

namespace sim_test
{

class GroupLog
{
public:
    void begin() { changes_.clear(); }

    /* A call that adds or removes a member begins; returns its number. */
    uint32_t change_begins(uint32_t group, uint32_t stream, bool add, uint64_t stamp);
    void change_returned(uint32_t number, bool accepted, uint64_t stamp);

    /* Some time between the stamps it was a member, as far as calls tell; `through`: at all times, unless it has ended. */
    bool may_be_member(uint32_t group, uint32_t stream, uint64_t from, uint64_t to) const;
    bool is_member_through(uint32_t group, uint32_t stream, uint64_t from, uint64_t to) const;

private:
    struct Change {
        uint32_t group;
        uint32_t stream;
        bool add;
        bool refused;
        uint64_t begun;
        uint64_t returned; /* UINT64_MAX: not yet */
    };

    /* Another call about the same that removes it, and begins after `after` or ends after it. */
    bool is_removed(const Change &added, uint64_t before) const;
    bool may_be_removed(const Change &added, uint64_t to) const;

    std::vector<Change> changes_;
};

} // namespace sim_test
