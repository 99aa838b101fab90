/* Other processes: one that is killed, one that forks, one that has strange descriptors or signals. */
#include "support/api_fixture.hpp"
#include "support/api_victim.hpp"

#if defined(__linux__)
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace api_test;

namespace
{

/* Starts a service, serves one session of its own, and leaves without a destroy. */
int play_leaver(const std::vector<std::string> &arguments)
{
    auto *host = new Host(
        {static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
    host->echo();
    const std::string address = host->listen();
    host->start();
    static Socket peer = Socket::connect(address);
    peer.send("x");
    std::exit(peer.receive(1) == "x" ? 42 : 1); /* static objects are destroyed, the service is not */
}
const RoleRegistration leaver_role("leaver", play_leaver);

class Processes : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Processes);

class KilledClient : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(KilledClient);

TEST_P(KilledClient, EndsTheSessionOnceAndItsMemoryIsGone)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    /* Once a session was accepted, all accepts of the listener are posted. */
    Socket::connect(address).close();
    ASSERT_TRUE(host.wait_disconnected(1));
    ASSERT_TRUE(wait_until([] { return live_objects().sessions == 0; }));
    const iocpnet_live_objects before = live_objects();
    Victim client(address);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.received_bytes() == 5; }));
    EXPECT_EQ(1u, live_objects().sessions);
    client.kill();
    ASSERT_TRUE(host.wait_disconnected(2));
    const SessionRecord record = host.recorder().session(host.recorder().nth(1));
    EXPECT_EQ(1u, record.count(IOCPNET_EVENT_DISCONNECTED));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), record.last.fields.close_origin);
    /* Linux ends the streams of a killed process in order when it had read everything, else with a reset. */
    const uint32_t reason = record.last.fields.close_reason;
    EXPECT_TRUE(reason == IOCPNET_CLOSE_PEER_CLOSED || reason == IOCPNET_CLOSE_RESET) << reason;
    EXPECT_TRUE(wait_until([&] {
        const iocpnet_live_objects now = live_objects();
        return now.sessions == 0 && now.operations == before.operations && now.descriptors == before.descriptors;
    }));
}

TEST_P(KilledClient, WithBytesItNeverReadIsAReset)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Victim client(address);
    ASSERT_TRUE(host.wait([](const Records &r) { return r.received_bytes() == 5; }));
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), std::string(900000, 'x')));
    client.kill();
    /* A send after the end meets the reset, if the end came in order. */
    ASSERT_TRUE(wait_until([&] {
        host.send(host.recorder().nth(0), "x");
        return host.recorder().copy().disconnected() == 1;
    }));
    const SessionRecord record = host.recorder().session(host.recorder().nth(0));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_ORIGIN_PEER), record.last.fields.close_origin);
    EXPECT_EQ(1u, record.count(IOCPNET_EVENT_DISCONNECTED));
}

TEST_P(Processes, ExitWithoutDestroyDoesNotHang)
{
    EXPECT_EQ(42, Process::start_role("leaver " + std::to_string(GetParam())).wait());
}

#if defined(__linux__)

/* Reports with its exit code how many descriptors it has beyond the three standard ones. */
int play_counter(const std::vector<std::string> &)
{
    int open = 0;
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        open += fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
    }
    return open;
}
const RoleRegistration counter_role("counter", play_counter);

/* Runs a small service whatever the process is like, and says whether it worked. */
int serve_once(const std::vector<std::string> &arguments)
{
    Host host({static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
    host.echo();
    const std::string address = host.listen();
    if (host.start() != IOCPNET_OK) {
        return 2;
    }
    for (uint32_t i = 0; i < 50; i++) {
        Socket peer = Socket::connect(address);
        if (!peer.send("served") || peer.receive(6) != "served") {
            return 3;
        }
    }
    return host.wait_disconnected(50) ? 0 : 4;
}

int play_without_standard_descriptors(const std::vector<std::string> &arguments)
{
    close(0);
    close(1);
    close(2);
    return serve_once(arguments);
}
const RoleRegistration closed_role("closed", play_without_standard_descriptors);

void ignore_signal(int)
{
}

int play_interrupted(const std::vector<std::string> &arguments)
{
    struct sigaction action = {};
    action.sa_handler = ignore_signal; /* without SA_RESTART */
    sigaction(SIGALRM, &action, nullptr);
    const itimerval every_millisecond = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &every_millisecond, nullptr);
    return serve_once(arguments);
}
const RoleRegistration interrupted_role("interrupted", play_interrupted);

/* SIGPIPE at its default, which ends a process: sends to a peer that is gone must not raise it. */
int play_pipe(const std::vector<std::string> &arguments)
{
    std::signal(SIGPIPE, SIG_DFL);
    Host host({static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
    const std::string address = host.listen();
    host.start();
    for (uint32_t i = 0; i < 50; i++) {
        Socket peer = Socket::connect(address);
        host.wait_connected(i + 1);
        peer.close();
        while (host.send(host.recorder().nth(i), std::string(1000, 'x')) == IOCPNET_OK) {
        }
    }
    return host.wait_disconnected(50) ? 0 : 4;
}
const RoleRegistration pipe_role("pipe", play_pipe);

TEST_P(Processes, NoDescriptorSurvivesExec)
{
    const int before = Process::start_role("counter").wait();
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 3; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    host.connect(address);
    ASSERT_TRUE(host.wait_connected(2));
    EXPECT_EQ(before, Process::start_role("counter").wait());
}

TEST_P(Processes, ServiceLivesWithoutDescriptorsZeroOneAndTwo)
{
    EXPECT_EQ(0, Process::start_role("closed " + std::to_string(GetParam())).wait());
}

TEST_P(Processes, ServiceLivesWithAThousandInterruptionsASecond)
{
    EXPECT_EQ(0, Process::start_role("interrupted " + std::to_string(GetParam())).wait());
}

TEST_P(Processes, SendToAPeerThatIsGoneRaisesNoSignal)
{
    EXPECT_EQ(0, Process::start_role("pipe " + std::to_string(GetParam())).wait());
}

TEST_P(Processes, ForkOfAProcessWithALiveServiceLeavesTheParentAlone)
{
    if (is_sanitized()) {
        GTEST_SKIP() << "a sanitizer's own threads do not survive a fork";
    }
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(0, status);
    ASSERT_TRUE(peer.send("parent"));
    EXPECT_EQ("parent", peer.receive(6));
    peer.close();
    EXPECT_TRUE(host.wait_disconnected(1));
}

#endif

} // namespace
