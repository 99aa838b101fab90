// Messages as bytes: {uint16 size, uint16 kind}, then fields. All numbers are little-endian, the size counts the header.
#ifndef CHAT_PACKET_HPP
#define CHAT_PACKET_HPP

#include "protocol.hpp"

#include <iocpnet.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace chat
{

// Writes one: packet(kind::said).text(name).text(line). Its fields must fit into 64 KiB.
class packet
{
public:
    explicit packet(kind kind) : bytes_(2, '\0') { number16(static_cast<std::uint16_t>(kind)); }

    packet &text(std::string_view text)
    {
        number16(static_cast<std::uint16_t>(text.size()));
        bytes_.append(text);
        return set_size();
    }

    packet &number(std::uint32_t value)
    {
        number16(static_cast<std::uint16_t>(value & 0xFFFF));
        return number16(static_cast<std::uint16_t>(value >> 16));
    }

    operator iocpnet::bytes() const noexcept { return bytes_; }

private:
    packet &number16(std::uint16_t value)
    {
        bytes_ += {static_cast<char>(value & 0xFF), static_cast<char>(value >> 8)};
        return set_size();
    }

    packet &set_size()
    {
        bytes_[0] = static_cast<char>(bytes_.size() & 0xFF);
        bytes_[1] = static_cast<char>(bytes_.size() >> 8);
        return *this;
    }

    std::string bytes_;
};

// Reads one that the framing has cut, field by field. The bytes stay where they are: what is read ends with the event.
class packet_reader
{
public:
    explicit packet_reader(iocpnet::bytes message) : rest_(message.text())
    {
        number16(); // the size, which the framing has checked
        kind_ = static_cast<chat::kind>(number16());
    }

    chat::kind kind() const noexcept { return kind_; }

    std::string_view text() { return take(number16()); }

    std::uint32_t number()
    {
        const std::uint32_t low = number16();
        return low | std::uint32_t{number16()} << 16;
    }

    // Call it after the last field: every one was there, and nothing is behind them.
    bool is_whole() const noexcept { return is_good_ && rest_.empty(); }

private:
    std::uint16_t number16()
    {
        const std::string_view taken = take(2);
        if (taken.empty()) {
            return 0;
        }
        const auto low = static_cast<unsigned char>(taken[0]), high = static_cast<unsigned char>(taken[1]);
        return static_cast<std::uint16_t>(low | high << 8);
    }

    std::string_view take(std::size_t size)
    {
        if (size > rest_.size()) {
            is_good_ = false;
            return {};
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
    chat::kind kind_ = {};
    bool is_good_ = true;
};

} // namespace chat

#endif
