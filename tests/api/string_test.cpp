/* Strings of the caller: addresses and close texts that are too long, not UTF-8, or nonsense. */
#include <algorithm>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Strings : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Strings);

const std::string huge(1024 * 1024, '1');

std::vector<std::string> bad_addresses()
{
    return {"",
            " ",
            ":",
            "7000",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:-1",
            "127.0.0.1:65536",
            "127.0.0.1:4294967297",
            "127.0.0.1:99999999999999999999999999",
            "127.0.0.1:80:80",
            "127.0.0.1: 80",
            " 127.0.0.1:80",
            "127.0.0.1:80 ",
            "127.0.0.1.1:80",
            "127.0.0:80",
            "127.0.0.256:80",
            "127.0.0.1%1:80",
            "0x7f.0.0.1:80",
            ".:80",
            "a..b:80",
            ".a:80",
            "-a:80",
            "a-:80",
            "a.1:80",
            "a.0x7f:80",
            "a b:80",
            "a:080",
            std::string(64, 'a') + ":80",
            "::1:80",
            "[::1]",
            "[::1]:",
            "[::1",
            "[]:80",
            "[::1]80",
            "[127.0.0.1]:80",
            "[::1::2]:80",
            "[fe80::1%]:80",
            "[fe80::1%no such interface]:80",
            "[12345::1]:80",
            "\xff\xfe:80",
            "\xc3\x28:80",
            "127.0.0.1:8\xff",
            "[::1%\xf0\x28\x8c\x28]:80",
            huge,
            huge + ":80",
            "127.0.0.1:" + huge,
            "[" + huge + "]:80",
            "[::1%" + huge + "]:80"};
}

TEST_P(Strings, BadAddressesAreRefusedByListen)
{
    Host host(callbacks());
    for (const std::string &address : bad_addresses()) {
        iocpnet_listener listener = 77;
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &listener))
            << address.substr(0, 60);
        EXPECT_EQ(77u, listener);
    }
    EXPECT_EQ(0u, live_objects().listeners);
}

TEST_P(Strings, BadAddressesAreRefusedByConnect)
{
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const std::string &address : bad_addresses()) {
        iocpnet_session session = 77;
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS,
                  iocpnet_session_connect(host.service(), address.c_str(), nullptr, &session))
            << address.substr(0, 60);
        EXPECT_EQ(77u, session);
    }
    EXPECT_EQ(0u, live_objects().sessions);
}

TEST_P(Strings, NamesAreForConnectsOnly)
{
    Host host(callbacks());
    iocpnet_listener listener = 77;
    EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, iocpnet_listener_open(host.service(), "localhost:80", nullptr, &listener));
    EXPECT_EQ(77u, listener);
}

TEST_P(Strings, RandomAddressesNeverDoHarm)
{
    Random random;
    Host host(callbacks());
    const std::string letters = "0123456789abcdef.:[]%x \xff";
    for (uint32_t i = 0; i < scaled(3000); i++) {
        std::string address;
        for (uint64_t n = random.below(30); n > 0; n--) {
            address += letters[static_cast<size_t>(random.below(letters.size()))];
        }
        iocpnet_listener listener = 0;
        const int32_t status = iocpnet_listener_open(host.service(), address.c_str(), nullptr, &listener);
        EXPECT_EQ(status == IOCPNET_OK, listener != 0) << address;
    }
}

TEST_P(Strings, CloseTextOfAnyKindEndsTheSessionAndIsCut)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::vector<std::string> texts = {"", "\xff\xfe\xfd", "\xc3\x28", std::string(300, '\xc3'), huge};
    for (size_t i = 0; i < texts.size(); i++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(i + 1));
        const iocpnet_session session = host.recorder().nth(i);
        const int32_t status = disconnect(session, IOCPNET_DISCONNECT_ABORT, 0, 0, texts[i].c_str());
        if (status != IOCPNET_OK) {
            EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, status);
            ASSERT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
        }
        ASSERT_TRUE(host.wait_disconnected(i + 1));
        const std::string text = host.recorder().session(session).last.close_text;
        EXPECT_LE(text.size(), static_cast<size_t>(IOCPNET_CLOSE_TEXT_MAX));
        EXPECT_EQ(0, texts[i].compare(0, text.size(), text));
    }
}

TEST_P(Strings, CloseTextIsNotCutInsideACharacter)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    std::string text;
    for (int i = 0; i < 200; i++) {
        text += "\xc3\xa4"; /* two bytes: 255 would be in the middle */
    }
    ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_ABORT, 0, 0, text.c_str()));
    ASSERT_TRUE(host.wait_disconnected(1));
    const size_t length = host.recorder().session(host.recorder().nth(0)).last.close_text.size();
    EXPECT_EQ(254u, length);
}

TEST_P(Strings, LayoutRefusesNamesOfAnyLength)
{
    uint32_t size = 77;
    for (const std::string &name :
         {huge, "iocpnet_event." + huge, std::string("\xff\xff"), std::string("iocpnet_event ")}) {
        EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_layout(name.c_str(), nullptr, &size));
    }
    EXPECT_EQ(77u, size);
}

TEST_P(Strings, EveryStatusAndReasonHasANameAndAText)
{
    std::vector<std::string> names;
    for (int32_t status = IOCPNET_PENDING; status >= IOCPNET_E_SYSTEM; status--) {
        names.push_back(iocpnet_status_name(status));
        EXPECT_EQ(0u, names.back().find("IOCPNET_")) << status;
        EXPECT_NE("", std::string(iocpnet_status_text(status)));
    }
    for (uint32_t reason = 0; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        names.push_back(iocpnet_close_reason_name(reason));
        EXPECT_NE("unknown", names.back()) << reason;
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names.end(), std::unique(names.begin(), names.end()));
    EXPECT_STREQ("IOCPNET_E_WOULD_BLOCK", iocpnet_status_name(IOCPNET_E_WOULD_BLOCK));
    EXPECT_STREQ("peer closed", iocpnet_close_reason_name(IOCPNET_CLOSE_PEER_CLOSED));
}

TEST_P(Strings, LastOsErrorBelongsToTheThreadAndToItsLastFailure)
{
    Host host(callbacks());
    const std::string address = host.listen();
    iocpnet_listener listener = 0;
    EXPECT_EQ(IOCPNET_E_ADDRESS_IN_USE, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &listener));
    EXPECT_NE(0, iocpnet_last_os_error());
    std::thread other([] { EXPECT_EQ(0, iocpnet_last_os_error()); });
    other.join();
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_listener_close(12345));
    EXPECT_EQ(0, iocpnet_last_os_error());
}

} // namespace
