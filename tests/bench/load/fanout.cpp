#include "load/fanout.hpp"

#include <algorithm>
#include <cstring>

#include "load/connection.hpp"
#include "load/failure.hpp"

namespace bench
{

FanoutMode::FanoutMode(const Options &chosen)
    : Mode(chosen), random_(static_cast<uint32_t>(chosen.seed)), members_(chosen.connections), rounds_(chosen.depth),
      messages_(size_t{chosen.depth} * chosen.message_bytes), got_(size_t{chosen.connections} * chosen.depth)
{
}

void FanoutMode::join()
{
    for (uint32_t i = 0; i < options.connections; i++) {
        members_[i].descriptor = open_connection(options, i);
        loop.add(members_[i].descriptor, i);
        joined_++;
        const Round &round = round_of(next_);
        begin(i);
        wait_until([&] { return round.missing == 0; }, "the first messages");
    }
}

void FanoutMode::slice(uint64_t end_ns)
{
    end_ns_ = end_ns;
    finished_ = 0;
    begin_next();
    const auto is_finished = [](const Round &round) { return round.missing == 0; };
    wait_until([&] { return std::all_of(rounds_.begin(), rounds_.end(), is_finished); }, "messages");
}

void FanoutMode::begin_next()
{
    while (round_of(next_).missing == 0) {
        begin(static_cast<uint32_t>(random_() % options.connections));
    }
}

void FanoutMode::begin(uint32_t sender)
{
    Round &round = round_of(next_);
    round = {next_, now_ns(), sender, options.message_bytes, joined_};
    char *const message = &messages_[next_ % options.depth * options.message_bytes];
    std::memcpy(message, &next_, sizeof next_);
    std::memcpy(message + sizeof next_, message_of(next_) + sizeof next_, options.message_bytes - sizeof next_);
    next_++;
    if (!members_[sender].has_unsent) {
        flush(sender);
    }
}

/* The bytes of a round's message; the first 8 are its number instead. */
const char *FanoutMode::message_of(uint64_t number) const
{
    return wire_.pattern.at(Pattern::start_of(number));
}

/* Oldest first, as an earlier message may be sent in part. */
void FanoutMode::flush(uint32_t sender)
{
    const uint64_t oldest = next_ > options.depth ? next_ - options.depth : 1;
    bool is_sent = true;
    for (uint64_t number = oldest; number < next_ && is_sent; number++) {
        Round &round = round_of(number);
        is_sent = round.sender != sender || flush_round(round);
    }
    members_[sender].has_unsent = !is_sent;
}

bool FanoutMode::flush_round(Round &round)
{
    const char *const end = &messages_[round.number % options.depth * options.message_bytes] + options.message_bytes;
    while (round.unsent != 0) {
        const uint32_t sent =
            send_some(members_[round.sender].descriptor, round.sender, end - round.unsent, round.unsent);
        if (sent == 0) {
            return false;
        }
        round.unsent -= sent;
    }
    return true;
}

void FanoutMode::on_event(uint32_t index, uint32_t events)
{
    if ((events & EPOLLOUT) != 0 && members_[index].has_unsent) {
        flush(index);
    }
    if ((events & ~uint32_t{EPOLLOUT}) != 0) {
        receive(index);
    }
}

void FanoutMode::receive(uint32_t index)
{
    Member &member = members_[index];
    const auto body = [&](uint64_t number) { return message_of(number); };
    const auto got = [&](uint64_t number) { on_message(index, number); };
    uint32_t bytes = Pattern::window_max;
    while (bytes == Pattern::window_max) {
        bytes = receive_some(member.descriptor, index, wire_.buffer.data(), Pattern::window_max);
        if (!member.reader.take(wire_.buffer.data(), bytes, options.message_bytes, body, got)) {
            throw Failure(of_connection(index, "a message is not what was sent"));
        }
    }
}

void FanoutMode::on_message(uint32_t index, uint64_t number)
{
    Round &round = round_of(number);
    uint64_t &got = got_[size_t{index} * options.depth + number % options.depth];
    if (round.number != number || round.missing == 0 || round.unsent != 0 || got == number) {
        throw Failure(of_connection(index, "a message that came twice, or of no round that runs"));
    }
    got = number;
    const uint64_t now = now_ns();
    figures.latency.record(now - round.begin_ns);
    figures.messages++;
    if (--round.missing == 0) {
        finished_++;
        if (now < end_ns_) {
            begin_next();
        }
    }
}

std::string FanoutMode::more() const
{
    return ",\"rounds\":" + std::to_string(finished_);
}

} // namespace bench
