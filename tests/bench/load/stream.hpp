#ifndef BENCH_LOAD_STREAM_HPP
#define BENCH_LOAD_STREAM_HPP

#include <cstdint>
#include <vector>

#include "load/pattern.hpp"

namespace bench
{

/* What all streams share: the pattern, and a receive buffer that stays warm. */
struct Wire {
    Pattern pattern;
    std::vector<char> buffer = std::vector<char>(Pattern::window_max);
};

/* One connection to a server that echoes: it sends the pattern, from a place of its own, and so must the echo be. */
class Stream
{
public:
    /* Owns the descriptor from now on. `place` chooses the place in the pattern. */
    void open(int descriptor, uint32_t index, uint64_t place);
    void close();

    /* Sends now what the kernel takes, the rest in `flush`, when there is room again. */
    void send(const Wire &wire, uint64_t bytes);
    void flush(const Wire &wire);

    /* One receive: the bytes that came back, each of them compared. Fewer than the buffer has: nothing is left. */
    uint32_t receive(Wire &wire);

    bool has_unsent() const { return unsent_ != 0; }

    uint32_t partial = 0; /* bytes of a message that is not complete; the mode's */

private:
    [[noreturn]] void fail_at_difference(const Wire &wire, uint32_t size) const;

    int descriptor_ = -1;
    uint32_t index_ = 0;
    uint32_t send_at_ = 0;    /* in the pattern */
    uint32_t receive_at_ = 0; /* in the pattern */
    uint64_t unsent_ = 0;
    uint64_t expected_ = 0; /* bytes sent, or to be sent, that did not come back */
    uint64_t received_ = 0;
};

} // namespace bench

#endif
