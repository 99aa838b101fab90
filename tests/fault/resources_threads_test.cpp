/* Threads that can not be created. Linux. */
#if defined(__linux__)

#include <cerrno>

#include "fault/faults.hpp"
#include "support/api_fixture.hpp"

using namespace api_test;
using fault_test::Call;
using fault_test::Fault;

namespace
{

constexpr uint32_t dispatchers = 4;

void want_dispatchers(iocpnet_service_options &options)
{
    options.dispatcher_count = dispatchers;
}

class ThreadShortage : public PortTest
{
};
API_TEST_ON_EVERY_PORT(ThreadShortage);

TEST_P(ThreadShortage, EachDispatcherThatCanNotStartUnwindsTheStartWhichCanBeTriedAgain)
{
    Host host(callbacks(), want_dispatchers);
    host.echo();
    const std::string address = host.listen();
    for (uint32_t k = 0; k < dispatchers; k++) {
        const Fault fault(Call::pthread_create, EAGAIN, Fault::for_ever, k);
        EXPECT_EQ(IOCPNET_E_NO_MEMORY, iocpnet_service_start(host.service()));
        EXPECT_EQ(EAGAIN, iocpnet_last_os_error());
        EXPECT_EQ(1u, fault.failed());
        EXPECT_EQ(0u, live_objects().threads);
    }
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("echo"));
    EXPECT_EQ("echo", peer.receive(4));
}

} // namespace

#endif
