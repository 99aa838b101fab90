/* Groups of sessions. */
#include <algorithm>
#include <atomic>
#include <thread>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t queue_max = 100000;

void two_dispatchers(iocpnet_service_options &options)
{
    options.dispatcher_count = 2;
    options.send_queue_bytes_max = queue_max;
    options.send_queue_bytes_low = queue_max / 4;
}

class SharedBytes
{
public:
    explicit SharedBytes(const std::string &bytes)
    {
        EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(bytes.data(), bytes.size(), &handle_));
    }
    SharedBytes(const SharedBytes &) = delete;
    SharedBytes &operator=(const SharedBytes &) = delete;
    ~SharedBytes() { EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(handle_)); }
    operator iocpnet_buffer() const { return handle_; }

private:
    iocpnet_buffer handle_ = 0;
};

class Group : public ModeTest
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

    void connect(uint32_t count)
    {
        host = std::make_unique<Host>(GetParam(), two_dispatchers);
        start(count);
    }

    void start(uint32_t count)
    {
        const std::string address = host->listen();
        ASSERT_EQ(IOCPNET_OK, host->start());
        for (uint32_t i = 0; i < count; i++) {
            peers.push_back(Socket::connect(address, 8192));
            ASSERT_TRUE(host->wait_connected(i + 1));
            sessions.push_back(host->recorder().nth(i));
        }
    }

    iocpnet_group create()
    {
        iocpnet_group group = 0;
        EXPECT_EQ(IOCPNET_OK, iocpnet_group_create(host->service(), &group));
        EXPECT_NE(0u, group);
        return group;
    }

    static uint64_t count(iocpnet_group group)
    {
        uint64_t members = UINT64_MAX;
        EXPECT_EQ(IOCPNET_OK, iocpnet_group_count(group, &members));
        return members;
    }

    static iocpnet_broadcast_result say(iocpnet_group group, const std::string &text, uint32_t flags = 0)
    {
        const SharedBytes buffer(text);
        iocpnet_broadcast_result result = {};
        EXPECT_EQ(IOCPNET_OK, iocpnet_group_broadcast(group, buffer, flags, &result));
        EXPECT_EQ(0u, result.pending);
        return result;
    }

    std::unique_ptr<Host> host;
    std::vector<Socket> peers;
    std::vector<iocpnet_session> sessions;
};
API_TEST_IN_EVERY_MODE(Group);

TEST_P(Group, BroadcastReachesItsMembersAndNoOthers)
{
    connect(4);
    const iocpnet_group group = create();
    EXPECT_EQ(0u, say(group, "nobody").queued);
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[0]));
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[3]));
    EXPECT_EQ(2u, count(group));
    EXPECT_EQ(2u, say(group, "members").queued);
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, host->send(session, "!"));
    }
    EXPECT_EQ("members!", peers[0].receive(8));
    EXPECT_EQ("!", peers[1].receive(1));
    EXPECT_EQ("!", peers[2].receive(1));
    EXPECT_EQ("members!", peers[3].receive(8));
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_destroy(group));
}

TEST_P(Group, EmptyBufferIsSentToNobody)
{
    connect(1);
    const iocpnet_group group = create();
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[0]));
    EXPECT_EQ(0u, say(group, "").queued);
    EXPECT_EQ(1u, say(group, "!").queued);
    EXPECT_EQ("!", peers[0].receive(1));
}

TEST_P(Group, RefusedBroadcastLeavesItsResultAlone)
{
    connect(1);
    const iocpnet_group group = create();
    const SharedBytes buffer("!");
    iocpnet_broadcast_result result = {};
    result.queued = 77;
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_group_broadcast(group, buffer, UINT32_MAX, &result));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_broadcast(group, 0, 0, &result));
    const SharedBytes large(std::string((size_t{1} << 20) + 1, 'x')); /* than a queue may hold */
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, iocpnet_group_broadcast(group, large, 0, &result));
    EXPECT_EQ(77u, result.queued);
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_group_broadcast(group, buffer, UINT32_MAX, nullptr));
}

TEST_P(Group, AddingTwiceIsOneMembershipAndRemovingTwiceIsNone)
{
    connect(1);
    const iocpnet_group group = create();
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[0]));
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[0]));
    EXPECT_EQ(1u, count(group));
    EXPECT_EQ(1u, say(group, "once").queued);
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_remove(group, sessions[0]));
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_remove(group, sessions[0]));
    EXPECT_EQ(0u, count(group));
    EXPECT_EQ(0u, say(group, "never").queued);
    ASSERT_EQ(IOCPNET_OK, host->send(sessions[0], "!"));
    EXPECT_EQ("once!", peers[0].receive(5));
}

TEST_P(Group, ExceptedMembersMissIt)
{
    connect(4);
    const iocpnet_group group = create();
    for (size_t i = 0; i < 3; i++) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[i]));
    }
    const SharedBytes buffer("to two");
    iocpnet_broadcast_result result = {};
    const std::vector<iocpnet_session> except = {sessions[3], 0x1234, sessions[1]};
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_broadcast_except(group, buffer, except.data(),
                                                         static_cast<uint32_t>(except.size()), 0, &result));
    EXPECT_EQ(2u, result.queued);
    EXPECT_EQ(0u, result.gone);
    for (size_t i = 0; i < sessions.size(); i++) {
        ASSERT_EQ(IOCPNET_OK, host->send(sessions[i], "!"));
        EXPECT_EQ(i == 0 || i == 2 ? "to two!" : "!", peers[i].receive(i == 0 || i == 2 ? 7 : 1));
    }
}

TEST_P(Group, MembershipHasEndedWhenDisconnectedIsSeen)
{
    host = std::make_unique<Host>(GetParam(), two_dispatchers);
    std::atomic<iocpnet_group> rooms[2] = {};
    std::atomic<uint64_t> seen{0};
    host->on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        for (const auto &room : rooms) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_group_add(room, event.session));
        }
    });
    host->on(IOCPNET_EVENT_DISCONNECTED, [&](const iocpnet_event &event) {
        const uint64_t ended = ++seen;
        for (const auto &room : rooms) {
            EXPECT_GE(3 - ended, count(room));
            EXPECT_EQ(IOCPNET_E_CLOSED, iocpnet_group_add(room, event.session));
        }
    });
    for (auto &room : rooms) {
        room = create();
    }
    start(3);
    EXPECT_EQ(3u, count(rooms[0]));
    EXPECT_EQ(3u, count(rooms[1]));
    EXPECT_EQ(IOCPNET_OK, disconnect(sessions[0], IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(2u, count(rooms[0]));
    EXPECT_EQ(2u, say(rooms[1], "two left").queued);
    peers[1].close();
    peers[2].close();
    ASSERT_TRUE(host->wait_disconnected(3));
    EXPECT_EQ(0u, count(rooms[0]));
    EXPECT_EQ(0u, count(rooms[1]));
}

TEST_P(Group, DestroyedKeepsItsSessions)
{
    connect(2);
    const iocpnet_group first = create();
    const iocpnet_group second = create();
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(first, session));
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(second, session));
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_destroy(first));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_destroy(first));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_add(first, sessions[0]));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_remove(first, sessions[0]));
    EXPECT_EQ(2u, say(second, "still here").queued);
    EXPECT_EQ("still here", peers[0].receive(10));
    EXPECT_EQ("still here", peers[1].receive(10));
}

TEST_P(Group, EndsWithItsService)
{
    connect(1);
    const iocpnet_group group = create();
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, sessions[0]));
    EXPECT_EQ(IOCPNET_OK, host->destroy());
    host.reset();
    uint64_t members = 7;
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_count(group, &members));
    EXPECT_EQ(7u, members);
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, iocpnet_group_destroy(group));
}

TEST_P(Group, TakesNoSessionOfAnotherServiceAndNoneThatIsClosing)
{
    connect(2);
    iocpnet_service other = 0;
    iocpnet_group foreign = 0;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_create(nullptr, &other));
    ASSERT_EQ(IOCPNET_OK, iocpnet_group_create(other, &foreign));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_group_add(foreign, sessions[0]));
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(other));
    const iocpnet_group group = create();
    /* The peer does not close: the session lingers. */
    EXPECT_EQ(IOCPNET_OK, disconnect(sessions[1], IOCPNET_DISCONNECT_GRACEFUL, 60000));
    const int32_t status = iocpnet_group_add(group, sessions[1]);
    EXPECT_EQ(IOCPNET_E_CLOSED, status);
    EXPECT_EQ(0u, count(group));
}

TEST_P(Group, MemberWithoutRoomIsSkippedOrDisconnected)
{
    connect(2);
    const iocpnet_group group = create();
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, session));
    }
    host->fill_to_the_brim(sessions[0], 5000);
    const std::string text(queue_max / 2, 't');
    const iocpnet_broadcast_result skipped = say(group, text);
    EXPECT_EQ(1u, skipped.queued);
    EXPECT_EQ(1u, skipped.skipped);
    EXPECT_EQ(text, peers[1].receive(text.size()));
    const iocpnet_broadcast_result cut = say(group, text, IOCPNET_BROADCAST_DISCONNECT_FULL);
    EXPECT_EQ(1u, cut.queued);
    EXPECT_EQ(1u, cut.disconnected);
    ASSERT_TRUE(host->wait_disconnected(1));
    EXPECT_EQ(1u, count(group));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_CLOSE_SEND_LIMIT),
              host->recorder().session(sessions[0]).last.fields.close_reason);
}

/* Sets of handles with many collisions and gaps, against a set of the standard library. */
TEST_P(Group, RememberMembersThroughAnyOrderOfAddingAndRemoving)
{
    connect(24);
    Random random;
    std::vector<iocpnet_group> groups(5);
    std::generate(groups.begin(), groups.end(), [this] { return create(); });
    std::vector<std::vector<bool>> is_in(groups.size(), std::vector<bool>(sessions.size()));
    for (int i = 0; i < 4000; i++) {
        const size_t g = random.below(groups.size());
        const size_t s = random.below(sessions.size());
        const bool adds = random.below(2) == 0;
        ASSERT_EQ(IOCPNET_OK, (adds ? iocpnet_group_add : iocpnet_group_remove)(groups[g], sessions[s]));
        is_in[g][s] = adds;
        const auto members = std::count(is_in[g].begin(), is_in[g].end(), true);
        ASSERT_EQ(static_cast<uint64_t>(members), count(groups[g]));
    }
    for (size_t g = 0; g < groups.size(); g++) {
        const std::string name(1, static_cast<char>('a' + g));
        say(groups[g], name);
    }
    for (size_t s = 0; s < sessions.size(); s++) {
        std::string expected;
        for (size_t g = 0; g < groups.size(); g++) {
            expected += is_in[g][s] ? std::string(1, static_cast<char>('a' + g)) : "";
        }
        ASSERT_EQ(IOCPNET_OK, host->send(sessions[s], "!"));
        EXPECT_EQ(expected + "!", peers[s].receive(expected.size() + 1));
    }
}

TEST_P(Group, OfManyMembersIsReachedByOneCall)
{
    connect(130);
    const iocpnet_group group = create();
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(group, session));
    }
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(130u, say(group, std::to_string(i)).queued);
    }
    for (Socket &peer : peers) {
        EXPECT_EQ("012", peer.receive(3));
    }
}

TEST_P(Group, AddingRacesWithTheEndOfSessionsAndOfGroups)
{
    connect(16);
    const iocpnet_group lasting = create();
    std::atomic<iocpnet_group> passing{create()};
    std::atomic<bool> over{false};
    const SharedBytes buffer("x");
    const auto join = [&](size_t from) {
        for (size_t i = from; !over; i++) {
            const iocpnet_session session = sessions[i % sessions.size()];
            for (const iocpnet_group group : {lasting, passing.load()}) {
                const int32_t status = iocpnet_group_add(group, session);
                EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE)
                    << status;
                iocpnet_broadcast_result result;
                iocpnet_group_broadcast(group, buffer, 0, &result);
            }
        }
    };
    std::thread one(join, 0);
    std::thread other(join, 7);
    for (size_t i = 0; i < sessions.size(); i++) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_group_destroy(passing.exchange(create())));
        EXPECT_EQ(IOCPNET_OK, disconnect(sessions[i], IOCPNET_DISCONNECT_ABORT));
    }
    EXPECT_TRUE(host->wait_disconnected(sessions.size()));
    over = true;
    one.join();
    other.join();
    EXPECT_EQ(0u, count(lasting));
    EXPECT_EQ(0u, count(passing));
}

TEST_P(Group, LeavingRacesWithTheEndOfSessionsAndOfGroups)
{
    connect(100);
    const iocpnet_group lasting = create();
    std::atomic<iocpnet_group> passing{create()};
    std::atomic<bool> over{false};
    for (const iocpnet_session session : sessions) {
        ASSERT_EQ(IOCPNET_OK, iocpnet_group_add(lasting, session));
    }
    std::thread leaver([&] {
        for (size_t i = 0; !over; i++) {
            const iocpnet_session session = sessions[i % sessions.size()];
            iocpnet_group_remove(lasting, session);
            iocpnet_group_add(lasting, session);
        }
    });
    std::thread destroyer([&] {
        while (!over) {
            for (const iocpnet_session session : sessions) {
                iocpnet_group_add(passing, session);
            }
            EXPECT_EQ(IOCPNET_OK, iocpnet_group_destroy(passing.exchange(create())));
        }
    });
    for (const iocpnet_session session : sessions) {
        EXPECT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_ABORT));
    }
    EXPECT_TRUE(host->wait_disconnected(sessions.size()));
    over = true;
    leaver.join();
    destroyer.join();
    EXPECT_EQ(0u, count(lasting));
    EXPECT_EQ(0u, count(passing));
}

} // namespace
