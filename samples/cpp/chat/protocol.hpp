// The messages of the chat and what may be in them; README.md describes them for other implementations.
#ifndef CHAT_PROTOCOL_HPP
#define CHAT_PROTOCOL_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chat
{

// The id of a message, and its fields.
enum class kind : std::uint16_t {
    // From a client.
    hello = 1,   // name: must be the first
    join = 2,    // room: leaves the one before
    leave = 3,   // none
    say = 4,     // text: to all in the room, the speaker too
    whisper = 5, // name, text: to one
    // From the server.
    welcome = 101,   // name
    refused = 102,   // text: why something was not done
    joined = 103,    // name, people in the room: somebody came in, perhaps the receiver
    left = 104,      // name, people in the room
    said = 105,      // name, text
    whispered = 106, // name, text
    closing = 107    // text: the server ends, and closes when all is sent
};

constexpr std::size_t name_bytes_max = 32; // of people and rooms
constexpr std::size_t text_bytes_max = 1000;
// What a server takes: header, two fields with their lengths. More closes the session.
constexpr std::uint32_t request_bytes_max = 4 + 2 + name_bytes_max + 2 + text_bytes_max;

// Without control characters, which could take over a terminal: neither those of ASCII nor U+0080 to U+009F.
inline bool is_plain(std::string_view text) noexcept
{
    unsigned char before = 0;
    return std::all_of(text.begin(), text.end(), [&before](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool is_control = byte < 0x20 || byte == 0x7F || (before == 0xC2 && byte < 0xA0);
        before = byte;
        return !is_control;
    });
}

// Of a person or a room: one word.
inline bool is_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= name_bytes_max && is_plain(name) && name.find(' ') == std::string_view::npos;
}

inline bool is_text(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= text_bytes_max && is_plain(text);
}

} // namespace chat

#endif
