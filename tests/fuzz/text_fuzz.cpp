/* UTF-8: the longest prefix, against a decoder that reads a character, writes it again and compares. */
#include <memory>

#include "fuzz/input.hpp"
#include "iocpnet.h"

extern "C" {
#include "base/utf8.h"
}

namespace
{

constexpr size_t longest = 300;

/* Bytes that the lead byte claims; 0: it leads nothing. */
size_t claimed(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
}

std::string encode(uint32_t code)
{
    const auto tail = [code](unsigned shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) {
        return {static_cast<char>(code)};
    }
    if (code < 0x800) {
        return {static_cast<char>(0xC0 | code >> 6), tail(0)};
    }
    if (code < 0x10000) {
        return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
    }
    return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

bool is_character(const std::string &bytes)
{
    const auto lead = static_cast<uint8_t>(bytes[0]);
    uint32_t code = bytes.size() == 1 ? lead : lead & (0xFFU >> (bytes.size() + 1));
    for (size_t i = 1; i < bytes.size(); i++) {
        code = code << 6 | (static_cast<uint8_t>(bytes[i]) & 0x3F);
    }
    return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) && encode(code) == bytes;
}

/* A lead byte that no character begins with is refused even where the prefix ends inside of what it claims. */
bool leads_nothing(uint8_t lead)
{
    return claimed(lead) == 0 || lead == 0xC0 || lead == 0xC1 || lead > 0xF4;
}

/* The length of the prefix, or -1 when it is not well-formed. */
int expected(const std::string &text, size_t length_max)
{
    size_t at = 0;
    while (at < length_max && at < text.size() && text[at] != 0) {
        const auto lead = static_cast<uint8_t>(text[at]);
        if (leads_nothing(lead)) {
            return -1;
        }
        if (claimed(lead) > length_max - at) {
            break;
        }
        if (at + claimed(lead) > text.size() || !is_character(text.substr(at, claimed(lead)))) {
            return -1;
        }
        at += claimed(lead);
    }
    return static_cast<int>(at);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const size_t length_max = input.below(longest + 1);
    const std::string text = input.bytes(longest);
    /* Not a byte more than may be read: without a final zero when the text is long enough. */
    const size_t readable = std::min(text.size() + 1, length_max);
    const std::unique_ptr<char[]> copy(new char[readable]);
    std::memcpy(copy.get(), text.c_str(), readable);

    size_t length = SIZE_MAX;
    const int32_t status = icn_utf8_prefix(copy.get(), length_max, &length);
    const int wanted = expected(text, length_max);
    FUZZ_REQUIRE(status == (wanted < 0 ? IOCPNET_E_INVALID_ARGUMENT : IOCPNET_OK));
    FUZZ_REQUIRE(length == (wanted < 0 ? SIZE_MAX : static_cast<size_t>(wanted)));
    return 0;
}
