#include "load/stream.hpp"

#include <algorithm>
#include <cstring>

#include <unistd.h>

#include "load/connection.hpp"
#include "load/failure.hpp"

namespace bench
{

void Stream::open(int descriptor, uint32_t index, uint64_t place)
{
    *this = Stream();
    descriptor_ = descriptor;
    index_ = index;
    send_at_ = receive_at_ = Pattern::start_of(place);
}

void Stream::close()
{
    ::close(descriptor_);
    descriptor_ = -1;
}

void Stream::send(const Wire &wire, uint64_t bytes)
{
    expected_ += bytes;
    unsent_ += bytes;
    flush(wire);
}

void Stream::flush(const Wire &wire)
{
    while (unsent_ != 0) {
        const uint64_t size = std::min<uint64_t>(unsent_, Pattern::window_max);
        const uint32_t sent = send_some(descriptor_, index_, wire.pattern.at(send_at_), size);
        if (sent == 0) {
            return;
        }
        send_at_ = Pattern::advance(send_at_, sent);
        unsent_ -= sent;
    }
}

uint32_t Stream::receive(Wire &wire)
{
    const uint32_t size = receive_some(descriptor_, index_, wire.buffer.data(), Pattern::window_max);
    if (size > expected_ - unsent_) {
        throw Failure(of_connection(index_, "more bytes came back than were sent"));
    }
    if (std::memcmp(wire.buffer.data(), wire.pattern.at(receive_at_), size) != 0) {
        fail_at_difference(wire, size);
    }
    receive_at_ = Pattern::advance(receive_at_, size);
    expected_ -= size;
    received_ += size;
    return size;
}

void Stream::fail_at_difference(const Wire &wire, uint32_t size) const
{
    const char *const got = wire.buffer.data();
    const auto pair = std::mismatch(got, got + size, wire.pattern.at(receive_at_));
    const uint64_t position = received_ + static_cast<uint64_t>(pair.first - got);
    throw Failure(of_connection(index_, "byte " + std::to_string(position) + " of the echo is " +
                                            std::to_string(static_cast<uint8_t>(*pair.first)) + ", not " +
                                            std::to_string(static_cast<uint8_t>(*pair.second))));
}

} // namespace bench
