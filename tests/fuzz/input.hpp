/* What every fuzz target shares: its input as a row of small choices, and a check that ends the run. */
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);

/* libFuzzer keeps the input of a run that aborts. */
#define FUZZ_REQUIRE(condition)                                                                                        \
    ((condition) ? static_cast<void>(0) : fuzz::require_failed(__FILE__, __LINE__, #condition))

namespace fuzz
{

[[noreturn]] inline void require_failed(const char *file, int line, const char *condition)
{
    std::fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
    std::abort();
}

/* Read from the front; bytes that are used up are followed by zeros. */
class Input
{
public:
    Input(const uint8_t *data, size_t size) : at_(data), end_(data + size) {}

    bool is_empty() const { return at_ == end_; }
    size_t left() const { return static_cast<size_t>(end_ - at_); }
    uint8_t byte() { return is_empty() ? uint8_t{0} : *at_++; }
    bool flag() { return (byte() & 1) != 0; }

    /* Little endian, of so many bytes. */
    uint64_t number(unsigned bytes)
    {
        uint64_t value = 0;
        for (unsigned i = 0; i < bytes; i++) {
            value |= static_cast<uint64_t>(byte()) << (8 * i);
        }
        return value;
    }

    /* 0 to limit - 1. */
    uint32_t below(uint32_t limit) { return static_cast<uint32_t>(number(limit > 256 ? 2 : 1) % limit); }

    template <typename T>
    T pick(std::initializer_list<T> values)
    {
        return *std::next(values.begin(), below(static_cast<uint32_t>(values.size())));
    }

    /* So many bytes, or what is left. */
    std::string bytes(size_t size)
    {
        const size_t taken = std::min(size, left());
        std::string text(reinterpret_cast<const char *>(at_), taken);
        at_ += taken;
        return text;
    }

    std::string rest() { return bytes(left()); }

private:
    const uint8_t *at_;
    const uint8_t *end_;
};

/* The bytes `from` to `from` + `size` - 1 of an endless stream in which no two places look alike. */
inline std::string stream(uint64_t from, size_t size, uint64_t seed = 0)
{
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; i++) {
        const uint64_t mixed = (from + i + 1) * 0x9E3779B97F4A7C15U + seed * 0xBF58476D1CE4E5B9U;
        bytes[i] = static_cast<char>(mixed >> 56 ^ mixed >> 24);
    }
    return bytes;
}

/* A field of an output that nobody wrote. */
constexpr uint8_t untouched = 0xA5;

inline bool is_untouched(const void *memory, size_t size)
{
    const auto *bytes = static_cast<const uint8_t *>(memory);
    return std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == untouched; });
}

} // namespace fuzz
