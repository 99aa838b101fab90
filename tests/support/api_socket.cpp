#include "support/api_socket.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
using socklen_type = int;
#else
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
using socklen_type = socklen_t;
#endif

namespace api_test
{

namespace
{

#if defined(_WIN32)
constexpr int no_signal = 0;
using io_size = int;
constexpr uint32_t limit_ms = 20000;

void close_handle(uintptr_t handle)
{
    closesocket(handle);
}

void start_sockets()
{
    static const int started = [] {
        WSADATA data;
        return WSAStartup(MAKEWORD(2, 2), &data);
    }();
    static_cast<void>(started);
}

bool was_interrupted()
{
    return false;
}

bool was_reset()
{
    const int error = WSAGetLastError();
    return error == WSAECONNRESET || error == WSAECONNABORTED;
}

void set_blocking(uintptr_t handle, bool blocking)
{
    u_long value = blocking ? 0 : 1;
    ioctlsocket(handle, static_cast<long>(FIONBIO), &value);
}

int wait_for(uintptr_t handle, short what, int milliseconds)
{
    WSAPOLLFD entry = {handle, what, 0};
    return WSAPoll(&entry, 1, milliseconds);
}

void set_time_limits(uintptr_t handle)
{
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<const char *>(&limit_ms), sizeof limit_ms);
    setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, reinterpret_cast<const char *>(&limit_ms), sizeof limit_ms);
}
#else
constexpr int no_signal = MSG_NOSIGNAL;
using io_size = size_t;

void close_handle(int handle)
{
    ::close(handle);
}

void start_sockets()
{
}

/* A call with a time limit is not restarted by the system, even when no handler ran. */
bool was_interrupted()
{
    return errno == EINTR;
}

bool was_reset()
{
    return errno == ECONNRESET || errno == EPIPE || errno == ECONNABORTED;
}

void set_blocking(int handle, bool blocking)
{
    const int flags = fcntl(handle, F_GETFL);
    fcntl(handle, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int wait_for(int handle, short what, int milliseconds)
{
    pollfd entry = {handle, what, 0};
    return poll(&entry, 1, milliseconds);
}

void set_time_limits(int handle)
{
    const timeval limit = {20, 0};
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}
#endif

template <typename Call>
auto retried(const Call &call)
{
    auto result = call();
    while (result < 0 && was_interrupted()) {
        result = call();
    }
    return result;
}

template <typename Handle>
void set_option(Handle handle, int level, int option, int value)
{
    setsockopt(handle, level, option, reinterpret_cast<const char *>(&value), sizeof value);
}

template <typename Handle>
bool connect_to(Handle handle, const sockaddr *address, socklen_type size)
{
    if (::connect(handle, address, size) == 0) {
        return true;
    }
    if (!was_interrupted()) {
        return false;
    }
    /* It goes on by itself. */
    int error = 0;
    socklen_type error_size = sizeof error;
    retried([=] { return wait_for(handle, POLLOUT, 20000); });
    getsockopt(handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char *>(&error), &error_size);
    return error == 0;
}

/* Splits "host:port" and "[host]:port". */
socklen_type parse(const std::string &address, sockaddr_storage &storage)
{
    const size_t colon = address.rfind(':');
    const auto port = htons(static_cast<uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10)));
    std::memset(&storage, 0, sizeof storage);
    if (address[0] == '[') {
        auto *v6 = reinterpret_cast<sockaddr_in6 *>(&storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        inet_pton(AF_INET6, address.substr(1, colon - 2).c_str(), &v6->sin6_addr);
        return sizeof *v6;
    }
    auto *v4 = reinterpret_cast<sockaddr_in *>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &v4->sin_addr);
    return sizeof *v4;
}

std::string format(const sockaddr_storage &storage)
{
    char host[64] = "";
    if (storage.ss_family == AF_INET6) {
        const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(&storage);
        inet_ntop(AF_INET6, const_cast<in6_addr *>(&v6->sin6_addr), host, sizeof host);
        return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6->sin6_port));
    }
    const auto *v4 = reinterpret_cast<const sockaddr_in *>(&storage);
    inet_ntop(AF_INET, const_cast<in_addr *>(&v4->sin_addr), host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(v4->sin_port));
}

} // namespace

Socket Socket::listen(const char *host, int backlog)
{
    start_sockets();
    const bool v6 = std::strchr(host, ':') != nullptr;
    sockaddr_storage storage;
    const socklen_type size = parse(v6 ? "[" + std::string(host) + "]:0" : std::string(host) + ":0", storage);
    Socket made(static_cast<Handle>(::socket(storage.ss_family, SOCK_STREAM, 0)));
    if (!made.is_open() || ::bind(made.handle_, reinterpret_cast<sockaddr *>(&storage), size) != 0 ||
        ::listen(made.handle_, backlog) != 0) {
        made.close();
    }
    return made;
}

Socket Socket::connect(const std::string &address, int receive_buffer)
{
    start_sockets();
    sockaddr_storage storage;
    const socklen_type size = parse(address, storage);
    Socket made(static_cast<Handle>(::socket(storage.ss_family, SOCK_STREAM, 0)));
    if (made.is_open() && receive_buffer > 0) {
        set_option(made.handle_, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    }
    if (made.is_open() && !connect_to(made.handle_, reinterpret_cast<sockaddr *>(&storage), size)) {
        made.close();
    }
    if (made.is_open()) {
        set_time_limits(made.handle_);
    }
    return made;
}

Socket Socket::connect_from(const std::string &local, const std::string &address)
{
    start_sockets();
    sockaddr_storage own;
    sockaddr_storage remote;
    const socklen_type own_size = parse(local + ":0", own);
    const socklen_type remote_size = parse(address, remote);
    Socket made(static_cast<Handle>(::socket(own.ss_family, SOCK_STREAM, 0)));
    if (made.is_open() && (::bind(made.handle_, reinterpret_cast<sockaddr *>(&own), own_size) != 0 ||
                           !connect_to(made.handle_, reinterpret_cast<sockaddr *>(&remote), remote_size))) {
        made.close();
    }
    if (made.is_open()) {
        set_time_limits(made.handle_);
    }
    return made;
}

Socket Socket::connect_later(const std::string &address)
{
    start_sockets();
    sockaddr_storage storage;
    const socklen_type size = parse(address, storage);
    Socket made(static_cast<Handle>(::socket(storage.ss_family, SOCK_STREAM, 0)));
    if (made.is_open()) {
        set_blocking(made.handle_, false);
        static_cast<void>(::connect(made.handle_, reinterpret_cast<sockaddr *>(&storage), size));
        set_blocking(made.handle_, true);
        set_time_limits(made.handle_);
    }
    return made;
}

Socket::Socket(Socket &&other) noexcept : handle_(std::exchange(other.handle_, none)), end_(other.end_)
{
}

Socket &Socket::operator=(Socket &&other) noexcept
{
    if (this != &other) {
        close();
        handle_ = std::exchange(other.handle_, none);
        end_ = other.end_;
    }
    return *this;
}

Socket::~Socket()
{
    close();
}

Socket Socket::accept()
{
    if (!readable_within(20000)) {
        return Socket();
    }
    Socket made(static_cast<Handle>(::accept(handle_, nullptr, nullptr)));
    if (made.is_open()) {
        set_time_limits(made.handle_);
    }
    return made;
}

std::string Socket::address() const
{
    sockaddr_storage storage = {};
    socklen_type size = sizeof storage;
    getsockname(handle_, reinterpret_cast<sockaddr *>(&storage), &size);
    return format(storage);
}

std::string Socket::peer_address() const
{
    sockaddr_storage storage = {};
    socklen_type size = sizeof storage;
    getpeername(handle_, reinterpret_cast<sockaddr *>(&storage), &size);
    return format(storage);
}

bool Socket::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto piece = static_cast<io_size>(std::min<size_t>(bytes.size(), 1 << 20));
        const auto sent = retried([&] { return ::send(handle_, bytes.data(), piece, no_signal); });
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

size_t Socket::send_some(std::string_view bytes)
{
    set_blocking(handle_, false);
    const auto sent =
        retried([&] { return ::send(handle_, bytes.data(), static_cast<io_size>(bytes.size()), no_signal); });
    set_blocking(handle_, true);
    return sent > 0 ? static_cast<size_t>(sent) : 0;
}

bool Socket::writable_within(int milliseconds)
{
    return retried([&] { return wait_for(handle_, POLLOUT, milliseconds); }) > 0;
}

bool Socket::readable_within(int milliseconds)
{
    return retried([&] { return wait_for(handle_, POLLIN, milliseconds); }) > 0;
}

std::string Socket::receive_some(size_t size)
{
    std::string bytes(size, '\0');
    const auto received = retried([&] { return ::recv(handle_, bytes.data(), static_cast<io_size>(size), 0); });
    if (received == 0) {
        end_ = End::closed;
    } else if (received < 0 && was_reset()) {
        end_ = End::reset;
    }
    bytes.resize(received > 0 ? static_cast<size_t>(received) : 0);
    return bytes;
}

std::string Socket::receive(size_t size)
{
    std::string bytes;
    while (bytes.size() < size) {
        const std::string piece = receive_some(std::min<size_t>(size - bytes.size(), 1 << 16));
        if (piece.empty()) {
            break;
        }
        bytes += piece;
    }
    return bytes;
}

std::string Socket::receive_all()
{
    std::string bytes;
    for (;;) {
        const std::string piece = receive_some(1 << 16);
        if (piece.empty()) {
            return bytes;
        }
        bytes += piece;
    }
}

void Socket::shutdown_send()
{
#if defined(_WIN32)
    ::shutdown(handle_, SD_SEND);
#else
    ::shutdown(handle_, SHUT_WR);
#endif
}

void Socket::close()
{
    if (is_open()) {
        close_handle(std::exchange(handle_, none));
    }
}

void Socket::reset()
{
    const linger no_wait = {1, 0};
    setsockopt(handle_, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char *>(&no_wait), sizeof no_wait);
    close();
}

bool Socket::send_urgent(char byte)
{
    return ::send(handle_, &byte, 1, MSG_OOB | no_signal) == 1;
}

void Socket::set_send_buffer(int bytes)
{
    set_option(handle_, SOL_SOCKET, SO_SNDBUF, bytes);
}

void fix_send_buffer(const std::string &local, const std::string &remote)
{
#if defined(__linux__)
    constexpr int descriptors_max = 4096;
    for (int descriptor = 0; descriptor < descriptors_max; descriptor++) {
        sockaddr_storage own = {};
        sockaddr_storage peer = {};
        socklen_type own_size = sizeof own;
        socklen_type peer_size = sizeof peer;
        if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&own), &own_size) == 0 &&
            getpeername(descriptor, reinterpret_cast<sockaddr *>(&peer), &peer_size) == 0 && format(own) == local &&
            format(peer) == remote) {
            set_option(descriptor, SOL_SOCKET, SO_SNDBUF, 65536);
        }
    }
#else
    static_cast<void>(local);
    static_cast<void>(remote);
#endif
}

bool has_ipv6()
{
    return Socket::listen("::1").is_open();
}

} // namespace api_test
