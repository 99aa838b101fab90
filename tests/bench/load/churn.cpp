#include "load/churn.hpp"

#include "load/connection.hpp"

namespace bench
{

ChurnMode::ChurnMode(const Options &chosen) : Mode(chosen), visits_(chosen.connections)
{
}

void ChurnMode::join()
{
    slice(0);
}

void ChurnMode::slice(uint64_t end_ns)
{
    end_ns_ = end_ns;
    for (uint32_t i = 0; i < options.connections; i++) {
        wait(0);
        open_++;
        begin(i);
    }
    wait_until([&] { return open_ == 0; }, "echoes");
}

void ChurnMode::begin(uint32_t index)
{
    Visit &visit = visits_[index];
    visit.begin_ns = now_ns();
    const int descriptor = open_connection(options, index);
    visit.stream.open(descriptor, index, begun_++);
    visit.stream.send(wire_, options.message_bytes);
    loop.add(descriptor, index);
}

void ChurnMode::on_event(uint32_t index, uint32_t events)
{
    Stream &stream = visits_[index].stream;
    if ((events & EPOLLOUT) != 0 && stream.has_unsent()) {
        stream.flush(wire_);
    }
    if ((events & ~uint32_t{EPOLLOUT}) == 0) {
        return;
    }
    uint32_t bytes = Pattern::window_max;
    while (bytes == Pattern::window_max) {
        bytes = stream.receive(wire_);
        stream.partial += bytes;
    }
    if (stream.partial == options.message_bytes) {
        finish(index);
    }
}

void ChurnMode::finish(uint32_t index)
{
    const uint64_t now = now_ns();
    visits_[index].stream.close();
    figures.latency.record(now - visits_[index].begin_ns);
    figures.messages++;
    if (now < end_ns_) {
        begin(index);
    } else {
        open_--;
    }
}

} // namespace bench
