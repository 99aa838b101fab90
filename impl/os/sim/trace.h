/* What happened in a run, as a hash of every step and, when it is asked for, as text. */
#ifndef ICN_OS_SIM_TRACE_H
#define ICN_OS_SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* A new run begins. `print`: each step goes to standard error as a line. */
void icn_sim_trace_begin(bool print);

/*
 * One step: `what` is a word for it, the numbers are its details: never pointers, handles or anything else that differs
 * from one process to the next.
 */
void icn_sim_trace(const char *what, uint64_t first, uint64_t second);

/* Of all steps so far. */
uint64_t icn_sim_trace_hash(void);
uint64_t icn_sim_trace_steps(void);

#endif
