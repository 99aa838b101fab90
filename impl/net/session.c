#include "net/session.h"

#include <stddef.h>

#include "base/check.h"
#include "net/conditioner.h"
#include "net/proxied.h"
#include "net/session_framing.h"
#include "net/test_hooks.h"
#include "util/handle.h"
#include "util/live.h"
#include "util/memory.h"

/* One with a connector, or behind a proxy, learns later of which family its peer is. */
static size_t size_of(uint8_t family, uint8_t mark)
{
    if ((mark & (ICN_MARK_CONNECTOR | ICN_MARK_PROXIED)) != 0) {
        return sizeof(icn_session);
    }
    return offsetof(icn_session, remote) + icn_address_packed_size(family);
}

/* What stands in front of the session, and how it sends. */
static uint8_t mark_for(const icn_session_options *options)
{
    ICN_CHECK(options->proxied_by == NULL || (options->guard != NULL && options->connector == NULL));
    return (uint8_t)((options->guard != NULL ? ICN_MARK_GUARD : 0u) |
                     (options->connector != NULL ? ICN_MARK_CONNECTOR : 0u) |
                     (options->proxied_by != NULL ? ICN_MARK_PROXIED : 0u) | (options->no_delay * ICN_MARK_NO_DELAY));
}

/* Of that. Sizes of these are multiples of their alignment, and of the session's. */
static size_t front_size(uint8_t mark)
{
    return ((mark & ICN_MARK_GUARD) != 0 ? sizeof(icn_guard) : 0) +
           ((mark & ICN_MARK_CONNECTOR) != 0 ? sizeof(icn_connector) : 0) +
           ((mark & ICN_MARK_PROXIED) != 0 ? sizeof(icn_proxied) : 0);
}

/* The whole block, of which the session is the last part. */
static icn_session *allocate(const icn_session_options *options)
{
    const uint8_t mark = mark_for(options);
    const uint8_t family = options->connector != NULL ? (uint8_t)ICN_ADDRESS_NONE : options->remote->family;
    uint8_t *block = icn_memory_allocate_zeroed(front_size(mark) + size_of(family, mark), ICN_MEMORY_SESSION);
    if (block == NULL) {
        return NULL;
    }
    icn_session *session = (void *)(block + front_size(mark));
    session->endpoint.mark = mark;
    if (options->guard != NULL) {
        icn_session_guard(session)->options = *options->guard;
    }
    if (options->connector != NULL) {
        icn_connector_init(icn_session_connector(session), options->connector);
    }
    return session;
}

static void release(icn_session *session)
{
    const uint8_t mark = session->endpoint.mark;
    icn_memory_release((uint8_t *)session - front_size(mark),
                       front_size(mark) + size_of(session->endpoint.family, mark), ICN_MEMORY_SESSION);
}

/* Runs on whichever thread drops the last pin, after the session ENDED: nobody else knows of it any more. */
static void finalize(void *object)
{
    icn_session *session = object;
    uint64_t service = session->loop->roster->service;
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_ENDED);
    icn_close_fini(&session->close);
    icn_session_end_framing(session);
    if (icn_session_connector(session) != NULL) {
        icn_connector_fini(icn_session_connector(session));
    }
    icn_proxied_let_go(session);
    release(session);
    icn_live_remove(ICN_LIVE_SESSIONS);
    icn_handle_unpin(service);
}

void icn_session_look(icn_kick *kick)
{
    icn_session *session = ICN_CONTAINER(kick, icn_session, kick);
    uint64_t handle = session->handle;
    icn_test_look(session);
    if (icn_session_state_now(session) >= ICN_SESSION_ENDING) {
        kick->closed = true;
        icn_session_finish_soon(session);
    } else {
        /* Before looking: what is asked for from here on kicks again. */
        icn_u32_exchange(&kick->pending, 0);
        if (icn_session_state_now(session) == ICN_SESSION_STARTING) {
            icn_session_start(session);
        }
        if (icn_session_connector(session) != NULL) {
            icn_connector_look(session, icn_session_connector(session));
        }
        icn_session_look_at_kept(session);
        if (icn_pointer_load(&session->extension) != NULL) {
            icn_conditioner_look(session);
        }
        icn_session_pursue_end_of_stream(session);
        icn_session_pursue_close(session);
        icn_session_update_receive(session);
        icn_session_check_writable(session);
        icn_session_flush(session);
    }
    icn_handle_unpin(handle);
}

static void initialise(icn_session *session, icn_loop *loop, icn_os_socket socket, const icn_session_options *options)
{
    session->loop = loop;
    session->listener = options->listener;
    icn_endpoint_init(&session->endpoint, socket, ICN_ADDRESS_NONE);
    if (options->remote != NULL) {
        session->endpoint.family = options->remote->family;
        icn_address_pack(options->remote, session->remote);
    }
    icn_pointer_store_relaxed(&session->user, options->user);
    icn_kick_init(&session->kick, ICN_KICK_SESSION);
    /* The first push is the maker's: whoever knows the handle before can not start the session, nor end it. */
    (void)icn_kick_claim(&session->kick);
    icn_list_init(&session->loop_node);
    icn_timer_init(&session->end.timer);
    /* Until the connect starts, when it becomes a deadline. */
    session->end.timer.deadline_ms = options->connect_timeout_ms;
    if (options->proxied_by != NULL) {
        icn_proxied_init(session, options->proxied_by);
    }
}

int32_t icn_session_create(icn_loop *loop, icn_os_socket socket, const icn_session_options *options,
                           icn_session **created)
{
    icn_roster *roster = loop->roster;
    int32_t status = IOCPNET_E_CLOSED;
    if (!icn_roster_hold(roster)) {
        return status;
    }
    status = IOCPNET_E_LIMIT_REACHED;
    if (!icn_roster_admit(roster)) {
        goto fail_hold;
    }
    status = IOCPNET_E_NO_MEMORY;
    icn_session *session = allocate(options);
    if (session == NULL) {
        goto fail_admission;
    }
    initialise(session, loop, socket, options);
    if (options->framing != NULL && !icn_session_begin_framing(session, options->framing)) {
        goto fail_memory;
    }
    status = icn_handle_create(ICN_HANDLE_SESSION, session, finalize, &session->handle);
    if (status != IOCPNET_OK) {
        goto fail_memory;
    }
    icn_handle_pin_again(roster->service);
    icn_live_add(ICN_LIVE_SESSIONS);
    icn_u32_add(&loop->placed, 1);
    *created = session;
    return IOCPNET_OK;

fail_memory:
    icn_session_end_framing(session);
    icn_proxied_let_go(session);
    release(session);
fail_admission:
    icn_roster_dismiss(roster);
fail_hold:
    icn_roster_drop(roster);
    return status;
}

void icn_session_hand_over(icn_session *session)
{
    /* The maker's pin is the loop's from here on, until it has looked. */
    icn_kick_push(session->loop, &session->kick);
}

void icn_session_kick(icn_session *session)
{
    if (icn_kick_claim(&session->kick)) {
        /* The loop's pin, until it has looked. */
        icn_handle_pin_again(session->handle);
        icn_kick_push(session->loop, &session->kick);
    }
}

void icn_session_release(icn_session *session)
{
    icn_handle_retire(session->handle);
}

/* Stored before the session is OPEN, or never: a state behind that was stored after it. */
bool icn_session_has_remote(const icn_session *session)
{
    return icn_session_connector(session) == NULL ||
           (icn_session_state_now(session) >= ICN_SESSION_OPEN && session->endpoint.family != ICN_ADDRESS_NONE);
}

void icn_session_remote(const icn_session *session, icn_address *remote)
{
    icn_address_unpack(session->endpoint.family, session->remote, remote);
}

static void fill_close(const icn_session *session, iocpnet_event *event)
{
    event->status = -(int32_t)session->cut_error;
    event->os_error = session->cut_os_error;
    icn_close_tell(&session->close, event);
    if (event->kind == IOCPNET_EVENT_CONNECT_FAILED && event->status == IOCPNET_OK) {
        event->status = IOCPNET_E_CANCELLED;
    }
    event->bytes_unsent = session->send_queue.bytes_lost;
    const icn_connector *connector = icn_session_connector(session);
    if (connector != NULL) {
        event->next_session = connector->next;
        event->size = connector->next_delay_ms;
    }
}

void icn_session_fill_event(const icn_session *session, uint32_t kind, iocpnet_event *event)
{
    icn_session_begin_event(session, session->loop, kind, NULL, 0, event);
    if (kind == IOCPNET_EVENT_DISCONNECTED || kind == IOCPNET_EVENT_CONNECT_FAILED) {
        fill_close(session, event);
    }
}

void icn_session_deliver(icn_session *session, const iocpnet_event *event)
{
    icn_loop *loop = session->loop;
    if (!icn_loop_wants(loop, event->kind)) {
        return;
    }
    if (!loop->deliver(loop, session, event)) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
}
