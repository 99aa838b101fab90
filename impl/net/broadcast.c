#include "net/broadcast.h"

#include <stddef.h>
#include <string.h>

#include "net/session.h"
#include "util/handle.h"

static bool is_disconnected(const icn_session *session, uint32_t flags)
{
    return (flags & IOCPNET_BROADCAST_DISCONNECT_FULL) != 0 ||
           session->loop->roster->send_policy == IOCPNET_SEND_DISCONNECT;
}

typedef int32_t send_function(icn_session *session, icn_buffer *buffer);

/* Any thread that keeps the session alive. Returns what `send` does. */
static int32_t send_to(icn_session *session, icn_buffer *buffer, uint32_t flags, send_function *send,
                       iocpnet_broadcast_result *result)
{
    int32_t status = send(session, buffer);
    if (status == IOCPNET_OK) {
        result->queued++;
    } else if (status == IOCPNET_E_WOULD_BLOCK && is_disconnected(session, flags)) {
        icn_session_disconnect_full(session);
        result->disconnected++;
    } else if (status == IOCPNET_E_WOULD_BLOCK || status == IOCPNET_E_NO_MEMORY) {
        result->skipped++;
    }
    return status;
}

static void count(icn_roster *roster, const iocpnet_broadcast_result *result)
{
    icn_u64_add(&roster->broadcast_sends, result->queued);
    icn_u64_add(&roster->broadcast_skips, result->skipped + result->disconnected);
}

void icn_broadcast_to_list(icn_roster *roster, icn_buffer *buffer, const uint64_t *sessions, uint32_t session_count,
                           uint32_t flags, iocpnet_broadcast_result *result)
{
    for (uint32_t i = 0; i < session_count; i++) {
        icn_session *session = icn_handle_pin(sessions[i], ICN_HANDLE_SESSION);
        int32_t status = IOCPNET_E_INVALID_HANDLE;
        if (session != NULL && session->loop->roster == roster) {
            status = send_to(session, buffer, flags, icn_session_send_buffer, result);
        }
        if (status != IOCPNET_OK && status != IOCPNET_E_WOULD_BLOCK && status != IOCPNET_E_NO_MEMORY) {
            result->gone++;
        }
        if (session != NULL) {
            icn_handle_unpin(sessions[i]);
        }
    }
    icn_u64_add(&roster->broadcasts, 1);
    count(roster, result);
}

bool icn_broadcast_excepts(const icn_broadcast *broadcast, uint64_t handle)
{
    uint32_t from = 0;
    uint32_t to = broadcast->excepted_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        uint64_t there;
        memcpy(&there, broadcast->excepted + middle * sizeof there, sizeof there);
        if (there == handle) {
            return true;
        }
        if (there < handle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return false;
}

/* Sending and disconnecting take no session off the list: that happens at the end of the turn. */
static void expand(icn_loop *loop, const icn_broadcast *broadcast, send_function *send,
                   iocpnet_broadcast_result *result)
{
    for (icn_list_node *node = loop->sessions.next; node != &loop->sessions; node = node->next) {
        icn_session *session = ICN_CONTAINER(node, icn_session, loop_node);
        if (icn_session_state_now(session) == ICN_SESSION_OPEN && !icn_broadcast_excepts(broadcast, session->handle)) {
            (void)send_to(session, broadcast->buffer, broadcast->flags, send, result);
        }
    }
}

void icn_broadcast_expand(icn_loop *loop, const icn_broadcast *broadcast)
{
    iocpnet_broadcast_result result = {0};
    expand(loop, broadcast, icn_session_send_promised, &result);
    count(loop->roster, &result);
}

/* In all inboxes that others own, or in none. */
static int32_t promise(icn_roster *roster, const icn_broadcast *broadcast)
{
    for (uint32_t i = 0; i < roster->loop_count; i++) {
        icn_loop *loop = roster->loops[i];
        int32_t status = IOCPNET_OK;
        if (!icn_loop_is_mine(loop)) {
            status = icn_inbox_promise_broadcast(&loop->inbox, broadcast, roster->send_queue_bytes_max);
        }
        if (status == IOCPNET_OK) {
            continue;
        }
        while (i-- != 0) {
            if (!icn_loop_is_mine(roster->loops[i])) {
                icn_inbox_forget_promise(&roster->loops[i]->inbox, broadcast);
            }
        }
        return status;
    }
    return IOCPNET_OK;
}

int32_t icn_broadcast_to_all(icn_roster *roster, const icn_broadcast *broadcast, iocpnet_broadcast_result *result)
{
    int32_t status = promise(roster, broadcast);
    if (status != IOCPNET_OK) {
        return status;
    }
    for (uint32_t i = 0; i < roster->loop_count; i++) {
        icn_loop *loop = roster->loops[i];
        if (icn_loop_is_mine(loop)) {
            expand(loop, broadcast, icn_session_send_buffer, result);
            continue;
        }
        result->pending++;
        if (icn_inbox_put_broadcast(&loop->inbox, broadcast)) {
            icn_loop_kick_inbox(loop);
        }
    }
    icn_u64_add(&roster->broadcasts, 1);
    count(roster, result);
    return result->pending == 0 ? IOCPNET_OK : IOCPNET_PENDING;
}
