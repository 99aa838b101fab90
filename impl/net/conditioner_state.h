/* What the two parts of the conditioner share: its flow (conditioner.c) and its settings (conditioner_settings.c). */
#ifndef ICN_NET_CONDITIONER_STATE_H
#define ICN_NET_CONDITIONER_STATE_H

#include "net/conditioner.h"
#include "net/extension.h"
#include "net/receive_buffer.h"
#include "net/session.h"

struct icn_conditioner {
    icn_session *session;
    icn_timer timer; /* in the wheel of the loop's conditioners */
    icn_conditioner_settings settings;
    bool off;        /* what is held goes on at once, and then nothing is conditioned any more */
    bool holds_end;  /* of the peer's stream */
    uint64_t end_us; /* when that is due */
    uint64_t sent;   /* session->bytes_sent as `outgoing` knows it */
    icn_receive_buffer held;
    icn_lane incoming; /* the bytes in `held` */
    icn_lane outgoing; /* those in the send queue */
};

/* Owner thread, which alone ends the extension. The session has a conditioner. */
static inline icn_conditioner *icn_conditioner_of(const icn_session *session)
{
    return icn_extension_now(session)->conditioner;
}

/* ---- owner thread ---- */

/* The loop has timers for conditioners from here on. False: no memory. (conditioner.c) */
bool icn_conditioners_make(icn_loop *loop);
/* Takes over what the host wants. Inside a callback, too: nothing is handed out or sent here. (conditioner_settings.c) */
void icn_conditioner_take_change(icn_session *session, icn_extension *extension);

#endif
