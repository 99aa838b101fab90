/*
 * The allocator of the simulated runs. Within a run no memory is used twice, and what was released is looked at in the
 * end: the library fills it before, so that whoever wrote to it later is found. Under the address sanitizer it is malloc.
 */
#pragma once

namespace sim_test
{

/* Once in a process, before anything is allocated. */
void install_memory_check();
/* A run begins: what the last one left is taken back. */
void begin_memory_check();
/* A violation of "memory" when released memory was written to. Inside a run. */
void check_memory();

} // namespace sim_test
