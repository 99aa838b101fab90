/* Choosing a port, and the debug checks of the contract: each one fires when it should. */
#include <csetjmp>
#include <string>

#include "support/port_rig.hpp"

extern "C" {
#include "base/check.h"
#include "util/memory.h"
}

namespace
{

using port_test::Link;

/* Where a check that fires goes on: the code behind it relies on what the check found wrong. */
std::jmp_buf after_check;
std::string failed_condition;

[[noreturn]] void leave(const char *, int, const char *condition)
{
    failed_condition = condition;
    std::longjmp(after_check, 1);
}

/* True when `call` ran into a check. The frames that it leaves are C's. */
template <typename Call>
bool fires(Call call)
{
    icn_check_handler *const before = icn_check_set_handler(leave);
    volatile bool fired = true;
    failed_condition.clear();
    if (setjmp(after_check) == 0) {
        call();
        fired = false;
    }
    icn_check_set_handler(before);
    return fired;
}

class PortCheck : public port_test::PortTest
{
};

PORT_SUITE(PortCheck);

TEST_P(PortCheck, FiresWhenAnEndpointIsReadTwiceAtOnce)
{
    Link &link = rig->connected_link();
    link.receive();
    EXPECT_TRUE(fires([&] { icn_port_receive(rig->port, &link.endpoint); }));
    EXPECT_EQ(failed_condition, "operation->state == ICN_OPERATION_IDLE");
}

TEST_P(PortCheck, FiresWhenAnEndpointIsWrittenTwiceAtOnce)
{
    Link &link = rig->connected_link();
    link.send("x");
    const iocpnet_iovec piece = port_test::piece("y", 1);
    EXPECT_TRUE(fires([&] { icn_port_send(rig->port, &link.endpoint, &piece, 1); }));
    EXPECT_EQ(failed_condition, "operation->state == ICN_OPERATION_IDLE");
}

TEST_P(PortCheck, FiresWhenASendOvertakesTheOneInFlight)
{
    Link &link = rig->connected_link();
    link.send("x");
    const iocpnet_iovec piece = port_test::piece("y", 1);
    EXPECT_TRUE(fires([&] { icn_port_send_now(rig->port, &link.endpoint, &piece, 1); }));
}

TEST_P(PortCheck, FiresWhenAnEndpointIsDetachedWithAnOperationInFlight)
{
    Link &link = rig->connected_link();
    link.receive();
    EXPECT_TRUE(fires([&] { icn_port_detach(rig->port, &link.endpoint); }));
}

TEST_P(PortCheck, FiresWhenAnEndpointIsDetachedInsideACompletion)
{
    Link &link = rig->connected_link();
    Link &other = rig->connected_link();
    bool fired = false;
    link.reader.hook = [&](const icn_completion &) {
        fired = fires([&] { icn_port_detach(rig->port, &other.endpoint); });
    };
    link.receive();
    ASSERT_TRUE(link.peer.send("x"));
    ASSERT_TRUE(rig->run_until([&] { return !link.reader.data().empty(); }));
    EXPECT_TRUE(fired);
}

TEST_P(PortCheck, FiresWhenAPortRunsInsideItself)
{
    Link &link = rig->connected_link();
    bool fired = false;
    link.reader.hook = [&](const icn_completion &) {
        uint32_t delivered = 0;
        fired = fires([&] { icn_port_run(rig->port, 0, 1, &delivered); });
    };
    link.receive();
    ASSERT_TRUE(link.peer.send("x"));
    ASSERT_TRUE(rig->run_until([&] { return !link.reader.data().empty(); }));
    EXPECT_TRUE(fired);
}

TEST_P(PortCheck, FiresWhenABudgetIsZero)
{
    uint32_t delivered = 0;
    EXPECT_TRUE(fires([&] { icn_port_run(rig->port, 0, 0, &delivered); }));
}

TEST_P(PortCheck, OpenedPortIsOfTheKindAskedFor)
{
    EXPECT_EQ(rig->port->functions->kind, GetParam() & ~port_test::one_thread_ring);
}

TEST(PortOpen, AutoTakesTheFirstThatOpensAndTellsWhyAnEarlierOneDidNot)
{
    const icn_port_options options = {port_test::default_buffer, true, port_test::completions};
    icn_port *port = nullptr;
    icn_result refused = icn_failure(IOCPNET_E_SYSTEM);
    ASSERT_EQ(icn_os_socket_startup().status, IOCPNET_OK);
    ASSERT_EQ(icn_port_open(IOCPNET_PORT_AUTO, &options, &port, &refused).status, IOCPNET_OK);
    EXPECT_EQ(refused.status == IOCPNET_OK, port->functions == icn_ports[0]);
    icn_port_close(port);
}

TEST(PortOpen, AutoPassesOnToTheNextAndKeepsTheCause)
{
    const icn_port_options options = {port_test::default_buffer, true, port_test::completions};
    icn_port *port = nullptr;
    icn_result refused = icn_ok();
    ASSERT_EQ(icn_os_socket_startup().status, IOCPNET_OK);
    icn_memory_fail(1, 0); /* the first port finds no memory */
    const icn_result result = icn_port_open(IOCPNET_PORT_AUTO, &options, &port, &refused);
    icn_memory_fail(0, 0);
    EXPECT_EQ(refused.status, IOCPNET_E_NO_MEMORY);
    if (icn_ports[1] == nullptr) {
        EXPECT_EQ(result.status, IOCPNET_E_NO_MEMORY);
    } else {
        ASSERT_EQ(result.status, IOCPNET_OK);
        EXPECT_EQ(port->functions, icn_ports[1]);
        icn_port_close(port);
    }
}

TEST(PortOpen, AutoTakesNoRingThatThreadsWouldShare)
{
    const icn_port_options options = {port_test::default_buffer, false, port_test::completions};
    icn_port *port = nullptr;
    icn_result refused = icn_failure(IOCPNET_E_SYSTEM);
    ASSERT_EQ(icn_os_socket_startup().status, IOCPNET_OK);
    ASSERT_EQ(icn_port_open(IOCPNET_PORT_AUTO, &options, &port, &refused).status, IOCPNET_OK);
    EXPECT_NE(port->functions->kind, static_cast<uint32_t>(IOCPNET_PORT_IO_URING));
    EXPECT_EQ(refused.status, IOCPNET_OK);
    icn_port_close(port);
}

TEST(PortOpen, KindOfAnotherPlatformIsNotSupported)
{
#if defined(_WIN32)
    const uint32_t foreign = IOCPNET_PORT_EPOLL;
#else
    const uint32_t foreign = IOCPNET_PORT_IOCP;
#endif
    const icn_port_options options = {port_test::default_buffer, false, port_test::completions};
    icn_port *port = nullptr;
    icn_result refused;
    EXPECT_EQ(icn_port_open(foreign, &options, &port, &refused).status, IOCPNET_E_NOT_SUPPORTED);
    EXPECT_EQ(port, nullptr);
}

} // namespace
