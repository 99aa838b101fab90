/* What this process holds, as the system sees it. */
#pragma once

#include <cstdint>

#include "support/api_process.hpp"

namespace scale_test
{

struct Holdings {
    uint64_t descriptors; /* file descriptors, or handles */
    uint64_t threads;     /* 0 where the system does not tell */
    uint64_t heap_bytes;  /* in use; 0 where the C library does not tell */
    uint64_t resident_bytes;
};

Holdings holdings();

using api_test::raise_descriptor_limit;

} // namespace scale_test
