#include "stress/codec.hpp"

#include <algorithm>
#include <cstring>

#include "stress/random.hpp"

namespace stress
{

namespace
{

constexpr uint32_t mark = 0x53545253;

/* In the order of the wire. Both ends are this program, so the byte order is the machine's. */
struct Header {
    uint32_t mark;
    uint32_t payload;
    uint64_t conversation;
    uint32_t writer;
    uint32_t number;
};
static_assert(sizeof(Header) == header_bytes, "the size is part of the format");

uint64_t key_of(const Header &header)
{
    return mix(header.conversation ^ mix((static_cast<uint64_t>(header.writer) << 32) | header.number));
}

unsigned char byte_at(uint64_t key, uint32_t index)
{
    return static_cast<unsigned char>((key >> (index % 8 * 8)) + index / 8);
}

} // namespace

std::string make_message(uint64_t conversation, uint32_t writer, uint32_t number, uint32_t payload)
{
    const Header header = {mark, payload, conversation, writer, number};
    const uint64_t key = key_of(header);
    std::string message(header_bytes + payload, '\0');
    std::memcpy(message.data(), &header, sizeof header);
    for (uint32_t i = 0; i < payload; i++) {
        message[header_bytes + i] = static_cast<char>(byte_at(key, i));
    }
    return message;
}

bool Reader::fail(const std::string &text)
{
    error_ = text + ", conversation " + std::to_string(conversation_) + ", near byte " + std::to_string(bytes_);
    return false;
}

bool Reader::take_header()
{
    Header header;
    std::memcpy(&header, header_, sizeof header);
    if (header.mark != mark) {
        return fail("no header where one is due");
    }
    if (conversation_ == 0) {
        conversation_ = header.conversation;
    }
    if (header.conversation != conversation_) {
        return fail("bytes of conversation " + std::to_string(header.conversation));
    }
    const uint32_t due = numbers_[header.writer]++;
    if (header.number != due) {
        return fail("writer " + std::to_string(header.writer) + ": message " + std::to_string(header.number) +
                    " came where " + std::to_string(due) + " is due");
    }
    key_ = key_of(header);
    payload_ = header.payload;
    payload_read_ = 0;
    return true;
}

bool Reader::feed(const void *data, size_t size)
{
    const auto *bytes = static_cast<const unsigned char *>(data);
    const unsigned char *end = bytes + size;
    while (bytes < end) {
        if (header_filled_ < header_bytes) {
            header_[header_filled_++] = *bytes++;
            bytes_++;
            if (header_filled_ == header_bytes && !take_header()) {
                return false;
            }
        } else {
            if (*bytes != byte_at(key_, payload_read_)) {
                return fail("a wrong byte in a payload");
            }
            bytes++;
            bytes_++;
            payload_read_++;
        }
        if (header_filled_ == header_bytes && payload_read_ == payload_) {
            header_filled_ = 0;
            payload_ = payload_read_ = 0;
        }
    }
    return true;
}

} // namespace stress
