/* The host's own allocator. It is set once in a process, so each test is a process of its own. */
#include <cstdlib>
#include <map>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

/* Blocks that are out, with their sizes; the n-th allocation fails on demand. */
struct Heap {
    static void *IOCPNET_CALL allocate(uint64_t size, void *user)
    {
        auto *heap = static_cast<Heap *>(user);
        const std::lock_guard<std::mutex> lock(heap->mutex);
        heap->calls++;
        if (heap->fail_at != 0 && (heap->calls == heap->fail_at || (heap->fail_after && heap->calls > heap->fail_at))) {
            heap->failed++;
            return nullptr;
        }
        void *memory = std::malloc(static_cast<size_t>(size)); /* aligned to 16 on every system of 64 bits */
        heap->blocks[memory] = size;
        return memory;
    }

    static void IOCPNET_CALL release(void *memory, uint64_t size, void *user)
    {
        auto *heap = static_cast<Heap *>(user);
        const std::lock_guard<std::mutex> lock(heap->mutex);
        const auto found = heap->blocks.find(memory);
        if (found == heap->blocks.end() || found->second != size) {
            heap->mistakes++;
            return;
        }
        heap->blocks.erase(found);
        std::free(memory);
    }

    int32_t install()
    {
        iocpnet_allocator allocator;
        iocpnet_allocator_init(&allocator, sizeof allocator);
        allocator.allocate = allocate;
        allocator.release = release;
        allocator.user = this;
        return iocpnet_set_allocator(&allocator);
    }

    void fail(uint64_t at, bool and_after)
    {
        const std::lock_guard<std::mutex> lock(mutex);
        calls = 0;
        failed = 0;
        fail_at = at;
        fail_after = and_after;
    }

    uint64_t out()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        return blocks.size();
    }

    std::mutex mutex;
    std::map<void *, uint64_t> blocks;
    uint64_t calls = 0;
    uint64_t fail_at = 0; /* 0: never */
    bool fail_after = false;
    uint64_t failed = 0;
    uint64_t mistakes = 0;
};

Heap heap;

/* No object of the library is alive. */
bool nothing_is_alive()
{
    iocpnet_live_objects live = {};
    iocpnet_count_live_objects(&live, sizeof live);
    return live.services == 0 && live.listeners == 0 && live.sessions == 0 && live.operations == 0 &&
           live.buffers == 0 && live.descriptors == 0 && live.allocations == 0 && live.allocated_bytes == 0;
}

/* Echo over a service and back, with large and small sends and a close text. */
bool live_a_life(const Mode &mode)
{
    Host host(mode);
    host.echo();
    const std::string address = host.listen();
    if (host.start() != IOCPNET_OK) {
        return false;
    }
    Socket peer = Socket::connect(address);
    const std::string bytes(200000, 'x');
    const bool echoed = peer.send(bytes) && peer.receive(bytes.size()) == bytes;
    return echoed && disconnect(host.recorder().nth(0), IOCPNET_DISCONNECT_ABORT, 0, 0, "text") == IOCPNET_OK &&
           host.wait_disconnected(1);
}

Mode mode_of(const std::vector<std::string> &arguments)
{
    return {static_cast<uint32_t>(std::stoul(arguments[0])), static_cast<uint32_t>(std::stoul(arguments[1])),
            static_cast<uint32_t>(std::stoul(arguments[2]))};
}

int play_balanced(const std::vector<std::string> &arguments)
{
    ROLE_REQUIRE(heap.install() == IOCPNET_OK);
    ROLE_REQUIRE(live_a_life(mode_of(arguments)));
    ROLE_REQUIRE(nothing_is_alive());
    ROLE_REQUIRE(heap.calls > 0);
    /* The table of handles is kept, and does not grow. */
    const uint64_t kept = heap.out();
    for (int i = 0; i < 5; i++) {
        ROLE_REQUIRE(live_a_life(mode_of(arguments)));
        ROLE_REQUIRE(nothing_is_alive());
    }
    ROLE_REQUIRE(heap.out() == kept);
    ROLE_REQUIRE(heap.mistakes == 0);
    return 0;
}
const RoleRegistration balanced_role("allocator_balanced", play_balanced);

int play_once(const std::vector<std::string> &)
{
    iocpnet_allocator incomplete;
    iocpnet_allocator_init(&incomplete, sizeof incomplete);
    incomplete.allocate = Heap::allocate;
    ROLE_REQUIRE(iocpnet_set_allocator(&incomplete) == IOCPNET_E_INVALID_ARGUMENT);
    incomplete.allocate = nullptr;
    incomplete.release = Heap::release;
    ROLE_REQUIRE(iocpnet_set_allocator(&incomplete) == IOCPNET_E_INVALID_ARGUMENT);
    ROLE_REQUIRE(heap.install() == IOCPNET_OK);
    ROLE_REQUIRE(heap.install() == IOCPNET_E_INVALID_STATE);
    return 0;
}
const RoleRegistration once_role("allocator_once", play_once);

int play_late(const std::vector<std::string> &)
{
    iocpnet_service service = 0;
    ROLE_REQUIRE(iocpnet_service_create(nullptr, &service) == IOCPNET_OK);
    ROLE_REQUIRE(heap.install() == IOCPNET_E_INVALID_STATE);
    ROLE_REQUIRE(iocpnet_service_destroy(service) == IOCPNET_OK);
    ROLE_REQUIRE(heap.calls == 0);
    return 0;
}
const RoleRegistration late_role("allocator_late", play_late);

/* As much of a life as memory allows; every call may fail with NO_MEMORY, and the peer may be closed instead of served. */
void try_to_live(const Mode &mode)
{
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_session session = 0;
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = mode.port;
    if (iocpnet_service_create(&options, &service) != IOCPNET_OK) {
        return;
    }
    iocpnet_service_set_callback(
        service, IOCPNET_EVENT_RECEIVED,
        [](const iocpnet_event *event, void *) {
            if (iocpnet_session_send(event->session, event->data, event->size) != IOCPNET_OK) {
                iocpnet_session_disconnect(event->session, nullptr);
            }
        },
        nullptr);
    iocpnet_service_set_callback(
        service, IOCPNET_EVENT_CONNECT_FAILED, [](const iocpnet_event *, void *) {}, nullptr);
    if (iocpnet_listener_open(service, "127.0.0.1:0", nullptr, &listener) == IOCPNET_OK &&
        iocpnet_service_start(service) == IOCPNET_OK) {
        const std::string address = session_address(iocpnet_listener_address, listener);
        Socket peer = Socket::connect(address);
        peer.send("x");
        peer.receive(1); /* the echo, or the end */
        if (iocpnet_session_connect(service, address.c_str(), nullptr, &session) == IOCPNET_OK) {
            disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 50, 1, "a text that needs memory");
        }
    }
    iocpnet_service_stop(service, 50, nullptr);
    iocpnet_service_destroy(service);
}

int play_failing(const std::vector<std::string> &arguments)
{
    const bool for_ever = arguments[3] == "1";
    ROLE_REQUIRE(heap.install() == IOCPNET_OK);
    uint64_t n = 0;
    do {
        heap.fail(++n, for_ever);
        try_to_live(mode_of(arguments));
        if (!nothing_is_alive() || heap.mistakes != 0) {
            std::fprintf(stderr, "after the failure of allocation %llu\n", static_cast<unsigned long long>(n));
            return 7;
        }
    } while (heap.failed != 0 && n < 300);
    heap.fail(0, false);
    ROLE_REQUIRE(live_a_life(mode_of(arguments)));
    std::printf("each of %llu allocations failed\n", static_cast<unsigned long long>(n - 1));
    return n < 300 ? 0 : 9;
}
const RoleRegistration failing_role("allocator_failing", play_failing);

std::string role_of(const char *name, const Mode &mode)
{
    return std::string(name) + " " + std::to_string(mode.port) + " " + std::to_string(mode.driving) + " " +
           std::to_string(mode.delivery);
}

class Allocator : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Allocator);

class FailingAllocator : public PortTest
{
};
API_TEST_ON_EVERY_PORT(FailingAllocator);

TEST_P(Allocator, EveryBlockComesBackWithItsSize)
{
    EXPECT_EQ(0, Process::start_role(role_of("allocator_balanced", GetParam())).wait());
}

TEST(AllocatorOnce, IsCompleteAndSetOnce)
{
    EXPECT_EQ(0, Process::start_role("allocator_once").wait());
}

TEST(AllocatorOnce, IsRefusedOnceMemoryIsInUse)
{
    EXPECT_EQ(0, Process::start_role("allocator_late").wait());
}

TEST_P(FailingAllocator, AnyAllocationMayFailOnce)
{
    EXPECT_EQ(0, Process::start_role(role_of("allocator_failing", callbacks()) + " 0").wait());
}

TEST_P(FailingAllocator, AnyAllocationMayFailAndAllAfterIt)
{
    EXPECT_EQ(0, Process::start_role(role_of("allocator_failing", callbacks()) + " 1").wait());
}

} // namespace
