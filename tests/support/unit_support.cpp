#include "support/unit_support.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

extern "C" {
#include "base/check.h"
}

namespace unit_test
{

namespace
{

std::mutex failed_mutex;
std::string failed;

void record(const char *, int, const char *condition)
{
    const std::lock_guard<std::mutex> lock(failed_mutex);
    failed += (failed.empty() ? "" : " ") + std::string(condition);
}

/* Holds threads back until all have come. */
class Gate
{
public:
    explicit Gate(uint32_t count) : missing_(count) {}

    void pass()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        missing_--;
        changed_.notify_all();
        changed_.wait(lock, [this] { return missing_ == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    uint32_t missing_;
};

} // namespace

void run_together(uint32_t count, const std::function<void(uint32_t)> &work)
{
    Gate gate(count);
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < count; i++) {
        threads.emplace_back([&gate, &work, i] {
            gate.pass();
            work(i);
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

CheckRecorder::CheckRecorder()
{
    EXPECT_EQ(nullptr, icn_check_set_handler(record));
}

CheckRecorder::~CheckRecorder()
{
    icn_check_set_handler(nullptr);
    EXPECT_EQ("", take());
}

std::string CheckRecorder::take()
{
    const std::lock_guard<std::mutex> lock(failed_mutex);
    std::string taken;
    taken.swap(failed);
    return taken;
}

} // namespace unit_test
