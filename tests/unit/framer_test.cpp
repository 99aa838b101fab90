/* The framer: verdicts about bytes, and messages as they are sent. */
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "net/framer.h"
}

namespace unit_test
{

namespace
{

const uint8_t *bytes_of(const std::string &text)
{
    return reinterpret_cast<const uint8_t *>(text.data());
}

icn_framing framing_of(const iocpnet_framing &options)
{
    icn_framing framing = {};
    EXPECT_EQ(IOCPNET_OK, icn_framing_read(&options, &framing));
    return framing;
}

iocpnet_framing length_options(uint32_t width, uint32_t flags = 0)
{
    iocpnet_framing options = {};
    options.kind = IOCPNET_FRAMING_LENGTH;
    options.flags = flags;
    options.message_bytes_max = 1000;
    options.length_width = width;
    options.header_bytes = width;
    return options;
}

iocpnet_framing delimiter_options(const std::string &delimiter, uint32_t max = 1000, uint32_t flags = 0)
{
    iocpnet_framing options = {};
    options.kind = IOCPNET_FRAMING_DELIMITER;
    options.flags = flags;
    options.message_bytes_max = max;
    options.delimiter_bytes = static_cast<uint32_t>(delimiter.size());
    delimiter.copy(reinterpret_cast<char *>(options.delimiter), sizeof options.delimiter);
    return options;
}

icn_frame look(const icn_framing &framing, const std::string &bytes)
{
    uint32_t scanned = 0;
    return icn_framing_look(&framing, bytes_of(bytes), static_cast<uint32_t>(bytes.size()), &scanned);
}

std::string wrapped(const icn_framing &framing, const std::string &message)
{
    icn_framed framed;
    if (icn_framing_wrap(&framing, bytes_of(message), message.size(), &framed) != IOCPNET_OK) {
        return "refused";
    }
    std::string all;
    for (uint32_t i = 0; i < framed.count; i++) {
        all.append(static_cast<const char *>(framed.pieces[i].data), framed.pieces[i].size);
    }
    EXPECT_EQ(all.size(), framed.bytes);
    return all;
}

int32_t wrap_status(const icn_framing &framing, const std::string &message)
{
    icn_framed framed;
    return icn_framing_wrap(&framing, bytes_of(message), message.size(), &framed);
}

void expect_whole(const icn_frame &frame, uint32_t bytes, uint32_t begin, uint32_t size)
{
    EXPECT_EQ(ICN_FRAME_WHOLE, frame.verdict);
    EXPECT_EQ(bytes, frame.bytes);
    EXPECT_EQ(begin, frame.begin);
    EXPECT_EQ(size, frame.size);
}

/* As a session does it: pieces come one after another; what is not whole is kept. */
std::vector<std::string> cut(const icn_framing &framing, const std::vector<std::string> &pieces)
{
    std::vector<std::string> messages;
    std::string kept;
    uint32_t scanned = 0;
    for (std::string rest : pieces) {
        while (!rest.empty()) {
            const auto have = static_cast<uint32_t>(kept.size());
            if (have != 0) {
                uint32_t again = scanned;
                const icn_frame partial = icn_framing_look(&framing, bytes_of(kept), have, &again);
                const uint32_t step =
                    icn_framing_step(&framing, &partial, have, bytes_of(rest), static_cast<uint32_t>(rest.size()));
                kept += rest.substr(0, step);
                rest.erase(0, step);
            } else {
                kept.swap(rest);
            }
            for (bool more = true; more && !kept.empty();) {
                const icn_frame frame =
                    icn_framing_look(&framing, bytes_of(kept), static_cast<uint32_t>(kept.size()), &scanned);
                more = frame.verdict == ICN_FRAME_WHOLE;
                if (more) {
                    messages.push_back(kept.substr(frame.begin, frame.size));
                    kept.erase(0, frame.bytes);
                    scanned = 0;
                } else if (frame.verdict != ICN_FRAME_PARTIAL) {
                    messages.emplace_back(frame.verdict == ICN_FRAME_TOO_LONG ? "too long" : "malformed");
                    return messages;
                }
            }
        }
    }
    return messages;
}

TEST(Framer, LengthIsReadInEachWidthAndOrder)
{
    expect_whole(look(framing_of(length_options(1)), std::string("\x03"
                                                                 "abcd",
                                                                 5)),
                 4, 1, 3);
    expect_whole(look(framing_of(length_options(2)), std::string("\x03\0abcd", 6)), 5, 2, 3);
    expect_whole(look(framing_of(length_options(4)), std::string("\x03\0\0\0abcd", 8)), 7, 4, 3);
    expect_whole(look(framing_of(length_options(2, IOCPNET_FRAMING_BIG_ENDIAN)), std::string("\0\x03"
                                                                                             "abcd",
                                                                                             6)),
                 5, 2, 3);
    expect_whole(look(framing_of(length_options(4, IOCPNET_FRAMING_BIG_ENDIAN)), std::string("\0\0\0\x03"
                                                                                             "abcd",
                                                                                             8)),
                 7, 4, 3);
}

TEST(Framer, KeptHeaderIsDelivered)
{
    expect_whole(look(framing_of(length_options(1, IOCPNET_FRAMING_KEEP)), std::string("\x03"
                                                                                       "abcd",
                                                                                       5)),
                 4, 0, 4);
}

TEST(Framer, FieldMayLieAnywhereInTheHeader)
{
    iocpnet_framing options = length_options(2);
    options.length_offset = 3;
    options.header_bytes = 8;
    expect_whole(look(framing_of(options), std::string("xyz\x02\0pqrab", 10)), 10, 8, 2);
}

TEST(Framer, PartialTellsHowMuchIsNeeded)
{
    const icn_framing framing = framing_of(length_options(4));
    EXPECT_EQ(ICN_FRAME_PARTIAL, look(framing, std::string("\x03\0\0", 3)).verdict);
    EXPECT_EQ(4u, look(framing, std::string("\x03\0\0", 3)).bytes);
    EXPECT_EQ(7u, look(framing, std::string("\x03\0\0\0ab", 6)).bytes);
}

TEST(Framer, AdjustmentCountsAndNegativeLengthsAreMalformed)
{
    iocpnet_framing options = length_options(2);
    options.header_bytes = 4;
    options.length_adjustment = -4;
    const icn_framing framing = framing_of(options);
    EXPECT_EQ(ICN_FRAME_MALFORMED, look(framing, std::string("\x03\0", 2)).verdict);
    expect_whole(look(framing, std::string("\x04\0xx", 4)), 4, 4, 0);
    expect_whole(look(framing, std::string("\x05\0xxa", 5)), 5, 4, 1);
}

TEST(Framer, ExtremeLengthsAndAdjustmentsDoNotOverflow)
{
    iocpnet_framing options = length_options(4);
    const std::string highest = "\xff\xff\xff\xff";
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), highest).verdict);
    options.length_adjustment = INT32_MAX;
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), highest).verdict);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), std::string(4, '\0')).verdict);
    options.length_adjustment = INT32_MIN;
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), highest).verdict);
    EXPECT_EQ(ICN_FRAME_MALFORMED, look(framing_of(options), std::string(4, '\0')).verdict);
}

TEST(Framer, LongestMessageIsTakenAndTheNextIsNot)
{
    iocpnet_framing options = length_options(2);
    options.message_bytes_max = 10;
    EXPECT_EQ(ICN_FRAME_PARTIAL, look(framing_of(options), std::string("\x0a\0", 2)).verdict);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), std::string("\x0b\0", 2)).verdict);
    options.flags = IOCPNET_FRAMING_KEEP;
    EXPECT_EQ(ICN_FRAME_PARTIAL, look(framing_of(options), std::string("\x08\0", 2)).verdict);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing_of(options), std::string("\x09\0", 2)).verdict);
}

TEST(Framer, DelimiterEndsAMessage)
{
    expect_whole(look(framing_of(delimiter_options("\r\n")), "ab\rc\r\nd"), 6, 0, 4);
    expect_whole(look(framing_of(delimiter_options("\r\n", 1000, IOCPNET_FRAMING_KEEP)), "ab\r\n"), 4, 0, 4);
    expect_whole(look(framing_of(delimiter_options("\n")), "\n"), 1, 0, 0);
    expect_whole(look(framing_of(delimiter_options("aab")), "aaab"), 4, 0, 1);
}

TEST(Framer, DelimitedMessageMayBeAsLongAsTheLimit)
{
    const icn_framing framing = framing_of(delimiter_options("::", 3));
    expect_whole(look(framing, "abc::"), 5, 0, 3);
    EXPECT_EQ(ICN_FRAME_PARTIAL, look(framing, "abc:").verdict);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing, "abcd::").verdict);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(framing, "abcd:").verdict);
    const icn_framing kept = framing_of(delimiter_options("::", 3, IOCPNET_FRAMING_KEEP));
    expect_whole(look(kept, "a::"), 3, 0, 3);
    EXPECT_EQ(ICN_FRAME_TOO_LONG, look(kept, "ab::").verdict);
}

TEST(Framer, DelimiterIsFoundAcrossPieces)
{
    const icn_framing framing = framing_of(delimiter_options("\r\n\r\n"));
    EXPECT_EQ((std::vector<std::string>{"one", "", "two"}),
              cut(framing, {"one\r", "\n\r", "\n\r\n\r\ntwo\r\n", "\r\n"}));
}

TEST(Framer, AnySplitGivesTheSameMessages)
{
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 engine(seed);
    const auto random = [&] { return static_cast<uint32_t>(engine()); };
    for (uint32_t round = 0; round < 3000; round++) {
        iocpnet_framing options = round % 2 == 0
                                      ? length_options(1u << random() % 2, random() % 4)
                                      : delimiter_options(std::string(1 + random() % 3, 'a'), 4 + random() % 9);
        options.message_bytes_max = 3 + random() % 20;
        const icn_framing framing = framing_of(options);
        std::string stream(1 + random() % 60, '\0');
        for (char &c : stream) {
            c = static_cast<char>(round % 2 == 0 ? random() % 8 : 'a' + random() % 2);
        }
        std::vector<std::string> pieces;
        for (size_t at = 0; at < stream.size(); at += pieces.back().size()) {
            pieces.push_back(stream.substr(at, 1 + random() % 7));
        }
        ASSERT_EQ(cut(framing, {stream}), cut(framing, pieces)) << "round " << round;
    }
}

TEST(Framer, StepNeverPassesTheMessage)
{
    const icn_framing framing = framing_of(delimiter_options("ab"));
    const icn_frame partial = look(framing, "xa");
    EXPECT_EQ(1u, icn_framing_step(&framing, &partial, 2, bytes_of("bcab"), 4));
    const icn_framing lengths = framing_of(length_options(1));
    const icn_frame started = look(lengths, std::string("\x03"
                                                        "a",
                                                        2));
    EXPECT_EQ(2u, icn_framing_step(&lengths, &started, 2, bytes_of("bcd"), 3));
}

TEST(Framer, WrappedMessagesComeOutAsTheyWere)
{
    for (const uint32_t flags : {0u, uint32_t{IOCPNET_FRAMING_BIG_ENDIAN}}) {
        for (const uint32_t width : {1u, 2u, 4u}) {
            iocpnet_framing options = length_options(width, flags);
            options.header_bytes = width + 3;
            options.length_offset = 2;
            options.length_adjustment = 7;
            const icn_framing framing = framing_of(options);
            const std::string sent = wrapped(framing, "hello world");
            EXPECT_EQ(width + 3 + 11, sent.size());
            EXPECT_EQ(std::vector<std::string>{"hello world"}, cut(framing, {sent}));
        }
    }
    EXPECT_EQ("line\r\n", wrapped(framing_of(delimiter_options("\r\n")), "line"));
    EXPECT_EQ("line\r\n", wrapped(framing_of(delimiter_options("\r\n", 99, IOCPNET_FRAMING_KEEP)), "line\r\n"));
}

TEST(Framer, KeptHeaderGetsItsLengthWritten)
{
    iocpnet_framing options = length_options(2, IOCPNET_FRAMING_KEEP);
    options.header_bytes = 4;
    options.length_adjustment = -4;
    EXPECT_EQ(std::string("\x07\0\x2a\0abc", 7), wrapped(framing_of(options), std::string("??\x2a\0abc", 7)));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(framing_of(options), "???"));
}

TEST(Framer, StreamHasNoHeaderToKeep)
{
    iocpnet_framing options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&options, sizeof options, IOCPNET_FRAMING_STREAM));
    options.flags = IOCPNET_FRAMING_KEEP;
    options.message_bytes_max = 1; /* less than the header of the other kinds */
    icn_framing framing;
    EXPECT_EQ(IOCPNET_OK, icn_framing_read(&options, &framing));
}

TEST(Framer, WhatWouldNotBeOneMessageIsRefused)
{
    const icn_framing line = framing_of(delimiter_options("aa"));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(line, "xaax"));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(line, "xa"));
    EXPECT_EQ(IOCPNET_OK, wrap_status(line, "ax"));
    EXPECT_EQ(IOCPNET_OK, wrap_status(line, ""));
    const icn_framing kept = framing_of(delimiter_options("aa", 99, IOCPNET_FRAMING_KEEP));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(kept, "x"));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(kept, "xyz"));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(kept, "xaaa"));
    EXPECT_EQ(IOCPNET_OK, wrap_status(kept, "xaa"));
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, wrap_status(icn_framing{}, "x"));
}

TEST(Framer, WhatTheFieldOrTheLimitCanNotSayIsTooLarge)
{
    EXPECT_EQ(IOCPNET_OK, wrap_status(framing_of(length_options(1)), std::string(255, 'x')));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, wrap_status(framing_of(length_options(1)), std::string(256, 'x')));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, wrap_status(framing_of(length_options(2)), std::string(1001, 'x')));
    iocpnet_framing options = length_options(1);
    options.length_adjustment = 2;
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, wrap_status(framing_of(options), "x"));
}

} // namespace

} // namespace unit_test
