#include "load/tick.hpp"

#include "load/connection.hpp"
#include "load/failure.hpp"

namespace bench
{

namespace
{

constexpr uint32_t buffer_bytes = 65536;
constexpr double load_share_max = 0.97;

} // namespace

TickMode::TickMode(const Options &chosen)
    : Mode(chosen), counting_(chosen.message_bytes), buffer_(buffer_bytes), viewers_(chosen.connections)
{
    for (size_t i = 0; i < counting_.size(); i++) {
        counting_[i] = static_cast<char>(i);
    }
}

void TickMode::join()
{
    for (uint32_t i = 0; i < options.connections; i++) {
        wait_until([&] { return i - connected_ < connecting_max; }, "connections");
        viewers_[i].descriptor = open_connection(options, i);
        loop.add(viewers_[i].descriptor, i);
    }
    wait_until([&] { return updated_ == options.connections; }, "the first updates");
}

void TickMode::slice(uint64_t end_ns)
{
    start_ns_ = now_ns();
    wait_until_time(end_ns);
    /* On a busy machine none may come in a short slice. */
    wait_until([&] { return figures.messages > 0; }, "an update");
}

void TickMode::on_event(uint32_t index, uint32_t events)
{
    if (!viewers_[index].is_connected) {
        viewers_[index].is_connected = true;
        connected_++;
    }
    if ((events & ~uint32_t{EPOLLOUT}) != 0) {
        receive(index);
    }
}

void TickMode::receive(uint32_t index)
{
    Viewer &viewer = viewers_[index];
    const auto body = [&](uint64_t) { return counting_.data(); };
    const auto got = [&](uint64_t tick_ns) { on_update(index, tick_ns); };
    uint32_t bytes = buffer_bytes;
    while (bytes == buffer_bytes) {
        bytes = receive_some(viewer.descriptor, index, buffer_.data(), buffer_bytes);
        if (!viewer.reader.take(buffer_.data(), bytes, options.message_bytes, body, got)) {
            throw Failure(of_connection(index, "an update is not what it should be"));
        }
    }
}

void TickMode::on_update(uint32_t index, uint64_t tick_ns)
{
    Viewer &viewer = viewers_[index];
    const uint64_t now = now_ns();
    if (tick_ns <= viewer.last_tick_ns) {
        throw Failure(of_connection(index, "an update is not later than the one before"));
    }
    if (tick_ns > now) {
        throw Failure(of_connection(index, "an update has a time to come"));
    }
    updated_ += viewer.last_tick_ns == 0 ? 1 : 0;
    viewer.last_tick_ns = tick_ns;
    figures.messages++;
    if (tick_ns >= start_ns_) {
        figures.latency.record(now - tick_ns);
    }
}

void TickMode::judge()
{
    figures.saturated = figures.load_share() > load_share_max;
}

} // namespace bench
