// What the members of a crowd say: lines that can be made again, so that every byte of one that was heard can be checked.
#ifndef CHAT_SCRIPT_HPP
#define CHAT_SCRIPT_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat
{

// Of one speaker.
class script
{
public:
    script(std::uint64_t speaker, std::size_t line_bytes) : seed_(speaker + 1), line_bytes_(line_bytes) {}

    // "7 kzqj...": the number, then letters that depend on it and the speaker.
    std::string line(std::uint64_t number) const
    {
        std::string text = std::to_string(number) + ' ';
        std::uint64_t state = mix(seed_ * 0x9E3779B97F4A7C15u + number);
        while (text.size() < line_bytes_) {
            text += static_cast<char>('a' + state % 26);
            state = mix(state);
        }
        return text;
    }

    // The number of a line; none unless it is exactly what this speaker says.
    std::optional<std::uint64_t> number(std::string_view text) const
    {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return error == std::errc() && text == line(number) ? std::optional(number) : std::nullopt;
    }

private:
    static std::uint64_t mix(std::uint64_t value) noexcept
    {
        value ^= value >> 32;
        value *= 0xD6E8FEB86659FD93u;
        return value ^ (value >> 32);
    }

    std::uint64_t seed_;
    std::size_t line_bytes_;
};

} // namespace chat

#endif
