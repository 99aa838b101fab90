#include "stress/watchdog.hpp"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

#include "stress/check.hpp"

namespace stress
{

namespace
{

/* What one thread does. */
struct Slot {
    Slot();
    ~Slot();
    std::atomic<const char *> name{nullptr};
};

/* Never destroyed: threads may end after main. */
struct Slots {
    std::mutex mutex;
    std::set<Slot *> all;
} &slots = *new Slots;

Slot::Slot()
{
    const std::lock_guard<std::mutex> lock(slots.mutex);
    slots.all.insert(this);
}

Slot::~Slot()
{
    const std::lock_guard<std::mutex> lock(slots.mutex);
    slots.all.erase(this);
}

Slot &own_slot()
{
    thread_local Slot slot;
    return slot;
}

void print_threads()
{
    const std::lock_guard<std::mutex> lock(slots.mutex);
    for (const Slot *slot : slots.all) {
        const char *name = slot->name;
        if (name != nullptr) {
            std::fprintf(stderr, "  a thread is inside: %s\n", name);
        }
    }
}

} // namespace

Doing::Doing(const char *name) : before_(own_slot().name.exchange(name))
{
}

Doing::~Doing()
{
    own_slot().name = before_;
}

Watchdog::Watchdog() : deadline_(std::chrono::steady_clock::time_point::max()), thread_([this] { watch(); })
{
}

Watchdog::~Watchdog()
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Watchdog::begin(const std::string &phase, std::chrono::seconds limit)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    phase_ = phase;
    deadline_ = std::chrono::steady_clock::now() + limit;
}

void Watchdog::set_report(std::function<std::string()> report)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    report_ = std::move(report);
}

void Watchdog::watch()
{
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopped_) {
        changed_.wait_for(lock, std::chrono::milliseconds(500));
        if (!stopped_ && std::chrono::steady_clock::now() > deadline_) {
            violate("it hangs: " + phase_);
            print_threads();
            std::fprintf(stderr, "%s", report_ ? report_().c_str() : "");
            std::fflush(nullptr);
            std::abort();
        }
    }
}

} // namespace stress
