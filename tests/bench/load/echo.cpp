#include "load/echo.hpp"

#include "load/connection.hpp"

namespace bench
{

EchoMode::EchoMode(const Options &chosen) : Mode(chosen), streams_(chosen.connections)
{
}

void EchoMode::join()
{
    greeting_ = true;
    for (uint32_t i = 0; i < options.connections; i++) {
        wait_until([&] { return i - greeted_ < connecting_max; }, "the first echoes");
        const int descriptor = open_connection(options, i);
        streams_[i].open(descriptor, i, i);
        loop.add(descriptor, i);
        send(i, 1);
    }
    wait_until([&] { return greeted_ == options.connections; }, "the first echoes");
    greeting_ = false;
}

void EchoMode::send(uint32_t index, uint32_t count)
{
    streams_[index].send(wire_, uint64_t{count} * options.message_bytes);
}

void EchoMode::on_event(uint32_t index, uint32_t events)
{
    Stream &stream = streams_[index];
    if ((events & EPOLLOUT) != 0 && stream.has_unsent()) {
        stream.flush(wire_);
    }
    if ((events & ~uint32_t{EPOLLOUT}) == 0) {
        return;
    }
    uint32_t bytes = Pattern::window_max;
    while (bytes == Pattern::window_max) {
        bytes = stream.receive(wire_);
        const uint32_t count = complete(stream, bytes);
        if (count == 0) {
            continue;
        }
        if (greeting_) {
            greeted_ += count;
        } else {
            on_answers(index, count, now_ns());
        }
    }
}

uint32_t EchoMode::complete(Stream &stream, uint32_t bytes) const
{
    const uint32_t size = options.message_bytes;
    stream.partial += bytes;
    if (stream.partial < size) {
        return 0;
    }
    if (stream.partial == size) { /* without the division: nearly always */
        stream.partial = 0;
        return 1;
    }
    const uint32_t count = stream.partial / size;
    stream.partial %= size;
    return count;
}

} // namespace bench
