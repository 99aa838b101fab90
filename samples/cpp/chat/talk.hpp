// The interactive client: what is typed goes out, what comes in is printed.
#ifndef CHAT_TALK_HPP
#define CHAT_TALK_HPP

#include "packet.hpp"

#include <iocpnet.hpp>

#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>

namespace chat
{

class talk
{
public:
    talk(std::string name, std::string room) : name_(std::move(name)), room_(std::move(room)) {}

    // Its handlers run on the only session's dispatcher.
    void attach(iocpnet::service &service)
    {
        service.on_connected([this](iocpnet::session session) { session.send(packet(kind::hello).text(name_)); })
            .value();
        service.on_received([this](const iocpnet::event &event) { received(event); }).value();
        service.on_disconnected([this](const iocpnet::event &event) { end(iocpnet::name(event.reason())); }).value();
        service.on_connect_failed([this](const iocpnet::event &event) { end(event.status().text()); }).value();
    }

    // Until /quit or the end of the input; true unless the connection ended before.
    bool run(iocpnet::session session)
    {
        if (!wait_for_welcome()) {
            return false;
        }
        session.send(packet(kind::join).text(room_));
        std::string line;
        while (is_on() && std::getline(std::cin, line) && take_line(session, line)) {
        }
        const bool was_on = is_on();
        session.disconnect();
        return was_on;
    }

private:
    enum class state {
        connecting,
        welcome,
        ended
    };

    // False for /quit.
    static bool take_line(iocpnet::session session, std::string_view line)
    {
        const std::string_view whole = line.substr(0, text_bytes_max);
        const std::string_view command = cut_word(line);
        if (command == "/quit") {
            return false;
        }
        if (command == "/join") {
            session.send(packet(kind::join).text(line.substr(0, name_bytes_max)));
        } else if (command == "/leave") {
            session.send(packet(kind::leave));
        } else if (command == "/msg") {
            const std::string_view name = cut_word(line).substr(0, name_bytes_max);
            session.send(packet(kind::whisper).text(name).text(line.substr(0, text_bytes_max)));
        } else if (command.substr(0, 1) == "/") {
            print("/join ROOM, /leave, /msg NAME TEXT, /quit; anything else is said in the room");
        } else if (!whole.empty()) {
            session.send(packet(kind::say).text(whole));
        }
        return true;
    }

    void received(const iocpnet::event &event)
    {
        packet_reader message(event.data());
        const std::string first(message.text());
        switch (message.kind()) {
        case kind::welcome:
            print("* welcome, " + first);
            return change(state::welcome);
        case kind::joined:
            return print("* " + first + " is here, " + std::to_string(message.number()) + " in the room");
        case kind::left:
            return print("* " + first + " has left, " + std::to_string(message.number()) + " in the room");
        case kind::said:
            return print(first + ": " + std::string(message.text()));
        case kind::whispered:
            return print(first + ", to you alone: " + std::string(message.text()));
        case kind::refused:
            print("! " + first);
            return leave_if_unwelcome(event.session());
        default:
            return print("* " + first);
        }
    }

    // Without a name there is nothing to do here.
    void leave_if_unwelcome(iocpnet::session session)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (state_ == state::connecting) {
            session.disconnect();
        }
    }

    void end(const char *why)
    {
        change(state::ended); // first: who reads that it has ended may end the input, which ends well only before
        print(std::string("* the connection has ended: ") + why);
    }

    void change(state next)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        state_ = next;
        changed_.notify_all();
    }

    bool wait_for_welcome()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return state_ != state::connecting; });
        return state_ == state::welcome;
    }

    bool is_on()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return state_ == state::welcome;
    }

    // Takes the first word, and the blank behind it, from the line.
    static std::string_view cut_word(std::string_view &line)
    {
        const std::size_t end = std::min(line.find(' '), line.size());
        const std::string_view word = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
        return word;
    }

    // A server that is not ours may send anything: what is not plain stays off the terminal.
    static void print(const std::string &line)
    {
        std::puts(is_plain(line) ? line.c_str() : "! a line with control characters");
        std::fflush(stdout);
    }

    const std::string name_;
    const std::string room_;
    std::mutex mutex_; // of what follows
    std::condition_variable changed_;
    state state_ = state::connecting;
};

} // namespace chat

#endif
