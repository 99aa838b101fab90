/* Receiving that is resumed inside a callback. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class ResumeInsideACallback : public PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (!IsSkipped()) {
            host = std::make_unique<Host>(host_callbacks());
            host->drive_by_hand();
            address = host->listen();
        }
    }
    void TearDown() override
    {
        host.reset();
        PortTest::TearDown();
    }

    bool drive_until(const Recorder::Condition &condition)
    {
        return wait_until([&] {
            EXPECT_GE(host->drive_once(0, 0), 0);
            return condition(host->recorder().copy());
        });
    }

    Socket connect_peer(uint64_t number)
    {
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(drive_until([=](const Records &records) { return records.connected() == number; }));
        return peer;
    }

    /* They live as long as the host, whose callbacks use them. */
    iocpnet_session paused = 0;
    bool inside = false;
    std::string address;
    std::unique_ptr<Host> host;
};
API_TEST_ON_EVERY_PORT(ResumeInsideACallback);

/* The peer has ended its stream while receiving was paused: to resume is to close, which sends what is queued. */
TEST_P(ResumeInsideACallback, RunsNoOtherEventInsideIt)
{
    host->on(IOCPNET_EVENT_RECEIVED, [this](const iocpnet_event &event) {
        inside = true;
        if (event.session == paused) {
            /* Another thread's pause is seen after this turn: the end of the stream still arrives. */
            std::thread([this] { EXPECT_EQ(IOCPNET_OK, iocpnet_session_pause_receive(paused)); }).join();
        } else {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(paused, "answer", 6));
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_resume_receive(paused));
        }
        inside = false;
    });
    for (const uint32_t kind : {IOCPNET_EVENT_SENT, IOCPNET_EVENT_DISCONNECTED}) {
        host->on(kind, [this](const iocpnet_event &) { EXPECT_FALSE(inside); });
    }
    ASSERT_EQ(IOCPNET_OK, host->start());
    Socket peer = connect_peer(1);
    paused = host->recorder().nth(0);
    Socket other = connect_peer(2);
    ASSERT_TRUE(peer.send("question"));
    peer.shutdown_send();
    ASSERT_TRUE(drive_until([](const Records &records) { return records.received_bytes() == 8; }));
    ASSERT_TRUE(other.send("go on"));
    ASSERT_TRUE(drive_until([](const Records &records) { return records.disconnected() == 1; }));
    EXPECT_EQ("answer", peer.receive_all());
}

} // namespace
