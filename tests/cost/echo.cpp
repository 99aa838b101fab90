#include "cost/echo.hpp"

#include <vector>

#include "cost/require.hpp"
#include "support/api_socket.hpp"

namespace cost
{

namespace
{

constexpr uint64_t warm_up_messages = 2000;
constexpr uint64_t short_messages = 1000;
constexpr uint64_t long_messages = 3000;
constexpr int turns_max = 1000;

class Conversation
{
public:
    Conversation(const Echo &echo, Meter &meter);

    void run(uint64_t messages);
    /* Gets the answers that are still in flight. */
    void end();

private:
    static std::string message(uint64_t connection, uint64_t round);
    void serve(uint64_t messages);
    void send_round();
    void receive_round();

    const Echo &echo_;
    Meter &meter_;
    std::unique_ptr<Server> server_;
    std::vector<api_test::Socket> clients_;
    uint64_t sent_ = 0;     /* rounds */
    uint64_t received_ = 0; /* likewise */
};

Conversation::Conversation(const Echo &echo, Meter &meter) : echo_(echo), meter_(meter), server_(echo.make())
{
    for (uint32_t i = 0; i < echo.connections; ++i) {
        clients_.push_back(api_test::Socket::connect(server_->address()));
        require_that(clients_.back().is_open(), "connect");
        for (int turns = 0; server_->accepted() <= i; ++turns) {
            require_that(turns < turns_max, "the server accepts");
            server_->turn(meter);
        }
    }
}

std::string Conversation::message(uint64_t connection, uint64_t round)
{
    std::string text = std::to_string(connection) + "/" + std::to_string(round) + "/";
    while (text.size() < message_bytes) {
        text += static_cast<char>('a' + (connection + round + text.size()) % 26);
    }
    return text;
}

void Conversation::serve(uint64_t messages)
{
    uint64_t came = 0;
    for (int turns = 0; came < messages; ++turns) {
        require_that(turns < turns_max, "the server receives");
        came += server_->turn(meter_);
    }
}

void Conversation::send_round()
{
    for (uint64_t i = 0; i < clients_.size(); ++i) {
        require_that(clients_[i].send(message(i, sent_)), "a client sends");
    }
    ++sent_;
}

void Conversation::receive_round()
{
    for (uint64_t i = 0; i < clients_.size(); ++i) {
        for (uint32_t copy = 0; copy < echo_.copies; ++copy) {
            require_that(clients_[i].receive(message_bytes) == message(i, received_),
                         "what comes back is what was sent");
        }
    }
    ++received_;
}

void Conversation::run(uint64_t messages)
{
    for (uint64_t done = 0; done < messages; done += clients_.size()) {
        send_round();
        serve(clients_.size());
        meter_.count_units(clients_.size());
        if (sent_ - received_ > server_->rounds_in_flight()) {
            receive_round();
        }
    }
}

void Conversation::end()
{
    server_->turn(meter_);
    while (received_ < sent_) {
        receive_round();
    }
}

} // namespace

void measure(const Echo &echo, Meter &meter)
{
    Conversation conversation(echo, meter);
    conversation.run(warm_up_messages);
    meter.forget();
    conversation.run(short_messages);
    meter.report(echo.name + "/short");
    conversation.run(long_messages);
    meter.report(echo.name + "/long");
    conversation.end();
}

} // namespace cost
