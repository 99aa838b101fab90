/* What parts of the library cost by themselves: of a build that has no debug checks, either. measure.py runs it. */
#include <array>

#include "cost/measure.hpp"
#include "cost/require.hpp"

extern "C" {
#include "util/handle.h"
#include "util/timer.h"
}

namespace cost
{

namespace
{

constexpr uint64_t objects = 100;

/* Moves a timer that is set; it does not fire. */
class TimerReArm : public Work
{
public:
    TimerReArm();

    uint64_t round(Meter &meter) override;

private:
    uint64_t now_ms_ = 1000;
    icn_timers timers_{};
    std::array<icn_timer, objects> each_{};
};

TimerReArm::TimerReArm()
{
    icn_timers_init(&timers_, now_ms_, [](icn_timers *, icn_timer *) {});
    for (icn_timer &timer : each_) {
        icn_timer_init(&timer);
        icn_timer_set(&timers_, &timer, now_ms_);
    }
}

uint64_t TimerReArm::round(Meter &meter)
{
    const uint64_t deadline_ms = ++now_ms_ + 30000;
    meter.begin();
    for (icn_timer &timer : each_) {
        icn_timer_set(&timers_, &timer, deadline_ms);
    }
    meter.end();
    return each_.size();
}

/* Finds an object by its handle, pins and releases it. */
class HandleLookUp : public Work
{
public:
    HandleLookUp();
    ~HandleLookUp() override;

    uint64_t round(Meter &meter) override;

private:
    std::array<uint64_t, objects> handles_{};
};

HandleLookUp::HandleLookUp()
{
    for (uint64_t &handle : handles_) {
        require(icn_handle_create(
                    ICN_HANDLE_SESSION, &handle, [](void *) {}, &handle),
                "icn_handle_create");
        icn_handle_unpin(handle);
    }
}

HandleLookUp::~HandleLookUp()
{
    for (const uint64_t handle : handles_) {
        icn_handle_retire(handle);
    }
}

uint64_t HandleLookUp::round(Meter &meter)
{
    uint64_t found = 0;
    meter.begin();
    for (const uint64_t handle : handles_) {
        found += icn_handle_pin(handle, ICN_HANDLE_SESSION) != nullptr;
        icn_handle_unpin(handle);
    }
    meter.end();
    require_that(found == handles_.size(), "each handle is found");
    return found;
}

} // namespace

} // namespace cost

int main(int argument_count, char **arguments)
{
    using namespace cost;
    return measure({{"timer-re-arm", [](Meter &) { return std::make_unique<TimerReArm>(); }},
                    {"handle-look-up", [](Meter &) { return std::make_unique<HandleLookUp>(); }}},
                   argument_count, arguments);
}
