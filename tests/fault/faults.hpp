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
    disconnect, /* a connect without a family: it takes a connection back */
    epoll_create1,
    epoll_ctl, /* EPOLL_CTL_ADD: taking off what was put on has no error, nor have munmap and sem_init here */
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
    stop_listening, /* a shutdown of both directions */
    socket,
    write,
    close,
    io_uring_setup,
    io_uring_enter,
    io_uring_register,
    /* Not a call of its own: the error that SO_ERROR has for a connect. */
    pending_error,
    /* Requests that are in the submission queue when io_uring_enter is called: they complete with the error. */
    ring_accept,
    ring_connect, /* the poll that waits for it */
    ring_receive,
    ring_room, /* the poll of a send that found the socket full */
    ring_wake, /* the poll of what wakes the port */
    ring_cancel
};

/* In place of an error: a request of an io_uring that goes on by itself (multishot) ends after its first completion. */
constexpr int single_shot = -1;

/*
 * While it lives a call fails with an error, without being made: `times` times, after `skip` of them that are made as
 * usual. (A connect that fails with EINTR, and a close, are made all the same.) Of several faults of one call the first
 * that is left strikes. The names of the calls are those of the manual pages, and so are the errors.
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
    friend bool has_faults();

    const Call call_;
    const int error_;
    uint32_t times_;
    uint32_t skip_;
    uint32_t failed_ = 0;
    uint32_t seen_ = 0;
};

/* The error of a fault that this call meets, or 0. For the functions that stand in for the calls. */
int take_fault(Call call);

/* False when no fault lives. */
bool has_faults();

} // namespace fault_test
