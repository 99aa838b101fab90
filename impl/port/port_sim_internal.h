/* Shared by port_sim.c and port_sim_complete.c. */
#ifndef ICN_PORT_PORT_SIM_INTERNAL_H
#define ICN_PORT_PORT_SIM_INTERNAL_H

#include "base/list.h"
#include "port/port.h"

#define ICN_SIM_ENDPOINTS_MAX 1024

typedef struct icn_sim_port {
    icn_port base;
    icn_port_options options;
    icn_endpoint *endpoints[ICN_SIM_ENDPOINTS_MAX]; /* attached */
    uint32_t endpoint_count;
    icn_list sends;  /* what the sends in flight were given */
    icn_list queued; /* operations whose last completion is known: they failed at once, or were cancelled */
    uint32_t thread; /* the fiber that used it last; 0: none yet */
    bool active;     /* something may have changed since it was looked at */
    bool woken;
    uint8_t buffer[]; /* receives go here */
} icn_sim_port;

/* What a send in flight was given. */
typedef struct icn_sim_send {
    icn_list_node node;
    const icn_operation *operation;
    uint32_t count;
    iocpnet_iovec pieces[];
} icn_sim_send;

/* Delivers at least one completion if there is any, at most `budget`. Returns how many. */
uint32_t icn_sim_port_deliver(icn_sim_port *port, uint32_t budget);

/* Frees what a send in flight was given. */
void icn_sim_port_forget_send(icn_sim_port *port, const icn_operation *operation);

#endif
