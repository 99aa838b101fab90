#include "ledger.hpp"

#include <algorithm>
#include <cstring>

#include "invariants.hpp"

extern "C" {
#include "os/sim/scheduler.h"
}

namespace sim_test
{

namespace
{

constexpr uint8_t mark = 0xC5;
constexpr uint8_t broadcast_mark = 0xB7;

/* In the pattern: a stream that is none. */
constexpr uint32_t broadcast_stream = 0x10000;

void write_header(uint8_t kind, uint32_t stream, uint32_t number, uint32_t size, uint8_t *header)
{
    header[0] = kind;
    header[1] = static_cast<uint8_t>(stream);
    header[2] = static_cast<uint8_t>(stream >> 8);
    header[3] = static_cast<uint8_t>(number);
    header[4] = static_cast<uint8_t>(number >> 8);
    header[5] = static_cast<uint8_t>(size);
    header[6] = static_cast<uint8_t>(size >> 8);
    header[7] = static_cast<uint8_t>(header[1] ^ header[2] ^ header[3] ^ header[4] ^ header[5] ^ header[6] ^ 0x5A);
}

/* What messages are cut from, each at a place of its own: filling and comparing cost next to nothing. */
class Pattern
{
public:
    Pattern()
    {
        uint32_t state = 1;
        for (uint8_t &byte : bytes_) {
            state = state * 1664525 + 1013904223;
            byte = static_cast<uint8_t>(state >> 24);
        }
    }
    /* The bytes of a message, header included. */
    const uint8_t *of(uint32_t stream, uint32_t number) const
    {
        return bytes_ + (stream * 2654435761u + number * 40503u) % places;
    }

private:
    static constexpr uint32_t places = 32768;
    uint8_t bytes_[places + 65536];
};

const Pattern pattern;

} // namespace

void Stream::begin(uint32_t id)
{
    id_ = id;
    receiver_ = none;
    next_number_ = 0;
    accepted_ = 0;
    under_way_ = 0;
    begun_ = 0;
    replaced_ = 0;
    outstanding_.clear();
}

uint32_t Stream::send_begins(uint32_t size, uint64_t stamp, uint32_t key)
{
    outstanding_.push_back({next_number_, size, stamp, UINT64_MAX, 0, key, false});
    under_way_ += size;
    begun_ += size + (key != no_key ? latest_extra : 0);
    return next_number_++;
}

Message *Stream::find(uint32_t number)
{
    for (Message &message : outstanding_) {
        if (message.number == number) {
            return &message;
        }
    }
    return nullptr;
}

void Stream::forget_if_done(Message &message)
{
    if (message.arrived == message.size && message.returned != UINT64_MAX) {
        outstanding_.erase(outstanding_.begin() + (&message - outstanding_.data()));
    }
}

void Stream::send_returned(uint32_t number, bool accepted, uint64_t stamp)
{
    Message *message = find(number);
    under_way_ -= message->size;
    if (!accepted) {
        if (message->arrived != 0) {
            icn_sim_violation(invariant::sent_bytes, "stream %u: message %u was refused, and arrived", id_, number);
        }
        outstanding_.erase(outstanding_.begin() + (message - outstanding_.data()));
        return;
    }
    accepted_ += message->size;
    message->returned = stamp;
    forget_if_done(*message);
}

void Stream::fill(uint32_t number, uint32_t size, uint32_t offset, uint8_t *bytes, uint32_t count) const
{
    uint8_t header[header_bytes];
    uint32_t done = 0;
    if (offset < header_bytes) {
        write_header(mark, id_, number, size, header);
        done = std::min(count, header_bytes - offset);
        std::memcpy(bytes, header + offset, done);
    }
    std::memcpy(bytes + done, pattern.of(id_, number) + offset + done, count - done);
}

/* State has the place of the first that it may have replaced. */
uint64_t Stream::place_of(const Message &message) const
{
    uint64_t place = message.begun;
    for (const Message &other : outstanding_) {
        if (message.key != no_key && other.key == message.key && other.arrived == 0) {
            place = std::min(place, other.begun);
        }
    }
    return place;
}

/* What was sent before it with its key, and has not come, does not come any more. */
void Stream::forget_replaced(const Message &by)
{
    const Message newer = by;
    for (size_t i = outstanding_.size(); newer.key != no_key && i-- > 0;) {
        Message &other = outstanding_[i];
        if (other.key != newer.key || other.number == newer.number || other.arrived != 0) {
            continue;
        }
        if (other.returned < newer.begun) {
            replaced_ += other.size;
            outstanding_.erase(outstanding_.begin() + static_cast<std::ptrdiff_t>(i));
        } else if (other.begun < newer.returned) {
            other.doubtful = true;
        }
    }
}

uint64_t Stream::perhaps_replaced() const
{
    uint64_t bytes = 0;
    for (const Message &message : outstanding_) {
        bool newer = message.doubtful;
        for (const Message &other : outstanding_) {
            newer = newer || (other.number != message.number && other.key == message.key &&
                              other.returned > message.begun && other.arrived == 0);
        }
        bytes += message.key != no_key && message.arrived == 0 && newer ? message.size : 0;
    }
    return bytes;
}

Message &Stream::arriving(uint32_t number, uint32_t size, uint64_t &place)
{
    Message *found = find(number);
    if (found == nullptr || found->size != size || found->arrived != 0) {
        icn_sim_violation(invariant::sent_bytes, "stream %u: message %u of %u bytes is none that is on its way", id_,
                          number, size);
    }
    place = place_of(*found);
    forget_replaced(*found);
    found = find(number);
    for (const Message &earlier : outstanding_) {
        if (earlier.returned < place && earlier.arrived != earlier.size && !earlier.doubtful) {
            icn_sim_violation(invariant::sent_bytes, "stream %u: message %u came before message %u, which was first",
                              id_, number, earlier.number);
        }
    }
    return *found;
}

void Stream::arrived(uint32_t number, uint32_t bytes)
{
    Message *message = find(number);
    message->arrived += bytes;
    forget_if_done(*message);
}

void Stream::bind(uint32_t receiver)
{
    if (receiver_ != none && receiver_ != receiver) {
        icn_sim_violation(invariant::sent_bytes, "stream %u arrived at two receivers", id_);
    }
    receiver_ = receiver;
}

void Ledger::begin()
{
    used_ = 0;
    broadcasts_.clear();
    groups.begin();
}

void Ledger::limit_broadcast(uint32_t number, uint32_t group, uint32_t without)
{
    broadcasts_[number].group = group;
    broadcasts_[number].without = without;
}

bool Ledger::may_come(uint32_t number, uint32_t stream) const
{
    const Broadcast &broadcast = broadcasts_[number];
    return broadcast.group == none ||
           (broadcast.without != stream &&
            groups.may_be_member(broadcast.group, stream, broadcast.begun, broadcast.returned));
}

uint32_t Ledger::broadcast_begins(uint32_t size, uint64_t stamp, uint8_t *bytes)
{
    const auto number = static_cast<uint32_t>(broadcasts_.size());
    broadcasts_.push_back({size, stamp, UINT64_MAX, none, none});
    write_header(broadcast_mark, 0, number, size, bytes);
    std::memcpy(bytes + header_bytes, pattern.of(broadcast_stream, number) + header_bytes, size - header_bytes);
    return number;
}

uint32_t Ledger::open()
{
    if (used_ == streams_.size()) {
        streams_.emplace_back();
    }
    streams_[used_].begin(used_);
    return used_++;
}

void Decoder::begin(uint32_t number, const char *invariant)
{
    invariant_ = invariant;
    number_ = number;
    expected_ = none;
    stream_ = none;
    bytes_ = 0;
    have_ = 0;
    size_ = 0;
    is_broadcast_ = false;
    message_begun_ = 0;
    broadcast_begun_ = 0;
    broadcasts_.clear();
}

void Decoder::check_order(uint64_t begun, uint64_t returned, uint64_t latest)
{
    if (returned < latest) {
        icn_sim_violation(invariant_, "receiver %u: what was sent by %llu to %llu came after what began at %llu",
                          number_, static_cast<unsigned long long>(begun), static_cast<unsigned long long>(returned),
                          static_cast<unsigned long long>(latest));
    }
}

void Decoder::open_broadcast(const Ledger &ledger)
{
    uint8_t expected[header_bytes];
    message_ = header_[3] | uint32_t{header_[4]} << 8;
    size_ = header_[5] | uint32_t{header_[6]} << 8;
    write_header(broadcast_mark, 0, message_, size_, expected);
    const Broadcast *known = ledger.broadcast(message_);
    const bool again = std::find(broadcasts_.begin(), broadcasts_.end(), message_) != broadcasts_.end();
    if (std::memcmp(expected, header_, header_bytes) != 0 || known == nullptr || known->size != size_ || again) {
        icn_sim_violation(invariant_, "receiver %u: broadcast %u of %u bytes is none, or came before", number_,
                          message_, size_);
    }
    const uint32_t stream = stream_ != none ? stream_ : expected_;
    if (stream != none && !ledger.may_come(message_, stream)) {
        icn_sim_violation(invariant::groups, "receiver %u: broadcast %u is not for its group", number_, message_);
    }
    check_order(known->begun, known->returned, std::max(message_begun_, broadcast_begun_));
    broadcast_begun_ = std::max(broadcast_begun_, known->begun);
    broadcasts_.push_back(message_);
}

void Decoder::expect(uint32_t stream)
{
    expected_ = stream;
    if (stream_ != none && stream_ != stream) {
        icn_sim_violation(invariant_, "receiver %u: bytes of stream %u instead of %u", number_, stream_, stream);
    }
}

void Decoder::open_message(Ledger &ledger)
{
    uint8_t expected[header_bytes];
    const uint32_t stream = header_[1] | uint32_t{header_[2]} << 8;
    is_broadcast_ = header_[0] == broadcast_mark;
    if (is_broadcast_) {
        open_broadcast(ledger);
        return;
    }
    message_ = header_[3] | uint32_t{header_[4]} << 8;
    size_ = header_[5] | uint32_t{header_[6]} << 8;
    write_header(mark, stream, message_, size_, expected);
    if (std::memcmp(expected, header_, header_bytes) != 0 || stream >= ledger.count() || size_ < header_bytes) {
        icn_sim_violation(invariant_, "receiver %u: no header at byte %llu", number_,
                          static_cast<unsigned long long>(bytes_ - header_bytes));
    }
    if ((stream_ != none && stream_ != stream) || (expected_ != none && expected_ != stream)) {
        icn_sim_violation(invariant_, "receiver %u: bytes of stream %u instead of %u", number_, stream,
                          stream_ != none ? stream_ : expected_);
    }
    stream_ = stream;
    ledger.at(stream).bind(number_);
    uint64_t place;
    const Message &message = ledger.at(stream).arriving(message_, size_, place);
    check_order(message.begun, message.returned, broadcast_begun_);
    message_begun_ = std::max(message_begun_, place);
    ledger.at(stream).arrived(message_, header_bytes);
}

void Decoder::check_body(Ledger &ledger, const uint8_t *bytes, uint32_t count)
{
    const uint32_t stream = is_broadcast_ ? broadcast_stream : stream_;
    if (std::memcmp(bytes, pattern.of(stream, message_) + have_, count) != 0) {
        icn_sim_violation(invariant_, "receiver %u: a wrong byte of message %u of stream %u, behind byte %u", number_,
                          message_, stream, have_);
    }
    if (!is_broadcast_) {
        ledger.at(stream_).arrived(message_, count);
    }
}

uint32_t Decoder::feed(Ledger &ledger, const uint8_t *bytes, uint64_t size)
{
    uint32_t completed = 0;
    while (size != 0) {
        uint32_t part;
        if (have_ < header_bytes) {
            part = static_cast<uint32_t>(std::min<uint64_t>(size, header_bytes - have_));
            std::memcpy(header_ + have_, bytes, part);
            bytes_ += part;
            if (have_ + part == header_bytes) {
                open_message(ledger);
            }
        } else {
            part = static_cast<uint32_t>(std::min<uint64_t>(size, size_ - have_));
            check_body(ledger, bytes, part);
            bytes_ += part;
        }
        have_ += part;
        bytes += part;
        size -= part;
        if (have_ >= header_bytes && have_ == size_) {
            have_ = 0;
            size_ = 0;
            completed++;
        }
    }
    return completed;
}

} // namespace sim_test
