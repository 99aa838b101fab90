/* Ten thousand sessions at once. Linux; the clients are a process of their own, because of the limit of descriptors. */
#if defined(__linux__)

#include <fstream>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

/* Opens sessions, each echoes once, says "done" to the parent and holds them until the parent closes. */
int play_clients(const std::vector<std::string> &arguments)
{
    Socket control = Socket::connect(arguments[0]);
    std::vector<Socket> peers;
    const unsigned long count = std::stoul(arguments[2]);
    for (unsigned long i = 0; i < count; i++) {
        peers.push_back(Socket::connect(arguments[1]));
        if (!peers.back().send("session!")) {
            return 1;
        }
    }
    for (Socket &peer : peers) {
        if (peer.receive(8) != "session!") {
            return 2;
        }
    }
    control.send("done");
    control.receive_all();
    return 0;
}
const RoleRegistration clients_role("clients", play_clients);

uint64_t resident_bytes()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    uint64_t kilobytes = 0;
    while (status >> word) {
        if (word == "VmRSS:") {
            status >> kilobytes;
        }
    }
    return kilobytes * 1024;
}

class Scale : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Scale);

TEST_P(Scale, TenThousandSessionsEchoAndAreHeld)
{
    const uint32_t count = scaled(10000);
    const uint64_t allowed = raise_descriptor_limit();
    if (allowed < count + 100) {
        GTEST_SKIP() << "only " << allowed << " descriptors allowed";
    }
    std::atomic<uint64_t> connected{0};
    std::atomic<uint64_t> echoed{0};
    std::atomic<uint64_t> ended{0};
    const auto count_connected = [](const iocpnet_event *, void *user) {
        (*static_cast<std::atomic<uint64_t> *>(user))++;
    };
    const auto echo = [](const iocpnet_event *event, void *user) {
        if (iocpnet_session_send(event->session, event->data, event->size) == IOCPNET_OK) {
            *static_cast<std::atomic<uint64_t> *>(user) += event->size;
        }
    };
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_service_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&options, sizeof options));
    options.port = GetParam();
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &service));
    iocpnet_service_set_callback(service, IOCPNET_EVENT_CONNECTED, count_connected, &connected);
    iocpnet_service_set_callback(service, IOCPNET_EVENT_RECEIVED, echo, &echoed);
    iocpnet_service_set_callback(service, IOCPNET_EVENT_DISCONNECTED, count_connected, &ended);
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(service, "127.0.0.1:0", nullptr, &listener));
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_start(service));
    Socket control = Socket::listen();
    const uint64_t before = resident_bytes();
    Process clients =
        Process::start_role("clients " + control.address() + " " + session_address(iocpnet_listener_address, listener) +
                            " " + std::to_string(count));
    Socket reports = control.accept();
    EXPECT_EQ("done", reports.receive(4));
    EXPECT_EQ(count, connected);
    EXPECT_EQ(8u * count, echoed);
    const uint64_t bytes = (resident_bytes() - before) / count;
    std::printf("%u idle sessions on %s: %llu bytes of user memory each\n", count, port_name(GetParam()).c_str(),
                static_cast<unsigned long long>(bytes));
    RecordProperty("bytes_per_session", std::to_string(bytes));
    EXPECT_LT(bytes, is_sanitized() ? 65536u : 4096u);
    reports.close();
    EXPECT_EQ(0, clients.wait());
    EXPECT_TRUE(wait_until([&] { return ended == count; }));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
}

} // namespace

#endif
