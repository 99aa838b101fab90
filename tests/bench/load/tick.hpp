#ifndef BENCH_LOAD_TICK_HPP
#define BENCH_LOAD_TICK_HPP

#include <vector>

#include "load/mode.hpp"
#include "load/tagged.hpp"

namespace bench
{

/*
 * Takes the updates that the server sends by its clock. An update begins with the tick's CLOCK_MONOTONIC in
 * nanoseconds; each byte after that is its own offset.
 */
class TickMode final : public Mode
{
public:
    explicit TickMode(const Options &options);

protected:
    /* Each gets its first update. */
    void join() override;

    void slice(uint64_t end_ns) override;
    void on_event(uint32_t index, uint32_t events) override;
    void judge() override;

private:
    struct Viewer {
        int descriptor = -1;
        bool is_connected = false;
        TaggedReader reader;
        uint64_t last_tick_ns = 0;
    };

    void receive(uint32_t index);
    void on_update(uint32_t index, uint64_t tick_ns);

    std::vector<char> counting_; /* byte i is i */
    std::vector<char> buffer_;
    std::vector<Viewer> viewers_;
    uint32_t connected_ = 0;
    uint32_t updated_ = 0;  /* connections that have had one */
    uint64_t start_ns_ = 0; /* latencies count from ticks after this */
};

} // namespace bench

#endif
