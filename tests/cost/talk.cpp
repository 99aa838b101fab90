#include "cost/talk.hpp"

#include <thread>

#include "cost/clients.hpp"
#include "cost/require.hpp"

namespace cost
{

namespace
{

constexpr int turns_max = 1000;

class Echo : public Work
{
public:
    Echo(Meter &meter, std::unique_ptr<Server> server, uint32_t clients, uint32_t copies)
        : server_(std::move(server)), clients_(meter, *server_, clients), copies_(copies)
    {
    }

    uint64_t round(Meter &meter) override;

private:
    std::unique_ptr<Server> server_;
    Clients clients_;
    const uint32_t copies_;
};

uint64_t Echo::round(Meter &meter)
{
    uint64_t came = 0;
    clients_.send();
    for (int turns = 0; came < clients_.count(); ++turns) {
        require_that(turns < turns_max, "the server receives");
        came += server_->turn(meter);
    }
    if (clients_.rounds_open() > server_->rounds_kept()) {
        clients_.receive(copies_);
    }
    return clients_.count();
}

class Update : public Work
{
public:
    Update(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients, Sender sender, Side side)
        : server_(std::move(server)), clients_(meter, *server_, clients), sender_(sender), side_(side)
    {
    }

    uint64_t round(Meter &meter) override;

private:
    std::unique_ptr<LibraryServer> server_;
    Clients clients_;
    const Sender sender_;
    const Side side_;
    const std::string message_ = std::string(message_bytes, 'u');
};

uint64_t Update::round(Meter &meter)
{
    if (sender_ == Sender::stranger) {
        /* The last one to drive is another thread, which makes this one a stranger. */
        meter.rest(true);
        std::thread([&] { server_->turn(meter); }).join();
    }
    meter.rest(side_ != Side::sender);
    server_->send_to_all(meter, message_);
    meter.rest(side_ != Side::server);
    server_->turn(meter);
    meter.rest(false);
    clients_.receive_all(message_);
    return clients_.count();
}

class LookUp : public Work
{
public:
    LookUp(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients)
        : server_(std::move(server)), clients_(meter, *server_, clients)
    {
    }

    uint64_t round(Meter &meter) override
    {
        server_->look_up_all(meter);
        return clients_.count();
    }

private:
    std::unique_ptr<LibraryServer> server_;
    Clients clients_;
};

} // namespace

std::unique_ptr<Work> make_echo(Meter &meter, std::unique_ptr<Server> server, uint32_t clients, uint32_t copies)
{
    return std::make_unique<Echo>(meter, std::move(server), clients, copies);
}

std::unique_ptr<Work> make_update(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients, Sender sender,
                                  Side side)
{
    return std::make_unique<Update>(meter, std::move(server), clients, sender, side);
}

std::unique_ptr<Work> make_look_up(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients)
{
    return std::make_unique<LookUp>(meter, std::move(server), clients);
}

} // namespace cost
