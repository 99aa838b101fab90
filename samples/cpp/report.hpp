// What the samples print: a line per second, and a summary at the end.
#ifndef SAMPLE_REPORT_HPP
#define SAMPLE_REPORT_HPP

#include "histogram.hpp"
#include "platform.hpp"

#include <iocpnet.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace sample
{

using clock = std::chrono::steady_clock;

inline double seconds_since(clock::time_point start) noexcept
{
    return std::chrono::duration<double>(clock::now() - start).count();
}

inline std::uint64_t nanoseconds_between(clock::time_point start, clock::time_point end) noexcept
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
}

// Totals since the start.
struct traffic {
    std::uint64_t sessions = 0; // open now
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    histogram::counts times = {}; // nanoseconds
};

template <typename... Values>
std::string format(const char *pattern, Values... values)
{
    char text[200];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

inline std::string format_percentile(const histogram::counts &times, double share)
{
    const double microseconds = static_cast<double>(histogram::percentile(times, share)) / 1e3;
    return microseconds < 1e4 ? format("%.0f us", microseconds) : format("%.1f ms", microseconds / 1e3);
}

inline std::string format_rates(const traffic &traffic, double seconds)
{
    return format("%.0f messages/s, %.2f MB/s, p50 %s, p99 %s", static_cast<double>(traffic.messages) / seconds,
                  static_cast<double>(traffic.bytes) / 1e6 / seconds, format_percentile(traffic.times, 0.5).c_str(),
                  format_percentile(traffic.times, 0.99).c_str());
}

// A line per second, of what happened in that second: on a terminal always the same line, otherwise one after another.
class live_line
{
public:
    ~live_line() { end(); }

    // Call it often. `read` gives the totals; it is called once a second.
    template <typename Read>
    void update(Read read)
    {
        const double elapsed = seconds_since(printed_at_);
        if (elapsed >= 1) {
            const traffic now = read();
            print(format("%llu sessions, ", static_cast<unsigned long long>(now.sessions)) +
                  format_rates(difference(now, before_), elapsed));
            before_ = now;
            printed_at_ = clock::now();
        }
    }

    // What is printed next starts on a line of its own.
    void end()
    {
        if (width_ > 0 && terminal_) {
            std::putchar('\n');
        }
        width_ = 0;
    }

private:
    static traffic difference(traffic now, const traffic &before)
    {
        now.messages -= before.messages;
        now.bytes -= before.bytes;
        for (std::size_t i = 0; i < now.times.size(); ++i) {
            now.times[i] -= before.times[i];
        }
        return now;
    }

    void print(std::string text)
    {
        const std::size_t length = text.size();
        if (terminal_) {
            text.resize(std::max(length, width_), ' '); // wipes the rest of a longer line
            std::printf("\r%s", text.c_str());
        } else {
            std::printf("%s\n", text.c_str());
        }
        std::fflush(stdout);
        width_ = length;
    }

    const bool terminal_ = is_terminal();
    std::size_t width_ = 0;
    traffic before_;
    clock::time_point printed_at_ = clock::now();
};

inline void print_summary(const traffic &total, double seconds, const iocpnet::service_statistics &statistics)
{
    std::printf("sessions: %llu opened, %llu connects failed\n",
                static_cast<unsigned long long>(statistics.accepts + statistics.connects),
                static_cast<unsigned long long>(statistics.connects_failed));
    std::printf("messages: %llu, %llu bytes, in %.1f s\n", static_cast<unsigned long long>(total.messages),
                static_cast<unsigned long long>(total.bytes), seconds);
    std::printf("rates: %s, p99.9 %s\n", format_rates(total, seconds).c_str(),
                format_percentile(total.times, 0.999).c_str());
    for (std::uint32_t reason = 0; reason < IOCPNET_CLOSE_REASON_COUNT; ++reason) {
        if (statistics.disconnects_by_reason[reason] != 0) {
            std::printf("disconnects, %s: %llu\n", iocpnet::name(static_cast<iocpnet::close_reason>(reason)),
                        static_cast<unsigned long long>(statistics.disconnects_by_reason[reason]));
        }
    }
}

// After the service is destroyed nothing of it may be left. False if something is.
inline bool print_alive()
{
    const iocpnet::live_objects alive = iocpnet::count_live_objects();
    std::printf("alive: %llu sessions, %llu operations, %llu buffers, %llu descriptors, %llu allocations\n",
                static_cast<unsigned long long>(alive.sessions), static_cast<unsigned long long>(alive.operations),
                static_cast<unsigned long long>(alive.buffers), static_cast<unsigned long long>(alive.descriptors),
                static_cast<unsigned long long>(alive.allocations));
    return alive.services + alive.listeners + alive.sessions + alive.operations + alive.buffers + alive.descriptors +
               alive.allocations ==
           0;
}

} // namespace sample

#endif
