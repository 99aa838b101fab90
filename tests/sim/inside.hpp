/*
 * Looks inside the library while nobody runs: what is due must be under way. As callbacks of icn_sim_world. Fields are
 * read without the functions of base/atomic.h, which would let other threads in.
 */
#pragma once

namespace sim_test
{

/* After every step: operations in flight, and the send queues of sessions that were sent to (inside_counts.cpp). */
void check_step();
/* Everybody waits: nothing that is due is left undone. */
void check_quiet();
/* Part of it: descriptors. */
void check_descriptors();

} // namespace sim_test
