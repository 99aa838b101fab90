/* A test of one port with an echo server that listens and is not started yet. */
#pragma once

#include <memory>
#include <string>

#include "support/api_fixture.hpp"

namespace fault_test
{

class EchoHostTest : public api_test::PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (!IsSkipped()) {
            host = std::make_unique<api_test::Host>(callbacks());
            host->echo();
            address = host->listen();
        }
    }
    void TearDown() override
    {
        host.reset();
        PortTest::TearDown();
    }

    static bool echoes(api_test::Socket &peer) { return peer.send("echo") && peer.receive(4) == "echo"; }

    void expect_served()
    {
        api_test::Socket peer = api_test::Socket::connect(address);
        EXPECT_TRUE(echoes(peer));
    }

    std::unique_ptr<api_test::Host> host;
    std::string address;
};

} // namespace fault_test
