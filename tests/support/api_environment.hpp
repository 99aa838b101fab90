/*
 * What every API test needs around it: a watchdog that ends a process whose test hangs, roles (the test binary run again
 * as another process), the seed of the random tests, and waiting for a condition.
 */
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace api_test
{

/* How long a test waits for what must happen; far beyond what it takes. */
constexpr std::chrono::seconds wait_limit{20};

#if defined(_WIN32)
constexpr bool on_windows = true;
#else
constexpr bool on_windows = false;
#endif

using Clock = std::chrono::steady_clock;

/* Looks again and again until the condition holds; false after wait_limit. For what no event tells of. */
bool wait_until(const std::function<bool()> &condition);

/* Lets other threads and processes run for a moment. */
void pause_briefly();

/* Runs the work, given 0 to count - 1, on so many threads that begin together. */
void run_on_threads(uint32_t count, const std::function<void(uint32_t)> &work);

/* n, or less where each step is slow: under a sanitizer or under wine. At least 1. */
uint32_t scaled(uint32_t n);

/* True in a build with ThreadSanitizer or AddressSanitizer. */
bool is_sanitized();

/* A repeatable source of choices. The seed is printed; ICN_TEST_SEED gives it back. */
class Random
{
public:
    Random();
    /* 0 to limit - 1. */
    uint64_t below(uint64_t limit);
    uint64_t any();
    std::string bytes(uint64_t size);

private:
    std::mt19937_64 engine_;
};

/*
 * A role: what the test binary does instead of running tests when Process::start_role starts it. The result is its exit
 * code. Register with a static object.
 */
using Role = int (*)(const std::vector<std::string> &arguments);

/* In a role: leaves it with an exit code that is not 0 when the condition does not hold. */
#define ROLE_REQUIRE(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                             \
            return __LINE__ % 90 + 1;                                                                                  \
        }                                                                                                              \
    } while (0)

struct RoleRegistration {
    RoleRegistration(const char *name, Role role);
};

/* Makes the watchdog and the roles work; called once, before main. True. */
bool register_environment();

} // namespace api_test
