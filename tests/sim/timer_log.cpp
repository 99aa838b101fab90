#include "timer_log.hpp"

#include <algorithm>

namespace sim_test
{

namespace
{

constexpr uint32_t for_ever = UINT32_MAX;

uint32_t most_of(Leftover leftover)
{
    return leftover == Leftover::nothing ? 0 : leftover == Leftover::one ? 1 : for_ever;
}

} // namespace

/* From here on nobody knows for sure that those before it come. */
void TimerLog::doubt(uint64_t id)
{
    for (Arming &arming : armings_) {
        arming.certain = arming.certain && arming.id != id;
    }
}

void TimerLog::call_begins(uint64_t id)
{
    doubt(id);
    under_way_.push_back(id);
}

void TimerLog::call_returned(uint64_t id)
{
    under_way_.erase(std::find(under_way_.begin(), under_way_.end(), id));
}

/* Those whose call had returned before this one began. */
void TimerLog::override_earlier(uint64_t id, uint64_t begun, Leftover leftover)
{
    for (Arming &arming : armings_) {
        if (arming.id != id || arming.returned >= begun) {
            continue;
        }
        if (!arming.overridden || leftover == Leftover::nothing) {
            arming.left = std::min(arming.left, most_of(leftover));
        }
        arming.overridden = true;
    }
}

size_t TimerLog::set_begins(uint64_t id, uint32_t delay_ms, uint32_t period_ms, uint64_t stamp, uint64_t now_ms)
{
    const bool alone = std::find(under_way_.begin(), under_way_.end(), id) == under_way_.end();
    call_begins(id);
    Arming arming = {};
    arming.id = id;
    arming.begun = stamp;
    arming.returned = UINT64_MAX;
    arming.due_ms = now_ms + delay_ms;
    arming.called_ms = now_ms;
    arming.period_ms = period_ms;
    arming.left = period_ms == 0 ? 1 : for_ever;
    arming.certain = alone;
    armings_.push_back(arming);
    return armings_.size() - 1;
}

void TimerLog::set_returned(size_t number, bool accepted, uint64_t stamp, uint64_t now_ms, Leftover leftover)
{
    Arming &arming = armings_[number];
    call_returned(arming.id);
    arming.returned = stamp;
    arming.called_ms = now_ms - arming.called_ms;
    if (accepted) {
        override_earlier(arming.id, arming.begun, leftover);
    } else {
        arming.left = 0;
    }
}

void TimerLog::cancel_begins(uint64_t id)
{
    call_begins(id);
}

void TimerLog::cancel_returned(uint64_t id, bool accepted, uint64_t begun, Leftover leftover)
{
    call_returned(id);
    if (accepted) {
        override_earlier(id, begun, leftover);
    }
}

/* The oldest that explains it: events of a timer that was moved come before those of its next time. */
bool TimerLog::due(uint64_t id, uint64_t count, uint64_t now_ms)
{
    for (Arming &arming : armings_) {
        if (arming.id != id || arming.left == 0 || count == 0 || (arming.period_ms == 0 && count != 1)) {
            continue;
        }
        const uint64_t last_ms = arming.due_ms + (count - 1) * arming.period_ms;
        if (last_ms > now_ms) {
            continue;
        }
        arming.due_ms = last_ms + arming.period_ms;
        arming.left -= arming.left != for_ever ? 1 : 0;
        /* It may have been the event of another one that is due. */
        const bool certain = arming.certain;
        doubt(id);
        arming.certain = certain;
        return true;
    }
    return false;
}

bool TimerLog::overdue_by(uint64_t ms, uint64_t now_ms) const
{
    return std::any_of(armings_.begin(), armings_.end(), [&](const Arming &arming) {
        const bool has_to_come = arming.certain && arming.returned != UINT64_MAX && arming.left != 0;
        return has_to_come && arming.due_ms + arming.called_ms + ms < now_ms;
    });
}

} // namespace sim_test
