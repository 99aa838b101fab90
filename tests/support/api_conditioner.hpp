/* Conditioners for tests. */
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "iocpnet.h"
#include "support/api_fixture.hpp"

namespace api_test
{

/* The defaults, a seed, and what the test changes. */
inline iocpnet_conditioner conditioner_of(const std::function<void(iocpnet_conditioner &)> &adjust)
{
    iocpnet_conditioner conditioner;
    EXPECT_EQ(IOCPNET_OK, iocpnet_conditioner_init(&conditioner, sizeof conditioner));
    conditioner.seed = 5;
    adjust(conditioner);
    return conditioner;
}

/* A length in 16 bits in front. */
inline std::string message_of(const std::string &body)
{
    const char size[] = {static_cast<char>(body.size() & 0xff), static_cast<char>(body.size() >> 8)};
    return std::string(size, 2) + body;
}

/* Of such messages. */
inline iocpnet_framing length_framing()
{
    iocpnet_framing framing;
    iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_LENGTH);
    framing.length_width = 2;
    framing.header_bytes = 2;
    return framing;
}

/* A service whose received pieces are counted, and one session of it. */
class ConditionerTest : public ModeTest
{
protected:
    void TearDown() override
    {
        if (host) {
            EXPECT_EQ(IOCPNET_OK, host->destroy());
        }
        host.reset();
        ModeTest::TearDown();
    }

    void create(const Host::Adjust &adjust = {})
    {
        host = std::make_unique<Host>(GetParam(), adjust);
        host->on(IOCPNET_EVENT_RECEIVED, [this](const iocpnet_event &event) {
            const std::lock_guard<std::mutex> lock(mutex);
            sizes.push_back(event.size);
            if (on_received) {
                on_received(event);
            }
        });
    }

    void set_for_service(const std::function<void(iocpnet_conditioner &)> &adjust)
    {
        const iocpnet_conditioner conditioner = conditioner_of(adjust);
        ASSERT_EQ(IOCPNET_OK, iocpnet_service_set_conditioner(host->service(), &conditioner));
    }

    /* One session, accepted. */
    void connect(const iocpnet_listener_options *options = nullptr, int receive_buffer = 0)
    {
        const std::string address = host->listen(options);
        ASSERT_EQ(IOCPNET_OK, host->start());
        peer = Socket::connect(address, receive_buffer);
        ASSERT_TRUE(host->wait_connected(1));
        session = host->recorder().nth(0);
    }

    void connect_conditioned(const std::function<void(iocpnet_conditioner &)> &adjust)
    {
        create();
        set_for_service(adjust);
        connect();
    }

    std::vector<uint64_t> received_sizes()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        return sizes;
    }

    std::unique_ptr<Host> host;
    Socket peer;
    iocpnet_session session = 0;
    std::mutex mutex;
    std::vector<uint64_t> sizes;
    std::function<void(const iocpnet_event &)> on_received;
};

} // namespace api_test
