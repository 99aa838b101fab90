#include "load/open.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace bench
{

namespace
{

constexpr size_t in_flight_max = 65536; /* a power of two */
constexpr uint64_t late_ns = 200000;
constexpr uint64_t late_share_max = 100; /* one of so many */
constexpr double load_share_max = 0.97;

} // namespace

OpenMode::OpenMode(const Options &chosen)
    : EchoMode(chosen), random_(chosen.seed), order_(chosen.connections), oldest_(chosen.connections),
      due_ns_(in_flight_max)
{
    std::iota(order_.begin(), order_.end(), 0);
    std::shuffle(order_.begin(), order_.end(), random_);
}

void OpenMode::slice(uint64_t end_ns)
{
    end_ns_ = end_ns;
    restart(now_ns());
    for (uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
        send_due(now);
        wait(options.spin ? 0 : time_to_next());
    }
    is_held_back_ = is_held_back_ || next_due_ns_ + late_ns < end_ns;
    wait_until([&] { return in_flight_ == 0; }, "echoes");
}

void OpenMode::restart(uint64_t start_ns)
{
    for (uint32_t i = 0; i < order_.size(); i++) {
        oldest_[order_[i]] = i;
    }
    next_ = 0;
    next_due_ns_ = start_ns + distance_ns();
    is_held_back_ = false;
    lag_.clear();
}

uint64_t OpenMode::distance_ns()
{
    const double mean = 1e9 / options.rate;
    if (options.uniform) {
        return static_cast<uint64_t>(mean);
    }
    return static_cast<uint64_t>(mean * std::exponential_distribution<double>()(random_));
}

uint64_t OpenMode::time_to_next() const
{
    const uint64_t until = std::min(next_due_ns_, end_ns_);
    const uint64_t now = now_ns();
    return is_held_back_ ? ns_per_ms : until - std::min(until, now);
}

void OpenMode::send_due(uint64_t now)
{
    while (next_due_ns_ <= now && next_due_ns_ < end_ns_) {
        uint64_t &due_ns = due_ns_[next_ % in_flight_max];
        if (due_ns != 0) { /* so far behind is the server; what is due stays due */
            is_held_back_ = true;
            return;
        }
        due_ns = next_due_ns_;
        lag_.record(now - due_ns);
        figures.late += now - due_ns > late_ns ? 1 : 0;
        in_flight_++;
        send(order_[next_ % order_.size()], 1);
        next_++;
        next_due_ns_ += distance_ns();
        now = now_ns();
    }
}

/* What became due meanwhile goes out first: a batch of echoes must not delay the schedule. */
void OpenMode::on_answers(uint32_t index, uint32_t count, uint64_t now)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t &due_ns = due_ns_[oldest_[index] % in_flight_max];
        figures.latency.record(now - due_ns);
        due_ns = 0;
        oldest_[index] += order_.size();
    }
    figures.messages += count;
    in_flight_ -= count;
    if (now < end_ns_) {
        send_due(now);
    }
}

void OpenMode::judge()
{
    const bool is_busy = !options.spin && figures.load_share() > load_share_max;
    figures.saturated = is_held_back_ || is_busy || figures.late > figures.messages / late_share_max;
}

std::string OpenMode::more() const
{
    char text[128];
    std::snprintf(text, sizeof text, ",\"rate\":%.1f,\"lag_p50_us\":%.3f,\"lag_p99_us\":%.3f,\"lag_p999_us\":%.3f",
                  options.rate, static_cast<double>(lag_.percentile(0.5)) / 1e3,
                  static_cast<double>(lag_.percentile(0.99)) / 1e3, static_cast<double>(lag_.percentile(0.999)) / 1e3);
    return text;
}

} // namespace bench
