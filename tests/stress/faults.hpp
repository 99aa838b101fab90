/* Allocations that fail and descriptors that run out, for some milliseconds at a time, at random. */
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "stress/random.hpp"

namespace stress
{

/* Descriptors that this process has open; 0 where the system does not tell. */
uint64_t open_descriptors();

class Faults
{
public:
    Faults(uint64_t seed, bool memory, bool descriptors);
    /* Ends them, and puts everything back. */
    ~Faults();
    Faults(const Faults &) = delete;
    Faults &operator=(const Faults &) = delete;

    /* They may have been there: what they excuse is excused until the end of the round. */
    bool memory_failed() const { return memory_bursts_ != 0; }
    bool descriptors_failed() const { return descriptor_bursts_ != 0; }
    uint64_t bursts() const { return memory_bursts_ + descriptor_bursts_; }
    void stop();

    /* While it lives there are no faults. */
    class Calm
    {
    public:
        explicit Calm(Faults &faults);
        ~Calm();
        Calm(const Calm &) = delete;
        Calm &operator=(const Calm &) = delete;

    private:
        Faults &faults_;
    };

private:
    void run();
    void fail_memory();
    void exhaust_descriptors();
    /* True when it is time to end. */
    bool pause(uint32_t milliseconds);

    Random random_;
    const bool memory_;
    const bool descriptors_;
    std::atomic<uint64_t> memory_bursts_{0};
    std::atomic<uint64_t> descriptor_bursts_{0};
    std::mutex burst_mutex_; /* held for the time of a burst */
    uint32_t calm_ = 0;      /* under the burst mutex */
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::thread thread_;
};

} // namespace stress
