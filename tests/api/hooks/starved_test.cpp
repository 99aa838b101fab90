/*
 * Sessions that starve beside a full event queue. Between the offer of its room and the look at it the queue can fill again:
 * rarely, so that the test makes the look itself.
 */
#include "support/api_fixture.hpp"

extern "C" {
#include "service/dispatcher.h"
#include "util/handle.h"
}

using namespace api_test;

namespace
{

class StarvedSessions : public PortTest
{
protected:
    /* What the loop does when somebody has found room in its queue. */
    static void offer_room(icn_dispatcher *dispatcher)
    {
        icn_loop_begin_driving(&dispatcher->loop);
        dispatcher->loop.kick_handlers[ICN_KICK_FEED](&dispatcher->feed_kick);
        icn_loop_end_driving(&dispatcher->loop);
    }

    /* Turns without a fetch, until the queue is full. */
    static bool fill(icn_dispatcher *dispatcher)
    {
        return wait_until([&] {
            icn_dispatcher_claim(dispatcher);
            icn_dispatcher_turn(dispatcher, 10);
            icn_dispatcher_leave(dispatcher);
            return icn_event_queue_is_full(&dispatcher->queue);
        });
    }
};
API_TEST_ON_EVERY_PORT(StarvedSessions);

TEST_P(StarvedSessions, AreFedOnceThereIsRoomAndNotBefore)
{
    Host host(host_batches(), [](auto &options) { options.event_queue_bytes_max = 1; });
    host.drive_by_hand();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(wait_until([&] { return host.drive_once(0, 10) > 0; })) << "no CONNECTED";
    auto *service = static_cast<icn_service *>(icn_handle_pin(host.service(), ICN_HANDLE_SERVICE));
    icn_dispatcher *dispatcher = &service->dispatchers[0];
    EXPECT_TRUE(peer.send("first"));
    EXPECT_TRUE(fill(dispatcher));
    EXPECT_TRUE(dispatcher->loop.starved);
    offer_room(dispatcher);
    EXPECT_TRUE(dispatcher->loop.starved) << "the queue is full";
    EXPECT_TRUE(peer.send("second"));
    const bool all = wait_until([&] { return host.drive_once(0, 10) >= 0 && host.recorder().received_bytes() == 11; });
    EXPECT_TRUE(all) << "sessions starve though there is room";
    icn_handle_unpin(host.service());
}

} // namespace
