#include "stress/wire.hpp"

#include <cstdlib>
#include <cstring>
#include <utility>

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
using socklen_type = int;
using io_size = int;
#else
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
using socklen_type = socklen_t;
using io_size = size_t;
#endif

namespace stress
{

namespace
{

/* A first segment that was lost, or met what is left of an older connection, is sent again after one second. */
constexpr int connect_limit_ms = 5000;

#if defined(_WIN32)
constexpr int no_signal = 0;
constexpr int shutdown_how = SD_SEND;

void close_handle(uintptr_t handle)
{
    closesocket(handle);
}

bool would_block()
{
    return WSAGetLastError() == WSAEWOULDBLOCK;
}

void set_up(uintptr_t handle)
{
    u_long on = 1;
    ioctlsocket(handle, static_cast<long>(FIONBIO), &on);
    SetHandleInformation(reinterpret_cast<HANDLE>(handle), HANDLE_FLAG_INHERIT, 0);
}

int poll_one(uintptr_t handle, short what, int wait_ms)
{
    WSAPOLLFD entry = {handle, what, 0};
    return WSAPoll(&entry, 1, wait_ms);
}
#else
constexpr int no_signal = MSG_NOSIGNAL;
constexpr int shutdown_how = SHUT_WR;

void close_handle(int handle)
{
    ::close(handle);
}

bool would_block()
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS || errno == EINTR;
}

void set_up(int handle)
{
    fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
}

int poll_one(int handle, short what, int wait_ms)
{
    pollfd entry = {handle, what, 0};
    return poll(&entry, 1, wait_ms);
}
#endif

sockaddr_in parse(const std::string &address)
{
    const size_t colon = address.rfind(':');
    sockaddr_in parsed = {};
    parsed.sin_family = AF_INET;
    parsed.sin_port = htons(static_cast<uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10)));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &parsed.sin_addr);
    return parsed;
}

std::string format(const sockaddr_in &address)
{
    char host[32] = "";
    inet_ntop(AF_INET, const_cast<in_addr *>(&address.sin_addr), host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(address.sin_port));
}

template <typename Handle>
bool connected(Handle handle)
{
    int error = 0;
    socklen_type size = sizeof error;
    return poll_one(handle, POLLOUT, connect_limit_ms) > 0 &&
           getsockopt(handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char *>(&error), &size) == 0 && error == 0;
}

/* The other end's send buffer follows from the size of the segments that this one takes. */
template <typename Handle>
void make_narrow(Handle handle)
{
    const int bytes = 8192;
    setsockopt(handle, SOL_SOCKET, SO_RCVBUF, reinterpret_cast<const char *>(&bytes), sizeof bytes);
    setsockopt(handle, SOL_SOCKET, SO_SNDBUF, reinterpret_cast<const char *>(&bytes), sizeof bytes);
#if defined(__linux__)
    const int segment = 1000;
    setsockopt(handle, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
#endif
}

} // namespace

Wire Wire::make(Width width)
{
#if defined(_WIN32)
    static const int started = [] {
        WSADATA data;
        return WSAStartup(MAKEWORD(2, 2), &data);
    }();
    static_cast<void>(started);
    Wire made(::socket(AF_INET, SOCK_STREAM, 0));
#else
    Wire made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
#endif
    if (made.is_open()) {
        set_up(made.handle_);
    }
    if (made.is_open() && width == Width::narrow) {
        make_narrow(made.handle_);
    }
    return made;
}

Wire Wire::listen(int backlog, Width width)
{
    Wire made = make(width);
    const sockaddr_in any = parse("127.0.0.1:0");
    if (made.is_open() && (::bind(made.handle_, reinterpret_cast<const sockaddr *>(&any), sizeof any) != 0 ||
                           ::listen(made.handle_, backlog) != 0)) {
        made.close();
    }
    return made;
}

Wire Wire::connect(const std::string &address, const std::string &source, Width width)
{
    Wire made = make(width);
    if (!made.is_open()) {
        return made;
    }
    if (!source.empty()) {
        const sockaddr_in from = parse(source + ":0");
        static_cast<void>(::bind(made.handle_, reinterpret_cast<const sockaddr *>(&from), sizeof from));
    }
    const sockaddr_in to = parse(address);
    const bool at_once = ::connect(made.handle_, reinterpret_cast<const sockaddr *>(&to), sizeof to) == 0;
    if (!at_once && (!would_block() || !connected(made.handle_))) {
        made.close();
    }
    return made;
}

bool Wire::is_on_wine()
{
#if defined(_WIN32)
    const HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    return ntdll != nullptr && GetProcAddress(ntdll, "wine_get_version") != nullptr;
#else
    return false;
#endif
}

Wire::Wire(Wire &&other) noexcept : handle_(std::exchange(other.handle_, none))
{
}

Wire &Wire::operator=(Wire &&other) noexcept
{
    if (this != &other) {
        close();
        handle_ = std::exchange(other.handle_, none);
    }
    return *this;
}

Wire Wire::accept(int wait_ms)
{
    if (!wait(true, false, wait_ms)) {
        return Wire();
    }
#if defined(_WIN32)
    Wire made(::accept(handle_, nullptr, nullptr));
#else
    Wire made(::accept4(handle_, nullptr, nullptr, SOCK_CLOEXEC));
#endif
    if (made.is_open()) {
        set_up(made.handle_);
    }
    return made;
}

std::string Wire::local_address() const
{
    sockaddr_in address = {};
    socklen_type size = sizeof address;
    const int result = getsockname(handle_, reinterpret_cast<sockaddr *>(&address), &size);
    return result == 0 ? format(address) : "";
}

std::string Wire::remote_address() const
{
    sockaddr_in address = {};
    socklen_type size = sizeof address;
    const int result = getpeername(handle_, reinterpret_cast<sockaddr *>(&address), &size);
    return result == 0 ? format(address) : "";
}

Wire::Result Wire::send(const char *data, size_t size, size_t *sent)
{
    const auto result = ::send(handle_, data, static_cast<io_size>(size), no_signal);
    *sent = result > 0 ? static_cast<size_t>(result) : 0;
    if (result >= 0) {
        return Result::ok;
    }
    return would_block() ? Result::again : Result::broken;
}

Wire::Result Wire::receive(char *data, size_t capacity, size_t *received)
{
    const auto result = ::recv(handle_, data, static_cast<io_size>(capacity), 0);
    *received = result > 0 ? static_cast<size_t>(result) : 0;
    if (result >= 0) {
        return result == 0 ? Result::end : Result::ok;
    }
    return would_block() ? Result::again : Result::broken;
}

bool Wire::wait(bool readable, bool writable, int wait_ms) const
{
    return poll_one(handle_, static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)), wait_ms) > 0;
}

void Wire::shutdown_send()
{
    ::shutdown(handle_, shutdown_how);
}

void Wire::close()
{
    if (is_open()) {
        close_handle(std::exchange(handle_, none));
    }
}

void Wire::reset()
{
    const linger at_once = {1, 0};
    setsockopt(handle_, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char *>(&at_once), sizeof at_once);
    close();
}

} // namespace stress
