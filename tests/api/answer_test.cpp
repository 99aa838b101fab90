/* What a host that drives sends between two polls: bytes of the last batch back to where they came from, and others. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Answer : public PortTest
{
protected:
    void TearDown() override
    {
        host_.reset();
        PortTest::TearDown();
    }

    /* One peer sends `first`, another one `second`; polls until both are here. */
    void poll_both(const std::string &first, const std::string &second)
    {
        host_ = std::make_unique<Host>(host_batches());
        host_->drive_by_hand();
        const std::string address = host_->listen();
        ASSERT_EQ(IOCPNET_OK, host_->start());
        for (Socket &peer : peers_) {
            peer = Socket::connect(address);
            fetch_until([&] { return connected_.size() == (&peer == peers_ ? 1U : 2U); });
        }
        received_.clear();
        ASSERT_TRUE(peers_[0].send(first));
        ASSERT_TRUE(peers_[1].send(second));
        fetch_until([&] { return received_.size() == 2; });
    }

    void fetch_until(const std::function<bool()> &condition)
    {
        EXPECT_TRUE(wait_until([&] {
            poll();
            return condition();
        }));
    }

    void poll()
    {
        iocpnet_event events[8];
        const int32_t count = iocpnet_service_poll(host_->service(), 0, events, 8, 0);
        ASSERT_GE(count, 0);
        for (int32_t i = 0; i < count; i++) {
            host_->handle(events[i]);
            if (events[i].kind == IOCPNET_EVENT_CONNECTED) {
                connected_.push_back(events[i].session);
            } else if (events[i].kind == IOCPNET_EVENT_RECEIVED) {
                received_.push_back(events[i]);
                on_received(events[i]);
            }
        }
    }

    void poll_until_readable(Socket &peer)
    {
        EXPECT_TRUE(wait_until([&] {
            poll();
            return peer.readable_within(0);
        }));
    }

    void expect_at_peers(const std::string &first, const std::string &second)
    {
        poll_until_readable(peers_[0]);
        poll_until_readable(peers_[1]);
        EXPECT_EQ(first, peers_[0].receive(first.size()));
        EXPECT_EQ(second, peers_[1].receive(second.size()));
    }

    std::unique_ptr<Host> host_;
    Socket peers_[2];
    std::vector<iocpnet_session> connected_;
    std::vector<iocpnet_event> received_;
    std::function<void(const iocpnet_event &)> on_received = [](const iocpnet_event &) {};
};
API_TEST_ON_EVERY_PORT(Answer);

int32_t send_back(const iocpnet_event &event)
{
    return iocpnet_session_send(event.session, event.data, event.size);
}

TEST_P(Answer, LeavesWithTheNextPoll)
{
    on_received = [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, send_back(event)); };
    poll_both("first", "second");
    expect_at_peers("first", "second");
    EXPECT_EQ(0u, host_->stats().send_queue_bytes);
    EXPECT_EQ(2u, host_->stats().sends);
    EXPECT_EQ(11u, host_->stats().bytes_sent);
}

TEST_P(Answer, LeavesWithThePollOfAnotherThread)
{
    on_received = [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, send_back(event)); };
    poll_both("first", "second");
    std::thread other([&] { poll_until_readable(peers_[0]); });
    other.join();
    EXPECT_EQ("first", peers_[0].receive(5));
}

TEST_P(Answer, OfBytesToAnotherSessionGoesThere)
{
    on_received = [&](const iocpnet_event &event) {
        const iocpnet_session to = connected_[event.session == connected_[0] ? 1 : 0];
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(to, event.data, event.size));
    };
    poll_both("first", "second");
    expect_at_peers("second", "first");
}

TEST_P(Answer, OfAPartIsThatPart)
{
    on_received = [&](const iocpnet_event &event) {
        const char *data = static_cast<const char *>(event.data);
        const bool begins = event.session == connected_[0];
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, begins ? data : data + 2, 3));
    };
    poll_both("abcdef", "abcdef");
    expect_at_peers("abc", "cde");
}

TEST_P(Answer, AndWhatIsSentAfterItKeepTheirOrder)
{
    on_received = [&](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, send_back(event));
        EXPECT_EQ(IOCPNET_OK, host_->send(event.session, " own"));
        EXPECT_EQ(IOCPNET_OK, send_back(event));
        std::thread other([&] { EXPECT_EQ(IOCPNET_OK, host_->send(event.session, " other")); });
        other.join();
        EXPECT_EQ(IOCPNET_OK, host_->send(event.session, " last"));
    };
    poll_both("echo", "echo");
    for (Socket &peer : peers_) {
        std::string all;
        EXPECT_TRUE(wait_until([&] {
            poll();
            all += peer.readable_within(0) ? peer.receive_some(100) : "";
            return all.size() >= 23;
        }));
        EXPECT_EQ("echo ownecho other last", all);
    }
}

TEST_P(Answer, ComesAfterABroadcastThatWasMadeBefore)
{
    iocpnet_buffer buffer = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_buffer_create("news ", 5, &buffer));
    on_received = [&](const iocpnet_event &event) {
        if (received_.size() == 1) {
            EXPECT_EQ(IOCPNET_PENDING, iocpnet_service_broadcast(host_->service(), buffer, nullptr, 0,
                                                                 IOCPNET_BROADCAST_EXCEPT, nullptr));
            EXPECT_EQ(IOCPNET_OK, send_back(event));
        }
    };
    poll_both("first", "second");
    const size_t one = received_[0].session == connected_[0] ? 5 : 6;
    std::string all;
    EXPECT_TRUE(wait_until([&] {
        poll();
        for (Socket &peer : peers_) {
            all += peer.readable_within(0) ? peer.receive_some(100) : "";
        }
        return all.size() >= 10 + one;
    }));
    EXPECT_LT(all.find("news "), all.find_first_of("fs"));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
}

/* What the system does not take of an answer waits in the queue, in its order. */
TEST_P(Answer, ToAPeerThatDoesNotReadIsKept)
{
    std::string accepted;
    on_received = [&](const iocpnet_event &event) {
        if (event.session == connected_[0] && send_back(event) == IOCPNET_OK) {
            accepted.append(static_cast<const char *>(event.data), event.size);
        }
    };
    poll_both("x", "y");
    Random random;
    const std::string piece = random.bytes(60000);
    for (uint64_t before = 0; host_->stats().send_queue_bytes == 0 || before != accepted.size();) {
        before = accepted.size();
        ASSERT_TRUE(peers_[0].send(piece));
        const size_t seen = received_.size();
        fetch_until([&] { return received_.size() != seen; });
        poll();
    }
    std::string all;
    EXPECT_TRUE(wait_until([&] {
        poll();
        all += peers_[0].readable_within(0) ? peers_[0].receive_some(1 << 20) : "";
        return all.size() >= accepted.size();
    }));
    EXPECT_TRUE(accepted == all);
}

TEST_P(Answer, IsRefusedOnceItsSessionCloses)
{
    on_received = [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_GRACEFUL));
        EXPECT_EQ(IOCPNET_E_CLOSED, send_back(event));
    };
    poll_both("first", "second");
    poll_until_readable(peers_[0]);
    EXPECT_EQ("", peers_[0].receive_all());
}

TEST_P(Answer, LeavesBeforeTheEndOfADisconnect)
{
    on_received = [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, send_back(event));
        EXPECT_EQ(IOCPNET_OK, disconnect(event.session, IOCPNET_DISCONNECT_GRACEFUL));
    };
    poll_both("first", "second");
    poll_until_readable(peers_[0]);
    poll_until_readable(peers_[1]);
    EXPECT_EQ("first", peers_[0].receive_all());
    EXPECT_EQ("second", peers_[1].receive_all());
}

TEST_P(Answer, MayWaitWhenTheServiceIsDestroyed)
{
    on_received = [](const iocpnet_event &event) { EXPECT_EQ(IOCPNET_OK, send_back(event)); };
    poll_both("first", "second");
    EXPECT_EQ(IOCPNET_OK, host_->destroy());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, send_back(received_[0]));
}

} // namespace
