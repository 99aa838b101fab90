/*
 * A send takes room in the queue before it finds no memory, and gives it back. Who was refused for that room meanwhile has to
 * hear of it. The host's allocator is where the other send is made, so that it comes just then; it is set once in a process.
 */
#include <cstdlib>
#include <functional>
#include <thread>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t queue_max = 1000;
constexpr uint64_t queue_low = 100;

/* Refuses one allocation of a thread, once something has been done. */
struct Refusal {
    std::atomic<bool> armed{false};
    std::thread::id of;
    std::function<void()> meanwhile;
};
Refusal refusal;

void *IOCPNET_CALL allocate(uint64_t size, void *)
{
    if (refusal.armed && std::this_thread::get_id() == refusal.of) {
        refusal.armed = false;
        refusal.meanwhile();
        return nullptr;
    }
    return std::malloc(static_cast<size_t>(size));
}

void IOCPNET_CALL release(void *memory, uint64_t, void *)
{
    std::free(memory);
}

void IOCPNET_CALL count_job(const iocpnet_event *, void *argument)
{
    ++*static_cast<std::atomic<uint32_t> *>(argument);
}

/* Twice: the second one is looked at after all that was asked for before the first one. */
bool dispatcher_looks(iocpnet_session session)
{
    std::atomic<uint32_t> ran{0};
    for (uint32_t i = 1; i <= 2; i++) {
        if (iocpnet_session_post(session, count_job, &ran) != IOCPNET_OK || !wait_until([&] { return ran == i; })) {
            return false;
        }
    }
    return true;
}

int play_room_given_back(const std::vector<std::string> &arguments)
{
    iocpnet_allocator allocator;
    iocpnet_allocator_init(&allocator, sizeof allocator);
    allocator.allocate = allocate;
    allocator.release = release;
    ROLE_REQUIRE(iocpnet_set_allocator(&allocator) == IOCPNET_OK);
    Host host(
        Mode{static_cast<uint32_t>(std::stoul(arguments[0])), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS},
        [](iocpnet_service_options &options) {
            options.send_queue_bytes_max = queue_max;
            options.send_queue_bytes_low = queue_low;
        });
    const std::string address = host.listen();
    ROLE_REQUIRE(host.start() == IOCPNET_OK);
    Socket peer = Socket::connect(address);
    ROLE_REQUIRE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    int32_t refused = IOCPNET_OK;
    bool looked = false;
    refusal.of = std::this_thread::get_id();
    refusal.meanwhile = [&] {
        std::thread([&] {
            refused = host.send(session, std::string(2 * queue_low, 'x'));
            looked = dispatcher_looks(session);
        }).join();
    };
    refusal.armed = true;
    ROLE_REQUIRE(host.send(session, std::string(queue_max - queue_low, 'x')) == IOCPNET_E_NO_MEMORY);
    ROLE_REQUIRE(refused == IOCPNET_E_WOULD_BLOCK && looked);
    ROLE_REQUIRE(host.wait([](const Records &records) { return records.counts[IOCPNET_EVENT_WRITABLE] == 1; }));
    return 0;
}
const RoleRegistration room_given_back_role("memory_room_given_back", play_room_given_back);

class RoomGivenBack : public PortTest
{
};
API_TEST_ON_EVERY_PORT(RoomGivenBack);

TEST_P(RoomGivenBack, IsToldToWhoWasRefusedForIt)
{
    EXPECT_EQ(0, Process::start_role("memory_room_given_back " + std::to_string(GetParam())).wait());
}

} // namespace
