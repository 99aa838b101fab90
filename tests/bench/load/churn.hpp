#ifndef BENCH_LOAD_CHURN_HPP
#define BENCH_LOAD_CHURN_HPP

#include <vector>

#include "load/mode.hpp"
#include "load/stream.hpp"

namespace bench
{

/* Connect, one message, its echo, reset; `connections` of these at a time. A message of the figures is all of that. */
class ChurnMode final : public Mode
{
public:
    explicit ChurnMode(const Options &options);

protected:
    /* Once with each. */
    void join() override;

    void slice(uint64_t end_ns) override;
    void on_event(uint32_t index, uint32_t events) override;

private:
    struct Visit {
        Stream stream;
        uint64_t begin_ns = 0;
    };

    void begin(uint32_t index);
    void finish(uint32_t index);

    Wire wire_;
    std::vector<Visit> visits_;
    uint64_t begun_ = 0;
    uint32_t open_ = 0;
    uint64_t end_ns_ = 0;
};

} // namespace bench

#endif
