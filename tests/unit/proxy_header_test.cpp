/* The header of the PROXY protocol: a test for each rule of HAProxy's proxy-protocol.txt. */
#include <string>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "net/proxy_header.h"
}

namespace unit_test
{

namespace
{

using std::string_literals::operator""s;

struct Read {
    icn_proxy_verdict verdict;
    std::string source; /* "" without one */
    uint32_t bytes;

    bool operator==(const Read &other) const
    {
        return verdict == other.verdict && source == other.source && bytes == other.bytes;
    }
};

Read read_at_once(const std::string &bytes)
{
    /* On the heap, and no larger than it is: a sanitizer sees what is read behind it. */
    const std::vector<char> exact(bytes.begin(), bytes.end());
    icn_proxy_header header;
    Read read = {icn_proxy_header_read(exact.data(), static_cast<uint32_t>(exact.size()), &header), "", 0};
    if (read.verdict == ICN_PROXY_WHOLE) {
        char text[ICN_ADDRESS_TEXT_SIZE] = "";
        read.bytes = header.bytes;
        if (header.has_source) {
            icn_address_format(&header.source, text);
        }
        read.source = text;
    }
    return read;
}

/* What is said of the whole is said of any of its beginnings, too, or more is needed. */
Read read_header(const std::string &bytes)
{
    const Read whole = read_at_once(bytes);
    for (size_t size = 1; size < bytes.size(); size++) {
        const Read part = read_at_once(bytes.substr(0, size));
        EXPECT_TRUE(part.verdict == ICN_PROXY_PARTIAL || part == whole) << size << " bytes of " << bytes;
        if (whole.verdict == ICN_PROXY_WHOLE) {
            EXPECT_EQ(size < whole.bytes, part.verdict == ICN_PROXY_PARTIAL) << size << " bytes of " << bytes;
        }
    }
    return whole;
}

std::string source_of(const std::string &bytes)
{
    const Read read = read_header(bytes + "behind");
    EXPECT_EQ(ICN_PROXY_WHOLE, read.verdict) << bytes;
    EXPECT_EQ(bytes.size(), read.bytes) << bytes;
    return read.source;
}

bool is_bad(const std::string &bytes)
{
    return read_header(bytes).verdict == ICN_PROXY_BAD;
}

bool is_partial(const std::string &bytes)
{
    return read_header(bytes).verdict == ICN_PROXY_PARTIAL;
}

/* ---- version 1 ---- */

TEST(ProxyHeaderText, TheFirstAddressIsTheClient)
{
    EXPECT_EQ("192.0.2.1:40000", source_of("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_EQ("[2001:db8::1]:40000", source_of("PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n"));
}

TEST(ProxyHeaderText, TheLongestLinesAreRead)
{
    const std::string longest_ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    EXPECT_EQ("255.255.255.255:65535", source_of("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"));
    EXPECT_EQ("[" + longest_ip + "]:65535",
              source_of("PROXY TCP6 " + longest_ip + " " + longest_ip + " 65535 65535\r\n"));
    EXPECT_EQ("", source_of("PROXY UNKNOWN " + longest_ip + " " + longest_ip + " 65535 65535\r\n"));
}

TEST(ProxyHeaderText, ALineOf107BytesIsReadAndALongerOneIsBad)
{
    const std::string start = "PROXY UNKNOWN ";
    EXPECT_EQ("", source_of(start + std::string(107 - 2 - start.size(), 'x') + "\r\n"));
    EXPECT_TRUE(is_bad(start + std::string(108 - 2 - start.size(), 'x') + "\r\n"));
    EXPECT_TRUE(is_partial(start + std::string(106 - start.size(), 'x')));
    EXPECT_TRUE(is_bad(start + std::string(107 - start.size(), 'x')));
}

TEST(ProxyHeaderText, WhatFollowsUnknownIsIgnored)
{
    EXPECT_EQ("", source_of("PROXY UNKNOWN\r\n"));
    EXPECT_EQ("", source_of("PROXY UNKNOWN \r\n"));
    EXPECT_EQ("", source_of("PROXY UNKNOWN any thing, \0 also\r\n"s));
    EXPECT_TRUE(is_bad("PROXY UNKNOWNX\r\n"));
}

TEST(ProxyHeaderText, TheLineEndsWithCrAndLf)
{
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\n"));
    EXPECT_TRUE(is_bad("PROXY UNKNOWN\n"));
    EXPECT_TRUE(is_partial("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443 \r\n"));
    EXPECT_TRUE(is_bad("PROXY \r\n"));
    EXPECT_TRUE(is_bad("PROXY \n"));
}

TEST(ProxyHeaderText, WordsArePartedByOneBlank)
{
    EXPECT_TRUE(is_bad("PROXY  TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4  192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1\t198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000  443\r\n"));
    EXPECT_TRUE(is_bad("PROXYTCP4 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4192.0.2.1 198.51.100.1 40000 443\r\n"));
}

TEST(ProxyHeaderText, AllFourWordsAreThere)
{
    EXPECT_TRUE(is_bad("PROXY TCP4\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000 443 1\r\n"));
}

TEST(ProxyHeaderText, TheProtocolIsOneOfThreeInCapitals)
{
    EXPECT_TRUE(is_bad("PROXY TCP5 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY UDP4 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY tcp4 192.0.2.1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("proxy TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"));
}

TEST(ProxyHeaderText, AddressesAreOfTheProtocol)
{
    EXPECT_TRUE(is_bad("PROXY TCP4 2001:db8::1 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 2001:db8::1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP6 192.0.2.1 2001:db8::1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP6 2001:db8::1 198.51.100.1 40000 443\r\n"));
}

TEST(ProxyHeaderText, AddressesAreNumbersInTheirUsualForm)
{
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.256 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.01 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 localhost 198.51.100.1 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP6 [2001:db8::1] 2001:db8::2 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP6 fe80::1%1 2001:db8::2 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP6 2001::db8::1 2001:db8::2 40000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1\0 198.51.100.1 40000 443\r\n"s));
    EXPECT_TRUE(is_bad("PROXY TCP6 " + std::string(50, '1') + " 2001:db8::2 40000 443\r\n"));
    EXPECT_EQ("[2001:db8::ab]:1", source_of("PROXY TCP6 2001:DB8:0:0:0:0:0:AB ::1 1 2\r\n"));
    EXPECT_EQ("192.0.2.1:1", source_of("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"));
}

TEST(ProxyHeaderText, PortsGoFrom0To65535)
{
    EXPECT_EQ("192.0.2.1:0", source_of("PROXY TCP4 192.0.2.1 198.51.100.1 0 0\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 40000 65536\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 040 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 100000 443\r\n"));
    EXPECT_TRUE(is_bad("PROXY TCP4 192.0.2.1 198.51.100.1 http 443\r\n"));
}

TEST(ProxyHeaderText, WhatIsNoHeaderIsKnownByItsFirstBytes)
{
    EXPECT_TRUE(is_bad("G"));
    EXPECT_TRUE(is_bad("PUT / HTTP/1.1\r\n"));
    EXPECT_TRUE(is_bad("PROXYX"));
    EXPECT_TRUE(is_partial("P"));
    EXPECT_TRUE(is_partial("PROXY"));
}

/* ---- version 2 ---- */

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string u16(size_t value)
{
    return {static_cast<char>(value >> 8), static_cast<char>(value & 255)};
}

std::string binary(uint8_t command, uint8_t family, const std::string &content)
{
    return signature + static_cast<char>(command) + static_cast<char>(family) + u16(content.size()) + content;
}

std::string extension(uint8_t kind, const std::string &value)
{
    return static_cast<char>(kind) + u16(value.size()) + value;
}

constexpr uint8_t local = 0x20;
constexpr uint8_t proxy = 0x21;
constexpr uint8_t tcp4 = 0x11;
constexpr uint8_t tcp6 = 0x21;

const std::string ipv4_addresses = "\xC0\x00\x02\x01\xC6\x33\x64\x01\x9C\x40\x01\xBB"s; /* 192.0.2.1:40000 */
const std::string ipv6_client = "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"s;
const std::string ipv6_addresses = ipv6_client + std::string(16, '\x02') + "\x9C\x40\x01\xBB"s;

TEST(ProxyHeaderBinary, TheFirstAddressIsTheClient)
{
    EXPECT_EQ("192.0.2.1:40000", source_of(binary(proxy, tcp4, ipv4_addresses)));
    EXPECT_EQ("[2001:db8::1]:40000", source_of(binary(proxy, tcp6, ipv6_addresses)));
}

TEST(ProxyHeaderBinary, TheSignatureIsAllOfTwelveBytes)
{
    for (size_t at = 0; at < signature.size(); at++) {
        std::string header = binary(proxy, tcp4, ipv4_addresses);
        header[at] = static_cast<char>(header[at] ^ 1);
        EXPECT_TRUE(is_bad(header)) << at;
        EXPECT_TRUE(is_bad(header.substr(0, at + 1))) << at;
    }
}

TEST(ProxyHeaderBinary, TheVersionIsTwo)
{
    EXPECT_TRUE(is_bad(binary(0x11, tcp4, ipv4_addresses)));
    EXPECT_TRUE(is_bad(binary(0x31, tcp4, ipv4_addresses)));
    EXPECT_TRUE(is_bad(binary(0x01, tcp4, ipv4_addresses)));
}

TEST(ProxyHeaderBinary, TheCommandIsLocalOrProxy)
{
    EXPECT_TRUE(is_bad(binary(0x22, tcp4, ipv4_addresses)));
    EXPECT_TRUE(is_bad(binary(0x2F, tcp4, ipv4_addresses)));
}

TEST(ProxyHeaderBinary, LocalLeavesTheAddressOfTheConnectionWhateverFollows)
{
    EXPECT_EQ("", source_of(binary(local, 0, "")));
    EXPECT_EQ("", source_of(binary(local, tcp4, ipv4_addresses)));
    EXPECT_EQ("", source_of(binary(local, 0xFF, "any thing")));
}

TEST(ProxyHeaderBinary, FamiliesThatAreNotTcpLeaveTheAddressOfTheConnection)
{
    EXPECT_EQ("", source_of(binary(proxy, 0x00, "")));
    EXPECT_EQ("", source_of(binary(proxy, 0x00, "any thing")));
    EXPECT_EQ("", source_of(binary(proxy, 0x12, ipv4_addresses)));
    EXPECT_EQ("", source_of(binary(proxy, 0x22, ipv6_addresses)));
    EXPECT_EQ("", source_of(binary(proxy, 0x31, std::string(216, 'x'))));
    EXPECT_EQ("", source_of(binary(proxy, 0x32, std::string(216, 'x'))));
}

TEST(ProxyHeaderBinary, FamiliesThatAreNoneAreBad)
{
    for (const int family : {0x01, 0x02, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x40, 0x41, 0xFF}) {
        EXPECT_TRUE(is_bad(binary(proxy, static_cast<uint8_t>(family), std::string(300, '\0')))) << family;
    }
}

TEST(ProxyHeaderBinary, TheAddressesFitInTheLength)
{
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses.substr(1))));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, "")));
    EXPECT_TRUE(is_bad(binary(proxy, tcp6, ipv6_addresses.substr(1))));
    EXPECT_TRUE(is_bad(binary(proxy, 0x31, std::string(215, 'x'))));
}

TEST(ProxyHeaderBinary, ItIsPartialUntilAllOfTheLengthIsThere)
{
    const std::string header = binary(proxy, tcp4, ipv4_addresses + extension(0x04, "nothing"));
    EXPECT_TRUE(is_partial(header.substr(0, 1)));
    EXPECT_TRUE(is_partial(header.substr(0, 16)));
    EXPECT_TRUE(is_partial(header.substr(0, header.size() - 1)));
}

TEST(ProxyHeaderBinary, UpTo4096BytesAreReadAndALengthAboveIsBadAtOnce)
{
    const std::string most(ICN_PROXY_HEADER_MAX - 16, 'x');
    EXPECT_EQ(ICN_PROXY_WHOLE, read_at_once(binary(local, 0, most)).verdict);
    EXPECT_EQ(ICN_PROXY_PARTIAL, read_at_once(binary(local, 0, most).substr(0, ICN_PROXY_HEADER_MAX - 1)).verdict);
    EXPECT_TRUE(is_bad(binary(local, 0, most + "x").substr(0, 16)));
    EXPECT_TRUE(is_bad(signature + "\x21\x11\xFF\xFF"));
}

TEST(ProxyHeaderBinary, ExtensionsAreSkipped)
{
    const std::string extensions = extension(0x01, "h2") + extension(0x02, "example.org") + extension(0x04, "") +
                                   extension(0xE0, std::string(300, '\0'));
    EXPECT_EQ("192.0.2.1:40000", source_of(binary(proxy, tcp4, ipv4_addresses + extensions)));
    EXPECT_EQ("[2001:db8::1]:40000", source_of(binary(proxy, tcp6, ipv6_addresses + extensions)));
}

TEST(ProxyHeaderBinary, ExtensionsFitInTheLength)
{
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + "\x04"s)));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + "\x04\x00"s)));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + "\x04\x00\x01"s)));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + extension(0x04, "x") + "\x04\xFF\xFF"s)));
}

/* Of all bytes of the header, with zeros in its own place: by the reference of RFC 3720, and for one known text. */
std::string checksum(const std::string &bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (const char c : bytes) {
        crc ^= static_cast<uint8_t>(c);
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        }
    }
    crc = ~crc;
    return u16(crc >> 16) + u16(crc & 0xFFFF);
}

TEST(ProxyHeaderBinary, AChecksumHasToBeRight)
{
    ASSERT_EQ("\xE3\x06\x92\x83", checksum("123456789"));
    const std::string before = extension(0x02, "example.org");
    const std::string behind = extension(0x04, "x");
    std::string header = binary(proxy, tcp4, ipv4_addresses + before + extension(0x03, "\0\0\0\0"s) + behind);
    const size_t at = header.size() - behind.size() - 4;
    header.replace(at, 4, checksum(header));
    EXPECT_EQ("192.0.2.1:40000", source_of(header));
    for (size_t wrong = 16; wrong < header.size(); wrong++) {
        std::string other = header;
        other[wrong] = static_cast<char>(other[wrong] ^ 0x40);
        /* Of another kind, it is none. */
        EXPECT_EQ(wrong == at - 3, read_at_once(other).verdict == ICN_PROXY_WHOLE) << wrong;
    }
}

TEST(ProxyHeaderBinary, AChecksumHasFourBytes)
{
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + extension(0x03, ""))));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + extension(0x03, "\0\0\0"s))));
    EXPECT_TRUE(is_bad(binary(proxy, tcp4, ipv4_addresses + extension(0x03, "\0\0\0\0\0"s))));
}

} // namespace

} // namespace unit_test
