#include "cost/meter.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "cost/require.hpp"
#include "iocpnet.h"

namespace cost
{

namespace
{

uint64_t allocations = 0;

void *IOCPNET_CALL allocate(uint64_t size, void *)
{
    ++allocations;
    return std::malloc(size);
}

void IOCPNET_CALL release(void *memory, uint64_t, void *)
{
    std::free(memory);
}

} // namespace

Meter::Meter(bool marks) : marks_(marks)
{
    iocpnet_allocator allocator;
    require(iocpnet_allocator_init(&allocator, sizeof allocator), "iocpnet_allocator_init");
    allocator.allocate = allocate;
    allocator.release = release;
    require(iocpnet_set_allocator(&allocator), "iocpnet_set_allocator");
}

/* A system call that fails, with a text that strace prints. */
void Meter::mark(const char *text, size_t size) const
{
    if (marks_) {
        static_cast<void>(!write(-1, text, size));
    }
}

void Meter::begin()
{
    if (resting_) {
        return;
    }
    ++counts_.windows;
    allocations_before_ = allocations;
    mark("begin", 5);
    CALLGRIND_TOGGLE_COLLECT;
}

void Meter::end()
{
    if (resting_) {
        return;
    }
    CALLGRIND_TOGGLE_COLLECT;
    mark("end", 3);
    counts_.allocations += allocations - allocations_before_;
}

void Meter::forget()
{
    counts_ = Counts();
    mark("forget", 6);
    CALLGRIND_ZERO_STATS;
}

void Meter::report(const std::string &name)
{
    CALLGRIND_DUMP_STATS_AT(name.c_str());
    const std::string text = "report " + name;
    mark(text.data(), text.size());
    std::printf("%s windows=%" PRIu64 " units=%" PRIu64 " allocations=%" PRIu64 "\n", name.c_str(), counts_.windows,
                counts_.units, counts_.allocations);
    std::fflush(stdout);
    forget();
}

} // namespace cost
