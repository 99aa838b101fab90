// When to stop: after Ctrl-C (or SIGTERM), or when a file appears, for systems and scripts without signals.
#ifndef SAMPLE_STOP_HPP
#define SAMPLE_STOP_HPP

#include "platform.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace sample
{

class stop_request
{
public:
    explicit stop_request(std::string file) : file_(std::move(file)) { catch_interrupts(); }

    bool seen() const
    {
        std::error_code ignored;
        return interrupted.load() || (!file_.empty() && std::filesystem::exists(file_, ignored));
    }

private:
    std::string file_;
};

// How often the main threads of the samples look at what goes on.
inline void pause_main_thread()
{
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

} // namespace sample

#endif
