#include "load/closed.hpp"

namespace bench
{

namespace
{

constexpr uint32_t begin_at_once = 64; /* connections, before what came back is looked at */

/* Of the connections, so many at equal distances. */
std::vector<uint32_t> spread(uint32_t connections, uint32_t count)
{
    std::vector<uint32_t> chosen(count);
    for (uint32_t i = 0; i < count; i++) {
        chosen[i] = static_cast<uint32_t>(uint64_t{i} * connections / count);
    }
    return chosen;
}

} // namespace

ClosedMode::ClosedMode(const Options &chosen)
    : EchoMode(chosen), resident_before_kb_(server.resident_kb()),
      active_(spread(chosen.connections, chosen.mode == "idle" ? chosen.active : chosen.connections)),
      sent_ns_(size_t{chosen.connections} * chosen.depth), oldest_(chosen.connections)
{
}

void ClosedMode::slice(uint64_t end_ns)
{
    end_ns_ = end_ns;
    for (uint32_t i = 0; i < active_.size(); i++) {
        begin(active_[i]);
        if (i % begin_at_once == 0) {
            wait(0);
        }
    }
    if (active_.empty()) {
        wait_until_time(end_ns);
    }
    wait_until([&] { return in_flight_ == 0; }, "echoes");
}

void ClosedMode::begin(uint32_t index)
{
    const uint64_t now = now_ns();
    oldest_[index] = 0;
    for (uint32_t i = 0; i < options.depth; i++) {
        sent_ns_[size_t{index} * options.depth + i] = now;
    }
    in_flight_ += options.depth;
    send(index, options.depth);
}

/* A message that is sent again takes the place of the one that was answered: both are the oldest. */
void ClosedMode::on_answers(uint32_t index, uint32_t count, uint64_t now)
{
    uint64_t *const sent_ns = &sent_ns_[size_t{index} * options.depth];
    uint32_t oldest = oldest_[index];
    for (uint32_t i = 0; i < count; i++) {
        figures.latency.record(now - sent_ns[oldest]);
        sent_ns[oldest] = now;
        oldest = oldest + 1 == options.depth ? 0 : oldest + 1;
    }
    oldest_[index] = oldest;
    figures.messages += count;
    if (now < end_ns_) {
        send(index, count);
    } else {
        in_flight_ -= count;
    }
}

std::string ClosedMode::more() const
{
    if (options.mode != "idle") {
        return {};
    }
    return ",\"active\":" + std::to_string(options.active) +
           ",\"rss_before_kb\":" + std::to_string(resident_before_kb_) +
           ",\"rss_now_kb\":" + std::to_string(server.resident_kb());
}

} // namespace bench
