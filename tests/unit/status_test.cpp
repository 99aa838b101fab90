#include <set>
#include <string>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "base/status.h"
}

namespace unit_test
{

TEST(Status, NamesAreThoseOfTheHeader)
{
    EXPECT_STREQ("IOCPNET_PENDING", icn_status_name(IOCPNET_PENDING));
    EXPECT_STREQ("IOCPNET_OK", icn_status_name(IOCPNET_OK));
    EXPECT_STREQ("IOCPNET_E_INVALID_ARGUMENT", icn_status_name(IOCPNET_E_INVALID_ARGUMENT));
    EXPECT_STREQ("IOCPNET_E_WOULD_BLOCK", icn_status_name(IOCPNET_E_WOULD_BLOCK));
    EXPECT_STREQ("IOCPNET_E_SYSTEM", icn_status_name(IOCPNET_E_SYSTEM));
}

TEST(Status, EveryCodeHasANameAndASentenceOfItsOwn)
{
    std::set<std::string> names;
    std::set<std::string> texts;
    for (int32_t status = IOCPNET_E_NAME_NOT_RESOLVED; status <= IOCPNET_PENDING; status++) {
        ASSERT_NE(nullptr, icn_status_name(status)) << status;
        ASSERT_NE(nullptr, icn_status_text(status)) << status;
        EXPECT_TRUE(names.insert(icn_status_name(status)).second) << status;
        EXPECT_TRUE(texts.insert(icn_status_text(status)).second) << status;
        EXPECT_EQ('.', std::string(icn_status_text(status)).back()) << status;
    }
}

TEST(Status, UnknownCodesAreNamedSo)
{
    for (const int32_t status : {IOCPNET_PENDING + 1, IOCPNET_E_NAME_NOT_RESOLVED - 1, INT32_MAX, INT32_MIN}) {
        EXPECT_STREQ("unknown status", icn_status_name(status));
        EXPECT_STREQ("This is not a status code of the library.", icn_status_text(status));
    }
}

TEST(CloseReason, NamesAreThoseOfTheHeader)
{
    EXPECT_STREQ("none", icn_close_reason_name(IOCPNET_CLOSE_NONE));
    EXPECT_STREQ("peer closed", icn_close_reason_name(IOCPNET_CLOSE_PEER_CLOSED));
    EXPECT_STREQ("handshake timeout", icn_close_reason_name(IOCPNET_CLOSE_HANDSHAKE_TIMEOUT));
    EXPECT_STREQ("error", icn_close_reason_name(IOCPNET_CLOSE_ERROR));
}

TEST(CloseReason, EveryReasonHasANameOfItsOwn)
{
    std::set<std::string> names;
    for (uint32_t reason = 0; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        ASSERT_NE(nullptr, icn_close_reason_name(reason)) << reason;
        EXPECT_TRUE(names.insert(icn_close_reason_name(reason)).second) << reason;
    }
}

TEST(CloseReason, UnknownReasonsAreNamedSo)
{
    EXPECT_STREQ("unknown", icn_close_reason_name(IOCPNET_CLOSE_REASON_COUNT));
    EXPECT_STREQ("unknown", icn_close_reason_name(UINT32_MAX));
}

} // namespace unit_test
