#include "group_log.hpp"

#include <algorithm>

namespace sim_test
{

uint32_t GroupLog::change_begins(uint32_t group, uint32_t stream, bool add, uint64_t stamp)
{
    changes_.push_back({group, stream, add, false, stamp, UINT64_MAX});
    return static_cast<uint32_t>(changes_.size() - 1);
}

void GroupLog::change_returned(uint32_t number, bool accepted, uint64_t stamp)
{
    changes_[number].refused = !accepted;
    changes_[number].returned = stamp;
}

/* A call that removed it began after it was added, and had returned before. */
bool GroupLog::is_removed(const Change &added, uint64_t before) const
{
    return std::any_of(changes_.begin(), changes_.end(), [&](const Change &change) {
        return !change.add && !change.refused && change.group == added.group && change.stream == added.stream &&
               change.begun > added.returned && change.returned < before;
    });
}

/* A call that removes it may have come after the one that added it. */
bool GroupLog::may_be_removed(const Change &added, uint64_t to) const
{
    return std::any_of(changes_.begin(), changes_.end(), [&](const Change &change) {
        return !change.add && change.group == added.group && change.stream == added.stream && change.begun < to &&
               change.returned > added.begun;
    });
}

bool GroupLog::may_be_member(uint32_t group, uint32_t stream, uint64_t from, uint64_t to) const
{
    return std::any_of(changes_.begin(), changes_.end(), [&](const Change &change) {
        return change.add && !change.refused && change.group == group && change.stream == stream && change.begun < to &&
               !is_removed(change, from);
    });
}

bool GroupLog::is_member_through(uint32_t group, uint32_t stream, uint64_t from, uint64_t to) const
{
    return std::any_of(changes_.begin(), changes_.end(), [&](const Change &change) {
        return change.add && !change.refused && change.group == group && change.stream == stream &&
               change.returned < from && !may_be_removed(change, to);
    });
}

} // namespace sim_test
