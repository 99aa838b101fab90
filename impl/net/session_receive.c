#include <stddef.h>

#include "base/attributes.h"
#include "base/check.h"
#include "net/conditioner.h"
#include "net/proxied.h"
#include "net/session.h"
#include "net/session_framing.h"
#include "net/test_hooks.h"

/* While a session closes its bytes are received to be dropped, so that the end of the peer's stream is seen. */
static bool wants_to_receive(const icn_session *session)
{
    if (session->end_of_stream || session->broken) {
        return false;
    }
    const icn_guard *guard = icn_session_guard(session);
    switch (icn_session_state_now(session)) {
    case ICN_SESSION_CONNECTING:
        return icn_proxied_awaits_header(session) && !session->loop->starved;
    case ICN_SESSION_OPEN:
        if (guard != NULL && guard->throttled_until != 0) {
            return false;
        }
        if (session->conditioned && icn_conditioner_is_full(session)) {
            return false;
        }
        return session->announced && !session->loop->starved && !session->unanswered &&
               icn_u8_load(&session->pause_requested) == 0;
    case ICN_SESSION_FLUSHING:
    case ICN_SESSION_LINGERING:
        return true;
    default:
        return false;
    }
}

void icn_session_update_receive(icn_session *session)
{
    icn_port *port = session->loop->port;
    bool wanted = wants_to_receive(session);
    if (wanted && session->endpoint.reader.state == ICN_OPERATION_IDLE) {
        icn_session_hold(session);
        icn_port_receive(port, &session->endpoint);
    } else if (!wanted && session->endpoint.reader.state == ICN_OPERATION_IN_FLIGHT) {
        icn_port_cancel(port, &session->endpoint.reader);
    }
}

static inline void count_received(icn_session *session, icn_loop *loop, uint32_t size)
{
    icn_u64_count(&session->bytes_received, size);
    icn_u64_count(&loop->counters.bytes_received, size);
}

void icn_session_hand_on(icn_session *session, const void *data, uint32_t size)
{
    icn_loop *loop = session->loop;
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
    if (icn_pointer_load(&session->framing) != NULL) {
        icn_session_cut_held(session, data, size);
    } else if (loop->deliver_received == NULL) {
        if (loop->on_received != NULL) {
            icn_session_serve_message(session, loop, data, size);
        }
    } else if (icn_loop_wants(loop, IOCPNET_EVENT_RECEIVED)) {
        loop->deliver_received(loop, session, data, size);
    }
}

static ICN_RARE void receive_conditioned(icn_session *session, const icn_completion *completion)
{
    if (!icn_session_is_closing(session)) {
        ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
        count_received(session, session->loop, completion->size);
        icn_conditioner_receive(session, completion->data, completion->size);
    }
}

/* It has a framing, or a conditioner; or it awaits the header of a proxy; or the session closes, and wants no more. */
static ICN_RARE void receive_apart(icn_session *session, const icn_completion *completion)
{
    const uint8_t claim = icn_u8_load(&session->close_claim);
    if (claim == ICN_CLOSE_UNCLAIMED_APART) {
        ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
        count_received(session, session->loop, completion->size);
        icn_session_cut_into_messages(session, completion->data, completion->size);
    } else if (claim == ICN_CLOSE_UNCLAIMED_HEADER) {
        icn_proxied_received(session, completion->data, completion->size);
    } else {
        receive_conditioned(session, completion);
    }
}

/* As it came: no close was asked for, and there is no framing. */
static inline bool is_handed_out(const icn_session *session)
{
    return icn_u8_load(&session->close_claim) == ICN_CLOSE_UNCLAIMED;
}

static inline void deliver_bytes(icn_session *session, const icn_completion *completion)
{
    icn_loop *loop = session->loop;
    uint32_t size = completion->size;
    if (!is_handed_out(session)) {
        receive_apart(session, completion);
        return;
    }
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
    count_received(session, loop, size);
    if (loop->on_received != NULL) {
        icn_session_serve(session, loop, completion->data, size);
    }
}

static void close_by_peer(icn_session *session)
{
    const icn_close close = {.reason = IOCPNET_CLOSE_PEER_CLOSED,
                             .origin = IOCPNET_ORIGIN_PEER,
                             .timeout_ms = icn_session_close_timeout_ms(session)};
    icn_session_close(session, &close);
}

void icn_session_tell_end_of_stream(icn_session *session)
{
    icn_loop *loop = session->loop;
    /* Events that were not fetched yet may be requests: the host can still answer them. */
    if (loop->deliver_end_of_stream == NULL || !loop->deliver_end_of_stream(loop, session)) {
        icn_u8_store(&session->end_seen, 1);
    }
    icn_session_pursue_end_of_stream(session);
}

static void peer_ended(icn_session *session)
{
    session->end_of_stream = true;
    switch (icn_session_state_now(session)) {
    case ICN_SESSION_CONNECTING:
        icn_proxied_ended(session);
        break;
    case ICN_SESSION_OPEN:
        if (!icn_conditioner_keeps_end(session) && !icn_session_keeps_end(session)) {
            icn_session_tell_end_of_stream(session);
        }
        break;
    case ICN_SESSION_LINGERING:
        icn_session_end(session);
        break;
    default:
        break;
    }
}

void icn_session_end_seen(icn_session *session)
{
    icn_u8_exchange(&session->end_seen, 1);
    icn_session_kick(session);
}

void icn_session_pursue_end_of_stream(icn_session *session)
{
    bool due = icn_u8_load(&session->end_seen) != 0 && icn_u8_load(&session->pause_requested) == 0;
    if (due && icn_session_state_now(session) == ICN_SESSION_OPEN) {
        close_by_peer(session);
    }
}

static ICN_RARE void receive_ended(icn_session *session, const icn_completion *completion)
{
    if (!icn_test_forgets(session)) {
        icn_session_drop(session);
    }
    if (completion->status == IOCPNET_OK) {
        peer_ended(session);
    } else if (completion->status == IOCPNET_E_CANCELLED) {
        /* It may be wanted again since it was cancelled. */
        icn_session_update_receive(session);
    } else if (icn_session_state_now(session) == ICN_SESSION_CONNECTING) {
        icn_proxied_ended(session);
    } else {
        icn_session_fail(session, completion->status, completion->os_error);
    }
    icn_session_operation_ended(session);
}

void icn_session_receive_to_queue(icn_operation *operation, const icn_completion *completion)
{
    icn_session *session = ICN_CONTAINER(operation, icn_session, endpoint.reader);
    icn_loop *loop = session->loop;
    const uint32_t size = completion->size;
    ICN_CHECK(session->operations > 0);
    ICN_CHECK(completion->more == (size != 0));
    if (!completion->more) {
        receive_ended(session, completion);
    } else if (is_handed_out(session)) {
        ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
        count_received(session, loop, size);
        if (icn_loop_wants(loop, IOCPNET_EVENT_RECEIVED)) {
            loop->deliver_received(loop, session, completion->data, size);
        }
    } else {
        receive_apart(session, completion);
    }
}

void icn_session_receive_completed(icn_operation *operation, const icn_completion *completion)
{
    icn_session *session = ICN_CONTAINER(operation, icn_session, endpoint.reader);
    ICN_CHECK(session->operations > 0);
    ICN_CHECK(completion->more == (completion->size != 0));
    if (completion->more) {
        deliver_bytes(session, completion);
    } else {
        receive_ended(session, completion);
    }
}

void icn_sessions_starve(icn_loop *loop, bool starved)
{
    loop->starved = starved;
    /* Starting and cancelling take no session off the list. */
    for (icn_list_node *node = loop->sessions.next; node != &loop->sessions; node = node->next) {
        icn_session *session = ICN_CONTAINER(node, icn_session, loop_node);
        icn_session_update_receive(session);
        if (session->conditioned) {
            /* It may hand on what it holds. */
            icn_session_kick(session);
        }
    }
}

int32_t icn_session_set_pause(icn_session *session, bool pause)
{
    if (icn_session_is_closing(session)) {
        return IOCPNET_E_CLOSED;
    }
    icn_u8_exchange(&session->pause_requested, pause);
    if (icn_loop_is_mine(session->loop)) {
        /* Inside a callback: only what the port has received already may still come. */
        icn_session_update_receive(session);
        if (session->end_of_stream || session->conditioned || icn_pointer_load(&session->framing) != NULL) {
            /* It may close now, which sends what is queued, or have messages that waited: no event inside this one. */
            icn_session_kick(session);
        }
    } else {
        icn_session_kick(session);
    }
    return IOCPNET_OK;
}
