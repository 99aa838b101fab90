/*
 * A flood of misuse: random wrong calls of every exported function, while services live and work. A call that is not
 * refused as it should be is a test failure. Any thread may flood.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/api_misuse.hpp"

namespace scale_test
{

/* Wrong handles, by how they are wrong. None of them becomes valid while the flood lasts. */
struct Handles {
    std::vector<uint64_t> stale; /* ended sessions, closed listeners, destroyed services */
    std::vector<std::pair<uint64_t, api_test::Kind>> live;
    /* Bits of live handles that may be flipped: not those of the position when others come and go meanwhile. */
    uint64_t flippable = UINT64_MAX;
};

class Flood
{
public:
    Flood(const api_test::World &world, Handles handles);

    /* Makes so many calls, from one seed. Returns early when something was not refused. */
    void run(uint64_t seed, uint64_t calls);

    uint64_t calls() const { return calls_; }
    /* Calls of the function that was called least. */
    uint64_t fewest() const;

private:
    struct Function {
        std::string name;
        api_test::Entry entry;
        std::atomic<uint64_t> calls{0};
    };
    class Source;

    bool call(Function &function, Source &source);
    bool call_with_handle(const Function &function, Source &source) const;
    uint64_t wrong_handle(api_test::Kind kind, Source &source) const;
    uint64_t flipped(Source &source) const;
    bool is_live(uint64_t handle) const;

    const Handles handles_;
    std::vector<Function> functions_;
    std::atomic<uint64_t> calls_{0};
    std::atomic<bool> failed_{false};
};

} // namespace scale_test
