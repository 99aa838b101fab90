#include "support/api_environment.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#if defined(__linux__)
#include <csignal>
#include <sys/prctl.h>
#endif

namespace api_test
{

#if defined(__has_feature)
#define API_TEST_HAS_FEATURE(name) __has_feature(name)
#else
#define API_TEST_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || API_TEST_HAS_FEATURE(thread_sanitizer) ||         \
    API_TEST_HAS_FEATURE(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

namespace
{

/* Ends the process when a test takes longer than the limit, which is below ctest's own. */
class Watchdog
{
public:
    static constexpr std::chrono::seconds limit{110};

    void start()
    {
        thread_ = std::thread([this] { watch(); });
    }

    void stop()
    {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopped_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    void begin(const std::string &name)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        name_ = name;
        deadline_ = Clock::now() + limit;
        changed_.notify_all();
    }

    void end()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        name_.clear();
    }

private:
    void watch()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!stopped_) {
            changed_.wait_for(lock, std::chrono::seconds(1));
            if (!name_.empty() && Clock::now() > deadline_) {
                std::fprintf(stderr, "watchdog: %s hangs\n", name_.c_str());
                std::fflush(nullptr);
                std::abort();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string name_;
    Clock::time_point deadline_;
    bool stopped_ = false;
    std::thread thread_;
};

/* Never destroyed: a process may exit while it watches. */
Watchdog &watchdog = *new Watchdog;

class WatchedTests : public testing::EmptyTestEventListener
{
    void OnTestStart(const testing::TestInfo &test) override
    {
        watchdog.begin(std::string(test.test_suite_name()) + "." + test.name());
    }

    void OnTestEnd(const testing::TestInfo &) override { watchdog.end(); }
};

std::map<std::string, Role> &roles()
{
    static std::map<std::string, Role> registered;
    return registered;
}

[[noreturn]] void play_role(const std::string &line)
{
    std::istringstream words(line);
    std::string name;
    std::string argument;
    std::vector<std::string> arguments;
    words >> name;
    while (words >> argument) {
        arguments.push_back(argument);
    }
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    watchdog.begin("role " + name);
    const auto role = roles().find(name);
    int code = role == roles().end() ? 99 : role->second(arguments);
    if (code == 0 && testing::UnitTest::GetInstance()->Failed()) {
        code = 98;
    }
    std::fflush(nullptr);
    std::_Exit(code);
}

class Environment : public testing::Environment
{
    void SetUp() override
    {
        watchdog.start();
        const char *line = std::getenv("ICN_TEST_ROLE");
        if (line != nullptr) {
            play_role(line);
        }
        testing::UnitTest::GetInstance()->listeners().Append(new WatchedTests);
    }

    void TearDown() override { watchdog.stop(); }
};

uint64_t choose_seed()
{
    const char *given = std::getenv("ICN_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

} // namespace

RoleRegistration::RoleRegistration(const char *name, Role role)
{
    roles()[name] = role;
}

bool register_environment()
{
    testing::AddGlobalTestEnvironment(new Environment);
    return true;
}

void pause_briefly()
{
    static std::mutex mutex;
    static std::condition_variable never;
    std::unique_lock<std::mutex> lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(1));
}

bool wait_until(const std::function<bool()> &condition)
{
    const auto deadline = Clock::now() + wait_limit;
    while (!condition()) {
        if (Clock::now() > deadline) {
            return false;
        }
        pause_briefly();
    }
    return true;
}

void run_on_threads(uint32_t count, const std::function<void(uint32_t)> &work)
{
    std::atomic<uint32_t> ready{0};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < count; i++) {
        threads.emplace_back([&, i] {
            ready++;
            while (ready < count) {
                std::this_thread::yield();
            }
            work(i);
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

uint32_t scaled(uint32_t n)
{
    const uint32_t divisor = sanitized ? 8 : on_windows ? 5 : 1;
    return n / divisor > 0 ? n / divisor : 1;
}

bool is_sanitized()
{
    return sanitized;
}

Random::Random()
{
    static const uint64_t seed = choose_seed();
    std::printf("ICN_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
    engine_.seed(seed);
}

uint64_t Random::below(uint64_t limit)
{
    return engine_() % limit;
}

uint64_t Random::any()
{
    return engine_();
}

std::string Random::bytes(uint64_t size)
{
    std::string text(static_cast<size_t>(size), '\0');
    uint64_t word = 0;
    for (size_t i = 0; i < text.size(); i++) {
        if (i % 8 == 0) {
            word = engine_();
        }
        text[i] = static_cast<char>(word >> (i % 8 * 8));
    }
    return text;
}

} // namespace api_test
