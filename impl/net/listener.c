#include "net/listener.h"

#include <stddef.h>

#include "base/check.h"
#include "net/session.h"
#include "os/clock.h"
#include "os/socket.h"
#include "util/handle.h"
#include "util/live.h"
#include "util/log.h"
#include "util/memory.h"

/* Runs on whichever thread drops the last pin, after the listener ENDED: nobody else knows of it any more. */
static void finalize(void *object)
{
    icn_listener *listener = object;
    uint64_t service = listener->loop->roster->service;
    icn_access_list_destroy(listener->settings.access);
    icn_access_list_destroy(listener->settings.trusted);
    icn_memory_release(listener, sizeof *listener, ICN_MEMORY_LISTENER);
    icn_live_remove(ICN_LIVE_LISTENERS);
    icn_handle_unpin(service);
}

static void finish_soon(icn_listener *listener)
{
    if (!icn_list_holds(&listener->finishing)) {
        icn_list_append(&listener->loop->finishing_listeners, &listener->finishing);
    }
}

static void back_off(icn_listener *listener, icn_result result)
{
    icn_loop *loop = listener->loop;
    icn_u64_count(&loop->counters.accept_backoffs, 1);
    if (icn_os_reserve_shed(&listener->reserve, listener->endpoint.socket)) {
        icn_u64_count(&loop->counters.accepts_shed, 1);
    }
    if (!listener->short_of_resources) {
        listener->short_of_resources = true;
        icn_log_write(IOCPNET_LOG_WARNING, "listener", "accept failed (status %d, system %d): trying every %d ms",
                      (int)result.status, (int)result.os_error, ICN_LISTENER_BACKOFF_MS);
    }
    icn_timer_set(&loop->timers, &listener->retry, icn_os_clock_ms() + ICN_LISTENER_BACKOFF_MS);
}

static bool attach(icn_listener *listener)
{
    icn_result result = icn_port_attach(listener->loop->port, &listener->endpoint);
    if (result.status != IOCPNET_OK) {
        back_off(listener, result);
        return false;
    }
    char text[ICN_ADDRESS_TEXT_SIZE];
    (void)icn_address_format(&listener->address, text);
    icn_log_write(IOCPNET_LOG_NOTICE, "listener", "accepts on %s", text);
    listener->attached = true;
    return true;
}

static void start_accept(icn_listener *listener)
{
    ICN_CHECK(!listener->accepting);
    if (!listener->attached && !attach(listener)) {
        return;
    }
    listener->accepting = true;
    icn_loop_operation_started(listener->loop);
    icn_port_accept(listener->loop->port, &listener->endpoint, listener->settings.accept_count);
}

/* A loop has few listeners, and a timer that says whose it is would be larger in each session. */
bool icn_listeners_retry(icn_loop *loop, const icn_timer *timer)
{
    for (icn_list_node *node = loop->listeners.next; node != &loop->listeners; node = node->next) {
        icn_listener *listener = ICN_CONTAINER(node, icn_listener, loop_node);
        if (timer == &listener->retry) {
            if (listener->state == ICN_LISTENER_OPEN) {
                start_accept(listener);
            }
            return true;
        }
    }
    return false;
}

/* By a reset, which a copy of the descriptor in a forked child does not keep from the peer. */
static void close_unserved(icn_os_socket socket)
{
    icn_os_socket_set_reset_on_close(socket);
    icn_os_socket_close(socket);
}

static void refuse(icn_listener *listener, icn_os_socket socket, int32_t status)
{
    icn_loop_counters *counters = &listener->loop->counters;
    /* First: whoever has seen the reset finds it counted. */
    icn_u64_count(status == IOCPNET_E_NO_MEMORY ? &counters->accepts_shed : &counters->accepts_refused, 1);
    close_unserved(socket);
}

/* False: the connection is gone already. */
static bool find_remote(icn_os_socket socket, const icn_address *known, icn_address *remote)
{
    if (known == NULL) {
        return icn_os_socket_remote_address(socket, remote).status == IOCPNET_OK;
    }
    *remote = *known;
    return true;
}

/* The session exists from here on, or the connection is closed. */
static void serve(icn_listener *listener, icn_os_socket socket, const icn_address *remote, icn_address_place place)
{
    icn_guard_options guard = listener->settings.guard;
    guard.place = place;
    const bool framed = listener->settings.framing.kind != IOCPNET_FRAMING_NONE;
    const bool proxied = listener->settings.trusted != NULL;
    const icn_session_options options = {.listener = listener->handle,
                                         .proxied_by = proxied ? listener : NULL,
                                         .remote = remote,
                                         .no_delay = listener->settings.no_delay,
                                         .framing = framed ? &listener->settings.framing : NULL,
                                         .guard = proxied || icn_guard_is_needed(&guard) ? &guard : NULL};
    icn_roster *roster = listener->loop->roster;
    icn_loop *loop = icn_roster_choose_loop(roster, IOCPNET_DISPATCHER_ANY);
    icn_session *session;
    listener->short_of_resources = false;
    icn_os_socket_accepted_options(socket, &listener->settings.socket);
    int32_t status = icn_session_create(loop, socket, &options, &session);
    if (status == IOCPNET_OK) {
        icn_session_hand_over(session);
        return;
    }
    if (place != 0) {
        icn_address_table_leave(roster->addresses, place);
    }
    if (status == IOCPNET_E_LIMIT_REACHED) {
        icn_listener_log_refusal(listener, remote, ICN_REFUSAL_BY_SERVICE);
    }
    refuse(listener, socket, status);
}

static void accepted(icn_listener *listener, icn_os_socket socket, const icn_address *known)
{
    icn_address remote;
    icn_address_place place = 0;
    if (listener->state != ICN_LISTENER_OPEN || !find_remote(socket, known, &remote)) {
        /* The listener closes, or the peer has gone already. */
        close_unserved(socket);
        return;
    }
    /* Behind a proxy, where the client is will be told by what comes. */
    icn_refusal refusal = listener->settings.trusted != NULL ? icn_listener_trust(listener, &remote)
                                                             : icn_listener_admit(listener, socket, &remote, &place);
    if (refusal == ICN_REFUSAL_NONE) {
        serve(listener, socket, &remote, place);
    } else {
        icn_u64_count(&listener->loop->counters.accepts_refused_by[refusal], 1);
        refuse(listener, socket, IOCPNET_E_LIMIT_REACHED);
    }
}

static void accept_ended(icn_listener *listener, const icn_completion *completion)
{
    listener->accepting = false;
    icn_loop_operation_ended(listener->loop);
    if (listener->state == ICN_LISTENER_ENDING) {
        finish_soon(listener);
    } else {
        back_off(listener, (icn_result){completion->status, completion->os_error});
    }
}

void icn_listener_accept_completed(icn_operation *operation, const icn_completion *completion)
{
    icn_listener *listener = ICN_CONTAINER(operation, icn_listener, endpoint.reader);
    ICN_CHECK(listener->accepting);
    if (completion->accepted != ICN_OS_SOCKET_NONE) {
        accepted(listener, completion->accepted, completion->remote);
    }
    if (!completion->more) {
        accept_ended(listener, completion);
    }
}

static void start(icn_listener *listener)
{
    icn_loop *loop = listener->loop;
    icn_list_append(&loop->listeners, &listener->loop_node);
    listener->state = ICN_LISTENER_OPEN;
    if (loop->stopping) {
        (void)icn_listener_close(listener);
    } else {
        start_accept(listener);
    }
}

static void end(icn_listener *listener)
{
    if (listener->state != ICN_LISTENER_OPEN) {
        return;
    }
    listener->state = ICN_LISTENER_ENDING;
    icn_timer_cancel(&listener->loop->timers, &listener->retry);
    if (listener->accepting) {
        icn_port_cancel(listener->loop->port, &listener->endpoint.reader);
    } else {
        finish_soon(listener);
    }
}

void icn_listener_look(icn_kick *kick)
{
    icn_listener *listener = ICN_CONTAINER(kick, icn_listener, kick);
    uint64_t handle = listener->handle;
    if (listener->state == ICN_LISTENER_ENDING) {
        kick->closed = true;
        finish_soon(listener);
    } else {
        /* Before looking: a close that is claimed from here on kicks again. */
        icn_u32_exchange(&kick->pending, 0);
        if (listener->state == ICN_LISTENER_STARTING) {
            start(listener);
        }
        if (icn_u32_load(&listener->close_claimed) != 0) {
            end(listener);
        }
    }
    icn_handle_unpin(handle);
}

static void kick(icn_listener *listener)
{
    if (icn_kick_claim(&listener->kick)) {
        /* The loop's pin, until it has looked. */
        icn_handle_pin_again(listener->handle);
        icn_kick_push(listener->loop, &listener->kick);
    }
}

void icn_listener_finish(icn_list_node *node)
{
    icn_listener *listener = ICN_CONTAINER(node, icn_listener, finishing);
    icn_roster *roster = listener->loop->roster;
    if (listener->accepting || !icn_kick_close(&listener->kick)) {
        /* The last completion, or a kick that is on its way, brings the listener here again. */
        return;
    }
    listener->state = ICN_LISTENER_ENDED;
    icn_log_write(IOCPNET_LOG_NOTICE, "listener", "closed");
    icn_list_remove(&listener->loop_node);
    icn_os_reserve_close(&listener->reserve);
    icn_os_socket_stop_listening(listener->endpoint.socket);
    if (listener->attached) {
        icn_port_detach(listener->loop->port, &listener->endpoint);
    } else {
        icn_os_socket_close(listener->endpoint.socket);
    }
    icn_handle_unpin(listener->handle);
    icn_roster_drop(roster);
}

static void initialise(icn_listener *listener, icn_loop *loop, icn_os_socket socket, const icn_address *address,
                       const icn_listener_settings *settings)
{
    listener->loop = loop;
    listener->address = *address;
    listener->settings = *settings;
    icn_endpoint_init(&listener->endpoint, socket, address->family);
    icn_kick_init(&listener->kick, ICN_KICK_LISTENER);
    /* The first push is the maker's: whoever knows the handle before can not start the listener, nor end it. */
    (void)icn_kick_claim(&listener->kick);
    icn_timer_init(&listener->retry);
    icn_list_init(&listener->loop_node);
    icn_list_init(&listener->finishing);
    icn_os_reserve_open(&listener->reserve);
}

int32_t icn_listener_open(icn_loop *loop, icn_os_socket socket, const icn_address *address,
                          const icn_listener_settings *settings, uint64_t *handle)
{
    icn_roster *roster = loop->roster;
    if (!icn_roster_hold(roster)) {
        return IOCPNET_E_CLOSED;
    }
    int32_t status = IOCPNET_E_NO_MEMORY;
    icn_listener *listener = icn_memory_allocate_zeroed(sizeof *listener, ICN_MEMORY_LISTENER);
    if (listener == NULL) {
        goto fail_hold;
    }
    initialise(listener, loop, socket, address, settings);
    status = icn_handle_create(ICN_HANDLE_LISTENER, listener, finalize, &listener->handle);
    if (status != IOCPNET_OK) {
        goto fail_memory;
    }
    icn_handle_pin_again(roster->service);
    icn_live_add(ICN_LIVE_LISTENERS);
    /* The loop's own pin, until it has finished with the listener: the handle may be retired long before. */
    icn_handle_pin_again(listener->handle);
    *handle = listener->handle;
    /* The maker's pin is the loop's from here on, until it has looked. */
    icn_kick_push(listener->loop, &listener->kick);
    return IOCPNET_OK;

fail_memory:
    icn_os_reserve_close(&listener->reserve);
    icn_memory_release(listener, sizeof *listener, ICN_MEMORY_LISTENER);
fail_hold:
    icn_roster_drop(roster);
    return status;
}

bool icn_listener_close(icn_listener *listener)
{
    if (icn_u32_exchange(&listener->close_claimed, 1) != 0) {
        return false;
    }
    kick(listener);
    icn_handle_retire(listener->handle);
    return true;
}

void icn_listeners_stop(icn_loop *loop)
{
    for (icn_list_node *node = loop->listeners.next; node != &loop->listeners; node = node->next) {
        icn_listener *listener = ICN_CONTAINER(node, icn_listener, loop_node);
        (void)icn_listener_close(listener);
        end(listener);
    }
}

void icn_listeners_descriptor_freed(icn_loop *loop)
{
    for (icn_list_node *node = loop->listeners.next; node != &loop->listeners; node = node->next) {
        icn_listener *listener = ICN_CONTAINER(node, icn_listener, loop_node);
        if (icn_timer_is_set(&listener->retry)) {
            icn_timer_set(&loop->timers, &listener->retry, 0);
        }
    }
}
