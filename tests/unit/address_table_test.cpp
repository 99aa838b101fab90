#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/address_table.h"
}

namespace unit_test
{

namespace
{

constexpr uint64_t start = 1000003;

icn_address address_of(const std::string &text)
{
    icn_address address;
    EXPECT_EQ(IOCPNET_OK, icn_address_parse(text.c_str(), &address)) << text;
    return address;
}

class Table
{
public:
    explicit Table(const icn_address_limits &limits) : table_(icn_address_table_create(&limits, start)) {}

    icn_address_verdict admit(const std::string &text, icn_address_place *place, uint64_t now = start)
    {
        const icn_address address = address_of(text);
        return icn_address_table_admit(table_.get(), &address, now, place);
    }
    /* A session that ends at once. */
    icn_address_verdict pass(const std::string &text, uint64_t now = start)
    {
        icn_address_place place;
        const icn_address_verdict verdict = admit(text, &place, now);
        leave(place);
        return verdict;
    }
    void leave(icn_address_place place) { icn_address_table_leave(table_.get(), place); }
    uint64_t sessions() { return icn_address_table_sessions(table_.get()); }
    uint32_t addresses() { return icn_address_table_addresses(table_.get()); }

private:
    struct Destroy {
        void operator()(icn_address_table *table) const { icn_address_table_destroy(table); }
    };
    std::unique_ptr<icn_address_table, Destroy> table_;
};

std::string numbered(uint32_t number)
{
    return "10." + std::to_string(number >> 16 & 255) + "." + std::to_string(number >> 8 & 255) + "." +
           std::to_string(number & 255) + ":1";
}

TEST(AddressTable, AnAddressHasAtMostSoManySessions)
{
    Table table({16, 2, {0, 0}});
    icn_address_place first;
    icn_address_place second;
    icn_address_place other;
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit("10.0.0.1:1", &first));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit("10.0.0.1:2", &second));
    EXPECT_EQ(ICN_ADDRESS_HAS_TOO_MANY, table.pass("10.0.0.1:3"));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit("10.0.0.2:1", &other));
    EXPECT_EQ(3u, table.sessions());
    table.leave(first);
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("10.0.0.1:4"));
    table.leave(second);
    table.leave(other);
    EXPECT_EQ(0u, table.sessions());
}

TEST(AddressTable, TheSameAddressInBothFormsIsOne)
{
    Table table({16, 1, {0, 0}});
    icn_address_place place;
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit("[::ffff:10.0.0.1]:1", &place));
    EXPECT_EQ(ICN_ADDRESS_HAS_TOO_MANY, table.pass("10.0.0.1:1"));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("[::ffff:10.0.0.2]:1"));
    table.leave(place);
}

TEST(AddressTable, ANetworkOf64BitsIsOne)
{
    Table table({16, 1, {0, 0}});
    icn_address_place place;
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit("[2001:db8::1]:1", &place));
    EXPECT_EQ(ICN_ADDRESS_HAS_TOO_MANY, table.pass("[2001:db8::ffff:1]:1"));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("[2001:db8:0:1::1]:1"));
    table.leave(place);
}

TEST(AddressTable, RefusedConnectionsCountInTheRate)
{
    Table table({16, 0, {1, 2}});
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("10.0.0.1:1"));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("10.0.0.1:1"));
    EXPECT_EQ(ICN_ADDRESS_IS_TOO_FAST, table.pass("10.0.0.1:1"));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("10.0.0.2:1"));
    EXPECT_EQ(ICN_ADDRESS_IS_TOO_FAST, table.pass("10.0.0.1:1", start + 999));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass("10.0.0.1:1", start + 1000));
}

TEST(AddressTable, TheAddressThatWasHeardOfLongestAgoIsForgotten)
{
    Table table({16, 0, {1, 1}});
    for (uint32_t i = 0; i < 16; i++) {
        EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass(numbered(i)));
    }
    EXPECT_EQ(ICN_ADDRESS_IS_TOO_FAST, table.pass(numbered(0)));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass(numbered(16))); /* in the place of 1 */
    EXPECT_EQ(ICN_ADDRESS_IS_TOO_FAST, table.pass(numbered(0)));
    EXPECT_EQ(ICN_ADDRESS_IS_TOO_FAST, table.pass(numbered(2)));
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.pass(numbered(1)));
    EXPECT_EQ(16u, table.addresses());
}

TEST(AddressTable, AddressesWithSessionsAreNeverForgotten)
{
    Table table({16, 1, {0, 0}});
    std::vector<icn_address_place> places(16);
    for (uint32_t i = 0; i < 16; i++) {
        EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit(numbered(i), &places[i]));
    }
    icn_address_place nowhere = 77;
    EXPECT_EQ(ICN_ADDRESS_ADMITTED, table.admit(numbered(16), &nowhere));
    EXPECT_EQ(0u, nowhere);
    table.leave(nowhere);
    EXPECT_EQ(ICN_ADDRESS_HAS_TOO_MANY, table.pass(numbered(3)));
    for (const icn_address_place place : places) {
        table.leave(place);
    }
    EXPECT_EQ(0u, table.sessions());
}

/* Against counts in a map, with a table that has room for all. */
TEST(AddressTable, CountsAreRightAfterAnySequence)
{
    const uint64_t seed = 20261123;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr uint32_t most = 3;
    Table table({64, most, {0, 0}});
    std::unordered_map<uint32_t, uint32_t> counts;
    std::vector<std::pair<uint32_t, icn_address_place>> live;
    for (int i = 0; i < 20000; i++) {
        if (random() % 2 == 0 && !live.empty()) {
            std::swap(live[random() % live.size()], live.back());
            table.leave(live.back().second);
            counts[live.back().first]--;
            live.pop_back();
            continue;
        }
        const auto number = static_cast<uint32_t>(random() % 64);
        icn_address_place place;
        const icn_address_verdict verdict = table.admit(numbered(number), &place);
        ASSERT_EQ(counts[number] < most ? ICN_ADDRESS_ADMITTED : ICN_ADDRESS_HAS_TOO_MANY, verdict);
        if (verdict == ICN_ADDRESS_ADMITTED) {
            counts[number]++;
            live.emplace_back(number, place);
        }
        ASSERT_EQ(live.size(), table.sessions());
    }
    for (const auto &each : live) {
        table.leave(each.second);
    }
    EXPECT_EQ(0u, table.sessions());
}

} // namespace

} // namespace unit_test
