/* Fixtures of the API tests: each runs on every port, or in every mode, and nothing may be alive when it ends. */
#pragma once

#include <gtest/gtest.h>

#include "iocpnet.h"
#include "support/api_environment.hpp"
#include "support/api_host.hpp"
#include "support/api_process.hpp"
#include "support/api_socket.hpp"

namespace api_test
{

/* Here, so that only binaries with API tests get the watchdog and the roles. */
inline const bool environment_registered = register_environment();

inline void expect_nothing_alive()
{
    const iocpnet_live_objects live = live_objects();
    EXPECT_EQ(0u, live.services);
    EXPECT_EQ(0u, live.listeners);
    EXPECT_EQ(0u, live.sessions);
    EXPECT_EQ(0u, live.operations);
    EXPECT_EQ(0u, live.buffers);
    EXPECT_EQ(0u, live.descriptors);
    EXPECT_EQ(0u, live.allocations);
    EXPECT_EQ(0u, live.allocated_bytes);
}

/* A service that is destroyed in the background is gone a moment after its last callback. */
inline void wait_for_nothing_alive()
{
    wait_until([] { return live_objects().services == 0; });
    expect_nothing_alive();
}

class PortTest : public testing::TestWithParam<uint32_t>
{
protected:
    void SetUp() override
    {
        if (!port_works(GetParam())) {
            GTEST_SKIP() << "this system has no " << port_name(GetParam());
        }
    }
    void TearDown() override { wait_for_nothing_alive(); }

    Mode callbacks() const { return {GetParam(), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS}; }
    Mode batches() const { return {GetParam(), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_BATCHES}; }
    Mode host_callbacks() const { return {GetParam(), IOCPNET_DRIVING_HOST, IOCPNET_DELIVERY_CALLBACKS}; }
    Mode host_batches() const { return {GetParam(), IOCPNET_DRIVING_HOST, IOCPNET_DELIVERY_BATCHES}; }
};

class ModeTest : public testing::TestWithParam<Mode>
{
protected:
    void SetUp() override
    {
        if (!port_works(GetParam().port)) {
            GTEST_SKIP() << "this system has no " << port_name(GetParam().port);
        }
    }
    void TearDown() override { wait_for_nothing_alive(); }
};

} // namespace api_test

#define API_TEST_ON_EVERY_PORT(suite)                                                                                  \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(api_test::all_ports()),                                        \
                             [](const auto &test) { return api_test::port_name(test.param); })

#define API_TEST_IN_EVERY_MODE(suite)                                                                                  \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(api_test::all_modes()),                                        \
                             [](const auto &test) { return api_test::mode_name(test.param); })
