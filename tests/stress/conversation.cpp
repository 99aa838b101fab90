#include "stress/conversation.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "stress/check.hpp"

namespace stress
{

namespace
{

/* Apart from the handles of sessions, which are the conversations of the library's ends. */
uint64_t next_id()
{
    static std::atomic<uint64_t> last{0};
    return (UINT64_C(1) << 63) + ++last;
}

} // namespace

Conversation::Conversation(World &world, Wire wire, const char *role)
    : world_(world), wire_(std::move(wire)), role_(role), id_(next_id()), local_(wire_.local_address()),
      remote_(wire_.remote_address())
{
    world_.tally.peers++;
}

Conversation::~Conversation()
{
    End end;
    end.who = std::string(role_) + " peer";
    end.local = local_;
    end.remote = remote_;
    end.sent = sent_;
    end.sent_final = true;
    end.received = reader_.bytes();
    end.saw_end = ended_;
    world_.ledger.add(end);
    world_.tally.bytes += end.received;
    wire_.close();
}

void Conversation::prepare(Random &random, uint32_t bytes)
{
    out_.erase(0, begin_);
    begin_ = 0;
    const size_t wanted = out_.size() + bytes;
    while (out_.size() < wanted) {
        const uint32_t payload = random.below(std::min<size_t>(wanted - out_.size(), 20000) + 1);
        out_ += make_message(id_, 0, number_++, payload);
    }
}

void Conversation::send_some(size_t bytes)
{
    if (!wire_.is_open() || broken_) {
        return;
    }
    size_t sent = 0;
    const size_t size = std::min(bytes, out_.size() - begin_);
    if (size != 0) {
        broken_ = wire_.send(out_.data() + begin_, size, &sent) == Wire::Result::broken;
        begin_ += sent;
        sent_ += sent;
    }
}

/* After an error the end of the stream means nothing any more. */
void Conversation::receive_some(size_t bytes)
{
    if (!is_alive()) {
        return;
    }
    std::vector<char> buffer(std::min<size_t>(bytes, 65536));
    size_t received = 0;
    switch (wire_.receive(buffer.data(), buffer.size(), &received)) {
    case Wire::Result::ok:
        if (reader_.error().empty() && !reader_.feed(buffer.data(), received)) {
            violate(std::string(role_) + " peer at " + local_ + " received " + reader_.error());
        }
        break;
    case Wire::Result::end:
        ended_ = true;
        break;
    case Wire::Result::broken:
        broken_ = true;
        break;
    default:
        break;
    }
}

void Conversation::finish()
{
    out_.clear();
    begin_ = 0;
    wire_.shutdown_send();
}

void Conversation::reset()
{
    wire_.reset();
}

} // namespace stress
