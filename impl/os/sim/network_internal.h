/* Shared by connection.c and descriptor.c. */
#ifndef ICN_OS_SIM_NETWORK_INTERNAL_H
#define ICN_OS_SIM_NETWORK_INTERNAL_H

#include "base/list.h"
#include "os/sim/network.h"

typedef struct icn_sim_pipe {
    uint8_t *bytes; /* a ring */
    uint32_t capacity;
    uint32_t begin;
    uint32_t size;
} icn_sim_pipe;

struct icn_sim_end {
    icn_sim_end *far;
    icn_sim_pipe in;
    bool broken;
    int32_t error; /* of a broken end: not told yet; 0: somebody has taken it */
    bool shut;     /* this end has sent its FIN */
    bool closed;   /* given back: nobody has it any more */
    bool is_client;
    icn_sim_changed *changed; /* the library's side only */
    void *user;
    icn_address local;
    icn_address remote;
    icn_list_node waiting; /* in a listener's backlog */
    struct connection *connection;
};

/* Makes both ends; `server` is the address that was connected to. Returns the end that connected. */
icn_sim_end *icn_sim_connection_make(const icn_address *server);
/* Ends both at once: the far end sees a reset. */
void icn_sim_end_discard(icn_sim_end *end);
void icn_sim_connections_begin(uint32_t pipe_bytes_max);

#endif
