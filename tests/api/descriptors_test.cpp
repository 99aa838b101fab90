/* A process that is out of descriptors: it backs off, goes on serving, and recovers at once. Linux. */
#if defined(__linux__)

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

using std::chrono::milliseconds;

/* The machine may be busy with other things: the best counts. */
constexpr int attempts = 20;

double cpu_seconds()
{
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Takes every descriptor that is left. */
std::vector<int> take_all_descriptors()
{
    std::vector<int> taken;
    for (int descriptor = dup(0); descriptor >= 0; descriptor = dup(0)) {
        taken.push_back(descriptor);
    }
    return taken;
}

void give_back(std::vector<int> &taken)
{
    for (const int descriptor : taken) {
        close(descriptor);
    }
    taken.clear();
}

/*
 * An echo server with few descriptors, told over a connection of its own what to do, a letter each: "t"ake all
 * descriptors, "g"ive them back, "m"easure: the CPU time of half a second, in microseconds, comes back as text.
 */
int play_server(const std::vector<std::string> &arguments)
{
    open("/dev/null", O_RDONLY);
    const rlimit few = {80, 80};
    setrlimit(RLIMIT_NOFILE, &few);
    std::vector<int> taken;
    Host host({static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS});
    host.echo();
    Socket control = Socket::connect(arguments[1]);
    const std::string address = host.listen();
    if (host.start() != IOCPNET_OK || !control.send(address + "\n")) {
        return 2;
    }
    for (;;) {
        const std::string command = control.receive(1);
        if (command == "t") {
            taken = take_all_descriptors();
            control.send("taken\n");
        } else if (command == "g") {
            give_back(taken);
            control.send("given\n");
        } else if (command == "m") {
            const double before = cpu_seconds();
            control.readable_within(500);
            control.send(std::to_string(static_cast<int>((cpu_seconds() - before) * 1e6)) + "\n");
        } else {
            give_back(taken);
            return host.destroy() == IOCPNET_OK ? 0 : 3;
        }
    }
}
const RoleRegistration server_role("descriptors", play_server);

class FullDescriptorTable : public PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (!IsSkipped()) {
            Socket listener = Socket::listen();
            server = Process::start_role("descriptors " + std::to_string(GetParam()) + " " + listener.address());
            control = listener.accept();
            address = line();
            ASSERT_FALSE(address.empty());
        }
    }

    std::string line()
    {
        std::string text;
        for (std::string letter = control.receive(1); !letter.empty() && letter != "\n"; letter = control.receive(1)) {
            text += letter;
        }
        return text;
    }

    std::string tell(const char *command)
    {
        control.send(command);
        return line();
    }

    bool echoes(Socket &peer) { return peer.send("echo") && peer.receive(4) == "echo"; }

    Process server;
    Socket control;
    std::string address;
};
API_TEST_ON_EVERY_PORT(FullDescriptorTable);

TEST_P(FullDescriptorTable, WithWaitingClientsTheServerHardlyWorks)
{
    Socket first = Socket::connect(address);
    ASSERT_TRUE(echoes(first));
    ASSERT_EQ("taken", tell("t"));
    std::vector<Socket> waiting;
    for (int i = 0; i < 20; i++) {
        waiting.push_back(Socket::connect_later(address));
    }
    ASSERT_TRUE(echoes(first)); /* by now it has seen that there is no descriptor */
    const int limit = is_sanitized() ? 100000 : 10000;
    int microseconds = limit;
    for (int i = 0; i < attempts && microseconds >= limit; i++) {
        microseconds = std::min(microseconds, std::stoi(tell("m")));
    }
    EXPECT_LT(microseconds, limit) << "of CPU time in half a second";
    EXPECT_TRUE(echoes(first));
}

TEST_P(FullDescriptorTable, SessionsThatAreOpenAreServed)
{
    std::vector<Socket> open;
    for (int i = 0; i < 5; i++) {
        open.push_back(Socket::connect(address));
        ASSERT_TRUE(echoes(open.back()));
    }
    ASSERT_EQ("taken", tell("t"));
    std::vector<Socket> waiting;
    for (int i = 0; i < 20; i++) {
        waiting.push_back(Socket::connect_later(address));
    }
    for (int round = 0; round < 50; round++) {
        for (Socket &peer : open) {
            ASSERT_TRUE(echoes(peer));
        }
    }
}

TEST_P(FullDescriptorTable, NewClientIsServedWithinATenthOfASecondAfterADescriptorIsFree)
{
    auto best = milliseconds(100000);
    for (int i = 0; i < attempts && best >= milliseconds(100); i++) {
        ASSERT_EQ("taken", tell("t"));
        std::vector<Socket> waiting;
        for (int n = 0; n < 5; n++) {
            waiting.push_back(Socket::connect_later(address));
        }
        tell("m"); /* half a second, in which it backs off as far as it does */
        ASSERT_EQ("given", tell("g"));
        const auto begin = Clock::now();
        Socket fresh = Socket::connect(address);
        ASSERT_TRUE(echoes(fresh));
        best = std::min(best, std::chrono::duration_cast<milliseconds>(Clock::now() - begin));
    }
    EXPECT_LT(best, milliseconds(is_sanitized() ? 500 : 100));
}

TEST_P(FullDescriptorTable, WaitingClientIsServedOrToldWithinATenthOfASecondAfterADescriptorIsFree)
{
    auto best = milliseconds(100000);
    for (int i = 0; i < attempts && best >= milliseconds(100); i++) {
        ASSERT_EQ("taken", tell("t"));
        Socket waiting = Socket::connect(address);
        waiting.send("echo"); /* fails when it has been told already */
        tell("m");
        ASSERT_EQ("given", tell("g"));
        const auto begin = Clock::now();
        const std::string answer = waiting.receive(4);
        EXPECT_TRUE(answer == "echo" || waiting.end() != Socket::End::none) << answer;
        best = std::min(best, std::chrono::duration_cast<milliseconds>(Clock::now() - begin));
    }
    EXPECT_LT(best, milliseconds(is_sanitized() ? 500 : 100));
}

} // namespace

#endif
