#include "net/spin.h"

#include "base/check.h"

void icn_spin_init(icn_spin *spin, uint32_t max_us)
{
    spin->max_us = max_us;
    spin->now_us = max_us;
}

/* A short wait would have been caught: the next one is looked for again. Each long one halves what is spent in vain. */
void icn_spin_learn(icn_spin *spin, uint64_t waited_us)
{
    ICN_CHECK(spin->now_us <= spin->max_us);
    spin->now_us = waited_us <= spin->max_us ? spin->max_us : spin->now_us / 2;
}
