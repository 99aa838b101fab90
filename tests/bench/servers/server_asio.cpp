#include <memory>
#include <vector>

#include "asio_broadcast.hpp"

namespace bench
{

namespace
{

class Acceptor
{
public:
    Acceptor(asio::io_context &context, int listener, Room &room)
        : acceptor_(context, asio::ip::tcp::v4(), listener), room_(room)
    {
        accept();
    }

private:
    void accept()
    {
        acceptor_.async_accept([this](asio::error_code error, asio::ip::tcp::socket socket) {
            if (error) {
                server_die("async_accept");
            }
            socket.set_option(asio::ip::tcp::no_delay(true));
            if (room_.options.mode == SERVER_ECHO) {
                serve_echo(std::move(socket));
            } else {
                room_.join(std::move(socket));
            }
            accept();
        });
    }

    asio::ip::tcp::acceptor acceptor_;
    Room &room_;
};

/* The hint tells Asio that one thread runs the context. */
void serve(const server_options *options, const int *listeners)
{
    asio::io_context context(1);
    Room room(*options);
    std::vector<std::unique_ptr<Acceptor>> acceptors;
    for (uint32_t index = 0; index < options->addresses; index++) {
        acceptors.push_back(std::make_unique<Acceptor>(context, listeners[index], room));
    }
    if (options->mode == SERVER_TICK) {
        room.start_ticks(context);
    }
    context.run();
}

} // namespace

} // namespace bench

int main(int argc, char **argv)
{
    return server_main(argc, argv, bench::serve);
}
