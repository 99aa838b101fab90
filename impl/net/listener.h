/*
 * An address that the service accepts on. Its loop keeps an accept posted as long as it is open; a failed one is posted
 * again: at once when a descriptor of this loop becomes free, else after a back-off.
 * Owner thread of its loop, unless marked otherwise.
 */
#ifndef ICN_NET_LISTENER_H
#define ICN_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "net/framer.h"
#include "net/guard.h"
#include "net/loop.h"
#include "port/port.h"
#include "util/access_list.h"
#include "util/timer.h"

/* Without resources an accept is tried again this often, and one waiting client is turned away each time. */
#define ICN_LISTENER_BACKOFF_MS 40

typedef enum icn_listener_state {
    ICN_LISTENER_STARTING = 0, /* made, not seen by its loop yet */
    ICN_LISTENER_OPEN,
    ICN_LISTENER_ENDING, /* waits for the accept in flight */
    ICN_LISTENER_ENDED
} icn_listener_state;

typedef struct icn_listener_settings {
    uint32_t accept_count;
    bool no_delay;
    icn_access_list *access;      /* NULL: none. The listener's on success */
    iocpnet_accept_filter filter; /* NULL: none */
    void *filter_user;
    icn_access_list *trusted;     /* proxies; NULL: the listener is behind none. The listener's on success */
    icn_os_socket_options socket; /* of its sessions, like the next */
    icn_guard_options guard;
    icn_framing framing;
} icn_listener_settings;

typedef struct icn_listener {
    icn_loop *loop;
    uint64_t handle;
    icn_address address;          /* bound; constant */
    icn_atomic_u32 close_claimed; /* any thread: 1 once it is to close; whoever sets it retires the handle */
    icn_kick kick;                /* any thread */

    icn_listener_state state;
    icn_endpoint endpoint;
    icn_os_socket reserve;
    icn_listener_settings settings; /* constant; its access lists are the listener's */
    /* Any thread: behind a proxy sessions are refused in their own loops. */
    icn_atomic_u64 refusal_logged_ms; /* 0: none yet */
    icn_atomic_u64 refusals_not_logged;
    bool attached;
    bool accepting;          /* an accept is in flight */
    bool short_of_resources; /* since the last connection: logged once */
    icn_timer retry;         /* set while backing off */
    icn_list_node loop_node;
    icn_list_node finishing; /* loop->finishing_listeners */
} icn_listener;

/*
 * Makes a listener around a socket that listens on `address`; the socket is the listener's on success, and accepting
 * starts when the loop runs. Any thread. Errors: NO_MEMORY, LIMIT_REACHED, CLOSED (the service stops).
 */
int32_t icn_listener_open(icn_loop *loop, icn_os_socket socket, const icn_address *address,
                          const icn_listener_settings *settings, uint64_t *handle);

/* Ends the handle, and the listener soon after. The first call wins: false for the others. Any thread, with a pin. */
bool icn_listener_close(icn_listener *listener);

/* The handler of its kick. */
void icn_listener_look(icn_kick *kick);

void icn_listener_accept_completed(icn_operation *operation, const icn_completion *completion);

/* From loop->finishing_listeners, with nothing in flight; may find that it is too early after all, and do nothing. */
void icn_listener_finish(icn_list_node *node);

/*
 * Whether a connection is let in (listener_admit.c): the lists, then the limits of its address, then the host's filter. Let
 * in: *place is where its session is counted. Any thread with a pin that drives a loop of the service.
 */
icn_refusal icn_listener_admit(icn_listener *listener, icn_os_socket socket, const icn_address *remote,
                               icn_address_place *place);

/* Whether a proxy at this address is to be believed. The listener is behind one. */
icn_refusal icn_listener_trust(icn_listener *listener, const icn_address *proxy);
/* At most one line a second. Any thread with a pin. */
void icn_listener_log_refusal(icn_listener *listener, const icn_address *remote, icn_refusal refusal);

/* A timer of the loop is due: false when it is none of a listener that backs off. */
bool icn_listeners_retry(icn_loop *loop, const icn_timer *timer);

/* Closes all listeners of a loop. */
void icn_listeners_stop(icn_loop *loop);

/* A descriptor became free: listeners that back off try again. */
void icn_listeners_descriptor_freed(icn_loop *loop);

#endif
