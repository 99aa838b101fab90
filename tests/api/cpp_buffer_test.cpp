/* The C++ wrapper: shared buffers, and broadcasts. */
#include <iocpnet.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

/* Some peers of a service that is driven by the test. */
class CppBuffer : public PortTest
{
protected:
    CppBuffer()
        : service_(iocpnet::service_options()
                       .with_port(static_cast<iocpnet::port>(GetParam()))
                       .with_driving(iocpnet::driving::host)
                       .with_send_queue_bytes_max(65536))
    {
        service_.on_connected([this](iocpnet::session session) { sessions_.push_back(session); }).value();
        listener_ = service_.listen("127.0.0.1:0").value();
        service_.start().value();
    }

    void TearDown() override
    {
        service_.destroy();
        PortTest::TearDown();
    }

    /* The sessions are in the order of their peers. */
    void connect(size_t peers)
    {
        for (size_t i = 1; i <= peers; i++) {
            peers_.push_back(Socket::connect(listener_.address().value().c_str()));
            while (sessions_.size() < i) {
                service_.dispatch(0, 1000).value();
            }
        }
    }

    std::string receive(size_t peer, size_t bytes)
    {
        service_.dispatch(0, 0).value();
        return peers_[peer].receive(bytes);
    }

    /* What one more small message after it finds: nothing came before. */
    std::string next(size_t peer)
    {
        sessions_[peer].send(".");
        return receive(peer, 1);
    }

    iocpnet::service service_;
    iocpnet::listener listener_;
    std::vector<iocpnet::session> sessions_;
    std::vector<Socket> peers_;
};
API_TEST_ON_EVERY_PORT(CppBuffer);

TEST_P(CppBuffer, LeavesWithASession)
{
    connect(1);
    sessions_[0].send(iocpnet::buffer::create("shared").value()).value();
    EXPECT_EQ("shared", receive(0, 6));
}

TEST_P(CppBuffer, LivesAsLongAsItsLastCopy)
{
    connect(1);
    iocpnet::buffer copy;
    {
        const iocpnet::buffer first = iocpnet::buffer::create("kept").value();
        copy = first;
    }
    EXPECT_TRUE(sessions_[0].send(copy));
    EXPECT_EQ("kept", receive(0, 4));
    const iocpnet_buffer handle = copy.handle();
    copy = iocpnet::buffer();
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_buffer_retain(handle));
}

TEST_P(CppBuffer, MovedFromIsEmpty)
{
    iocpnet::buffer first = iocpnet::buffer::create("moved").value();
    const iocpnet::buffer second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
}

TEST_P(CppBuffer, EmptyOneIsRefused)
{
    connect(1);
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, sessions_[0].send(iocpnet::buffer()).code());
}

TEST_P(CppBuffer, BroadcastReachesAll)
{
    connect(3);
    const auto told = service_.broadcast(iocpnet::buffer::create("all").value());
    EXPECT_TRUE(told.pending());
    EXPECT_EQ(1u, told->pending);
    for (size_t i = 0; i < 3; i++) {
        EXPECT_EQ("all", receive(i, 3));
    }
}

TEST_P(CppBuffer, BroadcastExceptLeavesOut)
{
    connect(3);
    service_.broadcast_except(iocpnet::buffer::create("!").value(), {sessions_[0], sessions_[2]}).value();
    service_.dispatch(0, 0).value();
    EXPECT_EQ(".", next(0));
    EXPECT_EQ("!", receive(1, 1));
    EXPECT_EQ(".", next(2));
}

TEST_P(CppBuffer, BroadcastToReachesThoseOfAnyContainer)
{
    connect(3);
    const std::vector<iocpnet::session> some = {sessions_[2]};
    const std::array<iocpnet::session, 1> others = {sessions_[0]};
    const iocpnet::buffer data = iocpnet::buffer::create("!").value();
    EXPECT_EQ(1u, service_.broadcast_to(data, some).value().queued);
    EXPECT_EQ(1u, service_.broadcast_to(data, others).value().queued);
    EXPECT_EQ("!", receive(0, 1));
    EXPECT_EQ(".", next(1));
    EXPECT_EQ("!", receive(2, 1));
}

TEST_P(CppBuffer, PolicyDecidesAboutFullSessions)
{
    connect(1);
    const iocpnet::buffer large = iocpnet::buffer::create(std::string(60000, 'x')).value();
    while (service_.statistics()->broadcast_skips == 0) {
        service_.broadcast(large).value();
        service_.dispatch(0, 0).value();
    }
    EXPECT_EQ(0u, service_.statistics()->disconnects);
    service_.broadcast(large, iocpnet::when_full::disconnect).value();
    while (service_.statistics()->disconnects == 0) {
        service_.dispatch(0, 0).value();
    }
}

} // namespace
