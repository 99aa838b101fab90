#include "asio_broadcast.hpp"

#include <algorithm>
#include <array>

namespace bench
{

class Member : public std::enable_shared_from_this<Member>
{
public:
    Member(asio::ip::tcp::socket socket, Room &room) : socket_(std::move(socket)), room_(room) {}
    Member(const Member &) = delete;
    Member &operator=(const Member &) = delete;
    ~Member() { free(start_.bytes); }

    void receive()
    {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](asio::error_code error, size_t size) {
                                    if (error) {
                                        self->room_.leave(self);
                                        return;
                                    }
                                    self->take(size);
                                    self->receive();
                                });
    }

    void send(const SharedBytes &bytes)
    {
        queue_.push_back(bytes);
        if (under_way_.empty()) {
            write();
        }
    }

    void close()
    {
        asio::error_code ignored;
        socket_.close(ignored);
    }

private:
    static constexpr size_t buffer_bytes = 65536;

    void take(size_t size)
    {
        const auto whole = [](const uint8_t *bytes, uint32_t run, void *user) {
            static_cast<Room *>(user)->send(std::make_shared<const std::vector<uint8_t>>(bytes, bytes + run));
        };
        if (room_.options.mode == SERVER_FANOUT) {
            messages_take(&start_, room_.options.message_bytes, buffer_.data(), size, whole, &room_);
        }
    }

    /* One write takes all that has been queued. */
    void write()
    {
        under_way_.swap(queue_);
        if (under_way_.size() == 1) {
            write(asio::buffer(*under_way_.front()));
            return;
        }
        std::vector<asio::const_buffer> pieces;
        pieces.reserve(under_way_.size());
        for (const SharedBytes &bytes : under_way_) {
            pieces.push_back(asio::buffer(*bytes));
        }
        write(std::move(pieces));
    }

    template <typename Pieces>
    void write(Pieces pieces)
    {
        asio::async_write(socket_, std::move(pieces), [self = shared_from_this()](asio::error_code error, size_t) {
            self->under_way_.clear();
            if (!error && !self->queue_.empty()) {
                self->write();
            }
        });
    }

    asio::ip::tcp::socket socket_;
    Room &room_;
    message_start start_ = {};
    std::vector<SharedBytes> queue_;
    std::vector<SharedBytes> under_way_;
    std::array<uint8_t, buffer_bytes> buffer_;
};

void Room::join(asio::ip::tcp::socket socket)
{
    const auto member = std::make_shared<Member>(std::move(socket), *this);
    members_.push_back(member);
    member->receive();
}

void Room::leave(const std::shared_ptr<Member> &member)
{
    member->close();
    members_.erase(std::remove(members_.begin(), members_.end(), member), members_.end());
}

void Room::send(const SharedBytes &bytes)
{
    for (const std::shared_ptr<Member> &member : members_) {
        member->send(bytes);
    }
}

namespace
{

struct Ticks {
    Room &room;
    asio::io_context &context;
};

/* On the thread of the host. */
void tick(const uint8_t *update, void *user)
{
    Ticks *const ticks = static_cast<Ticks *>(user);
    asio::post(ticks->context,
               [ticks, bytes = std::make_shared<const std::vector<uint8_t>>(
                           update, update + ticks->room.options.message_bytes)] { ticks->room.send(bytes); });
}

} // namespace

void Room::start_ticks(asio::io_context &context)
{
    server_start_ticks(&options, tick, std::make_unique<Ticks>(Ticks{*this, context}).release());
}

} // namespace bench
