/*
 * Out of descriptors, of the process and of the system, with 200 clients waiting: hardly any work, and service again as
 * soon as a descriptor is free. The figures are printed. Linux.
 */
#if defined(__linux__)

#include <chrono>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fault/echo_host.hpp"
#include "fault/injection_rig.hpp"
#include "support/fault_usage.hpp"

namespace
{

using namespace fault_test;

constexpr uint32_t waiting_clients = 200;
constexpr std::chrono::milliseconds measured{1200};
constexpr std::chrono::milliseconds recovery_max{100};
/*
 * The machine may be busy with other things: a measurement is repeated so long, and the best counts. Not longer, for a
 * client that waits is told now and then that there is no descriptor, and then waits no more.
 */
constexpr std::chrono::seconds patience{5};

/* All descriptors of the process are in use, but those that are given. What is closed can be used again. */
class DescriptorTable
{
public:
    DescriptorTable() { getrlimit(RLIMIT_NOFILE, &before_); }
    ~DescriptorTable() { set(before_.rlim_cur); }

    void fill() { leave(0); }
    void give_one() { leave(1); }

private:
    void leave(rlim_t count)
    {
        set(before_.rlim_cur);
        const int next = dup(STDIN_FILENO); /* the lowest one that is free */
        close(next);
        set(static_cast<rlim_t>(next) + count);
    }
    void set(rlim_t limit)
    {
        const rlimit changed = {limit, before_.rlim_max};
        ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &changed));
    }

    rlimit before_ = {};
};

/* Of a listener that was opened while there were descriptors, with its clients in the queue of the system. */
class NoDescriptors : public EchoHostTest
{
protected:
    void SetUp() override
    {
        EchoHostTest::SetUp();
        if (!IsSkipped()) {
            for (uint32_t i = 0; i < waiting_clients; i++) {
                clients.push_back(Socket::connect(address));
            }
        }
    }
    void TearDown() override
    {
        clients.clear();
        EchoHostTest::TearDown();
    }

    Call accept_call() const { return GetParam() == IOCPNET_PORT_EPOLL ? Call::accept4 : Call::ring_accept; }

    /* The share of one processor that this process takes. */
    double load()
    {
        const auto begin = Clock::now();
        const double before = cpu_seconds();
        (void)idle.readable_within(static_cast<int>(measured.count()));
        const std::chrono::duration<double> passed = Clock::now() - begin;
        return (cpu_seconds() - before) / passed.count();
    }

    void expect_idle()
    {
        const double limit = is_sanitized() ? 0.1 : 0.02;
        double share = 1;
        ASSERT_TRUE(wait_until([this] { return host->stats().accept_backoffs > 0; }));
        for (const auto begin = Clock::now(); share >= limit && Clock::now() - begin < patience;) {
            share = std::min(share, measured_load());
        }
        EXPECT_LT(share, limit);
        EXPECT_EQ(0u, host->stats().accepts);
    }

    double measured_load()
    {
        const auto begin = Clock::now();
        const uint64_t tries = host->stats().accept_backoffs;
        const double share = load();
        const iocpnet_service_statistics after = host->stats();
        const std::chrono::duration<double> passed = Clock::now() - begin;
        std::printf("%u clients wait, no descriptor: %.2f %% CPU over %.1f s, %llu tries, %llu clients told\n",
                    waiting_clients, share * 100, passed.count(),
                    static_cast<unsigned long long>(after.accept_backoffs - tries),
                    static_cast<unsigned long long>(after.accepts_shed));
        EXPECT_LT(static_cast<double>(after.accept_backoffs - tries), 2 * passed.count() / 0.040);
        return share;
    }

    /* The time until a client is accepted. */
    std::chrono::milliseconds recovery(const std::function<void()> &free_one)
    {
        const uint64_t accepts = host->stats().accepts;
        const auto begin = Clock::now();
        free_one();
        EXPECT_TRUE(wait_until([=] { return host->stats().accepts > accepts; }));
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    }

    void expect_quick(std::chrono::milliseconds best, std::chrono::milliseconds limit = recovery_max)
    {
        std::printf("accepted %lld ms after a descriptor was free\n", static_cast<long long>(best.count()));
        EXPECT_LT(best, is_sanitized() ? 5 * limit : limit);
    }

    std::vector<Socket> clients;
    Socket idle = Socket::listen(); /* nobody connects: a wait without work, where no descriptor can be opened */
};
API_TEST_ON_EVERY_PORT(NoDescriptors);

TEST_P(NoDescriptors, OfTheProcessCostUnderTwoPercentOfAProcessor)
{
    DescriptorTable table;
    table.fill();
    ASSERT_EQ(IOCPNET_OK, host->start());
    expect_idle();
    EXPECT_GT(host->stats().accepts_shed, 0u);
}

TEST_P(NoDescriptors, OfTheProcessClientIsServedWithinATenthOfASecondAfterOneIsFree)
{
    DescriptorTable table;
    table.fill();
    ASSERT_EQ(IOCPNET_OK, host->start());
    auto best = std::chrono::milliseconds::max();
    for (const auto begin = Clock::now(); best >= recovery_max && Clock::now() - begin < patience;) {
        ASSERT_TRUE(wait_until([this] { return host->stats().accept_backoffs > 1; }));
        best = std::min(best, recovery([&] { table.give_one(); }));
        table.fill();
    }
    expect_quick(best);
}

TEST_P(NoDescriptors, OfTheSystemCostUnderTwoPercentOfAProcessor)
{
    const Fault accept(accept_call(), ENFILE);
    const Fault shed(Call::accept4, ENFILE);
    const Fault spare(Call::open, ENFILE);
    ASSERT_EQ(IOCPNET_OK, host->start());
    expect_idle();
    EXPECT_EQ(0u, host->stats().accepts_shed);
}

TEST_P(NoDescriptors, OfTheSystemAllClientsAreServedWhenThereAreSomeAgain)
{
    auto best = std::chrono::milliseconds::max();
    const auto begin = Clock::now();
    for (int i = 0; best >= recovery_max && Clock::now() - begin < patience; i++) {
        auto accept = std::make_unique<Fault>(accept_call(), ENFILE);
        auto shed = std::make_unique<Fault>(Call::accept4, ENFILE);
        if (i == 0) {
            ASSERT_EQ(IOCPNET_OK, host->start());
        } else {
            address = host->listen();
            clients.push_back(Socket::connect(address));
        }
        const uint64_t backoffs = host->stats().accept_backoffs;
        ASSERT_TRUE(wait_until([=] { return host->stats().accept_backoffs > backoffs + 3; }));
        best = std::min(best, recovery([&] {
                            accept.reset();
                            shed.reset();
                        }));
    }
    expect_quick(best);
    for (Socket &client : clients) {
        ASSERT_TRUE(client.send("x"));
        ASSERT_EQ("x", client.receive(1));
    }
}

TEST_P(NoDescriptors, SessionThatEndsGivesItsDescriptorToTheNextClientAtOnce)
{
    DescriptorTable table;
    table.fill();
    ASSERT_EQ(IOCPNET_OK, host->start());
    ASSERT_TRUE(wait_until([this] { return host->stats().accept_backoffs > 1; }));
    table.give_one();
    ASSERT_TRUE(host->wait_connected(1));
    constexpr std::chrono::milliseconds at_once{20};
    auto best = std::chrono::milliseconds::max();
    for (const auto begin = Clock::now(); best >= at_once && Clock::now() - begin < patience;) {
        /* Right after a try: the next one of its own would come 40 ms later. */
        const uint64_t backoffs = host->stats().accept_backoffs;
        ASSERT_TRUE(wait_until([=] { return host->stats().accept_backoffs > backoffs; }));
        const iocpnet_session last = host->recorder().nth(host->recorder().session_count() - 1);
        best = std::min(best, recovery([&] { (void)disconnect(last, IOCPNET_DISCONNECT_ABORT); }));
    }
    expect_quick(best, at_once);
}

} // namespace

#endif
