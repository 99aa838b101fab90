/* Names of hosts: what one may look like, and the order in which the addresses of one are tried. */
#include <string>
#include <vector>

#include "support/unit_support.hpp"

extern "C" {
#include "base/host_name.h"
#include "net/connector.h"
}

namespace unit_test
{

namespace
{

int32_t parse(const std::string &text)
{
    char name[ICN_HOST_NAME_SIZE];
    uint16_t port = 0;
    return icn_host_name_parse(text.c_str(), name, &port);
}

std::string long_name(size_t bytes)
{
    std::string name;
    while (name.size() + 64 <= bytes) {
        name += std::string(63, 'a') + '.';
    }
    name += std::string(bytes - name.size(), 'b');
    return name;
}

TEST(HostName, NameAndPortAreTakenApart)
{
    char name[ICN_HOST_NAME_SIZE];
    uint16_t port = 0;
    ASSERT_EQ(IOCPNET_OK, icn_host_name_parse("game-1.example.org:65535", name, &port));
    EXPECT_STREQ("game-1.example.org", name);
    EXPECT_EQ(65535, port);
}

TEST(HostName, NamesThatAHostCanHaveAreTaken)
{
    for (const char *text :
         {"a:1", "localhost:80", "A.B.c:7000", "1a.2b:9", "3com.example:9", "_game._tcp.example:9", "example.org.:80",
          "m\xc3\xbcnchen.example:80", "a--b:1", "x.0xg:1", "x.0xG:1", "x.0x-1:1", "x.0a:1"}) {
        EXPECT_EQ(IOCPNET_OK, parse(text)) << text;
    }
    EXPECT_EQ(IOCPNET_OK, parse(long_name(253) + ":1"));
    EXPECT_EQ(IOCPNET_OK, parse(long_name(253) + ".:1"));
    EXPECT_EQ(IOCPNET_OK, parse(std::string(63, 'x') + ".example:1"));
}

TEST(HostName, WhatNoHostIsCalledIsRefused)
{
    for (const char *text : {"",      ":1",    ".:1",   "a..b:1", ".a:1",   "a..:1",    "-a:1",   "a-:1",    "a.-b:1",
                             "a b:1", "a/b:1", "a@b:1", "a%1:1",  "\xff:1", "a\xc3:1",  "a\n:1",  "a*:1",    "a{b:1",
                             "[a]:1", "1.2:1", "a.1:1", "1:1",    "0x7f:1", "a.0XfF:1", "a.0x:1", "1.2.3.:1"}) {
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(text)) << text;
    }
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(long_name(254) + ":1"));
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(long_name(254) + ".:1"));
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(std::string(64, 'x') + ":1"));
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(std::string(1 << 20, 'x')));
}

TEST(HostName, PortsAreWholeNumbersAboveZero)
{
    for (const char *text : {"a", "a:", "a:0", "a:01", "a:65536", "a:99999", "a:100000", "a:-1", "a:+1", "a: 1", "a:1 ",
                             "a:1:1", "a:x", "a:4294967297"}) {
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, parse(text)) << text;
    }
}

/* Families in order, and the number of each address in what was given. */
std::vector<int> interleaved(const std::vector<uint8_t> &families)
{
    std::vector<icn_address> addresses(families.size());
    for (size_t i = 0; i < families.size(); i++) {
        addresses[i].family = families[i];
        addresses[i].port = static_cast<uint16_t>(i);
    }
    icn_addresses_interleave(addresses.data(), static_cast<uint32_t>(addresses.size()));
    std::vector<int> order;
    for (const icn_address &address : addresses) {
        EXPECT_EQ(families[address.port], address.family);
        order.push_back(address.port);
    }
    return order;
}

TEST(Interleave, FamiliesTakeTurnsAndKeepTheirOrder)
{
    EXPECT_EQ((std::vector<int>{0, 3, 1, 4, 2}), interleaved({6, 6, 6, 4, 4}));
    EXPECT_EQ((std::vector<int>{0, 1, 2, 3}), interleaved({4, 6, 4, 6}));
    EXPECT_EQ((std::vector<int>{0, 4, 1, 2, 3}), interleaved({4, 4, 4, 4, 6}));
    EXPECT_EQ((std::vector<int>{0, 1, 2}), interleaved({6, 6, 6}));
    EXPECT_EQ((std::vector<int>{0}), interleaved({4}));
}

} // namespace

} // namespace unit_test
