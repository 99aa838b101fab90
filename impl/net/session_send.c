#include <stddef.h>

#include "base/attributes.h"
#include "base/check.h"
#include "net/broadcast.h"
#include "net/budget.h"
#include "net/conditioner.h"
#include "net/latest.h"
#include "net/session.h"

/* Pieces of one gathered send. */
#define GATHER_MAX ICN_PORT_PIECES_MAX

void icn_session_owe_writable(icn_session *session, uint64_t bytes)
{
    const icn_roster *roster = session->loop->roster;
    /* Low enough for the watermark, and for what was refused: then a second try succeeds. */
    uint64_t room_at = roster->send_queue_bytes_max - bytes;
    uint32_t below = (uint32_t)(room_at < roster->send_queue_bytes_low ? room_at : roster->send_queue_bytes_low) + 1;
    uint32_t owed = icn_u32_load_relaxed(&session->send_queue.writable_below);
    do {
        if (owed != 0 && owed <= below) {
            break;
        }
    } while (!icn_u32_replace(&session->send_queue.writable_below, &owed, below));
    /* The owner looks after this store: should the queue have emptied in between, nothing else would make it look. */
    icn_session_kick(session);
}

bool icn_session_is_owed_writable(const icn_session *session)
{
    const icn_budget *budget = session->loop->roster->budget;
    return icn_u32_load(&session->send_queue.writable_below) != 0 || (budget != NULL && icn_budget_is_awaited(session));
}

/* True when WRITABLE is owed and there is room: it is then owed no more. A smaller debt of another thread is not wiped. */
static bool take_writable(icn_session *session)
{
    uint32_t below = icn_u32_load(&session->send_queue.writable_below);
    do {
        if (below == 0 || icn_u32_load(&session->send_queue.bytes) >= below) {
            return false;
        }
    } while (!icn_u32_replace(&session->send_queue.writable_below, &below, 0));
    return true;
}

void icn_session_check_writable(icn_session *session)
{
    if (icn_session_state_now(session) != ICN_SESSION_OPEN || icn_session_is_closing(session)) {
        return;
    }
    if (!take_writable(session)) {
        return;
    }
    iocpnet_event event;
    icn_session_fill_event(session, IOCPNET_EVENT_WRITABLE, &event);
    icn_session_deliver(session, &event);
    icn_budget *budget = session->loop->roster->budget;
    if (budget != NULL) {
        /* Behind what the callback has sent: what is left is the next one's. */
        icn_budget_look(budget);
    }
}

/* What the state says of a send, from any thread: a hint, for the state may change at once. */
static int32_t sendable(const icn_session *session)
{
    if (icn_session_is_closing(session)) {
        return IOCPNET_E_CLOSED;
    }
    icn_session_state state = icn_session_state_now(session);
    if (state < ICN_SESSION_OPEN) {
        return IOCPNET_E_INVALID_STATE;
    }
    return state == ICN_SESSION_OPEN ? IOCPNET_OK : IOCPNET_E_CLOSED;
}

static bool may_send(const icn_session *session)
{
    icn_session_state state = icn_session_state_now(session);
    return (state == ICN_SESSION_OPEN || state == ICN_SESSION_FLUSHING) && !session->broken;
}

/* The same, and what is queued can leave as it is: one look at the three bits. */
static inline bool may_send_at_once(const icn_session *session)
{
    icn_session_state state = icn_session_state_now(session);
    return (state == ICN_SESSION_OPEN || state == ICN_SESSION_FLUSHING) &&
           (session->broken == 0 && session->conditioned == 0 && session->late == 0);
}

/* Something was moved to the queue, or there was no memory for it: that does not wait for a send in flight. */
static void moved(icn_session *session)
{
    bool in_flight = session->endpoint.writer.state != ICN_OPERATION_IDLE;
    if (in_flight && session->send_queue.bytes_lost != 0 && may_send(session)) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    } else {
        icn_session_flush_with_turn(session);
    }
}

/* What is sent to the session that is being served leaves when its callback returns. */
static bool leaves_after_callback(const icn_session *session)
{
    return icn_session_is_served(session) && icn_port_sends_now(session->loop->port);
}

static void append_chunk(icn_send_queue *queue, icn_send_chunk *chunk)
{
    if (icn_latest_is_unbound(chunk)) {
        ICN_CONTAINER(queue, icn_session, send_queue)->late = true;
    }
    icn_send_queue_append_chunk(queue, chunk);
}

static void share_out(icn_loop *loop, const icn_inbox_record *record)
{
    if (record->kind == ICN_INBOX_BROADCAST) {
        icn_broadcast_expand(loop, &record->broadcast);
        icn_buffer_drop(record->broadcast.buffer);
        return;
    }
    icn_send_queue *queue = record->queue;
    switch (record->kind) {
    case ICN_INBOX_CHUNK:
        append_chunk(queue, record->chunk);
        break;
    case ICN_INBOX_BUFFER:
        icn_send_queue_append_accepted(queue, &loop->send_pool, record->buffer);
        icn_buffer_drop(record->buffer);
        break;
    default:
        icn_send_queue_append_bytes(queue, &loop->send_pool, record->bytes, record->size);
        break;
    }
    moved(ICN_CONTAINER(queue, icn_session, send_queue));
}

void icn_sessions_collect(icn_loop *loop)
{
    if (!icn_inbox_is_filled(&loop->inbox)) {
        return;
    }
    /* What is shared out may have been sent after it. */
    icn_loop_keep_reply(loop);
    icn_inbox_block *block = icn_inbox_take(&loop->inbox);
    icn_inbox_record record;
    uint32_t offset = 0;
    while (icn_inbox_next(&loop->inbox, &block, &offset, &record)) {
        share_out(loop, &record);
    }
    icn_inbox_shared_out(&loop->inbox);
}

/* What a send has to queue: copies of pieces, or a shared buffer. */
typedef struct icn_payload {
    const iocpnet_iovec *pieces;
    uint32_t count;
    icn_buffer *shared; /* NULL: the pieces */
    uint64_t bytes;
    bool promised; /* by the owner: accepted before, perhaps before a close that was asked for since */
} icn_payload;

static bool append(icn_session *session, const icn_payload *payload)
{
    icn_send_pool *pool = &session->loop->send_pool;
    if (payload->shared != NULL) {
        return icn_send_queue_append_buffer(&session->send_queue, pool, payload->shared);
    }
    return icn_send_queue_append(&session->send_queue, pool, payload->pieces, payload->count, payload->bytes);
}

static int32_t send_by_owner(icn_session *session, const icn_payload *payload)
{
    icn_loop *loop = session->loop;
    /* What another thread sent before, in the sense of happens-before, is in the inbox and has to leave first. */
    icn_sessions_collect(loop);
    if (!icn_session_keep_reply(session)) {
        return IOCPNET_E_NO_MEMORY;
    }
    if (!append(session, payload)) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_u64_count(&loop->counters.sends, 1);
    icn_u64_count(&loop->counters.bytes_accepted, payload->bytes);
    if (!leaves_after_callback(session)) {
        icn_session_flush_with_turn(session);
    }
    return IOCPNET_OK;
}

/* What the borrower of the gate queues leaves at the start of the next turn, whoever drives it. */
static int32_t queue_between_turns(icn_session *session, const icn_payload *payload)
{
    icn_loop *loop = session->loop;
    /* As this thread has found it: nobody has been inside since. */
    ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_OPEN);
    if (session->send_queue.answered) {
        icn_answers_keep(loop);
    }
    if (!append(session, payload)) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_u64_count(&loop->counters.sends, 1);
    icn_u64_count(&loop->counters.bytes_accepted, payload->bytes);
    icn_session_flush_with_turn(session);
    return IOCPNET_OK;
}

/* False: another thread may be inside, or what it sent before has to leave first. */
static bool send_by_borrower(icn_session *session, const icn_payload *payload, uint64_t self, int32_t *status)
{
    icn_loop *loop = session->loop;
    if (!icn_gate_borrow(loop->gate, self)) {
        return false;
    }
    bool possible = !icn_inbox_is_filled(&loop->inbox);
    if (possible) {
        *status = queue_between_turns(session, payload);
    }
    icn_gate_give_back(loop->gate, self);
    return possible;
}

static int32_t send_by_other(icn_session *session, const icn_payload *payload)
{
    icn_loop *loop = session->loop;
    icn_send_queue *queue = &session->send_queue;
    bool begun = false;
    int32_t status = payload->shared != NULL
                         ? icn_inbox_put_buffer(&loop->inbox, queue, payload->shared, &begun)
                         : icn_inbox_put(&loop->inbox, queue, payload->pieces, payload->count, payload->bytes, &begun);
    if (begun) {
        icn_loop_kick_inbox(loop);
    }
    return status;
}

static ICN_RARE void refuse(icn_session *session, uint64_t bytes)
{
    icn_loop *loop = session->loop;
    icn_u64_add(&loop->counters.foreign_refusals, 1);
    if (loop->roster->send_policy == IOCPNET_SEND_DISCONNECT) {
        icn_session_disconnect_full(session);
    } else {
        icn_session_owe_writable(session, bytes);
    }
}

/* Nothing was queued after all. */
static void unreserve(icn_session *session, uint64_t bytes)
{
    icn_send_queue_unreserve(&session->send_queue, bytes);
    /* The owner may have looked while these bytes took the room that another send waits for. */
    icn_session_kick(session);
}

static ICN_RARE int32_t take_budget(icn_session *session, uint64_t bytes)
{
    icn_loop *loop = session->loop;
    int32_t status = icn_budget_take(session, bytes, icn_u32_load_relaxed(&session->send_queue.bytes));
    if (status != IOCPNET_OK) {
        unreserve(session, bytes);
    }
    if (status == IOCPNET_E_WOULD_BLOCK) {
        icn_u64_add(&loop->counters.foreign_refusals, 1);
        if (loop->roster->send_policy == IOCPNET_SEND_DISCONNECT) {
            icn_session_disconnect_full(session);
        }
    }
    return status;
}

ICN_RARE void icn_session_give_up(icn_session *session, uint64_t bytes)
{
    icn_budget *budget = session->loop->roster->budget;
    unreserve(session, bytes);
    if (budget != NULL) {
        icn_budget_give_back(budget, bytes);
    }
}

void icn_session_give_back(icn_session *session, uint64_t bytes)
{
    icn_budget *budget = session->loop->roster->budget;
    ICN_CHECK(icn_loop_is_mine(session->loop));
    icn_send_queue_unreserve(&session->send_queue, bytes);
    if (budget != NULL) {
        icn_budget_give_back(budget, bytes);
    }
}

static inline int32_t reserve(icn_session *session, uint64_t bytes)
{
    const icn_roster *roster = session->loop->roster;
    if (!icn_send_queue_reserve(&session->send_queue, bytes, roster->send_queue_bytes_max)) {
        refuse(session, bytes);
        return IOCPNET_E_WOULD_BLOCK;
    }
    return roster->budget != NULL ? take_budget(session, bytes) : IOCPNET_OK;
}

int32_t icn_session_reserve(icn_session *session, uint64_t bytes)
{
    return reserve(session, bytes);
}

static int32_t send_payload(icn_session *session, const icn_payload *payload)
{
    icn_loop *loop = session->loop;
    uint64_t bytes = payload->bytes;
    int32_t status = payload->promised ? IOCPNET_OK : sendable(session);
    if (status != IOCPNET_OK || bytes == 0) {
        return status;
    }
    if (bytes > loop->roster->send_queue_bytes_max) {
        return IOCPNET_E_TOO_LARGE;
    }
    status = reserve(session, bytes);
    if (status != IOCPNET_OK) {
        return status;
    }
    const uint64_t self = icn_thread_self();
    if (icn_loop_is_driven_by(loop, self)) {
        status = send_by_owner(session, payload);
    } else if (!send_by_borrower(session, payload, self, &status)) {
        status = send_by_other(session, payload);
    }
    if (status != IOCPNET_OK) {
        icn_session_give_up(session, bytes);
    }
    return status;
}

int32_t icn_session_send(icn_session *session, const iocpnet_iovec *pieces, uint32_t count, uint64_t bytes)
{
    const icn_payload payload = {.pieces = pieces, .count = count, .bytes = bytes};
    return send_payload(session, &payload);
}

int32_t icn_session_send_buffer(icn_session *session, icn_buffer *buffer)
{
    const icn_payload payload = {.shared = buffer, .bytes = buffer->size};
    return send_payload(session, &payload);
}

int32_t icn_session_send_promised(icn_session *session, icn_buffer *buffer)
{
    const icn_payload payload = {.shared = buffer, .bytes = buffer->size, .promised = true};
    ICN_CHECK(icn_loop_is_mine(session->loop) && icn_session_state_now(session) == ICN_SESSION_OPEN);
    return send_payload(session, &payload);
}

ICN_RARE void icn_session_tell_sent(icn_session *session, uint32_t bytes)
{
    icn_budget *budget = session->loop->roster->budget;
    if (budget != NULL) {
        icn_budget_give_back(budget, bytes);
    }
    if (!icn_loop_wants(session->loop, IOCPNET_EVENT_SENT)) {
        return;
    }
    iocpnet_event event;
    icn_session_fill_event(session, IOCPNET_EVENT_SENT, &event);
    event.size = bytes;
    icn_session_deliver(session, &event);
}

static void bytes_taken(icn_session *session, uint32_t bytes)
{
    icn_loop *loop = session->loop;
    icn_send_queue_consume(&session->send_queue, &loop->send_pool, bytes);
    icn_session_account_sent(session, loop, bytes);
}

uint64_t icn_session_close_sends(icn_session *session)
{
    icn_loop *loop = session->loop;
    icn_inbox_close(&loop->inbox, &session->send_queue);
    /* Whoever was faster than the close put its bytes under the same mutex: they are seen here. */
    icn_sessions_collect(loop);
    const uint64_t unsent = icn_send_queue_close(&session->send_queue, &loop->send_pool);
    if (loop->roster->budget != NULL) {
        icn_budget_give_back(loop->roster->budget, unsent);
    }
    return unsent;
}

void icn_session_go_on_sending(icn_session *session)
{
    icn_session_check_writable(session);
    if (!icn_send_queue_is_empty(&session->send_queue) || icn_session_is_closing(session)) {
        icn_session_flush_with_turn(session);
    }
}

static void start_send(icn_session *session, const iocpnet_iovec *pieces, uint32_t count)
{
    icn_loop *loop = session->loop;
    icn_session_hold(session);
    icn_u64_count(&loop->counters.send_operations, 1);
    /* The node is the port's from here on. */
    icn_list_remove(&session->endpoint.writer.node);
    icn_port_send(loop->port, &session->endpoint, pieces, count);
}

/* Of what is queued, and may leave now. */
static uint32_t gather(icn_session *session, iocpnet_iovec *pieces)
{
    const uint32_t count_max = session->late ? icn_latest_bind(session, GATHER_MAX) : GATHER_MAX;
    return icn_send_queue_gather(&session->send_queue, pieces, count_max);
}

uint32_t icn_session_send_some(icn_session *session, uint32_t bytes_max)
{
    ICN_CHECK(session->conditioned && bytes_max != 0);
    if (!may_send(session) || session->endpoint.writer.state != ICN_OPERATION_IDLE) {
        return 0;
    }
    iocpnet_iovec pieces[GATHER_MAX];
    uint32_t count = 0;
    const uint32_t gathered = gather(session, pieces);
    for (uint32_t room = bytes_max; count < gathered && room != 0; count++) {
        pieces[count].size = pieces[count].size < room ? pieces[count].size : room;
        room -= (uint32_t)pieces[count].size;
    }
    const uint32_t taken = icn_port_send_now(session->loop->port, &session->endpoint, pieces, count);
    if (taken == 0) {
        start_send(session, pieces, count);
    } else {
        bytes_taken(session, taken);
    }
    return taken;
}

/* Sends what was gathered: at once, or as the system can take it. */
static inline void send_gathered(icn_session *session, const iocpnet_iovec *pieces, uint32_t count)
{
    if (count == 0) {
        icn_session_flushed(session);
        return;
    }
    uint32_t taken = icn_port_send_now(session->loop->port, &session->endpoint, pieces, count);
    if (taken == 0) {
        start_send(session, pieces, count);
        return;
    }
    bytes_taken(session, taken);
    if (!icn_send_queue_is_empty(&session->send_queue) || icn_session_owes(session)) {
        icn_session_go_on_sending(session);
    }
}

/* It has a conditioner, or messages that are still to be bound, or can not send. */
static ICN_RARE void flush_apart(icn_session *session)
{
    iocpnet_iovec pieces[GATHER_MAX];
    if (!may_send(session)) {
        return;
    }
    if (session->send_queue.bytes_lost != 0) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    } else if (session->conditioned) {
        icn_conditioner_send(session);
    } else if (session->endpoint.writer.state == ICN_OPERATION_IDLE) {
        send_gathered(session, pieces, gather(session, pieces));
        /* What was bound takes less room than before. */
        icn_session_check_writable(session);
    }
}

void icn_session_flush(icn_session *session)
{
    if (!may_send_at_once(session)) {
        flush_apart(session);
        return;
    }
    if (session->send_queue.bytes_lost != 0) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
        return;
    }
    if (session->endpoint.writer.state != ICN_OPERATION_IDLE) {
        /* Its completion brings the session here again. */
        return;
    }
    iocpnet_iovec pieces[GATHER_MAX];
    send_gathered(session, pieces, icn_send_queue_gather(&session->send_queue, pieces, GATHER_MAX));
}

void icn_session_start_send(icn_session *session)
{
    iocpnet_iovec pieces[GATHER_MAX];
    /* The queue was empty before. */
    ICN_CHECK(!session->late);
    if (session->conditioned) {
        icn_session_flush_with_turn(session);
    } else if (may_send(session) && session->endpoint.writer.state == ICN_OPERATION_IDLE) {
        start_send(session, pieces, icn_send_queue_gather(&session->send_queue, pieces, GATHER_MAX));
    }
}

void icn_session_send_completed(icn_operation *operation, const icn_completion *completion)
{
    icn_session *session = ICN_CONTAINER(operation, icn_session, endpoint.writer);
    ICN_CHECK(!completion->more);
    icn_session_drop(session);
    if (completion->size != 0) {
        bytes_taken(session, completion->size);
    }
    if (completion->status != IOCPNET_OK && completion->status != IOCPNET_E_CANCELLED) {
        icn_session_fail(session, completion->status, completion->os_error);
    } else {
        icn_session_go_on_sending(session);
    }
    icn_session_operation_ended(session);
}
