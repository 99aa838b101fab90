#include "load/connection.hpp"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/failure.hpp"

namespace bench
{

namespace
{

constexpr uint32_t descriptors_spare = 32;

void set_option(int descriptor, int level, int name, const void *value, socklen_t size)
{
    if (setsockopt(descriptor, level, name, value, size) != 0) {
        throw Failure(with_errno("setsockopt"));
    }
}

void bind_source(int descriptor, uint32_t source)
{
    const int on = 1;
    set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
    if (bind(descriptor, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        throw Failure(with_errno("bind"));
    }
}

} // namespace

int open_connection(const Options &options, uint32_t index)
{
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        throw Failure(of_connection(index, with_errno("socket")));
    }
    const int on = 1;
    const linger reset{1, 0};
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_option(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    const uint32_t source = index / options.addresses / options.per_source;
    if (source != 0) {
        bind_source(descriptor, source);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    address.sin_addr.s_addr = htonl(ntohl(options.address.s_addr) + index % options.addresses);
    if (connect(descriptor, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
        throw Failure(of_connection(index, with_errno("connect")));
    }
    return descriptor;
}

void allow_descriptors(uint32_t connections)
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (connections + descriptors_spare > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        throw Failure(std::to_string(connections) + " connections are more than the process may have");
    }
}

uint32_t receive_some(int descriptor, uint32_t index, char *buffer, uint32_t size)
{
    const ssize_t received = recv(descriptor, buffer, size, 0);
    if (received > 0) {
        return static_cast<uint32_t>(received);
    }
    if (received == 0) {
        throw Failure(of_connection(index, "closed by the server"));
    }
    if (errno != EAGAIN) {
        throw Failure(of_connection(index, with_errno("receive")));
    }
    return 0;
}

uint32_t send_some(int descriptor, uint32_t index, const char *bytes, uint64_t size)
{
    const ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        throw Failure(of_connection(index, with_errno("send")));
    }
    return sent < 0 ? 0 : static_cast<uint32_t>(sent);
}

} // namespace bench
