/* What this process holds, as the system sees it. */
#pragma once

#include <cstdint>

namespace scale_test
{

struct Holdings {
    uint64_t descriptors; /* file descriptors, or handles */
    uint64_t threads;     /* 0 where the system does not tell */
    uint64_t heap_bytes;  /* in use; 0 where the C library does not tell */
    uint64_t resident_bytes;
};

Holdings holdings();

/* As many file descriptors as the system allows this process; the number. */
uint64_t raise_descriptor_limit();

} // namespace scale_test
