/*
 * How long a loop looks for completions before it sleeps: as long as waits were short of late, and not at all once they
 * are long. Pure. Owner thread of the loop.
 */
#ifndef ICN_NET_SPIN_H
#define ICN_NET_SPIN_H

#include <stdint.h>

typedef struct icn_spin {
    uint32_t max_us; /* constant; 0: never spins */
    uint32_t now_us; /* of the next wait */
} icn_spin;

void icn_spin_init(icn_spin *spin, uint32_t max_us);

/* After a wait of so long, looking and sleeping. */
void icn_spin_learn(icn_spin *spin, uint64_t waited_us);

#endif
