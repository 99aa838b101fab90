/* What the tests of the log share: a callback that keeps lines, and can be held up. */
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/live.h"
#include "util/log.h"
}

namespace unit_test
{

struct Line {
    int32_t level;
    std::string component;
    std::string text;
};

/* Where lines go. Its callback can be held up, and can do something of its own. */
class Sink
{
public:
    static void IOCPNET_CALL callback(int32_t level, const char *component, const char *text, void *user)
    {
        static_cast<Sink *>(user)->take({level, component, text});
    }

    int32_t install(int32_t level = IOCPNET_LOG_DEBUG) { return icn_log_set_callback(callback, level, this); }

    /* The next `count` lines may pass; the others wait inside the callback. */
    void allow(uint64_t count)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        allowed_ = count;
        changed_.notify_all();
    }

    bool wait_inside(uint64_t line)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, api_test::wait_limit, [&] { return begun_ >= line; });
    }

    std::vector<Line> lines()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return lines_;
    }

    std::vector<std::string> texts()
    {
        std::vector<std::string> result;
        for (const Line &line : lines()) {
            result.push_back(line.text);
        }
        return result;
    }

    bool is_inside()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return begun_ != lines_.size();
    }

    std::function<void()> inside;

private:
    void take(const Line &line)
    {
        {
            std::unique_lock<std::mutex> lock(mutex_);
            begun_++;
            changed_.notify_all();
            changed_.wait(lock, [this] { return allowed_ >= begun_; });
        }
        if (inside) {
            inside();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        lines_.push_back(line);
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Line> lines_;
    uint64_t begun_ = 0;
    uint64_t allowed_ = UINT64_MAX;
};

inline void acquire_log()
{
    EXPECT_EQ(IOCPNET_OK, icn_log_acquire().status);
}

inline void turn_log_off()
{
    EXPECT_EQ(IOCPNET_OK, icn_log_set_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
}

class LogTest : public testing::Test
{
protected:
    void TearDown() override
    {
        turn_log_off();
        EXPECT_TRUE(wait_until([] { return icn_live_count(ICN_LIVE_THREADS) == 0; }));
    }

    Sink sink_;
};

using Texts = std::vector<std::string>;

} // namespace unit_test
