/* Fan-out and ticks over Asio: each session has a queue of shared buffers, and one write at a time takes all of it. */
#ifndef BENCH_SERVERS_ASIO_BROADCAST_HPP
#define BENCH_SERVERS_ASIO_BROADCAST_HPP

#include <memory>
#include <vector>

#include "messages.h"
#include "server_asio.hpp"

namespace bench
{

using SharedBytes = std::shared_ptr<const std::vector<uint8_t>>;

class Member;

/* Those who get what is sent to all. On the thread of the context. */
class Room
{
public:
    explicit Room(const server_options &chosen) : options(chosen) {}

    void join(asio::ip::tcp::socket socket);
    void leave(const std::shared_ptr<Member> &member);
    void send(const SharedBytes &bytes);

    /* Starts the thread of the host. */
    void start_ticks(asio::io_context &context);

    const server_options &options;

private:
    std::vector<std::shared_ptr<Member>> members_;
};

} // namespace bench

#endif
