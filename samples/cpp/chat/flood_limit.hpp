// How often somebody may speak: a token bucket.
#ifndef CHAT_FLOOD_LIMIT_HPP
#define CHAT_FLOOD_LIMIT_HPP

#include <algorithm>
#include <chrono>

namespace chat
{

struct flood_limits {
    double per_second = 10;
    double burst = 20; // at once, after a silence
};

// Of one session, whose handlers alone use it.
class flood_limit
{
public:
    using clock = std::chrono::steady_clock;
    enum class verdict {
        good,
        too_fast, // ignore this one
        flood     // has not heeded that for a whole burst: end it
    };

    flood_limit(const flood_limits &limits, clock::time_point now) : limits_(limits), tokens_(limits.burst), at_(now) {}

    // For each message. Ignored ones count too: whoever goes on at that speed runs ever deeper into debt.
    verdict take(clock::time_point now)
    {
        const double seconds = std::chrono::duration<double>(now - at_).count();
        at_ = now;
        tokens_ = std::min(tokens_ + seconds * limits_.per_second, limits_.burst) - 1;
        if (tokens_ >= 0) {
            return verdict::good;
        }
        return tokens_ >= -limits_.burst ? verdict::too_fast : verdict::flood;
    }

private:
    flood_limits limits_;
    double tokens_;
    clock::time_point at_;
};

} // namespace chat

#endif
