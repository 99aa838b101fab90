#ifndef BENCH_LOAD_MODE_HPP
#define BENCH_LOAD_MODE_HPP

#include <cstdint>
#include <string>

#include "load/clock.hpp"
#include "load/figures.hpp"
#include "load/loop.hpp"
#include "load/options.hpp"
#include "load/server.hpp"

namespace bench
{

/* One way to load a server. All of it runs on one thread, and throws Failure when the server does something wrong. */
class Mode
{
public:
    explicit Mode(const Options &options);
    virtual ~Mode() = default;
    Mode(const Mode &) = delete;
    Mode &operator=(const Mode &) = delete;

    /* Returns when all connections stand and the server knows them. */
    void connect();

    /* One slice, as a line of JSON. */
    std::string run(uint64_t duration_ns);

    /* Takes what arrived between slices: a byte too many, an end, an update. */
    void take_arrived() { wait(0); }

    /* Readable when something arrived. */
    int descriptor() const { return loop.descriptor(); }

protected:
    virtual void join() = 0;

    /* Loads the server until `end_ns`, and returns when it has answered everything. */
    virtual void slice(uint64_t end_ns) = 0;

    virtual void on_event(uint32_t index, uint32_t events) = 0;

    /* After a slice: whether the generator was the bottleneck. */
    virtual void judge() {}

    /* Fields of its own for the line of a slice, each with a comma before it. */
    virtual std::string more() const { return {}; }

    /* Handles the events of one wait, and returns how many there were, without the timer's. */
    uint32_t wait(uint64_t timeout_ns);

    /* Handles events until then, or a little later: no longer than the timer's period. */
    void wait_until_time(uint64_t end_ns);

    /* Handles events until `is_done` says so; throws when none comes for long. `what` is awaited. */
    template <typename Condition>
    void wait_until(Condition is_done, const char *what)
    {
        uint32_t silent = 0;
        while (!is_done()) {
            silent = wait(Loop::forever) == 0 ? silent + 1 : 0;
            check_stall(silent, what);
        }
    }

    const Options options;
    Loop loop;
    Server server;
    Figures figures;

private:
    void check_stall(uint32_t silent_waits, const char *what) const;
};

} // namespace bench

#endif
