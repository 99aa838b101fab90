/* Which calls of the simulated system fail, and how often. A new run begins with none. */
#ifndef ICN_OS_SIM_FAULT_H
#define ICN_OS_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum icn_sim_fault {
    ICN_SIM_FAULT_THREAD,    /* a thread can not be started */
    ICN_SIM_FAULT_SOCKET,    /* a socket can not be made, bound or asked for its address */
    ICN_SIM_FAULT_PORT_OPEN, /* a port can not be opened */
    ICN_SIM_FAULT_ATTACH,    /* a socket can not be tied to a port */
    ICN_SIM_FAULT_RUN,       /* a port fails as a whole */
    ICN_SIM_FAULT_START,     /* an operation fails when it is started */
    ICN_SIM_FAULT_ACCEPT,    /* an operation completes with one of its documented errors */
    ICN_SIM_FAULT_RECEIVE,
    ICN_SIM_FAULT_SEND,
    ICN_SIM_FAULT_KINDS
} icn_sim_fault;

/* `per_mille` of the calls fail from here on; 0: none. */
void icn_sim_fault_set(icn_sim_fault kind, uint32_t per_mille);
void icn_sim_fault_clear_all(void);

/* 0: this call works; else the system's code for why not, one of those that are documented for the kind. */
int32_t icn_sim_fault_now(icn_sim_fault kind);

#endif
