// Who is there, and in which room. Every function may be called from any thread.
#ifndef CHAT_HALL_HPP
#define CHAT_HALL_HPP

#include "packet.hpp"

#include <iocpnet.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace chat
{

// A group of sessions with a name.
class room
{
public:
    room(std::string name, iocpnet::group group) : name_(std::move(name)), group_(std::move(group)) {}

    const std::string &name() const noexcept { return name_; }

    // To all who are in it. Whoever does not read, so that it does not fit, is disconnected: nobody misses a line and stays.
    void tell(const packet &packet)
    {
        group_.broadcast(iocpnet::buffer::create(packet).value(), iocpnet::when_full::disconnect);
    }

private:
    friend class hall;
    std::string name_;
    iocpnet::group group_;
    std::uint32_t people_ = 0; // under the hall's mutex
};

class hall
{
public:
    struct counts {
        std::uint64_t people = 0;
        std::uint64_t rooms = 0;
    };

    // Before the service starts, which has to end before the hall does.
    void attach(iocpnet::service &service) { service_ = &service; }

    // False if somebody has the name already.
    bool enter(const std::string &name, iocpnet::session session)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return people_.emplace(name, session).second;
    }

    void exit(const std::string &name)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        people_.erase(name);
    }

    // An empty session if nobody has the name.
    iocpnet::session find(const std::string &name) const
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = people_.find(name);
        return found == people_.end() ? iocpnet::session() : found->second;
    }

    // The room is made when its first one comes. Empty if the session is ending.
    std::shared_ptr<room> join(const std::string &room_name, const std::string &name, iocpnet::session session)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const std::shared_ptr<room> joined = find_or_make(room_name);
        if (!joined->group_.add(session)) {
            remove_if_empty(*joined);
            return nullptr;
        }
        ++joined->people_;
        // Under the lock, so that everybody hears of comings and goings in the same order. A broadcast waits for nobody.
        joined->tell(packet(kind::joined).text(name).number(joined->people_));
        return joined;
    }

    // The room goes with its last one, when nobody is left who could say something in it.
    void leave(room &room, const std::string &name, iocpnet::session session)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        room.group_.remove(session); // fails if the session has ended, and with it its membership
        --room.people_;
        room.tell(packet(kind::left).text(name).number(room.people_));
        remove_if_empty(room);
    }

    counts count() const
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return {people_.size(), rooms_.size()};
    }

private:
    std::shared_ptr<room> find_or_make(const std::string &name)
    {
        const auto found = rooms_.find(name);
        if (found != rooms_.end()) {
            return found->second;
        }
        auto made = std::make_shared<room>(name, iocpnet::group::create(*service_).value());
        return rooms_.emplace(name, std::move(made)).first->second;
    }

    void remove_if_empty(room &room)
    {
        if (room.people_ == 0) {
            rooms_.erase(std::string(room.name()));
        }
    }

    iocpnet::service *service_ = nullptr;
    mutable std::mutex mutex_; // of what follows
    std::map<std::string, iocpnet::session> people_;
    std::map<std::string, std::shared_ptr<room>> rooms_;
};

} // namespace chat

#endif
