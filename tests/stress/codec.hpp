/*
 * Messages that describe themselves: a conversation (one end of one connection), a writer (a thread that sends), a number
 * that counts up for each writer, a length, and a payload that follows from all of these. So whoever reads a stream knows
 * whether a byte is missing, twice, out of order, or from another connection, however many threads sent it.
 */
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace stress
{

constexpr size_t header_bytes = 24;

/* A whole message, `payload` bytes and the header. */
std::string make_message(uint64_t conversation, uint32_t writer, uint32_t number, uint32_t payload);

/* One direction of one connection. One thread at a time. */
class Reader
{
public:
    /* False: not what any honest sender could have sent; error() says why. */
    bool feed(const void *data, size_t size);

    uint64_t bytes() const { return bytes_; }
    /* Of the sender; 0 before the first header. */
    uint64_t conversation() const { return conversation_; }
    const std::string &error() const { return error_; }

private:
    bool take_header();
    bool fail(const std::string &text);

    uint64_t bytes_ = 0;
    uint64_t conversation_ = 0;
    std::map<uint32_t, uint32_t> numbers_; /* next one of each writer */
    std::string error_;
    unsigned char header_[header_bytes] = {};
    size_t header_filled_ = 0;
    uint64_t key_ = 0;     /* of the payload being read */
    uint32_t payload_ = 0; /* its length */
    uint32_t payload_read_ = 0;
};

} // namespace stress
