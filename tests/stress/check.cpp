#include "stress/check.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace stress
{

namespace
{

constexpr uint64_t printed_max = 20;

std::mutex mutex;
std::string repeat_command;
std::atomic<uint64_t> violations{0};

} // namespace

void set_repeat_command(const std::string &command)
{
    const std::lock_guard<std::mutex> lock(mutex);
    repeat_command = command;
}

void violate(const std::string &text)
{
    const uint64_t number = ++violations;
    if (number > printed_max) {
        return;
    }
    const std::lock_guard<std::mutex> lock(mutex);
    if (number == 1) {
        std::fprintf(stderr, "\nto repeat: %s\n", repeat_command.c_str());
    }
    std::fprintf(stderr, "VIOLATION: %s\n", text.c_str());
    std::fflush(stderr);
}

uint64_t violation_count()
{
    return violations;
}

void give_up(const std::string &text)
{
    violate(text);
    std::fflush(nullptr);
    std::_Exit(3);
}

} // namespace stress
