/* The threads of a host that drive its dispatchers, or poll them. */
#include <array>

#include "stress/check.hpp"
#include "stress/host.hpp"
#include "stress/watchdog.hpp"

namespace stress
{

namespace
{

/* One of the batches of this thread is being handled, and what it points to read. */
thread_local bool reading = false;

} // namespace

/* The first threads have a dispatcher each, where they may wait for ever; the others roam. */
void Host::drive(uint32_t thread)
{
    Random random(derive(seed_, part_driver, thread));
    const bool owns = thread < options_.dispatcher_count;
    for (;;) {
        const bool stays = owns && random.chance(90);
        const uint32_t dispatcher = stays ? thread : random.below(options_.dispatcher_count);
        const uint32_t timeout_ms = stays && random.chance(50) ? IOCPNET_INFINITE : random.below(6);
        const int32_t status = drive_once(random, dispatcher, timeout_ms);
        if (status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE) {
            return;
        }
        if (status < 0) {
            world_.expect("driving", status, {IOCPNET_E_BUSY});
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(500)));
        }
    }
}

int32_t Host::drive_once(Random &random, uint32_t dispatcher, uint32_t timeout_ms)
{
    if (is_batches()) {
        return poll(random, dispatcher, timeout_ms);
    }
    const Doing doing("dispatch");
    return iocpnet_service_dispatch(service_, dispatcher, timeout_ms);
}

/* Nobody else polls the dispatcher until the events are handled. */
int32_t Host::poll(Random &random, uint32_t dispatcher, uint32_t timeout_ms)
{
    const Doing doing("poll");
    std::array<iocpnet_event, 64> events;
    const uint32_t capacity = random.between(1, events.size());
    const std::unique_lock<std::mutex> lock(poll_mutex_[dispatcher], std::try_to_lock);
    if (!lock.owns_lock()) {
        return IOCPNET_E_BUSY;
    }
    const bool was_gone = gone_;
    const int32_t count = iocpnet_service_poll(service_, dispatcher, events.data(), capacity, timeout_ms);
    if (count > static_cast<int32_t>(capacity) || (was_gone && count >= 0)) {
        violate("poll gave " + std::to_string(count) + ": " + describe());
        return IOCPNET_E_CLOSED;
    }
    /* A destroy that is next would end what the events point to: then they count as discarded. */
    if (count <= 0 || !begin_reading()) {
        return count;
    }
    for (int32_t i = 0; i < count && reading; i++) {
        handle(events[static_cast<size_t>(i)]);
    }
    end_reading();
    return count;
}

bool Host::begin_reading()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    if (memory_ends_) {
        return false;
    }
    readers_++;
    reading = true;
    return true;
}

void Host::end_reading()
{
    if (reading) {
        const std::lock_guard<std::mutex> lock(mutex_);
        readers_--;
        reading = false;
        changed_.notify_all();
    }
}

} // namespace stress
