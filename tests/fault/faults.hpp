/*
 * Faults: system calls of the library that fail on demand. Calls of the tests themselves, and of the language's run-time
 * library, never do. Linux only. Any thread.
 */
#pragma once

#include <cstdint>

namespace fault_test
{

enum class Call {
    accept4,
    bind,
    connect,
    epoll_create1,
    epoll_ctl,
    epoll_wait,
    eventfd,
    getpeername,
    getsockname,
    getsockopt,
    listen,
    mmap,
    open,
    pthread_create,
    recv,
    send,
    sendmsg,
    setsockopt,
    shutdown,
    socket,
    io_uring_setup,
    io_uring_enter,
    io_uring_register
};

/*
 * While it lives a call fails with an error, without being made: `times` times, after `skip` of them that are made as
 * usual. Several faults of one call are looked at in the order in which they were made. The names of the calls are those
 * of the manual pages, and so are the errors.
 */
class Fault
{
public:
    static constexpr uint32_t for_ever = UINT32_MAX;

    Fault(Call call, int error, uint32_t times = for_ever, uint32_t skip = 0);
    Fault(const Fault &) = delete;
    Fault &operator=(const Fault &) = delete;
    ~Fault();

    /* How many calls have failed, and how many there were. */
    uint32_t failed() const;
    uint32_t seen() const;

private:
    friend int take_fault(Call call);

    const Call call_;
    const int error_;
    uint32_t times_;
    uint32_t skip_;
    uint32_t failed_ = 0;
    uint32_t seen_ = 0;
};

} // namespace fault_test
