#include "cost/clients.hpp"

#include "cost/require.hpp"

namespace cost
{

namespace
{

constexpr int turns_max = 1000;

void accept_one(Meter &meter, Server &server, uint64_t already)
{
    for (int turns = 0; server.accepted() <= already; ++turns) {
        require_that(turns < turns_max, "the server accepts");
        server.turn(meter);
    }
}

} // namespace

Clients::Clients(Meter &meter, Server &server, uint32_t count)
{
    meter.rest(true);
    for (uint32_t i = 0; i < count; ++i) {
        sockets_.push_back(api_test::Socket::connect(server.address()));
        require_that(sockets_.back().is_open(), "a client connects");
        accept_one(meter, server, i);
    }
    meter.rest(false);
}

std::string Clients::message(uint64_t client, uint64_t round)
{
    /* It begins with its length, which is a framing's field. */
    std::string text = static_cast<char>(message_bytes) + std::to_string(client) + "/" + std::to_string(round) + "/";
    while (text.size() < message_bytes) {
        text += static_cast<char>('a' + (client + round + text.size()) % 26);
    }
    return text;
}

void Clients::send()
{
    for (uint64_t i = 0; i < sockets_.size(); ++i) {
        require_that(sockets_[i].send(message(i, sent_)), "a client sends");
    }
    ++sent_;
}

void Clients::receive(uint32_t copies)
{
    for (uint64_t i = 0; i < sockets_.size(); ++i) {
        for (uint32_t copy = 0; copy < copies; ++copy) {
            require_that(sockets_[i].receive(message_bytes) == message(i, received_), "what was sent comes back");
        }
    }
    ++received_;
}

void Clients::receive_all(const std::string &message)
{
    for (api_test::Socket &socket : sockets_) {
        require_that(socket.receive(message.size()) == message, "each client gets the update");
    }
}

} // namespace cost
