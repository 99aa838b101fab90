/*
 * The one source of chance of a simulated run. A run is a function of its choices and of nothing else: they come from a
 * seed, or from bytes that were recorded, shrunk or made by a fuzzer. Choice 0 is always the plainest one: no
 * preemption, no fault, nothing special; bytes that are used up are followed by zeros for ever.
 * One simulation at a time in a process; these and all functions of os/sim are called on its one real thread.
 */
#ifndef ICN_OS_SIM_CHOICE_H
#define ICN_OS_SIM_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Choices are drawn from a generator (splitmix64) that starts with `seed`. */
void icn_sim_choices_from_seed(uint64_t seed);

/* Choices are read from `bytes`, which stay the caller's and alive: one byte for a choice of up to 256, two for others,
 * little endian, each modulo the number of possibilities. */
void icn_sim_choices_from_bytes(const uint8_t *bytes, size_t size);

/* Keeps a copy of all choices from now on, in the same form, at most `capacity` bytes in the caller's `bytes`. NULL ends
 * it. What does not fit is not kept. */
void icn_sim_choices_record(uint8_t *bytes, size_t capacity);
/* Bytes recorded. */
size_t icn_sim_choices_recorded(void);

/* 0 to count - 1. `count`: 1 to 65,536; 1 takes no choice. */
uint32_t icn_sim_choose(uint32_t count);

/* True in about `per_mille` of 1,000 cases; never for choice 0. `per_mille` 0 takes no choice. */
bool icn_sim_chance(uint32_t per_mille);

#endif
