// Many clients in rooms, who talk and check what they hear.
#ifndef CHAT_CROWD_HPP
#define CHAT_CROWD_HPP

#include "packet.hpp"
#include "script.hpp"
#include "transcript.hpp"

#include "../histogram.hpp"
#include "../report.hpp"

#include <iocpnet.hpp>

#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace chat
{

struct crowd_options {
    std::string connect = "127.0.0.1:7000";
    std::string name = "guest"; // of a crowd the members are guest-0, guest-1, ..., and so are the rooms
    std::uint32_t clients = 0;
    std::uint32_t room_size = 50;
    std::uint32_t interval_ms = 1000; // between two lines of a client
    std::uint32_t line_bytes = 64;
};

// The main thread leads it: gather() until it has_gathered(), start(), finish() until it has_finished(), end().
class crowd
{
public:
    crowd(const crowd_options &options, std::uint32_t dispatchers) : options_(options), delays_(dispatchers)
    {
        for (std::uint32_t i = 0; i < options.clients; ++i) {
            members_.emplace_back(i, options);
        }
    }

    // Its handlers run on the dispatchers, never two at a time for one session.
    void attach(iocpnet::service &service)
    {
        service_ = &service;
        service.on_connected([this](const iocpnet::event &event) { connected(event); }).value();
        service.on_received([this](const iocpnet::event &event) { received(event); }).value();
        service.on_timer([this](const iocpnet::event &event) { speak(event.session(), *event.user<member_state>()); })
            .value();
        service.on_disconnected([this](const iocpnet::event &event) { disconnected(event); }).value();
        service.on_connect_failed([this](const iocpnet::event &event) { fail(event.status().text()); }).value();
    }

    // Often: connects the next clients, a window at a time, so that no back-log overflows.
    void gather()
    {
        while (next_ < members_.size() && next_ - connected_ < connecting_max && failed_ == 0) {
            member_state &member = members_[next_++];
            iocpnet::connect_options options;
            options.user = &member;
            options.framing = iocpnet::framing::size_id();
            member.session = service_->connect(options_.connect, options).value();
        }
    }

    // Everybody has seen that the room is full, and will hear all that is said in it.
    bool has_gathered() const noexcept { return gathered_ == members_.size(); }
    bool has_failed() const noexcept { return failed_ != 0; }

    // Evenly spread over the interval, not all at once.
    void start()
    {
        std::uint64_t i = 0;
        for (const member_state &member : members_) {
            const auto delay = static_cast<std::uint32_t>(i++ * options_.interval_ms / members_.size());
            member.session.set_timer(0, delay, options_.interval_ms);
        }
    }

    // Nobody says anything new. A job runs in the order of its session: behind it there is no timer that has not seen the
    // flag, so that when all have run the number of lines is final.
    void finish()
    {
        finishing_ = true;
        for (const member_state &member : members_) {
            if (!member.session.post([this]() noexcept { ++silent_; })) {
                ++silent_; // it has ended
            }
        }
    }

    bool has_finished() const noexcept { return silent_ == members_.size() && heard_ >= said_ * options_.room_size; }

    void end()
    {
        ended_ = true;
        for (const member_state &member : members_) {
            member.session.disconnect();
        }
    }

    sample::traffic totals() const
    {
        sample::traffic totals;
        totals.sessions = connected_;
        totals.messages = heard_;
        totals.bytes = heard_ * options_.line_bytes;
        for (const sample::histogram &delays : delays_) {
            delays.add_to(totals.times);
        }
        return totals;
    }

    // After the service has stopped. True if something was said, and each line came to each listener once and in order.
    bool print_verdict() const
    {
        const std::uint64_t lost = count_lost();
        std::printf(
            "verdict: %zu clients in rooms of %u said %llu lines and heard %llu: %llu lost, %llu repeated, %llu late, "
            "%llu wrong; %llu clients failed\n",
            members_.size(), options_.room_size, print(said_), print(heard_), print(lost), print(repeated_),
            print(late_), print(wrong_), print(failed_));
        return said_ != 0 && lost == 0 && repeated_ == 0 && late_ == 0 && wrong_ == 0 && failed_ == 0;
    }

private:
    using counter = std::atomic<std::uint64_t>;

    static constexpr std::uint64_t connecting_max = 256;
    static constexpr std::uint64_t findings_printed_max = 10;

    // A client: the user value of its session.
    struct member_state {
        member_state(std::uint32_t number, const crowd_options &options)
            : index(number), words(number, options.line_bytes), heard(options.room_size)
        {
        }
        const std::uint32_t index;
        const script words;
        iocpnet::session session;          // main thread
        counter said{0};                   // lines; its own handlers count
        sample::clock::time_point said_at; // of the last line
        std::vector<transcript> heard; // of each one in the room; its own handlers, and the main thread after the end
    };

    std::string name_of(const member_state &member) const { return options_.name + '-' + std::to_string(member.index); }
    std::uint32_t room_of(const member_state &member) const { return member.index / options_.room_size; }

    void connected(const iocpnet::event &event)
    {
        const auto &member = *event.user<member_state>();
        ++connected_;
        event.session().send(packet(kind::hello).text(name_of(member)));
        event.session().send(packet(kind::join).text(options_.name + '-' + std::to_string(room_of(member))));
    }

    void speak(iocpnet::session session, member_state &member)
    {
        if (finishing_) {
            return;
        }
        const std::uint64_t number = member.said;
        member.said = number + 1; // first: a listener may have it before send returns
        ++said_;
        member.said_at = sample::clock::now();
        if (!session.send(packet(kind::say).text(member.words.line(number)))) {
            member.said = number;
            --said_;
        }
    }

    void received(const iocpnet::event &event)
    {
        auto &listener = *event.user<member_state>();
        packet_reader message(event.data());
        const std::string_view name = message.text();
        switch (message.kind()) {
        case kind::said:
            return hear(listener, name, message, event.dispatcher());
        case kind::joined:
            if (message.number() == options_.room_size) {
                ++gathered_;
            }
            return;
        case kind::welcome:
        case kind::left:
            return;
        default:
            return fail(std::string(name).c_str()); // refused, or closing
        }
    }

    void hear(member_state &listener, std::string_view name, packet_reader &message, std::uint32_t dispatcher)
    {
        member_state *speaker = find(listener, name);
        const std::string_view text = message.text();
        const auto number = speaker && message.is_whole() ? speaker->words.number(text) : std::nullopt;
        if (!number) {
            return count_fault(wrong_, "wrong", listener, name, text);
        }
        switch (listener.heard[speaker->index % options_.room_size].hear(*number, speaker->said)) {
        case transcript::finding::good:
            break;
        case transcript::finding::repeated:
            return count_fault(repeated_, "repeated", listener, name, text);
        case transcript::finding::late:
            count_fault(late_, "late", listener, name, text);
            break;
        case transcript::finding::unsaid:
            return count_fault(wrong_, "never said", listener, name, text);
        }
        ++heard_;
        if (speaker == &listener && *number + 1 == listener.said) {
            delays_[dispatcher].record(sample::nanoseconds_between(listener.said_at, sample::clock::now()));
        }
    }

    // The member of that name in the listener's room; NULL if there is none.
    member_state *find(const member_state &listener, std::string_view name)
    {
        std::uint32_t index = 0;
        const std::size_t prefix = options_.name.size() + 1;
        if (name.size() <= prefix || name.substr(0, prefix) != options_.name + '-') {
            return nullptr;
        }
        const auto [end, error] = std::from_chars(name.data() + prefix, name.data() + name.size(), index);
        const bool is_there = error == std::errc() && end == name.data() + name.size() && index < members_.size() &&
                              room_of(members_[index]) == room_of(listener);
        return is_there ? &members_[index] : nullptr;
    }

    void count_fault(counter &count, const char *what, const member_state &listener, std::string_view name,
                     std::string_view text)
    {
        ++count;
        if (faults_.fetch_add(1) < findings_printed_max) {
            const std::string line = "'" + std::string(text) + "' from '" + std::string(name) + "'";
            std::fprintf(stderr, "%s: %s heard %s\n", what, name_of(listener).c_str(),
                         is_plain(line) ? line.c_str() : "control characters");
        }
    }

    void disconnected(const iocpnet::event &event)
    {
        if (!ended_) {
            fail(iocpnet::name(event.reason()));
        }
    }

    void fail(const char *why)
    {
        if (failed_.fetch_add(1) < findings_printed_max) {
            std::fprintf(stderr, "a client failed: %s\n", why);
        }
    }

    std::uint64_t count_lost() const
    {
        std::uint64_t lost = 0;
        for (const member_state &listener : members_) {
            const std::size_t first = std::size_t{room_of(listener)} * options_.room_size;
            for (std::size_t i = 0; i < listener.heard.size(); ++i) {
                lost += listener.heard[i].lost(members_[first + i].said);
            }
        }
        return lost;
    }

    static unsigned long long print(std::uint64_t value) noexcept { return value; }

    const crowd_options options_;
    iocpnet::service *service_ = nullptr;
    std::deque<member_state> members_;      // which stay where they are
    std::uint64_t next_ = 0;                // to be connected; main thread
    std::vector<sample::histogram> delays_; // one for each dispatcher: from saying a line to hearing it
    std::atomic<bool> finishing_{false};
    std::atomic<bool> ended_{false};
    counter connected_{0};
    counter gathered_{0};
    counter silent_{0};
    counter said_{0};
    counter heard_{0};
    counter repeated_{0};
    counter late_{0};
    counter wrong_{0};
    counter faults_{0};
    counter failed_{0};
};

} // namespace chat

#endif
