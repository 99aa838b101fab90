/* Stopping a service: draining, deadlines, and from where it may be called. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Stop : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Stop);

TEST_P(Stop, DrainsWhatIsQueuedAndSaysSo)
{
    Random random;
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers = host.connect_peers(address, 4);
    const std::string bytes = random.bytes(900000);
    for (size_t i = 0; i < peers.size(); i++) {
        ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(i), bytes));
    }
    std::vector<std::string> received(peers.size());
    std::vector<std::thread> readers;
    for (size_t i = 0; i < peers.size(); i++) {
        readers.emplace_back([&, i] {
            received[i] = peers[i].receive_all();
            peers[i].close();
        });
    }
    const iocpnet_stop_result result = host.stop(15000);
    for (size_t i = 0; i < peers.size(); i++) {
        readers[i].join();
        EXPECT_TRUE(received[i] == bytes) << received[i].size();
    }
    EXPECT_EQ(4u, result.sessions_drained);
    EXPECT_EQ(0u, result.sessions_aborted);
    EXPECT_EQ(0u, result.bytes_unsent);
    EXPECT_EQ(4u, host.recorder().copy().disconnected());
}

TEST_P(Stop, AbortsWhatRemainsAtTheDeadlineAndCountsIt)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket silent = Socket::connect(address, 8192);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    host.fill_to_the_brim(session, 200000);
    const auto begin = Clock::now();
    const iocpnet_stop_result result = host.stop(80);
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(70));
    EXPECT_LT(Clock::now() - begin, wait_limit);
    EXPECT_EQ(0u, result.sessions_drained);
    EXPECT_EQ(1u, result.sessions_aborted);
    EXPECT_GT(result.bytes_unsent, 0u);
    EXPECT_EQ(host.recorder().session(session).last.fields.bytes_unsent, result.bytes_unsent);
}

TEST_P(Stop, CutsASessionThatWasClosingAlready)
{
    Host host(GetParam(), [](iocpnet_service_options &o) { o.close_timeout_ms = 600000; });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket silent = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_disconnect(host.recorder().nth(0), nullptr));
    EXPECT_EQ("", silent.receive_all());
    host.stop(50);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_REQUESTED),
              host.recorder().session(host.recorder().nth(0)).last.fields.close_reason);
}

TEST_P(Stop, ClosesTheListeners)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    host.stop(0);
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_listener_close(host.listener()));
    EXPECT_FALSE(Socket::connect(address).is_open());
}

TEST_P(Stop, IsIdempotentAndItsEventComesOnce)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_stop_result first = host.stop(0);
    iocpnet_stop_result second = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_stop(host.service(), 1000, &second));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_stop(host.service(), 0, nullptr));
    EXPECT_EQ(first.sessions_aborted, second.sessions_aborted);
    EXPECT_EQ(first.sessions_drained, second.sessions_drained);
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    EXPECT_EQ(1u, host.recorder().copy().counts[IOCPNET_EVENT_SERVICE_STOPPED]);
}

TEST_P(Stop, OfAServiceThatNeverStartedIsOk)
{
    Host host(GetParam());
    const std::string address = host.listen();
    iocpnet_stop_result result = {9, 9, 9};
    const int32_t status = iocpnet_service_stop(host.service(), 1000, &result);
    EXPECT_GE(status, 0) << iocpnet_status_name(status);
    EXPECT_EQ(IOCPNET_OK, host.destroy());
    EXPECT_FALSE(Socket::connect(address).is_open());
}

TEST_P(Stop, FromManyThreadsAtOnceGivesAllTheSameResult)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    const std::vector<Socket> peers = host.connect_peers(address, 5);
    run_on_threads(8, [&](uint32_t) {
        iocpnet_stop_result result = {};
        const int32_t status = iocpnet_service_stop(host.service(), 0, &result);
        EXPECT_GE(status, 0) << iocpnet_status_name(status);
        if (status == IOCPNET_OK) {
            EXPECT_EQ(5u, result.sessions_drained + result.sessions_aborted);
        }
    });
    host.stop(0);
    EXPECT_EQ(5u, host.recorder().copy().disconnected());
}

TEST_P(Stop, InsideAnEventNeverWaits)
{
    std::atomic<int32_t> status{-100};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        if (host.polls() && host.mode().driving == IOCPNET_DRIVING_LIBRARY) {
            /* No callback, so it may wait; and a thread of the library goes on driving. */
            status = iocpnet_service_stop(event.service, 0, nullptr) == IOCPNET_OK ? IOCPNET_PENDING : -101;
        } else {
            status = iocpnet_service_stop(event.service, 0, nullptr);
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("stop"));
    ASSERT_TRUE(host.wait([](const Records &r) { return r.counts[IOCPNET_EVENT_SERVICE_STOPPED] == 1; }));
    EXPECT_EQ(IOCPNET_PENDING, status);
    EXPECT_EQ(1u, host.recorder().copy().disconnected());
}

TEST_P(Stop, GivesUpConnectsThatAreUnderWay)
{
    Socket listener = Socket::listen();
    Host host(GetParam());
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t i = 0; i < 20; i++) {
        host.connect(listener.address());
    }
    host.stop(0);
    const Records records = host.recorder().copy();
    EXPECT_EQ(20u, records.sessions.size());
    EXPECT_EQ(20u, records.disconnected() + records.counts[IOCPNET_EVENT_CONNECT_FAILED]);
}

} // namespace
