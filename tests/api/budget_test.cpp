/* The memory budget of a service: the sum over its sessions, who is refused and who goes on, and whose turn it is. */
#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t budget = 1024 * 1024;
constexpr uint64_t queue_max = budget / 4;
constexpr uint32_t silent_count = 8; /* more than have room */
constexpr size_t piece_size = 5000;

void small_budget(iocpnet_service_options &options)
{
    options.memory_budget_bytes = budget;
    options.send_queue_bytes_max = queue_max;
    options.send_queue_bytes_low = queue_max / 2;
}

class Budget : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Budget);

/* Peers that do not read, each sent as much as is accepted. */
struct Silent {
    std::vector<Socket> peers;
    std::vector<std::string> accepted;
};

void fill_all(Host &host, const std::string &address, Silent &silent)
{
    for (uint32_t i = 0; i < silent_count; i++) {
        silent.peers.push_back(Socket::connect(address, 8192));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    for (uint32_t i = 0; i < silent_count; i++) {
        silent.accepted.push_back(host.fill_to_the_brim(host.recorder().nth(i), piece_size));
    }
}

bool is_all_back(Host &host)
{
    return wait_until([&] { return host.stats().memory_budget_used == 0; });
}

TEST_P(Budget, CapsTheSumOfAllSessions)
{
    Host host(GetParam(), small_budget);
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    const iocpnet_service_statistics now = host.stats();
    EXPECT_LE(now.memory_budget_used, budget);
    EXPECT_GT(now.memory_budget_used, budget / 4);
    EXPECT_EQ(now.send_queue_bytes, now.memory_budget_used);
    EXPECT_GE(now.sends_refused_by_budget, 1u);
    EXPECT_GE(now.sends_refused, now.sends_refused_by_budget);
}

TEST_P(Budget, ComesBackWhereNobodyIsToldOfWhatIsSent)
{
    Host host(GetParam(), [](iocpnet_service_options &options) {
        small_budget(options);
        options.batch_events &= ~IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT); /* with callbacks it is told */
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const std::string bytes(20000, 's');
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(0), bytes));
    EXPECT_TRUE(bytes == peer.receive(bytes.size()));
    EXPECT_TRUE(is_all_back(host));
}

TEST_P(Budget, ComesBackWhenTheSessionsEnd)
{
    Host host(GetParam(), small_budget);
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    for (uint32_t i = 0; i < silent_count; i++) {
        ASSERT_EQ(IOCPNET_OK, disconnect(host.recorder().nth(i), IOCPNET_DISCONNECT_ABORT));
    }
    ASSERT_TRUE(host.wait_disconnected(silent_count));
    EXPECT_TRUE(is_all_back(host));
}

TEST_P(Budget, IsBackInTheEndOfAServiceThatIsDestroyedInTheMiddle)
{
    Host host(GetParam(), small_budget);
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    /* The host's end destroys it; a check of the library looks at what is left. */
}

TEST_P(Budget, ASessionWithLittleQueuedGoesOnWhileOthersHaveUsedIt)
{
    Host host(GetParam(), small_budget);
    host.echo();
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    Socket lively = Socket::connect(address);
    for (uint32_t i = 0; i < 20; i++) {
        ASSERT_TRUE(lively.send("lively"));
        ASSERT_EQ("lively", lively.receive(6));
    }
}

TEST_P(Budget, EveryRefusedSessionIsToldWhenThereIsRoom)
{
    Host host(GetParam(), small_budget);
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    std::vector<uint64_t> before;
    for (uint32_t i = 0; i < silent_count; i++) {
        const iocpnet_session session = host.recorder().nth(i);
        const std::string piece(queue_max / 2, 'z');
        while (host.send(session, piece) == IOCPNET_OK) {
            silent.accepted[i] += piece;
        }
        before.push_back(host.recorder().session(session).count(IOCPNET_EVENT_WRITABLE));
    }
    for (uint32_t i = 0; i < silent_count; i++) {
        EXPECT_TRUE(silent.accepted[i] == silent.peers[i].receive(silent.accepted[i].size()));
    }
    for (uint32_t i = 0; i < silent_count; i++) {
        const iocpnet_session session = host.recorder().nth(i);
        ASSERT_TRUE(host.wait([&](const Records &r) {
            return r.sessions.at(session).count(IOCPNET_EVENT_WRITABLE) > before[i];
        })) << "session "
            << i;
    }
    EXPECT_TRUE(is_all_back(host));
}

/* Each goes on only when it was told to: whoever is forgotten never finishes. */
TEST_P(Budget, NobodyStarvesWhenAllWantMoreThanThereIs)
{
    constexpr uint64_t wanted = 1024 * 1024;
    const std::string piece(queue_max / 4, 'x');
    std::mutex mutex;
    std::map<iocpnet_session, uint64_t> sent;
    Host host(GetParam(), small_budget);
    const auto send_more = [&](const iocpnet_event &event) {
        const std::lock_guard<std::mutex> lock(mutex);
        uint64_t &done = sent[event.session];
        while (done < wanted && host.send(event.session, piece) == IOCPNET_OK) {
            done += piece.size();
        }
    };
    host.on(IOCPNET_EVENT_CONNECTED, send_more);
    host.on(IOCPNET_EVENT_WRITABLE, send_more);
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < 2 * silent_count; i++) {
        peers.push_back(Socket::connect(address, 8192));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    for (Socket &peer : peers) {
        EXPECT_EQ(wanted, peer.receive(wanted).size());
    }
    EXPECT_TRUE(is_all_back(host));
}

TEST_P(Budget, WhatIsSentBackFromWhereItLiesIsInIt)
{
    Host host(GetParam(), small_budget);
    host.echo();
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    const std::string bytes(20000, 'e');
    for (uint32_t i = 0; i < 10; i++) {
        ASSERT_TRUE(peer.send(bytes));
        ASSERT_TRUE(bytes == peer.receive(bytes.size()));
    }
    EXPECT_TRUE(is_all_back(host));
}

TEST_P(Budget, ABroadcastSkipsThoseForWhomThereIsNoRoom)
{
    Host host(GetParam(), small_budget);
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Silent silent;
    ASSERT_NO_FATAL_FAILURE(fill_all(host, address, silent));
    const std::string bytes(queue_max / 2, 'b');
    iocpnet_buffer buffer = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_buffer_create(bytes.data(), bytes.size(), &buffer));
    std::vector<iocpnet_session> sessions;
    for (uint32_t i = 0; i < silent_count; i++) {
        sessions.push_back(host.recorder().nth(i));
    }
    iocpnet_broadcast_result result = {};
    do {
        ASSERT_EQ(IOCPNET_OK,
                  iocpnet_service_broadcast(host.service(), buffer, sessions.data(), silent_count, 0, &result));
        EXPECT_EQ(silent_count, result.queued + result.skipped);
    } while (result.queued != 0);
    EXPECT_LE(host.stats().memory_budget_used, budget);
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    for (const iocpnet_session session : sessions) {
        EXPECT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    }
    EXPECT_TRUE(is_all_back(host));
}

TEST_P(Budget, ASessionWithoutRoomIsDisconnectedWhereThatIsThePolicy)
{
    Host host(GetParam(), [](iocpnet_service_options &options) {
        small_budget(options);
        options.send_policy = IOCPNET_SEND_DISCONNECT;
    });
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < silent_count; i++) {
        peers.push_back(Socket::connect(address, 8192));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    const std::string piece(queue_max / 8, 'x');
    for (uint32_t round = 0; host.stats().sends_refused_by_budget == 0; round++) {
        ASSERT_LT(round, 100000u) << "the budget is never used up";
        const iocpnet_session session = host.recorder().nth(round % silent_count);
        /* Only its queue may be full otherwise, and that disconnects as well. */
        if (session_details(session).send_queue_bytes + piece.size() <= queue_max) {
            (void)host.send(session, piece);
        }
    }
    ASSERT_TRUE(host.wait_disconnected(1));
    EXPECT_GE(host.stats().disconnects_by_reason[IOCPNET_CLOSE_SEND_LIMIT], 1u);
}

TEST_P(Budget, AThousandPeersThatNeverReadCostNoMoreThanIt)
{
    constexpr uint32_t peer_count = 1000;
    constexpr uint64_t bytes_max = 64 * 1024 * 1024;
    /* What a dispatcher keeps for other threads; of each session its place in the line, and the chunks at both ends. */
    constexpr uint64_t kept_max = 256 * 1024 + peer_count * (512 + 2 * 4096);
    Host host(GetParam(), [](iocpnet_service_options &options) {
        options.memory_budget_bytes = bytes_max;
        options.send_queue_bytes_max = 256 * 1024;
        options.send_queue_bytes_low = 128 * 1024;
    });
    host.recorder().keep_no_data();
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    std::vector<Socket> silent;
    for (uint32_t i = 0; i < peer_count; i++) {
        silent.push_back(Socket::connect(address, 8192));
        ASSERT_TRUE(host.wait_connected(i + 1));
    }
    const uint64_t before = live_objects().allocated_bytes;
    const std::string piece(4096, 'x');
    for (uint32_t i = 0; i < peer_count; i++) {
        const iocpnet_session session = host.recorder().nth(i);
        while (host.send(session, piece) == IOCPNET_OK) {
        }
    }
    const uint64_t grown = live_objects().allocated_bytes - before;
    EXPECT_LE(grown, bytes_max + bytes_max / 20 + kept_max);
    EXPECT_LE(host.stats().memory_budget_used, bytes_max);
    Socket lively = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(peer_count + 1));
    ASSERT_EQ(IOCPNET_OK, host.send(host.recorder().nth(peer_count), "unharmed"));
    EXPECT_EQ("unharmed", lively.receive(8));
}

TEST_P(Budget, TheDefaultLimitOfASessionFollowsItDown)
{
    Host host(GetParam(), [](iocpnet_service_options &options) { options.memory_budget_bytes = 4096; });
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, host.send(session, std::string(1025, 'x')));
    EXPECT_EQ(IOCPNET_OK, host.send(session, std::string(1024, 'x')));
    EXPECT_EQ(1024u, peer.receive(1024).size());
}

} // namespace
