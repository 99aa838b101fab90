#include "net/proxied.h"

#include <stddef.h>
#include <string.h>

#include "base/attributes.h"
#include "base/check.h"
#include "net/proxy_header.h"
#include "net/session_framing.h"
#include "os/clock.h"
#include "util/handle.h"
#include "util/memory.h"

void icn_proxied_init(icn_session *session, icn_listener *listener)
{
    icn_proxied *proxied = icn_session_proxied(session);
    ICN_CHECK(proxied->listener == NULL);
    icn_handle_pin_again(listener->handle);
    proxied->listener = listener;
}

void icn_proxied_let_go(icn_session *session)
{
    icn_proxied *proxied = icn_session_proxied(session);
    if (proxied == NULL || proxied->listener == NULL) {
        return;
    }
    if (proxied->kept != NULL) {
        icn_memory_release(proxied->kept, ICN_PROXY_HEADER_MAX, ICN_MEMORY_SESSION);
        proxied->kept = NULL;
    }
    uint64_t handle = proxied->listener->handle;
    proxied->listener = NULL;
    icn_handle_unpin(handle);
}

static void set_deadline(icn_session *session)
{
    const uint32_t wanted_ms = icn_session_guard(session)->options.first_bytes_timeout_ms;
    const uint32_t timeout_ms = wanted_ms != 0 ? wanted_ms : ICN_PROXIED_TIMEOUT_MS;
    icn_timer_set(&session->loop->timers, &session->end.timer, icn_os_deadline_ms(timeout_ms));
}

/* Who gets what is received, unless the session closes. */
static void receive_by(icn_session *session, icn_close_claim to)
{
    uint8_t claim = ICN_CLOSE_UNCLAIMED;
    ICN_CHECK(to < ICN_CLOSE_WRITING);
    while (claim < ICN_CLOSE_WRITING && !icn_u8_replace(&session->close_claim, &claim, (uint8_t)to)) {
    }
}

void icn_proxied_start(icn_session *session)
{
    ICN_CHECK(icn_proxied_awaits_header(session));
    receive_by(session, ICN_CLOSE_UNCLAIMED_HEADER);
    set_deadline(session);
    icn_session_update_receive(session);
}

/* Counted first: whoever has seen the reset finds it. */
static void refuse(icn_session *session, icn_refusal refusal, uint8_t reason)
{
    const icn_close close = {.reason = reason, .origin = IOCPNET_ORIGIN_LIBRARY, .abort = true};
    icn_loop_counters *counters = &session->loop->counters;
    icn_u64_count(&counters->accepts_refused_by[refusal], 1);
    icn_u64_count(&counters->accepts_refused, 1);
    icn_session_close(session, &close);
}

/* For what the proxy did, or did not do. */
static void refuse_proxy(icn_session *session, icn_refusal refusal, uint8_t reason)
{
    icn_listener *listener = icn_session_proxied(session)->listener;
    icn_address remote;
    icn_session_remote(session, &remote);
    icn_listener_log_refusal(listener, &remote, refusal);
    refuse(session, refusal, reason);
}

void icn_proxied_ended(icn_session *session)
{
    ICN_CHECK(icn_proxied_awaits_header(session));
    if (!icn_session_is_closing(session)) {
        refuse_proxy(session, ICN_REFUSAL_BY_HEADER, IOCPNET_CLOSE_PEER_CLOSED);
    }
}

void icn_proxied_late(icn_session *session)
{
    ICN_CHECK(icn_proxied_awaits_header(session));
    if (session->loop->starved) {
        /* It is not the proxy's fault that nothing is received. */
        set_deadline(session);
    } else if (!icn_session_is_closing(session)) {
        refuse_proxy(session, ICN_REFUSAL_BY_HEADER_TIMEOUT, IOCPNET_CLOSE_HANDSHAKE_TIMEOUT);
    }
}

/* Most headers come whole, and are looked at where they lie. */
static icn_proxy_verdict look(const icn_proxied *proxied, const void *data, uint32_t size, icn_proxy_header *header)
{
    return proxied->kept != NULL ? icn_proxy_header_read(proxied->kept, proxied->kept_bytes, header)
                                 : icn_proxy_header_read(data, size, header);
}

/* What fits of the bytes, which is more than a header may have. False: no memory. */
static bool keep(icn_proxied *proxied, const void *data, uint32_t size)
{
    if (proxied->kept == NULL) {
        proxied->kept = icn_memory_allocate(ICN_PROXY_HEADER_MAX, ICN_MEMORY_SESSION);
        if (proxied->kept == NULL) {
            return false;
        }
    }
    const uint32_t room = ICN_PROXY_HEADER_MAX - proxied->kept_bytes;
    const uint32_t bytes = size < room ? size : room;
    memcpy(proxied->kept + proxied->kept_bytes, data, bytes);
    proxied->kept_bytes += bytes;
    return true;
}

/*
 * As any other session receives. A thread that guessed the handle may set a framing meanwhile: it stores that before it looks
 * at the claim, and here the claim changes before the framing is looked at, so that one of the two sees the other.
 */
static void receive_as_others(icn_session *session)
{
    receive_by(session, ICN_CLOSE_UNCLAIMED);
    if (icn_pointer_load(&session->framing) != NULL) {
        icn_session_receive_apart(session);
    }
}

/* Bytes of the client, which came with the header. */
typedef struct rest {
    const void *data;
    uint32_t size;
} rest;

/*
 * As if they had just come. The function for receives that is called by the port charges them, too; one that stands before
 * the usual one will do that when it comes back from this one.
 */
static void open_with(icn_session *session, const rest *behind)
{
    icn_loop *loop = session->loop;
    icn_operation_complete *watched = loop->receive_completed;
    const icn_completion completion = {
        .more = true, .size = behind->size, .data = icn_session_make_way(loop, behind->data, behind->size)};
    icn_session_opened(session);
    if (behind->size != 0 && icn_session_state_now(session) == ICN_SESSION_OPEN && !icn_session_is_closing(session)) {
        icn_operation_complete *complete = watched != NULL ? watched : loop->port->complete[ICN_OPERATION_RECEIVE];
        complete(&session->endpoint.reader, &completion);
    }
}

static void let_in(icn_session *session, const icn_address *remote, icn_address_place place)
{
    /* Before the state changes: it tells other threads that the address is known, and does not change any more. */
    icn_address_pack(remote, session->remote);
    session->endpoint.family = remote->family;
    icn_session_guard(session)->options.place = place;
    icn_timer_cancel(&session->loop->timers, &session->end.timer);
    icn_proxied_let_go(session);
    receive_as_others(session);
}

/* False: the client is not let in. */
static bool judge(icn_session *session, const icn_proxy_header *header)
{
    icn_address remote;
    icn_address_place place;
    icn_session_remote(session, &remote);
    if (header->has_source) {
        remote = header->source;
    }
    icn_listener *listener = icn_session_proxied(session)->listener;
    icn_refusal refusal = icn_listener_admit(listener, session->endpoint.socket, &remote, &place);
    if (refusal != ICN_REFUSAL_NONE) {
        refuse(session, refusal, IOCPNET_CLOSE_ABORTED);
        return false;
    }
    let_in(session, &remote, place);
    return true;
}

static void end_header(icn_session *session, const icn_proxy_header *header, const void *data, uint32_t size,
                       uint32_t before)
{
    const uint32_t bytes = header->bytes - before; /* of these that belong to the header */
    const rest behind = {.data = (const uint8_t *)data + bytes, .size = size - bytes};
    ICN_CHECK(bytes <= size);
    if (judge(session, header)) {
        open_with(session, &behind);
    }
}

ICN_RARE void icn_proxied_received(icn_session *session, const void *data, uint32_t size)
{
    icn_proxied *proxied = icn_session_proxied(session);
    const uint32_t before = proxied->kept_bytes;
    icn_proxy_header header;
    ICN_CHECK(icn_proxied_awaits_header(session) && size != 0);
    if (proxied->kept != NULL) {
        (void)keep(proxied, data, size);
    }
    switch (look(proxied, data, size, &header)) {
    case ICN_PROXY_WHOLE:
        end_header(session, &header, data, size, before);
        break;
    case ICN_PROXY_PARTIAL:
        if (proxied->kept == NULL && !keep(proxied, data, size)) {
            icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
        }
        break;
    default:
        refuse_proxy(session, ICN_REFUSAL_BY_HEADER, IOCPNET_CLOSE_MALFORMED);
        break;
    }
}

bool icn_proxied_is_known(const icn_session *session)
{
    return icn_session_proxied(session) == NULL || icn_session_state_now(session) > ICN_SESSION_CONNECTING;
}
