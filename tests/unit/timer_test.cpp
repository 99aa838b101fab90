#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/timer.h"
}

namespace unit_test
{

namespace
{

/* A timer that remembers when it fired, and does something then. */
struct Alarm {
    icn_timer timer;
    uint32_t fired = 0;
    std::function<void()> at_fire;

    Alarm();
};

void fire(icn_timers * /*timers*/, icn_timer *timer)
{
    auto *alarm = reinterpret_cast<Alarm *>(timer);
    const std::function<void()> at_fire = alarm->at_fire; /* it may destroy the alarm */
    alarm->fired++;
    if (at_fire) {
        at_fire();
    }
}

Alarm::Alarm()
{
    icn_timer_init(&timer);
}

class Timer : public testing::Test
{
protected:
    Timer() { icn_timers_init(&timers_, start, fire); }

    void set(Alarm &alarm, uint64_t deadline) { icn_timer_set(&timers_, &alarm.timer, deadline); }
    void cancel(Alarm &alarm) { icn_timer_cancel(&timers_, &alarm.timer); }
    uint32_t run(uint64_t now) { return icn_timers_run(&timers_, now); }
    uint32_t wait(uint64_t now) const { return icn_timers_wait_ms(&timers_, now); }

    static constexpr uint64_t start = 1000003;
    static constexpr uint64_t turn = uint64_t{ICN_TIMER_TICK_MS} * ICN_TIMER_SLOTS;
    icn_timers timers_;
};

} // namespace

TEST_F(Timer, FiresAtMostATickAfterItsDeadlineAndNeverEarly)
{
    for (uint64_t delay = 0; delay < 3 * turn; delay += 7) {
        Alarm alarm;
        icn_timers_init(&timers_, start, fire);
        set(alarm, start + delay);
        uint64_t now = start;
        while (run(now) == 0) {
            now++;
            ASSERT_LT(now, start + delay + ICN_TIMER_TICK_MS);
        }
        EXPECT_GE(now, start + delay);
        EXPECT_EQ(1u, alarm.fired);
        EXPECT_FALSE(icn_timer_is_set(&alarm.timer));
    }
}

TEST_F(Timer, DeadlineInThePastFiresWithTheNextRun)
{
    Alarm recent;
    Alarm old;
    Alarm oldest;
    run(start);
    set(recent, start - 4);
    set(old, start - turn / 2);
    set(oldest, 0);
    EXPECT_EQ(0u, wait(start));
    EXPECT_EQ(3u, run(start));
}

TEST_F(Timer, FiresOnce)
{
    Alarm alarm;
    set(alarm, start + 10);
    EXPECT_EQ(1u, run(start + 20));
    EXPECT_EQ(0u, run(start + 20));
    EXPECT_EQ(0u, run(start + 20 + turn));
}

TEST_F(Timer, CancelledOneDoesNotFire)
{
    Alarm alarm;
    set(alarm, start + 10);
    EXPECT_TRUE(icn_timer_is_set(&alarm.timer));
    cancel(alarm);
    EXPECT_FALSE(icn_timer_is_set(&alarm.timer));
    EXPECT_EQ(0u, run(start + turn));
}

TEST_F(Timer, CancellingOneThatIsNotSetDoesNothing)
{
    Alarm alarm;
    Alarm other;
    set(other, start + 10);
    cancel(alarm);
    cancel(alarm);
    EXPECT_EQ(1u, run(start + 20));
}

TEST_F(Timer, SettingASetOneMovesIt)
{
    Alarm alarm;
    set(alarm, start + 10);
    set(alarm, start + 500);
    EXPECT_EQ(0u, run(start + 499));
    EXPECT_EQ(1u, run(start + 510));
    set(alarm, start + 900);
    set(alarm, start + 600);
    EXPECT_EQ(1u, run(start + 610));
    EXPECT_EQ(0u, run(start + 910));
}

TEST_F(Timer, WithoutTimersTheWaitIsInfinite)
{
    Alarm alarm;
    EXPECT_EQ(IOCPNET_INFINITE, wait(start));
    set(alarm, start + 10);
    EXPECT_NE(IOCPNET_INFINITE, wait(start));
    cancel(alarm);
    EXPECT_EQ(IOCPNET_INFINITE, wait(start));
    set(alarm, start + 10);
    run(start + 20);
    EXPECT_EQ(IOCPNET_INFINITE, wait(start + 20));
}

TEST_F(Timer, AfterTheWaitTheTimerFires)
{
    for (uint64_t delay = 0; delay < 2 * turn; delay++) {
        Alarm alarm;
        set(alarm, start + delay);
        EXPECT_EQ(1u, run(start + wait(start))) << delay;
        icn_timers_init(&timers_, start, fire);
    }
}

TEST_F(Timer, FarDeadlineWakesOnlyForItself)
{
    Alarm alarm;
    const uint64_t deadline = start + 24 * 3600 * 1000;
    uint64_t now = start;
    uint32_t wakes = 0;
    set(alarm, deadline);
    while (alarm.fired == 0) {
        now += wait(now);
        run(now);
        wakes++;
    }
    EXPECT_EQ(1u, wakes);
    EXPECT_LT(now, deadline + ICN_TIMER_TICK_MS);
}

TEST_F(Timer, CancelledTimersCauseAtMostOneWakeEach)
{
    std::vector<Alarm> cancelled(50);
    Alarm alarm;
    set(alarm, start + 100000);
    for (uint32_t i = 0; i < cancelled.size(); i++) {
        set(cancelled[i], start + 1000 + 100 * i);
    }
    for (Alarm &one : cancelled) {
        cancel(one);
    }
    uint64_t now = start;
    uint32_t wakes = 0;
    while (alarm.fired == 0) {
        now += wait(now);
        run(now);
        wakes++;
    }
    EXPECT_LE(wakes, cancelled.size() + 1);
}

TEST_F(Timer, DeadlineThatNeverComesIsNotLostOrEarly)
{
    Alarm alarm;
    set(alarm, UINT64_MAX);
    EXPECT_EQ(0u, run(start));
    EXPECT_GT(wait(start), 1000u * 3600 * 24);
    EXPECT_LT(wait(start), IOCPNET_INFINITE);
    EXPECT_EQ(0u, run(UINT64_MAX / 2));
    EXPECT_TRUE(icn_timer_is_set(&alarm.timer));
}

TEST_F(Timer, AfterALongStopEachFiresOnceInOneRun)
{
    std::vector<Alarm> alarms(1000);
    for (uint32_t i = 0; i < alarms.size(); i++) {
        set(alarms[i], start + 30 * i);
    }
    EXPECT_EQ(1000u, run(start + 30000));
    EXPECT_EQ(0u, run(start + 60000));
    EXPECT_TRUE(std::all_of(alarms.begin(), alarms.end(), [](const Alarm &alarm) { return alarm.fired == 1; }));
}

TEST_F(Timer, WithinATurnTheyFireInOrderOfTime)
{
    std::vector<uint32_t> order;
    std::vector<Alarm> alarms(200);
    Alarm before;
    const uint64_t begin = start + turn / 3;
    set(before, begin);
    run(begin + ICN_TIMER_TICK_MS);
    for (uint32_t i = 0; i < alarms.size(); i++) {
        const uint32_t place = (i * 37) % 200;
        alarms[place].at_fire = [&order, place] { order.push_back(place); };
        set(alarms[place], begin + ICN_TIMER_TICK_MS * place);
    }
    run(begin + turn - ICN_TIMER_TICK_MS);
    EXPECT_EQ(200u, order.size());
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(Timer, OneThatSetsItselfInThePastWaitsForTheNextRun)
{
    Alarm alarm;
    alarm.at_fire = [&] { set(alarm, start); };
    set(alarm, start);
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(0u, wait(start + 10));
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(2u, alarm.fired);
}

TEST_F(Timer, OneThatFiresMayCancelItself)
{
    Alarm alarm;
    alarm.at_fire = [&] { cancel(alarm); };
    set(alarm, start);
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(IOCPNET_INFINITE, wait(start + 10));
}

TEST_F(Timer, OneThatFiresMayCancelAnotherThatIsDue)
{
    Alarm first;
    Alarm second;
    first.at_fire = [&] { cancel(second); };
    set(first, start);
    set(second, start);
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(0u, second.fired);
    EXPECT_EQ(IOCPNET_INFINITE, wait(start + 10));
}

TEST_F(Timer, OneThatFiresMayMoveAnotherThatIsDue)
{
    Alarm first;
    Alarm second;
    first.at_fire = [&] { set(second, start + 1000); };
    set(first, start);
    set(second, start);
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(0u, run(start + 999));
    EXPECT_EQ(1u, run(start + 1010));
    EXPECT_EQ(1u, second.fired);
}

TEST_F(Timer, OneThatFiresMayBeFreed)
{
    auto alarm = std::make_unique<Alarm>();
    alarm->at_fire = [&] { alarm.reset(); };
    set(*alarm, start);
    EXPECT_EQ(1u, run(start + 10));
    EXPECT_EQ(nullptr, alarm);
}

/* Against a list of deadlines: random sets, moves and cancels, outside and inside of fire, and steps of random length. */
TEST_F(Timer, RandomOperationsDoWhatAPlainListDoes)
{
    constexpr uint64_t unset = UINT64_MAX;
    Random random;
    std::vector<Alarm> alarms(60);
    std::vector<uint64_t> deadlines(alarms.size(), unset);
    std::vector<bool> may_fire(alarms.size(), false);
    uint64_t now = start;
    const auto change_one = [&] {
        const size_t i = random.below(alarms.size());
        may_fire[i] = false;
        if (random.below(4) == 0) {
            cancel(alarms[i]);
            deadlines[i] = unset;
        } else {
            deadlines[i] = now + random.below(uint64_t{1} << random.below(18)) - random.below(20);
            set(alarms[i], deadlines[i]);
        }
    };
    for (size_t i = 0; i < alarms.size(); i++) {
        alarms[i].at_fire = [&, i] {
            EXPECT_TRUE(may_fire[i]) << i;
            may_fire[i] = false;
            deadlines[i] = unset;
            if (random.below(2) == 0) {
                change_one();
            }
        };
    }
    for (uint32_t step = 0; step < scaled(50000); step++) {
        change_one();
        const uint64_t earliest = *std::min_element(deadlines.begin(), deadlines.end());
        if (earliest != unset) {
            EXPECT_LT(now + wait(now), std::max(now, earliest) + ICN_TIMER_TICK_MS);
        }
        now += random.below(uint64_t{1} << random.below(13));
        for (size_t i = 0; i < alarms.size(); i++) {
            may_fire[i] = deadlines[i] <= now;
        }
        run(now);
        for (size_t i = 0; i < alarms.size(); i++) {
            EXPECT_FALSE(may_fire[i] && deadlines[i] + ICN_TIMER_TICK_MS <= now) << "missed " << i;
            EXPECT_EQ(deadlines[i] != unset, icn_timer_is_set(&alarms[i].timer)) << i;
        }
    }
}

} // namespace unit_test
