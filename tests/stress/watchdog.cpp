#include "stress/watchdog.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "stress/check.hpp"

namespace stress
{

namespace
{

/*
 * What the threads do. No lock: one would order calls of the library that this tool wants to meet. No thread_local
 * object with a destructor: with mingw it runs inside of a lock of winpthreads and asks for the loader's lock, which a
 * thread of the library that ends at that time holds while it asks for the first one.
 */
std::array<std::atomic<const char *>, 256> doings;

void print_threads()
{
    for (const std::atomic<const char *> &doing : doings) {
        const char *name = doing;
        if (name != nullptr) {
            std::fprintf(stderr, "  a thread is inside: %s\n", name);
        }
    }
}

} // namespace

/* More threads than there are places for are not reported. */
Doing::Doing(const char *name)
{
    for (std::atomic<const char *> &doing : doings) {
        const char *nobody = nullptr;
        if (doing.compare_exchange_strong(nobody, name, std::memory_order_relaxed)) {
            place_ = &doing;
            return;
        }
    }
}

Doing::~Doing()
{
    if (place_ != nullptr) {
        place_->store(nullptr, std::memory_order_relaxed);
    }
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
