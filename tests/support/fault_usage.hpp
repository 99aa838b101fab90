/* What the test's own process uses, and may use. */
#pragma once

#include <cstdint>

namespace fault_test
{

/* CPU time so far, of all threads, user and system. */
double cpu_seconds();

/* Descriptors on Linux, handles on Windows, that are open now. */
uint64_t open_descriptors();

/* Bytes of memory in RAM; 0 where the system does not tell. */
uint64_t resident_bytes();

/* A number from the environment: how long a test may take, for example. */
uint32_t from_environment(const char *name, uint32_t otherwise);

} // namespace fault_test
