/* A process that is stopped for a while, past all of its deadlines: each is met once, and then there is quiet. Linux. */
#if defined(__linux__)

#include <csignal>
#include <fstream>
#include <unistd.h>

#include "support/api_fixture.hpp"
#include "support/fault_remote.hpp"
#include "support/fault_tally.hpp"

using namespace api_test;
using fault_test::Remote;
using fault_test::Tally;

namespace
{

constexpr uint32_t deadlines = 50; /* of each kind */
constexpr uint32_t deadline_ms = 500;

void IOCPNET_CALL close_gracefully(const iocpnet_event *event, void *)
{
    disconnect(event->session, IOCPNET_DISCONNECT_GRACEFUL, deadline_ms);
}

/* Sessions that wait for the end of a peer that never ends, and connects to a listener that never answers. */
void set_deadlines(const Tally &tally, const std::string &address, const std::string &silent,
                   std::vector<Socket> &peers)
{
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.timeout_ms = deadline_ms;
    for (uint32_t i = 0; i < deadlines; i++) {
        iocpnet_session session = 0;
        peers.push_back(Socket::connect(address));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_connect(tally.service(), silent.c_str(), &options, &session));
    }
    EXPECT_TRUE(wait_until([&] { return tally.connected() == deadlines; }));
}

/*
 * Arguments: the address to report to, the port, the silent listener. Reports its process id, then, for each letter that
 * it is sent, how many deadlines were met and how many turns the dispatcher took.
 */
int play_stopped(const std::vector<std::string> &arguments)
{
    Socket control = Socket::connect(arguments[0]);
    Tally tally(static_cast<uint32_t>(std::stoul(arguments[1])));
    tally.on(IOCPNET_EVENT_CONNECTED, close_gracefully, nullptr);
    const std::string address = tally.listen();
    ROLE_REQUIRE(tally.start() == IOCPNET_OK);
    std::vector<Socket> peers;
    set_deadlines(tally, address, arguments[2], peers);
    control.send(std::to_string(getpid()) + "\n");
    while (!control.receive(1).empty()) {
        control.send(std::to_string(tally.disconnected() + tally.count(IOCPNET_EVENT_CONNECT_FAILED)) + " " +
                     std::to_string(tally.stats().turns) + "\n");
    }
    return tally.destroy() == IOCPNET_OK ? 0 : 1;
}
const RoleRegistration stopped_role("stopped", play_stopped);

bool is_stopped(pid_t process)
{
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    std::string word;
    while (status >> word && word != "State:") {
    }
    return status >> word && word == "T";
}

struct Report {
    uint64_t met = 0;
    uint64_t turns = 0;
};

Report ask(Remote &remote)
{
    Report report;
    const std::string line = remote.tell('r');
    EXPECT_EQ(2, std::sscanf(line.c_str(), "%lu %lu", &report.met, &report.turns)) << line;
    return report;
}

class StoppedProcess : public PortTest
{
};
API_TEST_ON_EVERY_PORT(StoppedProcess);

TEST_P(StoppedProcess, MeetsEachDeadlineOnceWhenItGoesOn)
{
    Socket silent = Socket::listen("127.0.0.1", 0);
    std::vector<Socket> waiting;
    for (int i = 0; i < 4; i++) {
        waiting.push_back(Socket::connect_later(silent.address()));
    }
    Remote remote("stopped", std::to_string(GetParam()) + " " + silent.address());
    const auto process = static_cast<pid_t>(std::atoi(remote.line().c_str()));
    ASSERT_GT(process, 1);
    kill(process, SIGSTOP);
    ASSERT_TRUE(wait_until([=] { return is_stopped(process); }));
    EXPECT_FALSE(waiting.back().writable_within(2 * deadline_ms));
    kill(process, SIGCONT);
    const Report first = ask(remote);
    Report last = first;
    ASSERT_TRUE(wait_until([&] {
        last = ask(remote);
        return last.met >= 2 * deadlines;
    }));
    EXPECT_LE(last.turns - first.turns, 5 * deadlines) << "a storm";
    EXPECT_FALSE(waiting.back().writable_within(100));
    const Report quiet = ask(remote);
    EXPECT_EQ(2 * deadlines, quiet.met);
    EXPECT_LE(quiet.turns - last.turns, 10u);
    EXPECT_EQ(0, remote.finish());
}

} // namespace

#endif
