/*
 * Sessions of a listener behind a proxy, until the header is whole that tells where the client is: the host hears nothing of
 * them, and nothing but the header is received. Then they are let in, or not, by that address, and what came behind the
 * header is the first that they receive. What a session needs for it stands in front of its guard, in the same block.
 */
#ifndef ICN_NET_PROXIED_H
#define ICN_NET_PROXIED_H

#include <stdbool.h>
#include <stdint.h>

#include "net/listener.h"
#include "net/session.h"

/* For the whole header, where the listener has no deadline for first bytes. */
#define ICN_PROXIED_TIMEOUT_MS 10000

/* Owner thread, like all here that is not marked otherwise. */
typedef struct icn_proxied {
    icn_listener *listener; /* pinned, for its settings, as long as the header is awaited; then NULL */
    uint8_t *kept;          /* a header that came in pieces, ICN_PROXY_HEADER_MAX bytes; NULL: none */
    uint32_t kept_bytes;
    uint32_t reserved;
} icn_proxied;

/* NULL: the session is of another listener, or connected out. Constant: any thread. */
static inline icn_proxied *icn_session_proxied(const icn_session *session)
{
    return (session->endpoint.mark & ICN_MARK_PROXIED) != 0
               ? (icn_proxied *)(void *)(uintptr_t)icn_session_guard(session) - 1
               : NULL;
}

/* True from the first look of the loop at the session until the header is whole, or the session closes. */
static inline bool icn_proxied_awaits_header(const icn_session *session)
{
    const icn_proxied *proxied = icn_session_proxied(session);
    return proxied != NULL && proxied->listener != NULL && icn_session_state_now(session) == ICN_SESSION_CONNECTING;
}

/* A new session, which nobody else knows. The caller has a pin of the listener, or is in its loop. */
void icn_proxied_init(icn_session *session, icn_listener *listener);
/* No header is awaited any more: the owner; or whoever destroys the session, when nobody else knows of it any more. */
void icn_proxied_let_go(icn_session *session);

/* The socket is attached: receives the header. */
void icn_proxied_start(icn_session *session);
/* While the header is awaited: bytes came, the stream ended or broke, the deadline has passed. */
void icn_proxied_received(icn_session *session, const void *data, uint32_t size);
void icn_proxied_ended(icn_session *session);
void icn_proxied_late(icn_session *session);

/* Whether the address of the client is known, as it is since CONNECTED. Any thread. */
bool icn_proxied_is_known(const icn_session *session);

#endif
