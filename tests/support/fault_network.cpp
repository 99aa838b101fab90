#if defined(__linux__)

#include "support/fault_network.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

namespace fault_test
{

namespace
{

int open_own_network()
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void enter(int network)
{
    EXPECT_EQ(0, setns(network, CLONE_NEWNET));
}

/* Addresses are of use at once: nobody is asked whether they are taken. */
std::string interface_up(const std::string &number)
{
    return "ip link set lo up && ip addr add 10.99.0." + number + "/24 dev veth0 && ip link set veth0 up && " +
           "{ ip -6 addr add fe80::" + number + "/64 dev veth0 nodad || true; }";
}

} // namespace

bool is_administrator()
{
    const bool has_rights = geteuid() == 0;
    if (!has_rights) {
        std::printf("needs to be root, to make a network of its own\n");
        EXPECT_EQ(nullptr, std::getenv("CI")) << "CI has to run it as root";
    }
    return has_rights;
}

bool run_command(const std::string &command)
{
    const int status = std::system((command + " >/dev/null").c_str());
    EXPECT_EQ(0, status) << command;
    return status == 0;
}

Network::Network() : home_(open_own_network())
{
    EXPECT_EQ(0, unshare(CLONE_NEWNET));
    there_ = open_own_network();
    EXPECT_EQ(0, unshare(CLONE_NEWNET));
    here_ = open_own_network();
    run_command("ip link add veth0 type veth peer name veth0 netns /proc/" + std::to_string(getpid()) + "/fd/" +
                std::to_string(there_));
    run_command(interface_up("1"));
    there([] {
        run_command(interface_up("2"));
        run_command("nft 'add table inet faults; add chain inet faults in { type filter hook input priority 0; }'");
    });
}

Network::~Network()
{
    enter(home_);
    close(home_);
    close(here_);
    close(there_);
}

void Network::there(const std::function<void()> &work)
{
    enter(there_);
    work();
    enter(here_);
}

api_test::Socket Network::listen_there()
{
    api_test::Socket listener;
    there([&] { listener = api_test::Socket::listen("10.99.0.2"); });
    EXPECT_TRUE(listener.is_open());
    return listener;
}

api_test::Socket Network::connect_there(const std::string &address)
{
    api_test::Socket peer;
    there([&] { peer = api_test::Socket::connect(address); });
    EXPECT_TRUE(peer.is_open());
    return peer;
}

void Network::filter(const std::string &verdict)
{
    there([&] { run_command("nft add rule inet faults in meta l4proto tcp " + verdict); });
}

void Network::stop_filtering()
{
    there([] { run_command("nft flush chain inet faults in"); });
}

void Network::set_retries(int count)
{
    run_command("echo " + std::to_string(count) +
                " | tee /proc/sys/net/ipv4/tcp_retries2 /proc/sys/net/ipv4/tcp_syn_retries");
}

std::string Network::scope()
{
    return std::to_string(if_nametoindex("veth0"));
}

void NetworkTest::SetUp()
{
    PortTest::SetUp();
    if (IsSkipped()) {
        return;
    }
    if (!is_administrator()) {
        GTEST_SKIP() << "not root";
    }
    for (const char *program : {"ip", "nft", "ss"}) {
        ASSERT_TRUE(api_test::has_program(program)) << program << " is missing (apt install iproute2 nftables)";
    }
    network = std::make_unique<Network>();
}

void NetworkTest::TearDown()
{
    PortTest::TearDown();
    network.reset();
}

std::string NetworkTest::listen(api_test::Host &host, const std::string &address)
{
    iocpnet_listener listener = 0;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &listener)) << address;
    return api_test::session_address(iocpnet_listener_address, listener);
}

iocpnet_session NetworkTest::connect(api_test::Host &host, api_test::Socket &peer)
{
    api_test::Socket listener = network->listen_there();
    const iocpnet_session session = host.connect(listener.address());
    peer = listener.accept();
    EXPECT_TRUE(peer.is_open() && host.wait_connected(1));
    return session;
}

iocpnet_event NetworkTest::fail_to_connect(api_test::Host &host, const std::string &address, uint32_t timeout_ms)
{
    iocpnet_session session = 0;
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.timeout_ms = timeout_ms;
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_connect(host.service(), address.c_str(), &options, &session));
    const iocpnet_event end = end_of(host, session);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_EVENT_CONNECT_FAILED), end.kind);
    EXPECT_EQ(0u, host.recorder().copy().connected());
    return end;
}

iocpnet_event NetworkTest::end_of(api_test::Host &host, iocpnet_session session)
{
    EXPECT_TRUE(host.wait([=](const api_test::Records &r) {
        const auto found = r.sessions.find(session);
        return found != r.sessions.end() && found->second.ended;
    }));
    return host.recorder().session(session).last.fields;
}

} // namespace fault_test

#endif
