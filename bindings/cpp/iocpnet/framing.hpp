// How a stream of bytes is cut into messages.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_FRAMING_HPP
#define IOCPNET_CPP_FRAMING_HPP

#include "values.hpp"

#include <string_view>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// A value: iocpnet::framing::length(2).with_message_bytes_max(1000). The library checks it when it is used.
class framing
{
public:
    // A length field of 1, 2 or 4 bytes is the header.
    static framing length(std::uint32_t width = 4) noexcept
    {
        framing made(IOCPNET_FRAMING_LENGTH);
        made.value_.length_width = width;
        made.value_.header_bytes = width;
        return made;
    }
    // {uint16_t size, uint16_t id} in little-endian order: the size counts the header, which is kept.
    static framing size_id() noexcept { return framing(IOCPNET_FRAMING_SIZE_ID); }
    // At most IOCPNET_FRAMING_DELIMITER_MAX bytes: a longer one is refused when it is used.
    static framing delimiter(std::string_view bytes) noexcept
    {
        framing made(IOCPNET_FRAMING_DELIMITER);
        made.value_.delimiter_bytes = static_cast<std::uint32_t>(bytes.size());
        bytes.copy(reinterpret_cast<char *>(made.value_.delimiter), sizeof made.value_.delimiter);
        return made;
    }

    // Bytes as they come: what is not consumed is offered again, up to so many bytes.
    static framing stream(std::uint32_t bytes_max) noexcept
    {
        framing made(IOCPNET_FRAMING_STREAM);
        made.value_.message_bytes_max = bytes_max;
        return made;
    }

    framing &with_message_bytes_max(std::uint32_t value) noexcept { return value_.message_bytes_max = value, *this; }
    framing &with_length_offset(std::uint32_t value) noexcept { return value_.length_offset = value, *this; }
    framing &with_length_adjustment(std::int32_t value) noexcept { return value_.length_adjustment = value, *this; }
    framing &with_header_bytes(std::uint32_t value) noexcept { return value_.header_bytes = value, *this; }
    framing &with_big_endian() noexcept { return value_.flags |= IOCPNET_FRAMING_BIG_ENDIAN, *this; }
    // Header or delimiter are part of the messages.
    framing &with_keep() noexcept { return value_.flags |= IOCPNET_FRAMING_KEEP, *this; }

    const iocpnet_framing &value() const noexcept { return value_; }

private:
    explicit framing(std::uint32_t kind) noexcept { iocpnet_framing_init(&value_, sizeof value_, kind); }

    iocpnet_framing value_;
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
