/* Counts what runs inside windows: instructions by callgrind, system calls by strace, allocations by itself. */
#pragma once

#include <cstdint>
#include <string>

namespace cost
{

/* What one block of windows did. */
struct Counts {
    uint64_t windows = 0;
    uint64_t units = 0; /* messages, sends: what the cost is divided by */
    uint64_t allocations = 0;
};

class Meter
{
public:
    /* Makes its counting allocator that of the library, so before the first service. `marks`: for strace to see. */
    explicit Meter(bool marks);

    /* What is between these two is counted. */
    void begin();
    void end();
    /* While it rests, begin and end do nothing. */
    void rest(bool resting) { resting_ = resting; }
    void count_units(uint64_t units) { counts_.units += units; }

    /* Forgets what was counted; what callgrind has seen as well. */
    void forget();
    /* Prints what was counted as the block `name`, writes callgrind's dump of that name, and forgets it. */
    void report(const std::string &name);

private:
    void mark(const char *text, size_t size) const;

    bool marks_;
    bool resting_ = false;
    uint64_t allocations_before_ = 0;
    Counts counts_;
};

} // namespace cost
