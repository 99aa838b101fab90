#ifndef BENCH_LOAD_ECHO_HPP
#define BENCH_LOAD_ECHO_HPP

#include <vector>

#include "load/mode.hpp"
#include "load/stream.hpp"

namespace bench
{

/* The part of every mode that keeps its connections to an echo server. */
class EchoMode : public Mode
{
public:
    explicit EchoMode(const Options &options);

protected:
    /* Each connection echoes one message. */
    void join() override;

    /* `count` messages of a connection came back, at `now`. */
    virtual void on_answers(uint32_t index, uint32_t count, uint64_t now) = 0;

    void send(uint32_t index, uint32_t count);

    void on_event(uint32_t index, uint32_t events) final;

private:
    /* Whole messages among the bytes that came. */
    uint32_t complete(Stream &stream, uint32_t bytes) const;

    Wire wire_;
    std::vector<Stream> streams_;
    bool greeting_ = false;
    uint32_t greeted_ = 0;
};

} // namespace bench

#endif
