#include "load/loop.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include "load/clock.hpp"
#include "load/failure.hpp"

namespace bench
{

Loop::Loop()
    : descriptor_(epoll_create1(EPOLL_CLOEXEC)), timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))
{
    if (descriptor_ < 0 || timer_ < 0) {
        throw Failure(with_errno("epoll_create1 or timerfd_create"));
    }
    add(timer_, timer_index);
}

Loop::~Loop()
{
    close(timer_);
    close(descriptor_);
}

void Loop::add(int descriptor, uint32_t index)
{
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u32 = index;
    if (epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        throw Failure(with_errno("epoll_ctl"));
    }
}

void Loop::run_timer(bool on)
{
    const timespec period{0, on ? static_cast<long>(timer_ns) : 0};
    const itimerspec times{period, period};
    timerfd_settime(timer_, 0, &times, nullptr);
}

void Loop::take_timer()
{
    uint64_t count = 0;
    if (read(timer_, &count, sizeof count) < 0 && errno != EAGAIN) {
        throw Failure(with_errno("timer"));
    }
}

const epoll_event *Loop::wait(uint64_t timeout_ns, uint32_t &count)
{
    const int size = static_cast<int>(events_.size());
    int found = 0;
    if (timeout_ns == 0 || timeout_ns == forever) {
        found = epoll_wait(descriptor_, events_.data(), size, timeout_ns == 0 ? 0 : -1);
    } else {
        const timespec timeout{static_cast<time_t>(timeout_ns / ns_per_second),
                               static_cast<long>(timeout_ns % ns_per_second)};
        found = epoll_pwait2(descriptor_, events_.data(), size, &timeout, nullptr);
    }
    if (found < 0 && errno != EINTR) {
        throw Failure(with_errno("epoll_wait"));
    }
    count = found < 0 ? 0 : static_cast<uint32_t>(found);
    return events_.data();
}

} // namespace bench
