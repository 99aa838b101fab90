#ifndef BENCH_LOAD_TAGGED_HPP
#define BENCH_LOAD_TAGGED_HPP

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace bench
{

/* One connection's messages that begin with a tag of 8 bytes, from which the rest follows. */
class TaggedReader
{
public:
    /*
     * `body_of(tag)`: the message as it must be from its ninth byte on, at the same offsets.
     * `on_message(tag)`: one is complete. False when a byte is wrong.
     */
    template <typename BodyOf, typename OnMessage>
    bool take(const char *bytes, uint32_t size, uint32_t message_bytes, BodyOf body_of, OnMessage on_message)
    {
        while (size != 0) {
            const uint32_t taken = std::min(size, (got_ < tag_bytes ? tag_bytes : message_bytes) - got_);
            if (got_ < tag_bytes) {
                std::memcpy(reinterpret_cast<char *>(&tag_) + got_, bytes, taken);
            } else if (std::memcmp(bytes, body_of(tag_) + got_, taken) != 0) {
                return false;
            }
            got_ += taken;
            bytes += taken;
            size -= taken;
            if (got_ == message_bytes) {
                got_ = 0;
                on_message(tag_);
            }
        }
        return true;
    }

private:
    static constexpr uint32_t tag_bytes = sizeof(uint64_t);

    uint64_t tag_ = 0;
    uint32_t got_ = 0;
};

} // namespace bench

#endif
