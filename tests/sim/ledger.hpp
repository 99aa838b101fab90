/*
 * Who sent what: each end of a connection has a stream of messages that it sends. A message has a header with the number
 * of its stream, so that the one who receives it finds the ledger in which it stands, and a pattern of its own.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "group_log.hpp"

namespace sim_test
{

constexpr uint32_t none = UINT32_MAX;
constexpr uint32_t header_bytes = 8;
constexpr uint32_t header_size_offset = 5; /* of the size, 2 bytes, the lowest first; it counts the header */
constexpr uint32_t message_bytes_max = 16384;
constexpr uint64_t broadcasts_max = 50; /* of one run */
constexpr uint32_t no_key = 0;          /* of a message that is no state */
constexpr uint32_t latest_extra = 256;  /* what a message of state takes of a queue, besides its bytes */

/* A message that is on its way, or in the hands of a call that has not returned. */
struct Message {
    uint32_t number;
    uint32_t size;     /* the header included */
    uint64_t begun;    /* stamps of the call that sends it */
    uint64_t returned; /* UINT64_MAX: not yet */
    uint32_t arrived;  /* bytes */
    uint32_t key;      /* no_key: nothing replaces it */
    bool doubtful;     /* one that was sent meanwhile has come: it may have been replaced */
};

/* Bytes for all sessions of a service, or for a group: each receiver may meet them, once, between two messages. */
struct Broadcast {
    uint32_t size;
    uint64_t begun;
    uint64_t returned; /* UINT64_MAX: not yet */
    uint32_t group;    /* none: it is for all */
    uint32_t without;  /* the stream that does not get it; none: all do */
};

/* One direction of a connection, as its sender knows it. */
class Stream
{
public:
    void begin(uint32_t id);

    /* A call that sends `size` bytes begins; returns the number of the message. */
    uint32_t send_begins(uint32_t size, uint64_t stamp, uint32_t key = no_key);
    /* It has returned. */
    void send_returned(uint32_t number, bool accepted, uint64_t stamp);

    /* The bytes of a message from `offset`. */
    void fill(uint32_t number, uint32_t size, uint32_t offset, uint8_t *bytes, uint32_t count) const;

    /* For the decoder: the message that begins to arrive. `place`: receives the begin of the call that gave it its place. */
    Message &arriving(uint32_t number, uint32_t size, uint64_t &place);
    void arrived(uint32_t number, uint32_t bytes);
    void bind(uint32_t receiver);

    uint32_t id() const { return id_; }
    uint32_t receiver() const { return receiver_; }
    uint64_t accepted() const { return accepted_; }
    uint64_t under_way() const { return under_way_; }
    uint64_t begun() const { return begun_; }
    /* Bytes that were accepted, and replaced for sure; and those that may have been. */
    uint64_t replaced() const { return replaced_; }
    uint64_t perhaps_replaced() const;

private:
    Message *find(uint32_t number);
    void forget_if_done(Message &message);
    uint64_t place_of(const Message &message) const;
    void forget_replaced(const Message &by);

    uint32_t id_ = none;
    uint32_t receiver_ = none; /* a decoder's number */
    uint32_t next_number_ = 0;
    uint64_t accepted_ = 0;  /* bytes of sends that returned with success */
    uint64_t under_way_ = 0; /* bytes of calls that have not returned */
    uint64_t begun_ = 0;     /* bytes of all calls, as queues count them */
    uint64_t replaced_ = 0;
    std::vector<Message> outstanding_;
};

/* All streams of a run. */
class Ledger
{
public:
    void begin();
    /* A new one; its number is its place. */
    uint32_t open();
    Stream &at(uint32_t id) { return streams_[id]; }
    uint32_t count() const { return used_; }

    /* A broadcast begins; writes its bytes and returns its number. */
    uint32_t broadcast_begins(uint32_t size, uint64_t stamp, uint8_t *bytes);
    void broadcast_returned(uint32_t number, uint64_t stamp) { broadcasts_[number].returned = stamp; }
    /* It is for a group, but for one of its members. */
    void limit_broadcast(uint32_t number, uint32_t group, uint32_t without);
    /* It may come in this stream. */
    bool may_come(uint32_t number, uint32_t stream) const;
    uint64_t broadcast_count() const { return broadcasts_.size(); }
    const Broadcast *broadcast(uint32_t number) const
    {
        return number < broadcasts_.size() ? &broadcasts_[number] : nullptr;
    }

    GroupLog groups;

private:
    std::vector<Broadcast> broadcasts_;
    std::deque<Stream> streams_; /* references to them outlive a call of the library */
    uint32_t used_ = 0;
};

/* One direction of a connection, as its receiver knows it. */
class Decoder
{
public:
    /* `invariant` is what a wrong byte breaks. */
    void begin(uint32_t number, const char *invariant);
    /* The stream that it has to be; any, if this is not called. */
    void expect(uint32_t stream);
    /* Returns how many messages were completed. */
    uint32_t feed(Ledger &ledger, const uint8_t *bytes, uint64_t size);

    uint32_t stream() const { return stream_; }
    uint64_t bytes() const { return bytes_; }
    bool is_between_messages() const { return have_ == 0; }

private:
    void open_message(Ledger &ledger);
    void open_broadcast(const Ledger &ledger);
    /* What arrives now, and what arrived before, in the order of their calls. */
    void check_order(uint64_t begun, uint64_t returned, uint64_t latest);
    void check_body(Ledger &ledger, const uint8_t *bytes, uint32_t count);

    const char *invariant_ = "";
    uint32_t number_ = none;
    uint32_t expected_ = none;
    uint32_t stream_ = none;
    uint64_t bytes_ = 0;
    uint8_t header_[header_bytes] = {};
    uint32_t have_ = 0; /* bytes of the current message, header included */
    uint32_t size_ = 0; /* of the current message, once its header is complete */
    uint32_t message_ = 0;
    bool is_broadcast_ = false;        /* the current message */
    uint64_t message_begun_ = 0;       /* the latest one that arrived */
    uint64_t broadcast_begun_ = 0;     /* the same */
    std::vector<uint32_t> broadcasts_; /* that arrived */
};

} // namespace sim_test
