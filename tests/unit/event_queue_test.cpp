#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "net/session.h"
#include "service/event_queue.h"
#include "util/memory.h"
}

namespace unit_test
{

namespace
{

constexpr uint64_t limit = 100000;

/* Sessions that are only looked at, never opened: what the queue reads of them is set. */
class EventQueue : public ::testing::Test
{
protected:
    void SetUp() override
    {
        loop.roster = &roster;
        icn_event_queue_init(&queue, limit, ~UINT64_C(0));
    }

    void TearDown() override
    {
        icn_list_init(&queue.lent_sessions);
        icn_event_queue_discard(&queue);
        icn_event_queue_fini(&queue);
        EXPECT_EQ(icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER), 0U);
    }

    icn_session *session(uint64_t handle)
    {
        sessions.push_back(std::make_unique<icn_session>());
        icn_session *made = sessions.back().get();
        made->loop = &loop;
        made->handle = handle;
        made->announced = true;
        icn_list_init(&made->loop_node);
        return made;
    }

    bool receive(icn_session *from, const std::string &bytes)
    {
        iocpnet_event event = {};
        event.kind = IOCPNET_EVENT_RECEIVED;
        event.data = bytes.data();
        event.size = bytes.size();
        return icn_event_queue_append(&queue, from, &event);
    }

    std::vector<iocpnet_event> fetch(uint32_t capacity)
    {
        std::vector<iocpnet_event> events(capacity);
        events.resize(icn_event_queue_fetch(&queue, events.data(), capacity));
        return events;
    }

    static std::string bytes_of(const iocpnet_event &event)
    {
        return {static_cast<const char *>(event.data), static_cast<size_t>(event.size)};
    }

    icn_roster roster = {};
    icn_loop loop = {};
    icn_event_queue queue = {};
    std::vector<std::unique_ptr<icn_session>> sessions;
};

TEST_F(EventQueue, WhatIsNotPublishedIsNotSeen)
{
    ASSERT_TRUE(receive(session(1), "abc"));
    EXPECT_TRUE(fetch(8).empty());
    icn_event_queue_publish(&queue);
    EXPECT_EQ(fetch(8).size(), 1U);
}

TEST_F(EventQueue, EventsComeInOrderWithTheirBytes)
{
    icn_session *one = session(1);
    icn_session *two = session(2);
    ASSERT_TRUE(receive(one, "first"));
    ASSERT_TRUE(receive(two, std::string(70000, 'x')));
    ASSERT_TRUE(receive(one, "third"));
    icn_event_queue_publish(&queue);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(bytes_of(events[0]), "first");
    EXPECT_EQ(bytes_of(events[1]), std::string(70000, 'x'));
    EXPECT_EQ(bytes_of(events[2]), "third");
    EXPECT_EQ(events[1].session, 2U);
}

TEST_F(EventQueue, ABatchNeverExceedsItsCapacityAndTheRestFollows)
{
    icn_session *one = session(1);
    for (char c = 'a'; c < 'f'; c++) {
        ASSERT_TRUE(receive(one, {c}));
    }
    icn_event_queue_publish(&queue);
    std::string all;
    for (int i = 0; i < 5; i++) {
        const std::vector<iocpnet_event> events = fetch(1);
        ASSERT_EQ(events.size(), 1U);
        all += bytes_of(events[0]);
        icn_event_queue_reclaim(&queue);
    }
    EXPECT_EQ(all, "abcde");
    EXPECT_TRUE(fetch(1).empty());
}

TEST_F(EventQueue, BytesStayUntilTheyAreReclaimed)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, std::string(60000, 'a')));
    ASSERT_TRUE(receive(one, std::string(60000, 'b'))); /* in a block of its own */
    icn_event_queue_publish(&queue);
    const std::vector<iocpnet_event> events = fetch(2);
    ASSERT_EQ(events.size(), 2U);
    ASSERT_TRUE(receive(one, std::string(60000, 'c')));
    EXPECT_EQ(bytes_of(events[0]), std::string(60000, 'a'));
    EXPECT_EQ(bytes_of(events[1]), std::string(60000, 'b'));
}

TEST_F(EventQueue, TheEndOfASessionComesAfterAllItsEvents)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "last words"));
    icn_event_queue_append_end(&queue, one);
    ASSERT_TRUE(receive(session(2), "another"));
    icn_event_queue_publish(&queue);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].kind, static_cast<uint32_t>(IOCPNET_EVENT_RECEIVED));
    EXPECT_EQ(events[1].kind, static_cast<uint32_t>(IOCPNET_EVENT_DISCONNECTED));
    EXPECT_EQ(events[1].session, 1U);
    EXPECT_EQ(events[2].session, 2U);
}

/* The kick of a session that is not on a port: it only shows that the queue asked for one. */
TEST_F(EventQueue, TheEndOfAStreamIsToldWithTheFetchAfterItsBytes)
{
    icn_session *one = session(1);
    one->kick.pending.value = 1; /* a kick is on its way: nothing more is pushed */
    ASSERT_TRUE(receive(one, "a request"));
    ASSERT_TRUE(icn_event_queue_append_end_of_stream(&queue, one));
    icn_event_queue_publish(&queue);
    EXPECT_EQ(fetch(8).size(), 1U);
    EXPECT_EQ(icn_u8_load(&one->end_seen), 0U) << "the host has not had the time to answer";
    icn_event_queue_reclaim(&queue);
    EXPECT_EQ(icn_u8_load(&one->end_seen), 1U);
}

TEST_F(EventQueue, TheEndOfAStreamWithNothingBeforeItIsToldAtOnce)
{
    icn_session *one = session(1);
    one->kick.pending.value = 1;
    ASSERT_TRUE(icn_event_queue_append_end_of_stream(&queue, one));
    icn_event_queue_publish(&queue);
    EXPECT_TRUE(fetch(8).empty());
    EXPECT_EQ(icn_u8_load(&one->end_seen), 1U);
}

TEST_F(EventQueue, AnEndThatTheHostDoesNotWantKeepsTheSessionUntilItsEventsAreFetched)
{
    queue.wanted = 0;
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "last words"));
    icn_event_queue_append_end(&queue, one);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(bytes_of(events[0]), "last words");
    EXPECT_FALSE(icn_list_is_empty(&queue.lent_sessions));
}

TEST_F(EventQueue, TheEndNeedsNoMemory)
{
    icn_memory_fail(1, 1);
    icn_event_queue_append_end(&queue, session(1));
    EXPECT_FALSE(receive(session(2), "no room for this"));
    icn_memory_fail(0, 0);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, static_cast<uint32_t>(IOCPNET_EVENT_DISCONNECTED));
}

TEST_F(EventQueue, StoppedComesAfterEverythingElse)
{
    icn_event_queue_append_stopped(&queue);
    ASSERT_TRUE(receive(session(1), "abc"));
    icn_event_queue_publish(&queue);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].kind, static_cast<uint32_t>(IOCPNET_EVENT_SERVICE_STOPPED));
    EXPECT_TRUE(fetch(8).empty());
}

TEST_F(EventQueue, BytesOfASessionThatTheHostDisconnectedAreSkipped)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "unwanted"));
    ASSERT_TRUE(receive(session(2), "wanted"));
    icn_event_queue_publish(&queue);
    icn_u8_store(&one->close_claim, ICN_CLOSE_BY_HOST);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(bytes_of(events[0]), "wanted");
    EXPECT_EQ(icn_event_queue_bytes(&queue), 0U);
}

TEST_F(EventQueue, TheUserValueIsThatOfTheFetch)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "abc"));
    icn_event_queue_publish(&queue);
    icn_pointer_store(&one->user, &queue);
    ASSERT_EQ(fetch(1).at(0).user, &queue);
}

TEST_F(EventQueue, RoomIsOfferedOnceHalfOfTheLimitIsFree)
{
    icn_session *one = session(1);
    while (!icn_event_queue_is_full(&queue)) {
        ASSERT_TRUE(receive(one, std::string(10000, 'x')));
    }
    EXPECT_TRUE(icn_event_queue_starve(&queue));
    icn_event_queue_publish(&queue);
    EXPECT_FALSE(icn_event_queue_may_feed(&queue));
    EXPECT_EQ(fetch(3).size(), 3U);
    EXPECT_FALSE(icn_event_queue_may_feed(&queue)) << "more than half is still queued";
    EXPECT_EQ(fetch(4).size(), 4U);
    EXPECT_TRUE(icn_event_queue_may_feed(&queue));
    EXPECT_FALSE(icn_event_queue_may_feed(&queue)) << "offered twice";
}

TEST_F(EventQueue, WhoStarvesWhileThereIsRoomIsToldToGoOn)
{
    EXPECT_FALSE(icn_event_queue_starve(&queue));
    EXPECT_FALSE(icn_event_queue_may_feed(&queue)) << "nobody starves";
}

TEST_F(EventQueue, AnyKindOfNewsIsAnEvent)
{
    EXPECT_FALSE(icn_event_queue_has_events(&queue));
    icn_event_queue_append_stopped(&queue);
    EXPECT_TRUE(icn_event_queue_has_events(&queue));
    EXPECT_EQ(fetch(8).size(), 1U);
    icn_event_queue_append_end(&queue, session(1));
    EXPECT_TRUE(icn_event_queue_has_events(&queue));
    EXPECT_EQ(fetch(8).size(), 1U);
}

TEST_F(EventQueue, AWakeEndsAWaitOnce)
{
    icn_event_queue_wake(&queue);
    EXPECT_TRUE(icn_event_queue_wait(&queue, IOCPNET_INFINITE));
    EXPECT_FALSE(icn_event_queue_wait(&queue, 0));
}

TEST_F(EventQueue, AWaitingConsumerSeesWhatAnotherThreadPublishes)
{
    icn_session *one = session(1);
    constexpr uint32_t total = 20000;
    std::thread producer([&] {
        for (uint32_t i = 0; i < total; i++) {
            ASSERT_TRUE(receive(one, std::to_string(i)));
            icn_event_queue_publish(&queue);
        }
    });
    uint32_t next = 0;
    while (next < total) {
        icn_event_queue_reclaim(&queue);
        const std::vector<iocpnet_event> events = fetch(64);
        for (const iocpnet_event &event : events) {
            ASSERT_EQ(bytes_of(event), std::to_string(next));
            next++;
        }
        if (events.empty()) {
            (void)icn_event_queue_wait(&queue, IOCPNET_INFINITE);
        }
    }
    producer.join();
    EXPECT_EQ(icn_event_queue_bytes(&queue), 0U);
}

} // namespace

/* What a port receives lands where its record will be. */
class LandingQueue : public EventQueue
{
protected:
    static constexpr uint32_t most = 4096;

    void SetUp() override
    {
        EventQueue::SetUp();
        icn_event_queue_receive_directly(&queue, &landing, own, most);
    }

    void TearDown() override
    {
        EventQueue::TearDown();
        EXPECT_EQ(landing, static_cast<void *>(own));
    }

    icn_event_landing land(icn_session *from, const std::string &bytes)
    {
        std::memcpy(landing, bytes.data(), bytes.size());
        const icn_event_landing landed =
            icn_event_queue_append_landed(&queue, from, landing, static_cast<uint32_t>(bytes.size()));
        if (landed == ICN_EVENT_LANDED_LAST) {
            icn_event_queue_land_elsewhere(&queue);
        }
        return landed;
    }

    char own[most];
    void *landing = own;
};

TEST_F(LandingQueue, BytesStayWhereTheyLanded)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "first"));
    const void *place = landing;
    ASSERT_EQ(land(one, "second"), ICN_EVENT_LANDED);
    ASSERT_TRUE(receive(one, "third"));
    icn_event_queue_publish(&queue);
    const std::vector<iocpnet_event> events = fetch(8);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[1].data, place);
    EXPECT_EQ(bytes_of(events[0]) + bytes_of(events[1]) + bytes_of(events[2]), "firstsecondthird");
}

TEST_F(LandingQueue, WhatIsInThePortsOwnMemoryHasToBeCopied)
{
    EXPECT_EQ(land(session(1), "first"), ICN_EVENT_NOT_LANDED);
}

TEST_F(LandingQueue, BlocksAreFollowedByOthersAndUsedAgain)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "0"));
    std::string sent;
    std::string fetched;
    for (uint32_t i = 0; i < 1000; i++) {
        const std::string bytes(static_cast<size_t>(i * 37 % most + 1), static_cast<char>('a' + i % 26));
        ASSERT_NE(land(one, bytes), ICN_EVENT_NOT_LANDED);
        sent += bytes;
        icn_event_queue_publish(&queue);
        icn_event_queue_reclaim(&queue);
        for (const iocpnet_event &event : fetch(8)) {
            fetched += bytes_of(event);
        }
        EXPECT_LE(icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER), 4U);
    }
    EXPECT_TRUE("0" + sent == fetched);
}

TEST_F(LandingQueue, SpareBlocksAreFreedWhenABatchDidWithoutThem)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "0"));
    for (int i = 0; i < 200; i++) {
        (void)land(one, std::string(most, 'x'));
    }
    icn_event_queue_publish(&queue);
    EXPECT_EQ(fetch(300).size(), 201U);
    EXPECT_GT(icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER), 10U);
    icn_event_queue_reclaim(&queue);
    icn_event_queue_reclaim(&queue);
    EXPECT_LE(icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER), 2U);
}

TEST_F(LandingQueue, WithoutMemoryReceivesLandInThePortsOwn)
{
    icn_session *one = session(1);
    ASSERT_TRUE(receive(one, "0"));
    icn_memory_fail(1, 1);
    while (land(one, std::string(most, 'x')) != ICN_EVENT_NOT_LANDED) {
    }
    icn_memory_fail(0, 0);
    EXPECT_EQ(landing, static_cast<void *>(own));
    ASSERT_TRUE(receive(one, std::string(most, 'y')));
    EXPECT_NE(landing, static_cast<void *>(own));
}

} // namespace unit_test
