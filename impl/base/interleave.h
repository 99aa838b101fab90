/*
 * Where another thread may come in between. In the simulator's build each atomic operation and each lock calls
 * icn_interleave, which may let another of its threads run; in every other build there is nothing here.
 */
#ifndef ICN_BASE_INTERLEAVE_H
#define ICN_BASE_INTERLEAVE_H

#if defined(ICN_SIMULATION)

#include <stdint.h>

/* Counts down to the next point where another thread is let in. Written by os/sim alone. */
extern uint32_t icn_interleave_countdown;

/* Lets another thread run, and sets the countdown anew. */
void icn_interleave_now(void);

static inline void icn_interleave(void)
{
    if (--icn_interleave_countdown == 0) {
        icn_interleave_now();
    }
}

#else

static inline void icn_interleave(void)
{
}

#endif

#endif
