#ifndef BENCH_LOAD_FANOUT_HPP
#define BENCH_LOAD_FANOUT_HPP

#include <random>
#include <vector>

#include "load/mode.hpp"
#include "load/stream.hpp"
#include "load/tagged.hpp"

namespace bench
{

/* Rounds: one of the connections sends a message, and all must get it. A message of the figures is one that arrived. */
class FanoutMode final : public Mode
{
public:
    explicit FanoutMode(const Options &options);

protected:
    /* One after another; each sends a message, so that the server is known to have all of them. */
    void join() override;

    void slice(uint64_t end_ns) override;
    void on_event(uint32_t index, uint32_t events) override;
    std::string more() const override;

private:
    struct Member {
        int descriptor = -1;
        bool has_unsent = false;
        TaggedReader reader;
    };

    /* Its messages are in `messages_`; the place of a round is its number modulo `depth`. */
    struct Round {
        uint64_t number = 0;
        uint64_t begin_ns = 0;
        uint32_t sender = 0;
        uint32_t unsent = 0;
        uint32_t missing = 0; /* connections that have not got it */
    };

    Round &round_of(uint64_t number) { return rounds_[number % options.depth]; }
    const char *message_of(uint64_t number) const;

    void begin(uint32_t sender);
    void begin_next();
    void flush(uint32_t sender);
    bool flush_round(Round &round);
    void receive(uint32_t index);
    void on_message(uint32_t index, uint64_t number);

    Wire wire_;
    std::mt19937 random_;
    std::vector<Member> members_;
    std::vector<Round> rounds_;
    std::vector<char> messages_;
    std::vector<uint64_t> got_; /* by connection and place: the number of the last round that it got */
    uint64_t next_ = 1;         /* round; no round is 0 */
    uint64_t finished_ = 0;     /* rounds */
    uint32_t joined_ = 0;
    uint64_t end_ns_ = 0;
};

} // namespace bench

#endif
