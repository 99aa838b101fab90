/* Serving: the RECEIVED callback of a session, and what it sends to its own session; and the same for events of a batch. */
#include <stddef.h>

#include "base/attributes.h"
#include "base/check.h"
#include "net/session.h"
#include "os/socket.h"

/* True when the piece is not empty and all of it was received in this callback. */
static inline bool is_received(const iocpnet_event *event, const void *data, uint64_t bytes)
{
    uint64_t offset = (uintptr_t)data - (uintptr_t)event->data;
    return offset < event->size && bytes - 1 < event->size - offset;
}

bool icn_session_reply(icn_loop *loop, uint64_t handle, const void *data, uint64_t bytes)
{
    icn_service_window *served = &loop->served;
    const icn_session *session = served->session;
    if (served->event.session != handle || !is_received(&served->event, data, bytes) ||
        bytes > served->reply_bytes_max || icn_session_queues_all(session) || icn_inbox_is_filled(&loop->inbox) ||
        !icn_send_queue_reserve_first(&served->session->send_queue, bytes)) {
        return false;
    }
    served->reply = data;
    served->reply_bytes = bytes;
    return true;
}

static bool queue_copy(icn_session *session, const void *data, uint64_t bytes)
{
    const iocpnet_iovec piece = {.size = bytes, .data = data};
    return icn_send_queue_append(&session->send_queue, &session->loop->send_pool, &piece, 1, bytes);
}

/* A reply is not sent from where it was received: it is accepted all the same. */
static void end_reply(icn_loop *loop)
{
    icn_u64_count(&loop->counters.sends, 1);
    icn_u64_count(&loop->counters.bytes_accepted, loop->served.reply_bytes);
    loop->served.reply_bytes = 0;
}

bool icn_session_keep_reply(icn_session *session)
{
    icn_service_window *served = &session->loop->served;
    if (!icn_session_is_served(session) || served->reply_bytes == 0) {
        return true;
    }
    if (!queue_copy(session, served->reply, served->reply_bytes)) {
        return false;
    }
    end_reply(session->loop);
    return true;
}

void icn_loop_keep_reply(icn_loop *loop)
{
    icn_service_window *served = &loop->served;
    if (served->reply_bytes != 0 && !icn_session_keep_reply(served->session)) {
        served->session->send_queue.bytes_lost += (uint32_t)served->reply_bytes;
        end_reply(loop);
        icn_session_fail(served->session, IOCPNET_E_NO_MEMORY, 0);
    }
}

/* What the system did not take has to wait, and so be copied. Without memory the session can not go on. */
static void keep_rest(icn_session *session, const char *data, uint64_t bytes)
{
    if (queue_copy(session, data, bytes)) {
        icn_session_start_send(session);
    } else {
        session->send_queue.bytes_lost += (uint32_t)bytes;
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
}

/*
 * Nothing else is to be looked at: the queue was empty when the reply took its budget, and whoever has queued bytes, was
 * refused or asked for a close since has kicked the loop, which looks after this.
 */
static inline void reply_taken(icn_session *session, icn_loop *loop, uint64_t bytes)
{
    icn_send_queue_unreserve(&session->send_queue, bytes);
    icn_session_account_sent(session, loop, (uint32_t)bytes);
}

static ICN_RARE void reply_cut_short(icn_session *session, const char *reply, uint64_t bytes, uint64_t taken)
{
    keep_rest(session, reply + taken, bytes - taken);
    if (taken != 0) {
        reply_taken(session, session->loop, taken);
    }
}

/* There is a reply only where the port sends at once. */
static inline void send_reply(icn_session *session, icn_loop *loop)
{
    icn_service_window *served = &loop->served;
    const iocpnet_iovec piece = {.size = served->reply_bytes, .data = served->reply};
    int64_t size = icn_os_socket_send(session->endpoint.socket, &piece, 1);
    icn_u64_count(&loop->counters.sends, 1);
    icn_u64_count(&loop->counters.bytes_accepted, piece.size);
    served->reply_bytes = 0;
    if (size == (int64_t)piece.size) {
        reply_taken(session, loop, piece.size);
    } else {
        reply_cut_short(session, piece.data, piece.size, size > 0 ? (uint64_t)size : 0);
    }
}

/* What the callback queued for its own session. */
static inline void send_rest(icn_session *session)
{
    if (!icn_send_queue_is_empty(&session->send_queue) && icn_port_sends_now(session->loop->port)) {
        icn_session_flush(session);
    }
}

static inline void serve(icn_session *session, icn_loop *loop, const void *received, uint32_t bytes)
{
    icn_service_window *served = &loop->served;
    iocpnet_event *event = &served->event;
    ICN_CHECK(!icn_session_is_served(session) && served->reply_bytes == 0);
    event->listener = session->listener;
    event->session = session->handle;
    event->user = icn_pointer_load(&session->user);
    event->data = received;
    event->size = bytes;
    served->session = session;
    icn_u64_count(&loop->counters.events, 1);
    loop->on_received(event, loop->on_received_user);
    /* First: what the events that follow send leaves as anything does that is sent outside of this callback. */
    event->size = 0;
    if (served->reply_bytes != 0) {
        send_reply(session, loop);
    } else {
        send_rest(session);
    }
}

void icn_session_serve(icn_session *session, icn_loop *loop, const void *received, uint32_t bytes)
{
    serve(session, loop, received, bytes);
}

ICN_APART void icn_session_serve_message(icn_session *session, icn_loop *loop, const void *message, uint32_t bytes)
{
    serve(session, loop, message, bytes);
}

/* Hosts answer in the order of the events, or leave some out. */
#define ANSWERS_LOOK_AHEAD 4

/* The record of the bytes that begin at `data`, or NULL: the host sends something else, or in another order. */
static inline icn_event_record *find_lent(const icn_answers *answers, const void *data)
{
    icn_event_record *record = answers->next;
    for (uint32_t i = 0; record != NULL && i < ANSWERS_LOOK_AHEAD; i++) {
        if (record + 1 == data) {
            return record;
        }
        record = record->next;
    }
    return NULL;
}

/* The session is not retired: that happens inside the gate. */
static inline bool may_answer(const icn_session *session, const icn_loop *loop)
{
    return icn_session_state_now(session) == ICN_SESSION_OPEN && !icn_session_queues_all(session) &&
           !icn_inbox_is_filled(&loop->inbox);
}

bool icn_session_answer(icn_loop *loop, uint64_t handle, const void *data, uint64_t bytes)
{
    icn_event_record *record = find_lent(&loop->answers, data);
    if (record == NULL || record->session->handle != handle || bytes - 1 >= record->payload) {
        return false;
    }
    icn_session *session = record->session;
    /* Answered or not: what comes next is looked for behind it. */
    loop->answers.next = record->next;
    if (!may_answer(session, loop) || !icn_send_queue_reserve_first(&session->send_queue, bytes)) {
        return false;
    }
    record->answer = (uint32_t)bytes;
    session->send_queue.answered = true;
    icn_u64_count(&loop->counters.sends, 1);
    icn_u64_count(&loop->counters.bytes_accepted, bytes);
    return true;
}

void icn_answers_keep(icn_loop *loop)
{
    icn_answers *answers = &loop->answers;
    for (; answers->first != answers->next; answers->first = answers->first->next) {
        icn_event_record *record = answers->first;
        icn_session *session = record->session;
        if (record->answer != 0) {
            icn_send_queue_append_bytes(&session->send_queue, &loop->send_pool, (const uint8_t *)(record + 1),
                                        record->answer);
            session->send_queue.answered = false;
            icn_session_flush_with_turn(session);
        }
    }
}

/* Nobody was inside since it was answered: the session is still open, and nothing else is queued. */
static inline void send_answer(icn_session *session, icn_loop *loop, const icn_event_record *record)
{
    const iocpnet_iovec piece = {.size = record->answer, .data = record + 1};
    session->send_queue.answered = false;
    int64_t size = icn_os_socket_send(session->endpoint.socket, &piece, 1);
    if (size == (int64_t)piece.size) {
        reply_taken(session, loop, piece.size);
    } else {
        reply_cut_short(session, piece.data, piece.size, size > 0 ? (uint64_t)size : 0);
    }
}

void icn_answers_send(icn_loop *loop)
{
    const icn_event_record *record = loop->answers.first;
    const icn_event_record *end = loop->answers.next;
    loop->answers = (icn_answers){0};
    for (; record != end; record = record->next) {
        if (record->answer != 0) {
            send_answer(record->session, loop, record);
        }
    }
}
