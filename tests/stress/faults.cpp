#include "stress/faults.hpp"

#include <chrono>

extern "C" {
#include "util/memory.h"
}

#if defined(__linux__)
#include <dirent.h>
#include <sys/resource.h>
#endif

namespace stress
{

#if defined(__linux__)

uint64_t open_descriptors()
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == nullptr) {
        return 0;
    }
    while (readdir(folder) != nullptr) {
        count++;
    }
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

namespace
{

rlim_t set_descriptor_limit(rlim_t limit)
{
    rlimit limits = {};
    getrlimit(RLIMIT_NOFILE, &limits);
    const rlim_t before = limits.rlim_cur;
    limits.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &limits);
    return before;
}

} // namespace

void Faults::exhaust_descriptors()
{
    descriptor_bursts_++;
    const rlim_t before = set_descriptor_limit(static_cast<rlim_t>(open_descriptors()) + random_.below(6));
    pause(random_.between(1, 30));
    set_descriptor_limit(before);
}

#else

uint64_t open_descriptors()
{
    return 0;
}

void Faults::exhaust_descriptors()
{
}

#endif

Faults::Faults(uint64_t seed, bool memory, bool descriptors)
    : random_(seed), memory_(memory), descriptors_(descriptors), thread_([this] { run(); })
{
}

Faults::~Faults()
{
    stop();
}

void Faults::stop()
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool Faults::pause(uint32_t milliseconds)
{
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return stopped_; });
}

void Faults::fail_memory()
{
    memory_bursts_++;
    icn_memory_fail(random_.between(1, 100), random_.chance(50));
    pause(random_.between(1, 15));
    icn_memory_fail(0, 0);
}

void Faults::run()
{
    while (!pause(random_.between(5, 80))) {
        const std::lock_guard<std::mutex> lock(burst_mutex_);
        const bool memory = random_.chance(60);
        if (calm_ != 0) {
            continue;
        }
        if (memory && memory_) {
            fail_memory();
        } else if (!memory && descriptors_) {
            exhaust_descriptors();
        }
    }
}

Faults::Calm::Calm(Faults &faults) : faults_(faults)
{
    const std::lock_guard<std::mutex> lock(faults_.burst_mutex_);
    faults_.calm_++;
}

Faults::Calm::~Calm()
{
    const std::lock_guard<std::mutex> lock(faults_.burst_mutex_);
    faults_.calm_--;
}

} // namespace stress
