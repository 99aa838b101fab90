/*
 * Where the events of a dispatcher go: to the host's callbacks, or into its event queue. Owner thread of the loop.
 */
#ifndef ICN_SERVICE_DELIVERY_H
#define ICN_SERVICE_DELIVERY_H

struct icn_dispatcher;

/* Before the dispatcher runs; the callbacks themselves are known when the service starts. */
void icn_delivery_init(struct icn_dispatcher *dispatcher);

#endif
