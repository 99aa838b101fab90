#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cost/require.hpp"
#include "cost/server.hpp"

namespace cost
{

namespace
{

class Reference : public Server
{
public:
    Reference();
    ~Reference() override;

    std::string address() const override;
    uint64_t turn(Meter &meter) override;
    uint64_t accepted() const override { return accepted_; }

private:
    void accept_one();
    void echo(int socket);

    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t accepted_ = 0;
    uint64_t messages_ = 0;
    std::array<int, 1024> sockets_{};
    std::array<epoll_event, 512> events_{};
    std::array<char, 65536> buffer_{};
};

Reference::Reference()
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(bind(listener_, reinterpret_cast<sockaddr *>(&address), sizeof address), "bind");
    require(listen(listener_, 1024), "listen");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener_;
    require(epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event), "epoll_ctl");
}

Reference::~Reference()
{
    for (uint64_t i = 0; i < accepted_; ++i) {
        close(sockets_[i]);
    }
    close(listener_);
    close(epoll_);
}

std::string Reference::address() const
{
    sockaddr_in address{};
    socklen_t size = sizeof address;
    require(getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size), "getsockname");
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

void Reference::accept_one()
{
    const int one = 1;
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    require(socket, "accept4");
    require(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "setsockopt");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = socket;
    require(epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
    sockets_.at(accepted_++) = socket;
}

inline void Reference::echo(int socket)
{
    const ssize_t size = recv(socket, buffer_.data(), buffer_.size(), 0);
    if (size > 0) {
        ++messages_;
        require_that(send(socket, buffer_.data(), static_cast<size_t>(size), MSG_NOSIGNAL) == size, "send");
    }
}

uint64_t Reference::turn(Meter &meter)
{
    const uint64_t before = messages_;
    meter.begin();
    const int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int socket = events_[static_cast<size_t>(i)].data.fd;
        if (socket == listener_) {
            accept_one();
        } else {
            echo(socket);
        }
    }
    meter.end();
    return messages_ - before;
}

} // namespace

std::unique_ptr<Server> make_reference()
{
    return std::make_unique<Reference>();
}

} // namespace cost
