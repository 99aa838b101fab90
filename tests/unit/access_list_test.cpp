#include <memory>
#include <string>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/access_list.h"
}

namespace unit_test
{

namespace
{

struct Destroy {
    void operator()(icn_access_list *list) const { icn_access_list_destroy(list); }
};

class List
{
public:
    List(const char *allow, const char *deny)
    {
        icn_access_list *made = nullptr;
        status = icn_access_list_create(allow, deny, &made);
        list_.reset(made);
    }

    bool allows(const std::string &ip) const
    {
        icn_address address;
        const bool ipv6 = ip.find(':') != std::string::npos;
        EXPECT_EQ(IOCPNET_OK, icn_address_parse(((ipv6 ? "[" + ip + "]" : ip) + ":1").c_str(), &address)) << ip;
        return icn_access_list_allows(list_.get(), &address);
    }

    int32_t status;

private:
    std::unique_ptr<icn_access_list, Destroy> list_;
};

TEST(AccessList, WithoutListsEverybodyIsAllowed)
{
    const List list(nullptr, nullptr);
    EXPECT_EQ(IOCPNET_OK, list.status);
    EXPECT_TRUE(list.allows("10.0.0.1"));
    EXPECT_TRUE(list.allows("::1"));
}

TEST(AccessList, WithAnAllowListNobodyElseIsAllowed)
{
    const List list("10.0.0.0/8, 192.168.1.1\n2001:db8::/32", nullptr);
    EXPECT_TRUE(list.allows("10.255.0.1"));
    EXPECT_TRUE(list.allows("192.168.1.1"));
    EXPECT_FALSE(list.allows("192.168.1.2"));
    EXPECT_FALSE(list.allows("11.0.0.0"));
    EXPECT_TRUE(list.allows("2001:db8:ffff::1"));
    EXPECT_FALSE(list.allows("2001:db9::1"));
    const List empty("", nullptr);
    EXPECT_FALSE(empty.allows("10.0.0.1"));
}

TEST(AccessList, WithADenyListAllOthersAreAllowed)
{
    const List list(nullptr, "10.0.0.0/8,::/0");
    EXPECT_FALSE(list.allows("10.1.2.3"));
    EXPECT_TRUE(list.allows("11.1.2.3"));
    EXPECT_FALSE(list.allows("2001:db8::1"));
}

TEST(AccessList, TheLongestPrefixDecidesWhicheverListItIsIn)
{
    const List list("10.0.0.0/8 10.1.2.3", "10.1.0.0/16 10.1.2.0/24");
    EXPECT_TRUE(list.allows("10.2.0.1"));
    EXPECT_FALSE(list.allows("10.1.0.1"));
    EXPECT_FALSE(list.allows("10.1.2.4"));
    EXPECT_TRUE(list.allows("10.1.2.3"));
}

TEST(AccessList, AtEqualLengthDenyDecides)
{
    const List list("10.0.0.0/8, 0.0.0.0/0", "10.0.0.0/8");
    EXPECT_FALSE(list.allows("10.0.0.1"));
    EXPECT_TRUE(list.allows("11.0.0.1"));
}

TEST(AccessList, AnIpv4PeerOfADualStackListenerIsIpv4)
{
    const List list("10.0.0.0/8", nullptr);
    EXPECT_TRUE(list.allows("::ffff:10.0.0.1"));
    EXPECT_FALSE(list.allows("::ffff:11.0.0.1"));
    const List six(nullptr, "::/0");
    EXPECT_TRUE(six.allows("::ffff:11.0.0.1"));
}

TEST(AccessList, EveryPrefixLengthHasItsBits)
{
    for (int prefix = 1; prefix <= 32; prefix++) {
        const uint32_t last = prefix == 32 ? 1 : 1U << (32 - prefix);
        const std::string inside = std::to_string(last >> 24) + "." + std::to_string(last >> 16 & 255) + "." +
                                   std::to_string(last >> 8 & 255) + "." + std::to_string(last & 255);
        const List list((inside + "/" + std::to_string(prefix)).c_str(), nullptr);
        EXPECT_EQ(IOCPNET_OK, list.status) << inside << "/" << prefix;
        EXPECT_TRUE(list.allows(inside)) << prefix;
        EXPECT_FALSE(list.allows("0.0.0.0")) << prefix;
        if (prefix < 32) {
            const List bits(nullptr, (inside + "/" + std::to_string(prefix - 1)).c_str());
            EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, bits.status) << prefix;
        }
    }
}

TEST(AccessList, AnAddressIsItsOwnNetwork)
{
    const List list("2001:db8::1, 10.0.0.1/32", nullptr);
    EXPECT_TRUE(list.allows("2001:db8::1"));
    EXPECT_FALSE(list.allows("2001:db8::2"));
    EXPECT_TRUE(list.allows("10.0.0.1"));
    EXPECT_FALSE(list.allows("10.0.0.2"));
}

TEST(AccessList, WhatIsNoNetworkIsRefused)
{
    for (const char *text : {"x",           "10",
                             "10.0.0",      "10.0.0.0/",
                             "10.0.0.0/33", "10.0.0.0/08",
                             "10.0.0.0/-1", "10.0.0.0/8/8",
                             "10.0.0.0/8;", "10.0.0.256",
                             "::1/129",     "::1/64",
                             ":",           ":::",
                             "[::1]",       "fe80::1%1",
                             "1.2.3.4:5",   "2001:db8::/32x",
                             "10.0.0.1/8",  "/8"}) {
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, List(text, nullptr).status) << text;
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, List("::1", text).status) << text;
    }
}

TEST(AccessList, IsBounded)
{
    std::string most;
    for (int i = 0; i < ICN_ACCESS_NETWORKS_MAX; i++) {
        most += "::1,";
    }
    EXPECT_EQ(IOCPNET_OK, List(most.c_str(), most.c_str()).status);
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, List((most + "::1").c_str(), nullptr).status);
}

} // namespace

} // namespace unit_test
