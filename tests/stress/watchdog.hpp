/* Ends the process when a phase takes too long, after saying what every thread does. */
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace stress
{

/* While it lives, a hang of the calling thread is reported under this name. `name`: static storage. */
class Doing
{
public:
    explicit Doing(const char *name);
    ~Doing();
    Doing(const Doing &) = delete;
    Doing &operator=(const Doing &) = delete;

private:
    std::atomic<const char *> *place_ = nullptr;
};

class Watchdog
{
public:
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog &) = delete;
    Watchdog &operator=(const Watchdog &) = delete;

    /* A new phase begins; it may take this long. */
    void begin(const std::string &phase, std::chrono::seconds limit);
    /* What is printed when a phase hangs, beside the threads; called without the locks of anybody. */
    void set_report(std::function<std::string()> report);

private:
    void watch();

    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::string phase_;
    std::chrono::steady_clock::time_point deadline_;
    std::function<std::string()> report_;
    std::thread thread_;
};

} // namespace stress
