// What the server does with each message. Its state is in two places: what belongs to a session is the session's user
// value, which only its own handlers touch, never two at a time; what sessions share is in the hall.
#ifndef CHAT_SERVER_HPP
#define CHAT_SERVER_HPP

#include "flood_limit.hpp"
#include "hall.hpp"

#include <iocpnet.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace chat
{

class server
{
public:
    struct counts {
        std::uint64_t said = 0;
        std::uint64_t whispered = 0;
        std::uint64_t refused = 0;
    };

    explicit server(const flood_limits &limits) : limits_(limits) {}

    // Before the service starts, which has to end before this does.
    void attach(iocpnet::service &service)
    {
        hall_.attach(service);
        service.on_connected([this](iocpnet::session session) { connected(session); }).value();
        service.on_received([this](const iocpnet::event &event) { received(event); }).value();
        service.on_disconnected([this](const iocpnet::event &event) { disconnected(event); }).value();
    }

    // What every client hears before the service is stopped, which sends it out and closes.
    static void say_goodbye(iocpnet::service &service)
    {
        service.broadcast(iocpnet::buffer::create(packet(kind::closing).text("the server is closing")).value());
    }

    hall::counts present() const { return hall_.count(); }
    counts count() const noexcept { return {said_.load(), whispered_.load(), refused_.load()}; }

private:
    struct visitor_state {
        visitor_state(iocpnet::session own, const flood_limits &limits)
            : session(own), limit(limits, flood_limit::clock::now())
        {
        }
        iocpnet::session session;
        flood_limit limit;
        std::string name; // empty until it has said hello
        std::shared_ptr<chat::room> room;
    };

    void connected(iocpnet::session session) const { session.set_user(new visitor_state(session, limits_)); }

    void disconnected(const iocpnet::event &event)
    {
        const std::unique_ptr<visitor_state> visitor(event.user<visitor_state>());
        if (visitor) {
            hall_.exit(visitor->name); // first: who hears that somebody has left may take the name
            leave(*visitor);
        }
    }

    void received(const iocpnet::event &event)
    {
        auto &visitor = *event.user<visitor_state>();
        switch (visitor.limit.take(flood_limit::clock::now())) {
        case flood_limit::verdict::good:
            return answer(visitor, packet_reader(event.data()));
        case flood_limit::verdict::too_fast:
            return refuse(visitor, "too fast: this was not done");
        case flood_limit::verdict::flood:
            return dismiss(visitor, "too fast");
        }
    }

    void answer(visitor_state &visitor, packet_reader request)
    {
        if (visitor.name.empty() && request.kind() != kind::hello) {
            return dismiss(visitor, "say hello first");
        }
        switch (request.kind()) {
        case kind::hello:
            return hello(visitor, request);
        case kind::join:
            return join(visitor, request);
        case kind::leave:
            return request.is_whole() ? leave(visitor) : malformed(visitor);
        case kind::say:
            return say(visitor, request);
        case kind::whisper:
            return whisper(visitor, request);
        default:
            return malformed(visitor);
        }
    }

    void hello(visitor_state &visitor, packet_reader &request)
    {
        const std::string name(request.text());
        if (!request.is_whole()) {
            malformed(visitor);
        } else if (!visitor.name.empty()) {
            refuse(visitor, "you have a name already");
        } else if (!is_name(name)) {
            refuse(visitor, "a name is one word of 1 to 32 bytes");
        } else if (!hall_.enter(name, visitor.session)) {
            refuse(visitor, "the name is taken");
        } else {
            visitor.name = name;
            visitor.session.send(packet(kind::welcome).text(name));
        }
    }

    void join(visitor_state &visitor, packet_reader &request)
    {
        const std::string name(request.text());
        if (!request.is_whole()) {
            malformed(visitor);
        } else if (!is_name(name)) {
            refuse(visitor, "the name of a room is one word of 1 to 32 bytes");
        } else if (!visitor.room || visitor.room->name() != name) {
            leave(visitor);
            visitor.room = hall_.join(name, visitor.name, visitor.session);
        }
    }

    void leave(visitor_state &visitor)
    {
        if (visitor.room) {
            hall_.leave(*visitor.room, visitor.name, visitor.session);
            visitor.room.reset();
        }
    }

    // No lock: the room is the visitor's own, and a group may be told something by several threads.
    void say(const visitor_state &visitor, packet_reader &request)
    {
        const std::string_view text = request.text();
        if (!request.is_whole()) {
            malformed(visitor);
        } else if (!is_text(text)) {
            refuse(visitor, "a text has 1 to 1000 bytes and no control characters");
        } else if (!visitor.room) {
            refuse(visitor, "join a room first");
        } else {
            ++said_;
            visitor.room->tell(packet(kind::said).text(visitor.name).text(text));
        }
    }

    void whisper(const visitor_state &visitor, packet_reader &request)
    {
        const std::string name(request.text());
        const std::string_view text = request.text();
        if (!request.is_whole()) {
            malformed(visitor);
        } else if (!is_text(text)) {
            refuse(visitor, "a text has 1 to 1000 bytes and no control characters");
        } else if (!hall_.find(name).send(packet(kind::whispered).text(visitor.name).text(text))) {
            refuse(visitor,
                   "nobody here has that name"); // or has left this moment: a stale session only gives an error
        } else {
            ++whispered_;
        }
    }

    void refuse(const visitor_state &visitor, std::string_view why)
    {
        ++refused_;
        visitor.session.send(packet(kind::refused).text(why));
    }

    // The client hears why, and then the end of the stream: a graceful disconnect sends what is queued.
    void dismiss(const visitor_state &visitor, const char *why)
    {
        refuse(visitor, why);
        iocpnet::disconnect_options options;
        options.text = why;
        visitor.session.disconnect(options);
    }

    void malformed(const visitor_state &visitor) { dismiss(visitor, "malformed message"); }

    const flood_limits limits_;
    hall hall_;
    std::atomic<std::uint64_t> said_{0};
    std::atomic<std::uint64_t> whispered_{0};
    std::atomic<std::uint64_t> refused_{0};
};

} // namespace chat

#endif
