/* What a port of Linux must also hold: descriptors run out, signals, fork, exec. */
#if defined(__linux__)

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/port_rig.hpp"

extern "C" {
#include "util/memory.h"
}

namespace
{

using api_test::Socket;
using port_test::Link;

/* While it lives this process can open `spare` more descriptors. */
class DescriptorLimit
{
public:
    explicit DescriptorLimit(uint32_t spare)
    {
        getrlimit(RLIMIT_NOFILE, &before_);
        std::vector<int> taken;
        for (uint32_t i = 0; i <= spare; ++i) {
            taken.push_back(dup(STDOUT_FILENO));
        }
        rlimit limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(taken.back()); /* the lowest free ones are below */
        for (int descriptor : taken) {
            close(descriptor);
        }
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit &) = delete;
    DescriptorLimit &operator=(const DescriptorLimit &) = delete;

private:
    rlimit before_ = {};
};

std::set<int> open_descriptors()
{
    std::set<int> descriptors;
    DIR *directory = opendir("/proc/self/fd");
    while (const dirent *entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            descriptors.insert(std::atoi(entry->d_name));
        }
    }
    descriptors.erase(dirfd(directory));
    closedir(directory);
    return descriptors;
}

class PortLinux : public port_test::PortTest
{
protected:
    /* A listener with connections that wait to be accepted. */
    Link &waiting_listener(int count)
    {
        icn_address address;
        Link &listener = rig->listening_link(address);
        for (int i = 0; i < count; ++i) {
            peers.push_back(Socket::connect(port_test::text_of(address)));
        }
        return listener;
    }

    bool finishes(Link &listener)
    {
        return rig->run_until([&] { return !listener.reader.in_flight(); });
    }

    std::vector<Socket> peers;
};

PORT_SUITE(PortLinux);

TEST_P(PortLinux, AcceptWithoutDescriptorsEndsWithThatError)
{
    Link &listener = waiting_listener(3);
    DescriptorLimit none(0);
    listener.accept();
    ASSERT_TRUE(finishes(listener));
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_DESCRIPTORS) << listener.reader.last().os_error;
    EXPECT_EQ(listener.reader.completions().size(), 1u);
}

TEST_P(PortLinux, AcceptTakesWhatTheDescriptorsAllowThenEnds)
{
    Link &listener = waiting_listener(5);
    DescriptorLimit two(2);
    listener.accept();
    ASSERT_TRUE(finishes(listener));
    EXPECT_EQ(listener.reader.accepted().size(), 2u);
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_DESCRIPTORS);
}

TEST_P(PortLinux, ListenerWithoutDescriptorsIsQuietUntilItIsStartedAgain)
{
    Link &listener = waiting_listener(3);
    {
        DescriptorLimit none(0);
        listener.accept();
        ASSERT_TRUE(finishes(listener));
        rig->run_dry();
        EXPECT_EQ(listener.reader.completions().size(), 1u);
        listener.accept();
        ASSERT_TRUE(finishes(listener));
        EXPECT_EQ(listener.reader.last().status, IOCPNET_E_NO_DESCRIPTORS);
    }
    listener.accept();
    EXPECT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == peers.size(); }));
}

TEST_P(PortLinux, OpeningWithoutDescriptorsUnwindsWhicheverIsMissing)
{
    const uint64_t blocks = icn_memory_blocks(ICN_MEMORY_PORT);
    const std::set<int> before = open_descriptors();
    int32_t status = IOCPNET_E_NO_DESCRIPTORS;
    uint32_t spare = 0;
    for (; status != IOCPNET_OK && spare < 10; ++spare) {
        DescriptorLimit limit(spare);
        port_test::Rig another(GetParam());
        status = another.opened.status;
        EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_NO_DESCRIPTORS) << status;
    }
    EXPECT_EQ(status, IOCPNET_OK);
    EXPECT_GT(spare, 1u);
    EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_PORT), blocks);
    EXPECT_EQ(open_descriptors(), before);
}

TEST_P(PortLinux, NoDescriptorSurvivesExec)
{
    const std::set<int> before = open_descriptors();
    port_test::Rig another(GetParam());
    icn_address address;
    Link &listener = another.listening_link(address);
    Link &connecting = another.make_link();
    connecting.open();
    connecting.connect(address);
    listener.accept();
    ASSERT_TRUE(another.run_until([&] { return !listener.reader.accepted().empty() && !connecting.in_flight(); }));
    size_t opened = 0;
    for (int descriptor : open_descriptors()) {
        if (before.count(descriptor) == 0) {
            ++opened;
            EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0) << descriptor;
        }
    }
    EXPECT_GE(opened, 4u); /* the port's, the listener, both ends */
}

TEST_P(PortLinux, DescriptorZeroIsAsGoodAsAnother)
{
    const int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    ASSERT_NE(saved, -1);
    Socket listener = Socket::listen();
    close(STDIN_FILENO);
    Link &link = rig->make_link();
    link.open();
    EXPECT_EQ(link.endpoint.socket, 0);
    link.connect(port_test::address_of(listener));
    link.peer = listener.accept();
    ASSERT_TRUE(rig->run_until([&] { return !link.writer.in_flight(); }));
    link.receive();
    ASSERT_TRUE(link.peer.send("hello"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "hello"; }));
    rig->drop(link);
    EXPECT_EQ(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

TEST_P(PortLinux, DetachedSocketThatAForkedChildHoldsRaisesNothing)
{
    Link &link = rig->connected_link();
    link.receive();
    rig->run_dry();
    int go[2];
    ASSERT_EQ(pipe(go), 0);
    const pid_t child = fork();
    if (child == 0) {
        char ignored;
        close(go[1]);
        _exit(read(go[0], &ignored, 1) == 0 ? 0 : 1); /* holds a copy of every socket until the parent lets go */
    }
    ASSERT_GT(child, 0);
    rig->drop(link);
    std::memset(static_cast<void *>(&link.endpoint), 0xee, sizeof link.endpoint);
    link.endpoint.socket = ICN_OS_SOCKET_NONE;
    EXPECT_TRUE(link.peer.send("to nobody"));
    link.peer.shutdown_send();
    rig->run_dry();
    close(go[0]);
    close(go[1]);
    int status = 1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(link.reader.data(), "");
}

extern "C" void ignore_signal(int)
{
}

TEST_P(PortLinux, SignalsAThousandTimesASecondDoNotDisturbATransfer)
{
    struct sigaction action = {};
    struct sigaction action_before = {};
    action.sa_handler = ignore_signal; /* without SA_RESTART: each wait ends with EINTR */
    ASSERT_EQ(sigaction(SIGALRM, &action, &action_before), 0);
    const itimerval often = {{0, 1000}, {0, 1000}};
    const itimerval never = {};
    Link &link = rig->connected_link();
    link.receive();
    ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
    const std::string bytes = api_test::Random().bytes(8 << 20);
    std::string echoed;
    size_t offset = 0;
    link.send_all(bytes);
    EXPECT_TRUE(rig->run_until([&] {
        offset += link.peer.send_some(std::string_view(bytes).substr(offset, 65536));
        port_test::drain(link.peer, echoed);
        return echoed.size() == bytes.size() && link.reader.data().size() == bytes.size();
    }));
    for (int i = 0; i < 20; ++i) {
        rig->run(10); /* a wait that a signal ends is no error */
    }
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &action_before, nullptr);
    EXPECT_TRUE(echoed == bytes);
    EXPECT_TRUE(link.reader.data() == bytes);
}

} // namespace

#endif
