/* Waking a port while the system refuses. */
#if defined(__linux__)

#include <cerrno>

#include "fault/faults.hpp"
#include "support/port_rig.hpp"

namespace
{

using namespace fault_test;

class WakeErrors : public port_test::PortTest
{
protected:
    /* A run that waits was woken: it did not wait to its end. */
    void expect_woken()
    {
        const auto before = api_test::Clock::now();
        rig->run(20000);
        EXPECT_LT(api_test::Clock::now() - before, std::chrono::seconds(10));
    }
};
PORT_SUITE(WakeErrors);

TEST_P(WakeErrors, ThatAreInterruptionsLoseNoWake)
{
    const Fault fault(Call::write, EINTR, 3);
    icn_port_wake(rig->port);
    expect_woken();
    EXPECT_EQ(3u, fault.failed());
}

TEST_P(WakeErrors, OfOneWakeDoNotHoldUpTheNext)
{
    for (const int error : {EAGAIN, EBADF, EINVAL, EIO, ENOSPC, EPERM}) {
        SCOPED_TRACE(error);
        {
            const Fault fault(Call::write, error);
            icn_port_wake(rig->port);
            EXPECT_EQ(1u, fault.failed());
        }
        rig->run(0); /* whatever it found, it is no wake that is still to come */
        icn_port_wake(rig->port);
        expect_woken();
    }
}

} // namespace

#endif
