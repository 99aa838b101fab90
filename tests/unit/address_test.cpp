#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#if defined(__linux__)
#include <arpa/inet.h>
#endif

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "base/address.h"
}

namespace unit_test
{

namespace
{

std::string format(const icn_address &address)
{
    char text[ICN_ADDRESS_TEXT_SIZE];
    std::memset(text, '#', sizeof text);
    const size_t length = icn_address_format(&address, text);
    EXPECT_LT(length, sizeof text);
    EXPECT_EQ(std::strlen(text), length);
    return text;
}

/* What a text means, in canonical form; "" when it is refused. */
std::string canonical(const std::string &text)
{
    icn_address address;
    std::memset(&address, 0xEE, sizeof address);
    const icn_address untouched = address;
    const int32_t status = icn_address_parse(text.c_str(), &address);
    if (status != IOCPNET_OK) {
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, status);
        EXPECT_EQ(0, std::memcmp(&untouched, &address, sizeof address)) << text;
        return "";
    }
    return format(address);
}

icn_address parse(const std::string &text)
{
    icn_address address;
    EXPECT_EQ(IOCPNET_OK, icn_address_parse(text.c_str(), &address)) << text;
    return address;
}

std::vector<std::string> accepted_of(const std::vector<std::string> &texts)
{
    std::vector<std::string> accepted;
    std::copy_if(texts.begin(), texts.end(), std::back_inserter(accepted),
                 [](const std::string &text) { return !canonical(text).empty(); });
    return accepted;
}

} // namespace

TEST(Address, ComesBackFromAFewBytesAsItWas)
{
    for (const char *text : {"1.2.3.4:5", "255.254.253.252:65535", "[fe80::1%4294967295]:1", "[1:2:3:4:5:6:7:8]:80"}) {
        icn_address address;
        ASSERT_EQ(icn_address_parse(text, &address), IOCPNET_OK);
        std::vector<uint8_t> packed(ICN_ADDRESS_PACKED_MAX, 0xEE);
        packed.resize(icn_address_packed_size(address.family));
        icn_address_pack(&address, packed.data());
        icn_address unpacked;
        icn_address_unpack(address.family, packed.data(), &unpacked);
        EXPECT_EQ(format(unpacked), text);
    }
    EXPECT_EQ(icn_address_packed_size(ICN_ADDRESS_IPV4), 6u);
    EXPECT_EQ(icn_address_packed_size(ICN_ADDRESS_IPV6), size_t{ICN_ADDRESS_PACKED_MAX});
}

TEST(Address, Ipv4IsReadInNetworkOrderWithThePortInHostOrder)
{
    const icn_address address = parse("1.2.3.4:258");
    EXPECT_EQ(ICN_ADDRESS_IPV4, address.family);
    EXPECT_EQ(1, address.ip[0]);
    EXPECT_EQ(4, address.ip[3]);
    EXPECT_EQ(258, address.port);
    EXPECT_EQ(0u, address.scope);
}

TEST(Address, Ipv6IsReadInNetworkOrder)
{
    const icn_address address = parse("[102:304:506:708:90a:b0c:d0e:f10]:1");
    EXPECT_EQ(ICN_ADDRESS_IPV6, address.family);
    for (int i = 0; i < 16; i++) {
        EXPECT_EQ(i + 1, address.ip[i]);
    }
}

TEST(Address, ScopeIsTheNumberOfTheInterface)
{
    EXPECT_EQ(2u, parse("[fe80::1%2]:5").scope);
    EXPECT_EQ(UINT32_MAX, parse("[fe80::1%4294967295]:5").scope);
}

TEST(Address, CanonicalTextReadsAsItself)
{
    for (const char *text :
         {"0.0.0.0:0", "127.0.0.1:7000", "255.255.255.255:65535", "[::]:0", "[::1]:1", "[1::]:1", "[fe80::1%2]:5",
          "[2001:db8::1]:80", "[1:2:3:4:5:6:7:8]:9", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"}) {
        EXPECT_EQ(text, canonical(text));
    }
}

TEST(Address, LongestTextFitsWithItsZero)
{
    icn_address address;
    std::memset(&address, 0xFF, sizeof address);
    address.family = ICN_ADDRESS_IPV6;
    EXPECT_EQ("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535", format(address));
}

TEST(Address, Ipv6IsPrintedAsRfc5952Says)
{
    EXPECT_EQ("[2001:db8::1]:1", canonical("[2001:0db8:0:0:0:0:0:0001]:1"));     /* no leading zeros */
    EXPECT_EQ("[2001:db8::abcd]:1", canonical("[2001:DB8::ABCD]:1"));            /* lower case */
    EXPECT_EQ("[2001:db8:0:1:1:1:1:1]:1", canonical("[2001:db8::1:1:1:1:1]:1")); /* one group is not compressed */
    EXPECT_EQ("[2001:0:0:1::1]:1", canonical("[2001:0:0:1:0:0:0:1]:1"));         /* the longest run is */
    EXPECT_EQ("[2001:db8::1:0:0:1]:1", canonical("[2001:db8:0:0:1:0:0:1]:1"));   /* of equals the first */
    EXPECT_EQ("[::2:3:4:5:6:7]:1", canonical("[0:0:2:3:4:5:6:7]:1"));
    EXPECT_EQ("[1:2:3:4:5:6::]:1", canonical("[1:2:3:4:5:6:0:0]:1"));
    EXPECT_EQ("[0:2:3:4:5:6:7:0]:1", canonical("[0:2:3:4:5:6:7:0]:1"));
    EXPECT_EQ("[::]:1", canonical("[0:0:0:0:0:0:0:0]:1"));
}

TEST(Address, Ipv4MappedIsPrintedAsIpv4)
{
    EXPECT_EQ("1.2.3.4:5", canonical("[::ffff:1.2.3.4]:5"));
    EXPECT_EQ("1.2.3.4:5", canonical("[::FFFF:102:304]:5"));
    EXPECT_EQ(ICN_ADDRESS_IPV6, parse("[::ffff:1.2.3.4]:5").family);
}

TEST(Address, OtherEmbeddedIpv4IsPrintedInGroups)
{
    EXPECT_EQ("[::102:304]:5", canonical("[::1.2.3.4]:5"));
    EXPECT_EQ("[64:ff9b::102:304]:5", canonical("[64:ff9b::1.2.3.4]:5"));
    EXPECT_EQ("[1:2:3:4:5:6:708:90a]:5", canonical("[1:2:3:4:5:6:7.8.9.10]:5"));
    EXPECT_EQ("[::fffe:102:304]:5", canonical("[::fffe:1.2.3.4]:5"));
}

TEST(Address, CompressionMayStandAnywhereForAnyNumberOfGroups)
{
    EXPECT_EQ("[0:2:3:4:5:6:7:8]:1", canonical("[::2:3:4:5:6:7:8]:1"));
    EXPECT_EQ("[1:2:3:4:5:6:7:0]:1", canonical("[1:2:3:4:5:6:7::]:1"));
    EXPECT_EQ("[1:2:3:0:5:6:7:8]:1", canonical("[1:2:3::5:6:7:8]:1"));
    EXPECT_EQ("[1::8]:1", canonical("[1::8]:1"));
}

TEST(Address, NullAndEmptyAreRefused)
{
    icn_address address;
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, icn_address_parse(nullptr, &address));
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, icn_address_parse("", &address));
}

TEST(Address, FaultyIpv4IsRefused)
{
    EXPECT_EQ(std::vector<std::string>{}, accepted_of({"1.2.3:5",
                                                       "1.2.3.4.5:5",
                                                       "1.2.3.256:5",
                                                       "1.2.3.04:5",
                                                       "00.2.3.4:5",
                                                       "1..3.4:5",
                                                       ".1.2.3:5",
                                                       "1.2.3.:5",
                                                       "1.2.3.4",
                                                       "1.2.3.4:",
                                                       "+1.2.3.4:5",
                                                       "-1.2.3.4:5",
                                                       "0x1.2.3.4:5",
                                                       "1.2.3.a:5",
                                                       "1.2.3.4 :5",
                                                       " 1.2.3.4:5",
                                                       "1.2.3.4:5 ",
                                                       "1.2.3.4: 5",
                                                       "1.2.3.4:5\n",
                                                       "localhost:5",
                                                       "1.2.3.4:5x",
                                                       "1.2.3.4:5:6",
                                                       "1.2.3.99999999999999999999:5",
                                                       "1.2.3.4%1:5",
                                                       ":5",
                                                       "5"}));
}

TEST(Address, FaultyPortIsRefused)
{
    EXPECT_EQ(std::vector<std::string>{},
              accepted_of({"1.2.3.4:65536", "1.2.3.4:05", "1.2.3.4:00", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4:0x1",
                           "1.2.3.4:4294967297", "1.2.3.4:18446744073709551617", "1.2.3.4:http", "[::1]:65536",
                           "[::1]:", "[::1]", "[::1]:05"}));
}

TEST(Address, FaultyIpv6IsRefused)
{
    EXPECT_EQ(std::vector<std::string>{}, accepted_of({"[::1:5",
                                                       "::1:5",
                                                       "::1]:5",
                                                       "[]:5",
                                                       "[:]:5",
                                                       "[:::]:5",
                                                       "[1]:5",
                                                       "[1:]:5",
                                                       "[:1]:5",
                                                       "[1:2:3:4:5:6:7]:5",
                                                       "[1:2:3:4:5:6:7:8:9]:5",
                                                       "[1:2:3:4:5:6:7:8:]:5",
                                                       "[1:2:3:4:5:6:7:8::]:5",
                                                       "[::1:2:3:4:5:6:7:8]:5",
                                                       "[1:2:3:4::5:6:7:8]:5",
                                                       "[1::2::3]:5",
                                                       "[12345::]:5",
                                                       "[g::]:5",
                                                       "[ ::1]:5",
                                                       "[::1 ]:5",
                                                       "[::1]x:5",
                                                       "[[::1]]:5",
                                                       "[::1] :5"}));
}

TEST(Address, FaultyEmbeddedIpv4IsRefused)
{
    EXPECT_EQ(
        std::vector<std::string>{},
        accepted_of({"[1.2.3.4]:5", "[1.2.3.4::]:5", "[::1.2.3.4:5]:5", "[::1.2.3]:5", "[::1.2.3.256]:5",
                     "[::01.2.3.4]:5", "[1:2:3:4:5:6:7:1.2.3.4]:5", "[1:2:3:4:5:6:7::1.2.3.4]:5",
                     "[::1:2:3:4:5:6:1.2.3.4]:5", "[::1.2.3.4.5]:5", "[::a.2.3.4]:5", "[1:2:3:4:5:6:1.2.3.4::]:5"}));
}

TEST(Address, FaultyScopeIsRefused)
{
    EXPECT_EQ(std::vector<std::string>{},
              accepted_of({"[fe80::1%]:5", "[fe80::1%eth0]:5", "[fe80::1%0]:5", "[fe80::1%02]:5", "[fe80::1%-1]:5",
                           "[fe80::1%4294967296]:5", "[fe80::1%1%2]:5", "[fe80::1%1 ]:5", "[%1]:5", "[fe80::1]%1:5"}));
}

TEST(Address, NoFamilyIsPrintedAsNothing)
{
    const icn_address address = {};
    EXPECT_EQ("", format(address));
}

TEST(Address, RandomOnesSurviveBeingPrintedAndRead)
{
    Random random;
    for (uint32_t i = 0; i < scaled(100000); i++) {
        icn_address address = {};
        address.family = i % 4 == 0 ? ICN_ADDRESS_IPV4 : ICN_ADDRESS_IPV6;
        for (int byte = 0; byte < (i % 4 == 0 ? 4 : 16); byte++) {
            address.ip[byte] = random.below(2) == 0 ? 0 : static_cast<uint8_t>(random.any());
        }
        address.port = static_cast<uint16_t>(random.any());
        address.scope = i % 4 == 1 ? static_cast<uint32_t>(random.any()) : 0;
        const std::string text = format(address);
        const icn_address read = parse(text);
        EXPECT_EQ(0, std::memcmp(&address, &read, sizeof read)) << text;
    }
}

TEST(Address, RandomTextsNeverReadBeyondTheirEnd)
{
    Random random;
    const std::string alphabet = "[]:%.0123456789abcdefF1:: ";
    for (uint32_t i = 0; i < scaled(300000); i++) {
        std::string text(random.below(30), ' ');
        std::generate(text.begin(), text.end(), [&] { return alphabet[random.below(alphabet.size())]; });
        const std::vector<char> exact(text.c_str(), text.c_str() + text.size() + 1); /* its end is the heap block's */
        icn_address address;
        if (icn_address_parse(exact.data(), &address) == IOCPNET_OK) {
            EXPECT_EQ(format(address), canonical(format(address))) << text;
        }
    }
}

#if defined(__linux__)

namespace
{

/* inet_pton and inet_ntop say the same, where the C library follows RFC 5952. */
std::string system_canonical(const std::string &inner)
{
    in6_addr ip;
    char text[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, inner.c_str(), &ip) != 1) {
        return "";
    }
    if (IN6_IS_ADDR_V4MAPPED(&ip)) {
        inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof text);
        return std::string(text) + ":7";
    }
    if (IN6_IS_ADDR_V4COMPAT(&ip)) {
        return "?"; /* the C library prints these as IPv4 still */
    }
    inet_ntop(AF_INET6, &ip, text, sizeof text);
    return "[" + std::string(text) + "]:7";
}

} // namespace

TEST(Address, RandomIpv6IsReadAndPrintedAsTheSystemDoes)
{
    Random random;
    const std::vector<std::string> parts = {":",  "::", "0", "1", "0:0", "ffff", "FFFF", "aB", "00a", "1.2.3.4",
                                            "0:", ":0", ".", "9", "10:", ":1",   "1:2:", "g",  "255", "::ffff:"};
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < scaled(1000000); i++) {
        std::string inner;
        for (uint64_t count = 1 + random.below(12); count > 0; count--) {
            inner += parts[random.below(parts.size())];
        }
        const std::string expected = system_canonical(inner);
        if (expected != "?") {
            EXPECT_EQ(expected, canonical("[" + inner + "]:7")) << inner;
            accepted += !expected.empty();
        }
    }
    EXPECT_GT(accepted, scaled(1000));
}

TEST(Address, RandomBytesArePrintedAsTheSystemDoes)
{
    Random random;
    for (uint32_t i = 0; i < scaled(200000); i++) {
        in6_addr ip;
        for (uint8_t &byte : ip.s6_addr) {
            byte = random.below(3) == 0 ? static_cast<uint8_t>(random.any()) : 0;
        }
        icn_address address = {};
        address.family = ICN_ADDRESS_IPV6;
        address.port = 7;
        std::memcpy(address.ip, &ip, sizeof ip);
        char text[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, &ip, text, sizeof text);
        if (!IN6_IS_ADDR_V4COMPAT(&ip) && !IN6_IS_ADDR_V4MAPPED(&ip)) {
            EXPECT_EQ("[" + std::string(text) + "]:7", format(address));
        }
    }
}

#endif

} // namespace unit_test
