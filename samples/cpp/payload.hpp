// What a message holds: a pattern made from the numbers of its session and message, so that a byte that comes from
// another session, another message or another place is noticed.
#ifndef SAMPLE_PAYLOAD_HPP
#define SAMPLE_PAYLOAD_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sample
{

class payload
{
public:
    payload(std::uint64_t session, std::uint64_t message) noexcept : seed_(mix(mix(session + 1) + message)) {}

    void fill(std::byte *target, std::size_t size) const noexcept
    {
        for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
            const std::uint64_t word = mix(seed_ + at);
            std::memcpy(target + at, &word, std::min(size - at, sizeof word));
        }
    }

    // Whether these bytes are the message's from `offset` on.
    bool matches(const std::byte *data, std::size_t size, std::size_t offset) const noexcept
    {
        while (size > 0) {
            const std::size_t skipped = offset % sizeof(std::uint64_t);
            const std::size_t length = std::min(size, sizeof(std::uint64_t) - skipped);
            const std::uint64_t word = mix(seed_ + offset - skipped);
            if (std::memcmp(reinterpret_cast<const std::byte *>(&word) + skipped, data, length) != 0) {
                return false;
            }
            data += length;
            size -= length;
            offset += length;
        }
        return true;
    }

private:
    static std::uint64_t mix(std::uint64_t value) noexcept
    {
        value *= 0x9E3779B97F4A7C15u;
        value ^= value >> 32;
        value *= 0xD6E8FEB86659FD93u;
        return value ^ (value >> 32);
    }

    std::uint64_t seed_;
};

} // namespace sample

#endif
