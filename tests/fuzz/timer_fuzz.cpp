/* Timers, against a list of deadlines; timers that fire go on setting and cancelling others. */
#include <vector>

#include "fuzz/input.hpp"
#include "iocpnet.h"

extern "C" {
#include "util/timer.h"
}

namespace
{

constexpr uint32_t timer_count = 24;
/* Without a deadline that is so near that a wait is cut short. */
constexpr uint64_t far_away = UINT64_C(1) << 62;

class Machine;
Machine *running;

struct Watched {
    icn_timer timer;
    bool set;
    bool set_now; /* since the run began */
    uint64_t deadline;
};

class Machine
{
public:
    explicit Machine(fuzz::Input &input) : input_(input), now_(input.number(4)), watched_(timer_count)
    {
        running = this;
        icn_timers_init(&timers_, now_, fired);
        for (Watched &each : watched_) {
            icn_timer_init(&each.timer);
        }
    }

    void run()
    {
        while (!input_.is_empty()) {
            if (input_.below(4) == 0) {
                pass_time();
            } else {
                change();
            }
            check();
        }
        drain();
    }

private:
    static void fired(icn_timers * /*timers*/, icn_timer *timer)
    {
        running->note_fired(reinterpret_cast<Watched *>(timer));
    }

    void note_fired(Watched *each)
    {
        FUZZ_REQUIRE(each->set && !each->set_now && !icn_timer_is_set(&each->timer));
        FUZZ_REQUIRE(each->deadline <= now_); /* never early */
        each->set = false;
        fired_++;
        for (uint32_t changes = input_.below(3); changes != 0; changes--) {
            change();
        }
    }

    void change()
    {
        Watched &each = watched_[input_.below(timer_count)];
        if (input_.below(3) == 0) {
            icn_timer_cancel(&timers_, &each.timer);
            each.set = false;
            return;
        }
        each.deadline = deadline();
        each.set = true;
        each.set_now = true;
        icn_timer_set(&timers_, &each.timer, each.deadline);
    }

    uint64_t deadline()
    {
        switch (input_.below(4)) {
        case 0:
            return now_ - std::min<uint64_t>(now_, input_.below(20)); /* due already */
        case 1:
            return now_ + input_.below(64);
        case 2:
            return now_ + input_.below(65536);
        default:
            return input_.flag() ? UINT64_MAX - input_.below(16) : far_away + input_.below(65536);
        }
    }

    void pass_time()
    {
        static const uint32_t most[] = {16, 256, 65536};
        now_ += input_.below(most[input_.below(3)]);
        fire();
    }

    /* Each timer that is due fires, once, and nothing else does. */
    void fire()
    {
        fired_ = 0;
        for (Watched &each : watched_) {
            each.set_now = false;
        }
        FUZZ_REQUIRE(icn_timers_run(&timers_, now_) == fired_);
        for (const Watched &each : watched_) {
            FUZZ_REQUIRE(!each.set || each.set_now ||
                         each.deadline > now_ - std::min<uint64_t>(now_, ICN_TIMER_TICK_MS));
        }
    }

    uint32_t set_count() const
    {
        return static_cast<uint32_t>(
            std::count_if(watched_.begin(), watched_.end(), [](auto &each) { return each.set; }));
    }

    uint64_t earliest() const
    {
        uint64_t least = UINT64_MAX;
        for (const Watched &each : watched_) {
            least = each.set ? std::min(least, each.deadline) : least;
        }
        return least;
    }

    void check()
    {
        const uint32_t wait = icn_timers_wait_ms(&timers_, now_);
        FUZZ_REQUIRE(timers_.count == set_count());
        FUZZ_REQUIRE((wait == IOCPNET_INFINITE) == (set_count() == 0));
        /* Whoever waits so long misses nothing: at that time the first one is at most a tick late. */
        FUZZ_REQUIRE(set_count() == 0 || wait == 0 || now_ + wait - ICN_TIMER_TICK_MS < earliest());
        for (const Watched &each : watched_) {
            FUZZ_REQUIRE(icn_timer_is_set(&each.timer) == each.set);
        }
    }

    /* Waiting as told comes to every deadline that is not too far away; each slot may be wrong once. */
    void drain()
    {
        uint32_t idle = 0;
        while (set_count() != 0 && earliest() < far_away) {
            now_ += icn_timers_wait_ms(&timers_, now_);
            fire();
            idle = fired_ != 0 ? 0 : idle + 1;
            FUZZ_REQUIRE(idle <= ICN_TIMER_SLOTS);
        }
        for (Watched &each : watched_) {
            icn_timer_cancel(&timers_, &each.timer);
            each.set = false;
        }
        check();
    }

    fuzz::Input &input_;
    uint64_t now_;
    icn_timers timers_ = {};
    std::vector<Watched> watched_;
    uint32_t fired_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    Machine(input).run();
    return 0;
}
