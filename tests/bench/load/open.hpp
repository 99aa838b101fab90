#ifndef BENCH_LOAD_OPEN_HPP
#define BENCH_LOAD_OPEN_HPP

#include <random>
#include <vector>

#include "load/echo.hpp"

namespace bench
{

/*
 * Messages at a rate, whether or not the earlier ones were answered. Message k goes out over connection order[k % C],
 * so the n-th echo of a connection tells which message it was. Latency counts from when it should have been sent.
 */
class OpenMode final : public EchoMode
{
public:
    explicit OpenMode(const Options &options);

protected:
    void slice(uint64_t end_ns) override;
    void on_answers(uint32_t index, uint32_t count, uint64_t now) override;
    void judge() override;
    std::string more() const override;

private:
    void restart(uint64_t start_ns);
    void send_due(uint64_t now);
    uint64_t distance_ns();
    uint64_t time_to_next() const;

    std::mt19937_64 random_;
    std::vector<uint32_t> order_;
    std::vector<uint64_t> oldest_; /* by connection: the message whose echo comes next */
    std::vector<uint64_t> due_ns_; /* a ring by message; 0: answered */
    uint64_t next_ = 0;            /* message */
    uint64_t next_due_ns_ = 0;
    uint64_t end_ns_ = 0;
    uint64_t in_flight_ = 0;
    bool is_held_back_ = false;
    Histogram lag_; /* of sends, behind the schedule */
};

} // namespace bench

#endif
