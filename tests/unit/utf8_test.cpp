#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "base/utf8.h"
#include "iocpnet.h"
}

namespace unit_test
{

namespace
{

constexpr int malformed = -1;

/* The length of the prefix, or malformed. */
int prefix(const std::string &text, size_t length_max = 255)
{
    size_t length = SIZE_MAX;
    const int32_t status = icn_utf8_prefix(text.c_str(), length_max, &length);
    EXPECT_TRUE(status == IOCPNET_OK || (status == IOCPNET_E_INVALID_ARGUMENT && length == SIZE_MAX));
    return status == IOCPNET_OK ? static_cast<int>(length) : malformed;
}

TEST(Utf8, TheFirstAndLastCharacterOfEachLengthIsTakenWhole)
{
    for (const char *each : {"\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                             "\xF4\x8F\xBF\xBF"}) {
        EXPECT_EQ(prefix(each), static_cast<int>(std::strlen(each))) << each;
    }
}

TEST(Utf8, WhatCouldBeWrittenShorterIsRefused)
{
    for (const char *each : {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF"}) {
        EXPECT_EQ(prefix(each), malformed);
    }
}

TEST(Utf8, SurrogatesAndWhatIsAboveTheLastCharacterAreRefused)
{
    EXPECT_EQ(prefix("\xED\x9F\xBF"), 3);
    EXPECT_EQ(prefix("\xEE\x80\x80"), 3);
    for (const char *each : {"\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        EXPECT_EQ(prefix(each), malformed);
    }
}

TEST(Utf8, EachByteAfterTheFirstMustContinueTheCharacter)
{
    for (const char *each : {"\x80", "\xBF", "\xC2", "\xC2x", "\xE1\x80", "\xE1\x80x", "\xE1\xC0\x80", "\xF1\x80\x80",
                             "\xF1\x80\x80x", "\xF1\x80x\x80", "\xF1x\x80\x80", "\xF1\x80\x80\xC0"}) {
        EXPECT_EQ(prefix(each), malformed);
    }
}

TEST(Utf8, ACharacterThatTheLimitCutsIsLeftOut)
{
    EXPECT_EQ(prefix("ab", 1), 1);
    EXPECT_EQ(prefix("a\xC3\xA4", 2), 1);
    EXPECT_EQ(prefix("a\xE2\x82\xAC", 3), 1);
    EXPECT_EQ(prefix("\xF0\x9F\x98\x80", 3), 0);
    EXPECT_EQ(prefix("abc", 0), 0);
}

TEST(Utf8, WhatIsBehindTheLimitIsNotJudged)
{
    EXPECT_EQ(prefix("abc\xFF", 3), 3);
    EXPECT_EQ(prefix("ab\xE2xx", 3), 2);
}

} // namespace

} // namespace unit_test
