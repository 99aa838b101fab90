/* Programs that others wrote, at the other end: socat and netcat. Linux. */
#if defined(__linux__)

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class ThirdParty : public PortTest
{
protected:
    void SetUp() override
    {
        for (const char *program : {"socat", "nc"}) {
            ASSERT_TRUE(has_program(program)) << program << " is not installed (apt install socat netcat-openbsd)";
        }
        PortTest::SetUp();
        char name[] = "/tmp/iocpnet-test-XXXXXX";
        folder = mkdtemp(name);
    }

    void TearDown() override
    {
        std::filesystem::remove_all(folder);
        PortTest::TearDown();
    }

    std::string port_of(const std::string &address) { return address.substr(address.rfind(':') + 1); }

    std::string read(const std::string &name)
    {
        std::ifstream file(folder / name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }

    /* Runs a shell command in the folder, whose file "in" holds the bytes; the file "out" then. */
    std::string output_of(const std::string &command, const std::string &bytes)
    {
        std::ofstream(folder / "in", std::ios::binary) << bytes;
        Process shell = Process::start({"sh", "-c", "cd " + folder.string() + " && " + command});
        EXPECT_EQ(0, shell.wait()) << command;
        return read("out");
    }

    /* Starts socat, listening on a port of its choice, and stores its address. */
    Process listening_socat(const std::string &options, const std::string &target, std::string &address)
    {
        const std::string log = (folder / "log").string();
        Process socat = Process::start(
            {"sh", "-c", "exec socat -t0.05 -d -d TCP-LISTEN:0,bind=127.0.0.1" + options + " " + target + " 2>" + log});
        EXPECT_TRUE(wait_until([&] {
            const std::string text = read("log");
            const size_t found = text.find(" 127.0.0.1:");
            const size_t end = text.find('\n', found);
            if (found == std::string::npos || end == std::string::npos) {
                return false;
            }
            address = text.substr(found + 1, end - found - 1);
            return true;
        }));
        return socat;
    }

    std::filesystem::path folder;
};
API_TEST_ON_EVERY_PORT(ThirdParty);

TEST_P(ThirdParty, NetcatThatHalfClosesGetsEverythingBack)
{
    Random random;
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string bytes = random.bytes(300000);
    EXPECT_TRUE(bytes == output_of("nc -N 127.0.0.1 " + port_of(address) + " <in >out", bytes));
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_PEER_CLOSED),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(ThirdParty, SocatGetsEverythingBack)
{
    Random random;
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string bytes = random.bytes(500000);
    EXPECT_TRUE(bytes == output_of("socat -t 10 - TCP:" + address + " <in >out", bytes));
    ASSERT_TRUE(host.wait_disconnected(1));
}

TEST_P(ThirdParty, SocatSpeaksIpv6WithADualStackListener)
{
    if (!has_ipv6()) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    Host host(callbacks());
    host.echo();
    iocpnet_listener listener = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), "[::]:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::string port = port_of(session_address(iocpnet_listener_address, listener));
    EXPECT_EQ("six", output_of("socat -t 10 - TCP6:[::1]:" + port + " <in >out", "six"));
    EXPECT_EQ("four", output_of("socat -t 10 - TCP4:127.0.0.1:" + port + " <in >out", "four"));
}

TEST_P(ThirdParty, ClientsOfTheLibraryAreServedBySocat)
{
    Random random;
    std::string address;
    const Process socat = listening_socat(",fork", "EXEC:cat", address);
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint32_t count = 10;
    const std::string bytes = random.bytes(50000);
    for (uint32_t i = 0; i < count; i++) {
        host.connect(address);
    }
    ASSERT_TRUE(host.wait_connected(count));
    for (uint32_t i = 0; i < count; i++) {
        ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(i), bytes));
    }
    for (uint32_t i = 0; i < count; i++) {
        ASSERT_TRUE(host.wait_received(host.recorder().nth(i), bytes.size()));
        EXPECT_TRUE(bytes == host.recorder().session(host.recorder().nth(i)).received);
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_disconnect(host.recorder().nth(i), nullptr));
    }
    ASSERT_TRUE(host.wait_disconnected(count));
}

TEST_P(ThirdParty, KilledSocatEndsTheSession)
{
    std::string address;
    Process socat = listening_socat("", "PIPE", address);
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const iocpnet_session session = host.connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, host.send(session, "x"));
    ASSERT_TRUE(host.wait_received(session, 1));
    socat.kill();
    ASSERT_TRUE(host.wait_disconnected(1));
}

} // namespace

#endif
