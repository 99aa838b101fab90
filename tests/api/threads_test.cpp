/* Many threads at once on the same objects. */
#include <algorithm>
#include <condition_variable>
#include <cstring>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class Threads : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Threads);

class Stress : public PortTest
{
};
API_TEST_ON_EVERY_PORT(Stress);

/* What a thread sends: fixed size, so that a stream of them can be taken apart. */
struct Ticket {
    uint32_t thread;
    uint32_t number;
};

/* Queues it in the end, however often the queue is full; false when the session is closed. */
bool send_ticket(iocpnet_session session, const Ticket &ticket)
{
    for (;;) {
        const int32_t status = iocpnet_session_send(session, &ticket, sizeof ticket);
        if (status != IOCPNET_E_WOULD_BLOCK) {
            EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE)
                << iocpnet_status_name(status);
            return status == IOCPNET_OK;
        }
        pause_briefly();
    }
}

std::vector<Ticket> tickets(const std::string &bytes)
{
    std::vector<Ticket> list(bytes.size() / sizeof(Ticket));
    std::memcpy(list.data(), bytes.data(), list.size() * sizeof(Ticket));
    return list;
}

TEST_P(Threads, SendsOfEachThreadKeepTheirOrder)
{
    const uint32_t count = scaled(1000);
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::vector<std::thread> senders;
    for (uint32_t i = 0; i < 8; i++) {
        senders.emplace_back([=] {
            for (uint32_t n = 0; n < count; n++) {
                send_ticket(session, {i, n});
            }
        });
    }
    uint32_t next[8] = {};
    for (const Ticket &ticket : tickets(peer.receive(8 * count * sizeof(Ticket)))) {
        ASSERT_LT(ticket.thread, 8u);
        ASSERT_EQ(next[ticket.thread], ticket.number);
        next[ticket.thread]++;
    }
    for (std::thread &sender : senders) {
        sender.join();
    }
    EXPECT_EQ(8 * count, next[0] + next[1] + next[2] + next[3] + next[4] + next[5] + next[6] + next[7]);
}

TEST_P(Threads, SendAfterASendInACallbackLeavesAfterIt)
{
    /* Each ticket of the callback happens before the one that another thread sends in answer, and so on in turns. */
    const uint32_t rounds = scaled(500);
    std::atomic<uint32_t> in_callback{0};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        for (uint64_t i = 0; i < event.size; i++) {
            send_ticket(event.session, {0, in_callback});
            in_callback++;
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::thread other([&] {
        for (uint32_t n = 0; n < rounds; n++) {
            while (in_callback <= n) {
                std::this_thread::yield();
            }
            send_ticket(session, {1, n});
        }
    });
    ASSERT_TRUE(peer.send(std::string(rounds, 'x')));
    const std::vector<Ticket> seen = tickets(peer.receive(2 * rounds * sizeof(Ticket)));
    other.join();
    ASSERT_EQ(2 * rounds, seen.size()) << describe(host.recorder().copy());
    uint32_t next[2] = {};
    for (const Ticket &ticket : seen) {
        ASSERT_EQ(next[ticket.thread], ticket.number);
        next[ticket.thread]++;
        ASSERT_LE(next[1], next[0]);
    }
}

TEST_P(Threads, SendOfTheDispatcherAfterASendOfAnotherThreadLeavesAfterIt)
{
    const uint32_t rounds = scaled(300);
    std::atomic<uint32_t> outside{0};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        for (uint64_t i = 0; i < event.size; i++) {
            send_ticket(event.session, {0, outside});
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    std::thread other([&] {
        for (uint32_t n = 1; n <= rounds; n++) {
            send_ticket(session, {1, n});
            outside = n;
        }
    });
    ASSERT_TRUE(peer.send(std::string(rounds, 'x')));
    const std::vector<Ticket> seen = tickets(peer.receive(2 * rounds * sizeof(Ticket)));
    other.join();
    ASSERT_EQ(2 * rounds, seen.size()) << describe(host.recorder().copy());
    uint32_t last = 0;
    for (const Ticket &ticket : seen) {
        if (ticket.thread == 1) {
            ASSERT_EQ(last + 1, ticket.number);
            last = ticket.number;
        } else {
            ASSERT_LE(ticket.number, last);
        }
    }
}

TEST_P(Threads, OnlySendsThatRaceAGracefulDisconnectAreLeftUnsent)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t round = 0; round < scaled(40); round++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(round + 1));
        const iocpnet_session session = host.recorder().nth(round);
        std::atomic<uint64_t> accepted{0};
        std::vector<std::thread> senders;
        for (uint32_t i = 0; i < 3; i++) {
            senders.emplace_back([&, i] {
                for (uint32_t n = 0; n < 1000 && send_ticket(session, {i, n}); n++) {
                    accepted++;
                }
            });
        }
        while (accepted < 10) {
            std::this_thread::yield();
        }
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_disconnect(session, nullptr));
        const std::string received = peer.receive_all();
        for (std::thread &sender : senders) {
            sender.join();
        }
        peer.close();
        ASSERT_TRUE(host.wait_disconnected(round + 1));
        const uint64_t unsent = host.recorder().session(session).last.fields.bytes_unsent;
        EXPECT_EQ(accepted * sizeof(Ticket), received.size() + unsent);
        /* Only a send that runs at the same time as the disconnect, one of each thread, may come too late. */
        EXPECT_LE(unsent, senders.size() * sizeof(Ticket));
    }
}

TEST_P(Threads, SendRacingAnAbortIsCountedAsSentOrUnsent)
{
    Host host(GetParam());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (uint32_t round = 0; round < scaled(40); round++) {
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(host.wait_connected(round + 1));
        const iocpnet_session session = host.recorder().nth(round);
        std::atomic<uint64_t> accepted{0};
        std::vector<std::thread> senders;
        for (uint32_t i = 0; i < 3; i++) {
            senders.emplace_back([&, i] {
                for (uint32_t n = 0; n < 1000 && send_ticket(session, {i, n}); n++) {
                    accepted++;
                }
            });
        }
        while (accepted < 10) {
            std::this_thread::yield();
        }
        EXPECT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
        for (std::thread &sender : senders) {
            sender.join();
        }
        ASSERT_TRUE(host.wait_disconnected(round + 1));
        const SessionRecord record = host.recorder().session(session);
        EXPECT_EQ(accepted * sizeof(Ticket), record.sent_bytes + record.last.fields.bytes_unsent);
    }
}

TEST_P(Threads, BlockedCallbackStallsOnlyItsOwnDispatcher)
{
    std::mutex mutex;
    std::condition_variable changed;
    bool released = false;
    Host host(GetParam(), [](iocpnet_service_options &o) { o.dispatcher_count = 2; });
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        if (static_cast<const char *>(event.data)[0] == 'b') {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return released; });
        }
        iocpnet_session_send(event.session, event.data, event.size);
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    std::vector<uint32_t> dispatchers;
    for (uint32_t i = 0; i < 8; i++) {
        peers.push_back(Socket::connect(address));
        ASSERT_TRUE(host.wait_connected(i + 1));
        dispatchers.push_back(host.recorder().session(host.recorder().nth(i)).first.fields.dispatcher);
    }
    /* Not the first dispatcher of the two, which accepts. */
    const auto blocked =
        static_cast<size_t>(std::find(dispatchers.begin(), dispatchers.end(), 1u) - dispatchers.begin());
    const auto served =
        static_cast<size_t>(std::find(dispatchers.begin(), dispatchers.end(), 0u) - dispatchers.begin());
    ASSERT_LT(blocked, peers.size());
    ASSERT_LT(served, peers.size());
    ASSERT_TRUE(peers[blocked].send("b"));
    ASSERT_TRUE(peers[served].send("s"));
    EXPECT_EQ("s", peers[served].receive(1));
    EXPECT_FALSE(peers[blocked].readable_within(0));
    {
        const std::lock_guard<std::mutex> lock(mutex);
        released = true;
    }
    changed.notify_all();
    EXPECT_EQ("b", peers[blocked].receive(1));
}

TEST_P(Threads, SendingFromSentGoesOnWithoutEnd)
{
    const uint64_t rounds = scaled(20000);
    std::atomic<uint64_t> sent{0};
    Host host(GetParam());
    host.on(IOCPNET_EVENT_SENT, [&](const iocpnet_event &event) {
        if (++sent < rounds) {
            iocpnet_session_send(event.session, "x", 1);
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    std::thread reader([&] { EXPECT_EQ(rounds, peer.receive(rounds).size()); });
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), "x"));
    reader.join();
    EXPECT_TRUE(wait_until([&] { return sent == rounds; }));
}

/* One thread of the storm: sends, pauses, asks and disconnects at random. */
void disturb(Host &host, uint64_t seed, const std::atomic<bool> &stopped)
{
    std::minstd_rand choice(static_cast<uint32_t>(seed));
    while (!stopped) {
        const size_t known = host.recorder().session_count();
        const size_t back = known == 0 ? 0 : choice() % std::min<size_t>(known, 16);
        const iocpnet_session session = host.recorder().nth(known - 1 - back);
        char text[64] = "";
        void *user = nullptr;
        switch (choice() % 9) {
        case 0:
            disconnect(session, static_cast<uint32_t>(choice() % 2), 20);
            break;
        case 1:
            iocpnet_session_pause_receive(session);
            iocpnet_session_resume_receive(session);
            break;
        case 2:
            iocpnet_session_remote_address(session, text, sizeof text);
            iocpnet_session_local_address(session, text, sizeof text);
            break;
        case 3:
            iocpnet_session_set_user(session, &host);
            iocpnet_session_get_user(session, &user);
            break;
        case 4:
            session_details(session);
            host.stats();
            break;
        default:
            iocpnet_session_send(session, text, choice() % sizeof text);
        }
    }
}

TEST_P(Stress, SessionsOnManyDispatchersNeverOverlapTheirEventsAndAllEnd)
{
    Random random;
    Host host(callbacks(), [](iocpnet_service_options &o) { o.dispatcher_count = 4; });
    host.recorder().keep_no_data();
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::atomic<bool> stopped{false};
    std::vector<std::thread> storm;
    for (uint32_t i = 0; i < 3; i++) {
        const uint64_t seed = random.any();
        storm.emplace_back([&, seed] { disturb(host, seed, stopped); });
    }
    const uint32_t rounds = scaled(400);
    for (uint32_t i = 0; i < rounds; i++) {
        Socket peer = Socket::connect(address);
        peer.send_some(random.bytes(1 + random.below(3000)));
        if (random.below(3) == 0) {
            peer.reset();
        } else if (random.below(2) == 0) {
            peer.shutdown_send();
            peer.receive_all();
        }
        host.connect(address);
    }
    stopped = true;
    for (std::thread &thread : storm) {
        thread.join();
    }
    host.stop(1000);
    const Records records = host.recorder().copy();
    EXPECT_EQ(records.connected(), records.disconnected());
    EXPECT_GE(records.sessions.size(), rounds);
}

} // namespace
