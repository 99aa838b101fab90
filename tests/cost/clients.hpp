/* Clients of a server that the same thread drives: blocking sockets, which check every byte. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cost/server.hpp"
#include "support/api_socket.hpp"

namespace cost
{

class Clients
{
public:
    /* Connects `count`; drives the server until it has accepted each. Nothing of that is counted. */
    Clients(Meter &meter, Server &server, uint32_t count);

    uint64_t count() const { return sockets_.size(); }
    /* Rounds that were sent and not received yet. */
    uint64_t rounds_open() const { return sent_ - received_; }
    /* One message of each. */
    void send();
    /* What each sent in the oldest round that is open, `copies` times. */
    void receive(uint32_t copies);
    /* The same bytes for each. */
    void receive_all(const std::string &message);

private:
    static std::string message(uint64_t client, uint64_t round);

    std::vector<api_test::Socket> sockets_;
    uint64_t sent_ = 0;     /* rounds */
    uint64_t received_ = 0; /* likewise */
};

} // namespace cost
