#include <array>
#include <memory>

#include "server_asio.hpp"

namespace bench
{

namespace
{

constexpr size_t buffer_bytes = 65536;

class Session : public std::enable_shared_from_this<Session>
{
public:
    explicit Session(asio::ip::tcp::socket socket) : socket_(std::move(socket)) { socket_.non_blocking(true); }

    void receive()
    {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](asio::error_code error, size_t size) {
                                    if (!error) {
                                        self->send(size);
                                    }
                                });
    }

private:
    void send(size_t size)
    {
        asio::error_code error;
        const size_t sent = socket_.write_some(asio::buffer(buffer_, size), error);
        if (error && error != asio::error::would_block) {
            return;
        }
        if (sent == size) {
            receive();
        } else {
            send_rest(asio::buffer(buffer_, size) + sent);
        }
    }

    void send_rest(asio::mutable_buffer rest)
    {
        asio::async_write(socket_, rest, [self = shared_from_this()](asio::error_code error, size_t) {
            if (!error) {
                self->receive();
            }
        });
    }

    asio::ip::tcp::socket socket_;
    std::array<char, buffer_bytes> buffer_;
};

} // namespace

void serve_echo(asio::ip::tcp::socket socket)
{
    std::make_shared<Session>(std::move(socket))->receive();
}

} // namespace bench
