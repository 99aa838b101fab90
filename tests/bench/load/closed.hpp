#ifndef BENCH_LOAD_CLOSED_HPP
#define BENCH_LOAD_CLOSED_HPP

#include <vector>

#include "load/echo.hpp"

namespace bench
{

/* `closed` and `idle`: some connections, or all, keep `depth` messages in flight; the others are held. */
class ClosedMode final : public EchoMode
{
public:
    explicit ClosedMode(const Options &options);

protected:
    void slice(uint64_t end_ns) override;
    void on_answers(uint32_t index, uint32_t count, uint64_t now) override;
    std::string more() const override;

private:
    void begin(uint32_t index);

    uint64_t resident_before_kb_;
    std::vector<uint32_t> active_;
    std::vector<uint64_t> sent_ns_; /* a ring of `depth` for each connection: when its messages in flight were sent */
    std::vector<uint32_t> oldest_;  /* in that ring */
    uint64_t in_flight_ = 0;
    uint64_t end_ns_ = 0;
};

} // namespace bench

#endif
