#include "stress/round.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "iocpnet.h"
#include "stress/check.hpp"
#include "stress/faults.hpp"
#include "stress/host.hpp"
#include "stress/peer.hpp"
#include "stress/world.hpp"

namespace stress
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds length{1000};
constexpr std::chrono::seconds limit{100};
constexpr uint32_t actors_max = 4;
static_assert(actor_writer + actors_max <= writers_max, "each thread that sends is a writer of its own");

std::string describe(const iocpnet_live_objects &objects)
{
    const std::pair<const char *, uint64_t> counts[] = {
        {"services", objects.services},       {"listeners", objects.listeners},   {"sessions", objects.sessions},
        {"operations", objects.operations},   {"buffers", objects.buffers},       {"descriptors", objects.descriptors},
        {"allocations", objects.allocations}, {"bytes", objects.allocated_bytes}, {"threads", objects.threads}};
    std::string text;
    for (const auto &count : counts) {
        text += std::string(text.empty() ? "" : ", ") + count.first + " " + std::to_string(count.second);
    }
    return text;
}

iocpnet_live_objects live_objects()
{
    iocpnet_live_objects objects = {};
    iocpnet_count_live_objects(&objects, sizeof objects);
    return objects;
}

bool is_empty(const iocpnet_live_objects &objects)
{
    return (objects.services | objects.listeners | objects.sessions | objects.operations | objects.buffers |
            objects.descriptors | objects.allocations | objects.allocated_bytes | objects.threads) == 0;
}

/* A thread that destroyed a service in the background ends a moment after its last callback. */
void check_nothing_is_left(uint64_t descriptors_before)
{
    const auto until = Clock::now() + std::chrono::seconds(20);
    while ((!is_empty(live_objects()) || open_descriptors() != descriptors_before) && Clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!is_empty(live_objects())) {
        violate("left over: " + describe(live_objects()));
    }
    if (open_descriptors() != descriptors_before) {
        violate("descriptors open: " + std::to_string(open_descriptors()) + ", before the round " +
                std::to_string(descriptors_before));
    }
}

class Round
{
public:
    Round(const RoundPlan &plan, Watchdog &watchdog)
        : random_(derive(plan.seed, part_round, 0)),
          world_(plan.seed, plan.ports, plan.memory_faults && chance(60), plan.descriptor_faults && chance(40))
    {
        watchdog.begin("a round", limit);
        watchdog.set_report([this] { return report(); });
    }

    void run()
    {
        const auto until = Clock::now() + length;
        {
            const Peers peers(world_, random_.between(2, 5), random_.between(1, 2));
            start_threads();
            while (Clock::now() < until && violation_count() == 0) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
            world_.over = true;
            for (std::thread &thread : threads_) {
                thread.join();
            }
        }
        world_.faults.stop();
    }

    void settle(Figures &figures)
    {
        for (const std::shared_ptr<Host> &host : hosts_) {
            host->settle();
        }
        figures.rounds++;
        figures.hosts += world_.tally.hosts;
        figures.sessions += world_.tally.sessions;
        figures.connects_failed += world_.tally.connects_failed;
        figures.peers += world_.tally.peers;
        figures.bytes += world_.tally.bytes;
        figures.events += world_.tally.events;
        figures.faults += world_.faults.bursts();
        figures.pairs += world_.ledger.settle();
    }

private:
    bool chance(uint32_t percent) { return random_.chance(percent); }

    void start_threads()
    {
        const uint32_t slots = random_.between(1, 3);
        const uint32_t actors = random_.between(1, actors_max);
        for (uint32_t i = 0; i < slots; i++) {
            threads_.emplace_back([this, i] { host_one_after_another(i); });
        }
        for (uint32_t i = 0; i < actors; i++) {
            threads_.emplace_back([this, i] { act(i); });
        }
    }

    void host_one_after_another(uint32_t slot)
    {
        for (uint64_t i = 0; !world_.over; i++) {
            const auto host = std::make_shared<Host>(world_, derive(world_.seed, part_host, slot * 100000 + i));
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                hosts_.push_back(host);
            }
            if (host->create()) {
                host->live(host);
            } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
    }

    void act(uint32_t actor)
    {
        const Doing doing("an actor");
        Random random(derive(world_.seed, part_actor, actor));
        while (!world_.over) {
            const std::shared_ptr<Host> host = world_.pick_host(random);
            if (host != nullptr) {
                host->act(random, actor);
            }
            if (host == nullptr || random.chance(10)) {
                std::this_thread::sleep_for(std::chrono::microseconds(random.below(500)));
            }
        }
    }

    std::string report()
    {
        std::string text = "  alive: " + describe(live_objects()) + "\n";
        for (const std::shared_ptr<Host> &host : world_.try_hosts()) {
            text += "  " + host->describe() + "\n";
        }
        return text;
    }

    Random random_;
    World world_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Host>> hosts_; /* under the mutex: all there ever were */
    std::vector<std::thread> threads_;
};

} // namespace

void run_round(const RoundPlan &plan, Watchdog &watchdog, Figures &figures)
{
    const uint64_t descriptors_before = open_descriptors();
    {
        Round round(plan, watchdog);
        round.run();
        round.settle(figures);
        watchdog.set_report({});
    }
    check_nothing_is_left(descriptors_before);
}

} // namespace stress
