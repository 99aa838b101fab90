/* What is measured: servers that the calling thread drives, turn by turn. */
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cost/meter.hpp"

namespace cost
{

constexpr uint64_t message_bytes = 64;

class Server
{
public:
    virtual ~Server() = default;

    virtual std::string address() const = 0;
    /* Connections accepted so far. */
    virtual uint64_t accepted() const = 0;
    /* Serves what is ready, without waiting, inside one window of the meter. Returns the messages that came. */
    virtual uint64_t turn(Meter &meter) = 0;
    /* Rounds of messages that stay unanswered until the next turn: 1 when a turn only queues its answers. */
    virtual uint64_t rounds_kept() const { return 0; }
};

class LibraryServer : public Server
{
public:
    /* Sends to each session, outside of a turn, inside one window. */
    virtual void send_to_all(Meter &meter, const std::string &message) = 0;
    /* Asks for the user value of each session, likewise. */
    virtual void look_up_all(Meter &meter) = 0;
};

/* The limit: epoll_wait, recv and send by hand. */
std::unique_ptr<Server> make_reference();
/* iocpnet with callbacks, which send every message back `copies` times. `port`: IOCPNET_PORT_*. */
std::unique_ptr<LibraryServer> make_callbacks(uint32_t port, uint32_t copies);
/* The same with a framing: each message has its length in front, and is kept whole. */
std::unique_ptr<LibraryServer> make_framed(uint32_t port);
/* iocpnet with event batches. */
std::unique_ptr<LibraryServer> make_batches(uint32_t port);
std::unique_ptr<LibraryServer> make_framed_batches(uint32_t port);
/* Whether iocpnet can use a port here. */
bool has_port(uint32_t port);

} // namespace cost
