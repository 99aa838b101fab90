/*
 * What a loop ends at the end of a turn, when no completion is being delivered and nothing is in flight on it.
 * Embedded in sessions and listeners. Owner thread.
 */
#ifndef ICN_NET_FINISHER_H
#define ICN_NET_FINISHER_H

#include "base/list.h"

typedef struct icn_finisher icn_finisher;

struct icn_finisher {
    icn_list_node node;                     /* loop->finishing */
    void (*finish)(icn_finisher *finisher); /* may find that it is too early after all, and do nothing */
};

#endif
