/* Serving: the RECEIVED callback of a session, and what it sends to its own session. */
#include <stddef.h>

#include "base/check.h"
#include "net/session.h"
#include "os/socket.h"

/* A reply that waits, behind bytes that are queued or in flight, would have to be copied anyway. */
static bool may_refer(const icn_session *session)
{
    return icn_port_sends_now(session->loop->port) && session->send_queue.first == NULL &&
           session->send.state == ICN_OPERATION_IDLE;
}

void icn_session_begin_serving(icn_session *session, const void *received, uint32_t bytes)
{
    icn_service_window *served = &session->loop->served;
    ICN_CHECK(served->session == NULL && served->reply_bytes == 0);
    served->session = session;
    served->handle = session->handle;
    served->received = received;
    served->received_bytes = may_refer(session) ? bytes : 0;
}

/* True when all of the piece was received in this callback, and nothing else was sent to the session in it before. */
static bool is_received(const icn_service_window *served, const char *data, uint64_t bytes)
{
    uint64_t offset = (uintptr_t)data - (uintptr_t)served->received;
    return offset < served->received_bytes && bytes <= served->received_bytes - offset;
}

/* What other threads sent before leaves before. */
static bool may_reply(const icn_session *session, uint64_t bytes)
{
    return bytes != 0 && bytes <= session->loop->roster->send_queue_bytes_max && !icn_session_is_closing(session) &&
           icn_send_queue_is_empty(&session->send_queue);
}

int32_t icn_session_send_served(icn_session *session, const void *data, uint64_t bytes)
{
    icn_loop *loop = session->loop;
    icn_service_window *served = &loop->served;
    ICN_CHECK(served->session == session && icn_loop_is_mine(loop));
    if (is_received(served, data, bytes) && may_reply(session, bytes) &&
        icn_send_queue_reserve(&session->send_queue, bytes, loop->roster->send_queue_bytes_max)) {
        served->reply = data;
        served->reply_bytes = bytes;
        served->received_bytes = 0;
        icn_u64_count(&loop->counters.sends, 1);
        icn_u64_count(&loop->counters.bytes_accepted, bytes);
        return IOCPNET_OK;
    }
    const iocpnet_iovec piece = {.size = bytes, .data = data};
    return icn_session_send(session, &piece, 1, bytes);
}

static bool queue_reply(icn_session *session)
{
    icn_loop *loop = session->loop;
    icn_service_window *served = &loop->served;
    const iocpnet_iovec piece = {.size = served->reply_bytes, .data = served->reply};
    if (!icn_send_queue_append(&session->send_queue, &loop->send_pool, &piece, 1, piece.size)) {
        return false;
    }
    served->reply_bytes = 0;
    return true;
}

bool icn_session_keep_reply(icn_session *session)
{
    icn_service_window *served = &session->loop->served;
    if (served->session != session) {
        return true;
    }
    served->received_bytes = 0;
    return served->reply_bytes == 0 || queue_reply(session);
}

/* The system took a part only: the rest has to wait, and so be copied. Without memory the session can not go on. */
static void keep_rest(icn_session *session)
{
    icn_service_window *served = &session->loop->served;
    uint64_t bytes = served->reply_bytes;
    if (!queue_reply(session)) {
        served->reply_bytes = 0;
        session->bytes_lost += bytes;
        icn_send_queue_unreserve(&session->send_queue, bytes);
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
}

static void send_reply(icn_session *session)
{
    icn_service_window *served = &session->loop->served;
    const iocpnet_iovec piece = {.size = served->reply_bytes, .data = served->reply};
    uint32_t taken = icn_port_send_now(session->loop->port, &session->endpoint, &piece, 1);
    served->reply += taken;
    served->reply_bytes -= taken;
    if (served->reply_bytes != 0) {
        keep_rest(session);
    }
    if (taken != 0) {
        icn_send_queue_unreserve(&session->send_queue, taken);
        icn_session_account_sent(session, taken);
    }
    icn_session_go_on_sending(session);
}

void icn_session_end_serving(icn_session *session)
{
    icn_service_window *served = &session->loop->served;
    ICN_CHECK(served->session == session);
    /* First: what the events that follow send leaves as anything does that is sent outside of the callback. */
    served->session = NULL;
    served->handle = 0;
    if (served->reply_bytes != 0) {
        send_reply(session);
    } else if (session->send_queue.first != NULL && icn_port_sends_now(session->loop->port)) {
        icn_session_flush(session);
    }
}
