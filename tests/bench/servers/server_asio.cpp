#include "server_asio.hpp"

#include <memory>
#include <vector>

namespace bench
{

namespace
{

class Acceptor
{
public:
    Acceptor(asio::io_context &context, int listener) : acceptor_(context, asio::ip::tcp::v4(), listener) { accept(); }

private:
    void accept()
    {
        acceptor_.async_accept([this](asio::error_code error, asio::ip::tcp::socket socket) {
            if (error) {
                server_die("async_accept");
            }
            socket.set_option(asio::ip::tcp::no_delay(true));
            serve_echo(std::move(socket));
            accept();
        });
    }

    asio::ip::tcp::acceptor acceptor_;
};

/* The hint tells Asio that one thread runs the context. */
void serve(const server_options *options, const int *listeners)
{
    asio::io_context context(1);
    std::vector<std::unique_ptr<Acceptor>> acceptors;
    for (uint32_t index = 0; index < options->addresses; index++) {
        acceptors.push_back(std::make_unique<Acceptor>(context, listeners[index]));
    }
    context.run();
}

} // namespace

} // namespace bench

int main(int argc, char **argv)
{
    return server_main(argc, argv, bench::serve);
}
