/* The system lacks memory or buffers, for a while: nothing spins, nothing is lost, and service goes on afterwards. Linux. */
#if defined(__linux__)

#include <chrono>

#include "fault/echo_host.hpp"
#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

class SystemMemory : public EchoHostTest
{
protected:
    bool on_ring() const { return GetParam() == IOCPNET_PORT_IO_URING; }
    Call either(Call epoll, Call ring) const { return on_ring() ? ring : epoll; }

    /* How often the call is made while nothing can succeed. */
    void expect_few_calls(const Fault &fault)
    {
        const uint32_t before = fault.failed();
        const auto begin = Clock::now();
        (void)Socket::listen().readable_within(500); /* nobody connects */
        const uint32_t calls = fault.failed() - before;
        const std::chrono::duration<double> passed = Clock::now() - begin;
        std::printf("%u calls in %.3f s\n", calls, passed.count());
        EXPECT_LT(calls, 500 * passed.count());
        EXPECT_TRUE(wait_until([&] { return fault.failed() > before; }));
    }
};
API_TEST_ON_EVERY_PORT(SystemMemory);

TEST_P(SystemMemory, ThatAcceptLacksIsTriedForNowAndThen)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    expect_served();
    for (const int error : {ENOBUFS, ENOMEM}) {
        SCOPED_TRACE(strerrorname_np(error));
        auto fault = std::make_unique<Fault>(either(Call::accept4, Call::ring_accept), error);
        const std::string other = host->listen();
        Socket peer = Socket::connect(other);
        ASSERT_TRUE(wait_until([&] { return fault->failed() > 0; }));
        expect_few_calls(*fault);
        fault.reset();
        expect_served();
    }
}

TEST_P(SystemMemory, ThatTheDispatcherLacksIsTriedForNowAndThen)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("x"));
    ASSERT_EQ("x", peer.receive(1));
    auto fault = std::make_unique<Fault>(either(Call::epoll_wait, Call::io_uring_enter), ENOMEM);
    ASSERT_TRUE(peer.send("kept"));
    ASSERT_TRUE(wait_until([&] { return fault->failed() > 0; }));
    expect_few_calls(*fault);
    fault.reset();
    EXPECT_EQ("kept", peer.receive(4));
}

TEST_P(SystemMemory, ThatOneSessionLacksEndsItAndNoOther)
{
    ASSERT_EQ(IOCPNET_OK, host->start());
    Socket other = Socket::connect(address);
    ASSERT_TRUE(other.send("x"));
    ASSERT_EQ("x", other.receive(1));
    for (const Call call : {either(Call::recv, Call::ring_receive), Call::send}) {
        const uint64_t before = host->stats().disconnects_by_reason[IOCPNET_CLOSE_NO_RESOURCES];
        {
            const Fault fault(call, ENOMEM);
            Socket peer = Socket::connect(address);
            (void)peer.send("x");
            EXPECT_EQ("", peer.receive_all());
        }
        EXPECT_TRUE(other.send("y"));
        EXPECT_EQ("y", other.receive(1));
        EXPECT_EQ(before + 1, host->stats().disconnects_by_reason[IOCPNET_CLOSE_NO_RESOURCES]);
    }
}

} // namespace

#endif
