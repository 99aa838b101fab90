/* A failed check of the library prints the last events of the dispatcher, if it keeps them. */
#if !defined(_WIN32) /* GoogleTest can not see a process of its own die under wine */

#include <string>

#include "support/api_fixture.hpp"

extern "C" {
#include "base/check.h"
}

using namespace api_test;

namespace
{

class TraceDump : public PortTest
{
};
API_TEST_ON_EVERY_PORT(TraceDump);

void serve_until_it_fails(uint32_t port)
{
    Host host({port, IOCPNET_DRIVING_HOST, IOCPNET_DELIVERY_CALLBACKS},
              [](iocpnet_service_options &options) { options.trace_records = 10; });
    host.drive_by_hand();
    host.on(IOCPNET_EVENT_RECEIVED,
            [](const iocpnet_event &) { icn_check_failed("somewhere.c", 1, "the library is right"); });
    const std::string address = host.listen();
    host.start();
    Socket peer = Socket::connect(address);
    peer.send("x");
    for (;;) {
        host.drive_once(0, IOCPNET_INFINITE);
    }
}

TEST_P(TraceDump, FollowsTheFailedCheck)
{
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_DEATH(serve_until_it_fails(GetParam()),
                 "check failed: the library is right(.|\n)*event 0 at .*connected(.|\n)*event 1 at .*received");
}

} // namespace

#endif
