#include "load/loop.hpp"

#include <unistd.h>

#include "load/clock.hpp"
#include "load/failure.hpp"

namespace bench
{

Loop::Loop() : descriptor_(epoll_create1(EPOLL_CLOEXEC))
{
    if (descriptor_ < 0) {
        throw Failure(with_errno("epoll_create1"));
    }
}

Loop::~Loop()
{
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

const epoll_event *Loop::wait(uint64_t timeout_ns, uint32_t &count)
{
    const timespec timeout{static_cast<time_t>(timeout_ns / ns_per_second),
                           static_cast<long>(timeout_ns % ns_per_second)};
    const int found = epoll_pwait2(descriptor_, events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
    if (found < 0 && errno != EINTR) {
        throw Failure(with_errno("epoll_pwait2"));
    }
    count = found < 0 ? 0 : static_cast<uint32_t>(found);
    return events_.data();
}

} // namespace bench
