/* The functions that the library's system calls were redirected to: each is the call itself, or a fault. */
#include "fault/faults.hpp"
#include "fault/ring_faults.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fault_test
{

namespace
{

std::mutex mutex;
std::vector<Fault *> faults;
std::atomic<bool> any_fault{false};

} // namespace

Fault::Fault(Call call, int error, uint32_t times, uint32_t skip)
    : call_(call), error_(error), times_(times), skip_(skip)
{
    const std::lock_guard<std::mutex> guard(mutex);
    faults.push_back(this);
    any_fault = true;
}

Fault::~Fault()
{
    const std::lock_guard<std::mutex> guard(mutex);
    faults.erase(std::find(faults.begin(), faults.end(), this));
    any_fault = !faults.empty();
}

uint32_t Fault::failed() const
{
    const std::lock_guard<std::mutex> guard(mutex);
    return failed_;
}

uint32_t Fault::seen() const
{
    const std::lock_guard<std::mutex> guard(mutex);
    return seen_;
}

bool has_faults()
{
    return any_fault;
}

int take_fault(Call call)
{
    if (!any_fault) {
        return 0;
    }
    const std::lock_guard<std::mutex> guard(mutex);
    for (Fault *fault : faults) {
        if (fault->call_ != call) {
            continue;
        }
        fault->seen_++;
        if (fault->skip_ > 0) {
            fault->skip_--;
        } else if (fault->failed_ < fault->times_) {
            fault->failed_++;
            return fault->error_;
        }
    }
    return 0;
}

/* True, with errno set, when the call is to fail. */
static bool fails(Call call)
{
    const int error = take_fault(call);
    if (error != 0) {
        errno = error;
    }
    return error != 0;
}

} // namespace fault_test

using fault_test::Call;
using fault_test::fails;

extern "C" {

int faulty_accept4(int socket, sockaddr *address, socklen_t *length, int flags)
{
    return fails(Call::accept4) ? -1 : accept4(socket, address, length, flags);
}

int faulty_bind(int socket, const sockaddr *address, socklen_t length)
{
    return fails(Call::bind) ? -1 : bind(socket, address, length);
}

int faulty_close(int descriptor)
{
    const int result = close(descriptor);
    return fails(Call::close) ? -1 : result;
}

int faulty_connect(int socket, const sockaddr *address, socklen_t length)
{
    const int error = fault_test::take_fault(address->sa_family != AF_UNSPEC ? Call::connect : Call::disconnect);
    if (error == 0 || error == EINTR) {
        const int result = connect(socket, address, length);
        errno = error != 0 ? error : errno;
        return error != 0 ? -1 : result;
    }
    errno = error;
    return -1;
}

int faulty_epoll_create1(int flags)
{
    return fails(Call::epoll_create1) ? -1 : epoll_create1(flags);
}

int faulty_epoll_ctl(int epoll, int operation, int descriptor, epoll_event *event)
{
    return operation == EPOLL_CTL_ADD && fails(Call::epoll_ctl) ? -1 : epoll_ctl(epoll, operation, descriptor, event);
}

int faulty_epoll_wait(int epoll, epoll_event *events, int capacity, int timeout)
{
    return fails(Call::epoll_wait) ? -1 : epoll_wait(epoll, events, capacity, timeout);
}

int faulty_eventfd(unsigned int count, int flags)
{
    return fails(Call::eventfd) ? -1 : eventfd(count, flags);
}

int faulty_getpeername(int socket, sockaddr *address, socklen_t *length)
{
    return fails(Call::getpeername) ? -1 : getpeername(socket, address, length);
}

int faulty_getsockname(int socket, sockaddr *address, socklen_t *length)
{
    return fails(Call::getsockname) ? -1 : getsockname(socket, address, length);
}

int faulty_getsockopt(int socket, int level, int name, void *value, socklen_t *length)
{
    if (fails(Call::getsockopt)) {
        return -1;
    }
    const int result = getsockopt(socket, level, name, value, length);
    const int error = fault_test::take_fault(Call::pending_error);
    if (error != 0) {
        *static_cast<int *>(value) = error;
    }
    return result;
}

int faulty_listen(int socket, int backlog)
{
    return fails(Call::listen) ? -1 : listen(socket, backlog);
}

void *faulty_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    if (fails(Call::mmap)) {
        return MAP_FAILED;
    }
    void *const mapped = mmap(address, length, protection, flags, descriptor, offset);
    fault_test::ring_mapped(descriptor, offset, mapped);
    return mapped;
}

int faulty_open(const char *path, int flags)
{
    return fails(Call::open) ? -1 : open(path, flags);
}

int faulty_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    const int error = fault_test::take_fault(Call::pthread_create);
    return error != 0 ? error : pthread_create(thread, attributes, run, argument);
}

ssize_t faulty_recv(int socket, void *data, size_t size, int flags)
{
    return fails(Call::recv) ? -1 : recv(socket, data, size, flags);
}

ssize_t faulty_send(int socket, const void *data, size_t size, int flags)
{
    return fails(Call::send) ? -1 : send(socket, data, size, flags);
}

ssize_t faulty_sendmsg(int socket, const msghdr *message, int flags)
{
    return fails(Call::sendmsg) ? -1 : sendmsg(socket, message, flags);
}

int faulty_setsockopt(int socket, int level, int name, const void *value, socklen_t length)
{
    return fails(Call::setsockopt) ? -1 : setsockopt(socket, level, name, value, length);
}

int faulty_shutdown(int socket, int how)
{
    return fails(how == SHUT_WR ? Call::shutdown : Call::stop_listening) ? -1 : shutdown(socket, how);
}

int faulty_socket(int domain, int type, int protocol)
{
    return fails(Call::socket) ? -1 : socket(domain, type, protocol);
}

ssize_t faulty_write(int descriptor, const void *data, size_t size)
{
    return fails(Call::write) ? -1 : write(descriptor, data, size);
}

static bool ring_call_fails(long number)
{
    switch (number) {
    case SYS_io_uring_setup:
        return fails(Call::io_uring_setup);
    case SYS_io_uring_enter:
        return fails(Call::io_uring_enter);
    default:
        return fails(Call::io_uring_register);
    }
}

static void before(long number, const long *arguments)
{
    if (number == SYS_io_uring_enter) {
        fault_test::ring_submits(static_cast<int>(arguments[0]), static_cast<uint32_t>(arguments[1]));
    }
}

static void after(long number, const long *arguments, long result)
{
    if (number == SYS_io_uring_enter) {
        fault_test::ring_entered(static_cast<int>(arguments[0]));
    } else if (number == SYS_io_uring_setup && result >= 0) {
        fault_test::ring_set_up(static_cast<int>(result), reinterpret_cast<const io_uring_params *>(arguments[1]));
    }
}

/* The library makes those of io_uring, with six arguments at most. */
long faulty_syscall(long number, ...)
{
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (long &argument : arguments) {
        argument = va_arg(list, long);
    }
    va_end(list);
    if (ring_call_fails(number)) {
        return -1;
    }
    before(number, arguments);
    const long result =
        syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    const int error = errno;
    after(number, arguments, result);
    errno = error;
    return result;
}

} // extern "C"
