#include "net/session_framing.h"

#include <stddef.h>
#include <string.h>

#include "base/attributes.h"
#include "base/check.h"
#include "net/latest.h"
#include "util/memory.h"

static icn_session_framing *framing_of(const icn_session *session)
{
    return icn_pointer_load(&session->framing);
}

static icn_session_framing *create(void)
{
    icn_session_framing *framed = icn_memory_allocate_zeroed(sizeof *framed, ICN_MEMORY_SESSION);
    if (framed != NULL) {
        icn_mutex_init(&framed->mutex);
    }
    return framed;
}

static void destroy(icn_session_framing *framed)
{
    icn_receive_buffer_clear(&framed->kept);
    icn_mutex_fini(&framed->mutex);
    icn_memory_release(framed, sizeof *framed, ICN_MEMORY_SESSION);
}

static void use(const icn_session *session, icn_session_framing *framed, const icn_framing *framing)
{
    framed->framing = *framing;
    framed->looks = framing->kind == IOCPNET_FRAMING_STREAM || icn_guard_counts_messages(icn_session_guard(session));
}

bool icn_session_begin_framing(icn_session *session, const icn_framing *framing)
{
    icn_session_framing *framed = create();
    if (framed == NULL) {
        return false;
    }
    framed->wanted = *framing;
    use(session, framed, framing);
    icn_pointer_store(&session->framing, framed);
    icn_u8_store(&session->close_claim, ICN_CLOSE_UNCLAIMED_APART);
    return true;
}

void icn_session_end_framing(icn_session *session)
{
    icn_session_framing *framed = framing_of(session);
    if (framed != NULL) {
        destroy(framed);
    }
}

/* The one that the session has, or a new one. Whoever is second throws his away. NULL: no memory. */
static icn_session_framing *framing_for(icn_session *session)
{
    void *present = framing_of(session);
    if (present != NULL) {
        return present;
    }
    icn_session_framing *framed = create();
    if (framed == NULL) {
        return NULL;
    }
    while (!icn_pointer_replace(&session->framing, &present, framed)) {
        if (present != NULL) {
            destroy(framed);
            return present;
        }
    }
    return framed;
}

/* Whoever sees this sees the framing. */
void icn_session_receive_apart(icn_session *session)
{
    uint8_t claim = ICN_CLOSE_UNCLAIMED;
    while (!icn_u8_replace(&session->close_claim, &claim, ICN_CLOSE_UNCLAIMED_APART)) {
        if (claim != ICN_CLOSE_UNCLAIMED) {
            /* Apart already, or it closes, and nothing is handed out any more. */
            return;
        }
    }
}

int32_t icn_session_set_framing(icn_session *session, const icn_framing *framing)
{
    if (icn_session_is_closing(session)) {
        return IOCPNET_E_CLOSED;
    }
    if (framing->kind == IOCPNET_FRAMING_NONE && framing_of(session) == NULL) {
        return IOCPNET_OK;
    }
    icn_session_framing *framed = framing_for(session);
    if (framed == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_mutex_lock(&framed->mutex);
    framed->wanted = *framing;
    icn_mutex_unlock(&framed->mutex);
    /* Behind the store: the owner that sees the change finds at least this framing. */
    icn_u32_exchange(&framed->changed, 1);
    icn_session_receive_apart(session);
    /* What is kept may be messages now. */
    icn_session_kick(session);
    return IOCPNET_OK;
}

static int32_t wrap(const icn_session *session, const void *data, uint64_t size, icn_framed *message)
{
    icn_session_framing *framed = framing_of(session);
    if (framed == NULL) {
        return IOCPNET_E_INVALID_STATE;
    }
    icn_mutex_lock(&framed->mutex);
    int32_t status = icn_framing_wrap(&framed->wanted, data, size, message);
    icn_mutex_unlock(&framed->mutex);
    return status;
}

int32_t icn_session_send_message(icn_session *session, const void *data, uint64_t size)
{
    icn_framed message;
    int32_t status = wrap(session, data, size, &message);
    return status == IOCPNET_OK ? icn_session_send(session, message.pieces, message.count, message.bytes) : status;
}

int32_t icn_session_send_latest_message(icn_session *session, uint64_t key, const void *data, uint64_t size)
{
    icn_framed message;
    int32_t status = wrap(session, data, size, &message);
    return status == IOCPNET_OK ? icn_latest_send(session, key, message.pieces, message.count, message.bytes) : status;
}

static ICN_RARE void take_change(const icn_session *session, icn_session_framing *framed)
{
    icn_u32_exchange(&framed->changed, 0);
    icn_mutex_lock(&framed->mutex);
    use(session, framed, &framed->wanted);
    icn_mutex_unlock(&framed->mutex);
    framed->scanned = 0;
    framed->seen = 0;
}

int32_t icn_session_consume(icn_session *session, uint64_t bytes)
{
    icn_session_framing *framed = framing_of(session);
    int32_t status = IOCPNET_E_INVALID_STATE;
    if (framed == NULL) {
        return status;
    }
    icn_mutex_lock(&framed->mutex);
    if (framed->offered != 0) {
        status = bytes <= framed->offered - framed->consumed ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT;
    }
    if (status == IOCPNET_OK) {
        framed->consumed += (uint32_t)bytes;
        framed->answered = true;
    }
    icn_mutex_unlock(&framed->mutex);
    if (status == IOCPNET_OK && session->loop->deliver_received != NULL) {
        icn_session_kick(session);
    }
    return status;
}

/* False: what is not handed out yet has to wait, or is not wanted any more. */
static inline bool may_hand_out(const icn_session *session)
{
    return !icn_session_is_closing(session) && icn_session_state_now(session) == ICN_SESSION_OPEN &&
           icn_u8_load(&session->pause_requested) == 0;
}

/* A callback without a window for replies: what it sends is copied, and leaves in one piece with what others send. */
static void serve_apart(icn_session *session, icn_loop *loop, const void *data, uint32_t size)
{
    iocpnet_event event;
    icn_session_begin_event(session, loop, IOCPNET_EVENT_RECEIVED, data, size, &event);
    icn_u64_count(&loop->counters.events, 1);
    loop->on_received(&event, loop->on_received_user);
}

/* `last`: nothing follows that was received with it. */
static inline void hand_out(icn_session *session, const void *data, uint32_t size, bool last)
{
    icn_loop *loop = session->loop;
    if (loop->deliver_received != NULL) {
        if (icn_loop_wants(loop, IOCPNET_EVENT_RECEIVED)) {
            loop->deliver_copied(loop, session, data, size);
        }
    } else if (loop->on_received != NULL) {
        if (last && size != 0) {
            icn_session_serve_message(session, loop, data, size);
        } else {
            serve_apart(session, loop, data, size);
        }
    }
}

static ICN_RARE void close_for(icn_session *session, icn_frame_verdict verdict)
{
    const icn_close close = {.reason =
                                 verdict == ICN_FRAME_TOO_LONG ? IOCPNET_CLOSE_FRAME_TOO_LONG : IOCPNET_CLOSE_MALFORMED,
                             .origin = IOCPNET_ORIGIN_LIBRARY,
                             .abort = true};
    icn_session_close(session, &close);
}

/* What was received and is not handed out yet. */
typedef struct icn_rest {
    const uint8_t *data;
    uint32_t size;
} icn_rest;

static inline void advance(icn_rest *rest, uint32_t bytes)
{
    rest->data += bytes;
    rest->size -= bytes;
}

/* False: no memory, and the session fails. */
static bool keep(icn_session *session, icn_session_framing *framed, icn_rest *rest, uint32_t bytes, uint32_t most)
{
    bool kept = icn_receive_buffer_append(&framed->kept, rest->data, bytes, most);
    advance(rest, bytes);
    if (!kept) {
        icn_session_fail(session, IOCPNET_E_NO_MEMORY, 0);
    }
    return kept;
}

/* True when there is more to look at. */
static bool look_at_kept(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    icn_receive_buffer *kept = &framed->kept;
    const uint8_t *data = icn_receive_buffer_data(kept);
    const uint32_t bytes = icn_receive_buffer_bytes(kept);
    const icn_frame frame = icn_framing_look(&framed->framing, data, bytes, &framed->scanned);
    switch (frame.verdict) {
    case ICN_FRAME_WHOLE:
        framed->messages++;
        hand_out(session, data + frame.begin, frame.size, frame.bytes == bytes && rest->size == 0);
        icn_receive_buffer_consume(kept, frame.bytes);
        framed->scanned = 0;
        return true;
    case ICN_FRAME_PARTIAL:
        /* No byte behind the message: what follows it is handed out from where it lies. */
        return rest->size != 0 &&
               keep(session, framed, rest, icn_framing_step(&framed->framing, &frame, bytes, rest->data, rest->size),
                    frame.bytes);
    default:
        close_for(session, frame.verdict);
        return false;
    }
}

static inline bool look_at_received(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    const uint8_t *data = rest->data;
    const icn_frame frame = icn_framing_look(&framed->framing, data, rest->size, &framed->scanned);
    switch (frame.verdict) {
    case ICN_FRAME_WHOLE:
        framed->scanned = 0;
        framed->messages++;
        hand_out(session, data + frame.begin, frame.size, frame.bytes == rest->size);
        advance(rest, frame.bytes);
        return rest->size != 0;
    case ICN_FRAME_PARTIAL:
        (void)keep(session, framed, rest, rest->size, frame.bytes);
        return false;
    default:
        close_for(session, frame.verdict);
        return false;
    }
}

static void begin_offer(icn_session_framing *framed, uint32_t bytes)
{
    icn_mutex_lock(&framed->mutex);
    framed->offered = bytes;
    framed->consumed = 0;
    framed->answered = false;
    icn_mutex_unlock(&framed->mutex);
}

/* What the host consumed of the offer, which ends. */
static uint32_t end_offer(icn_session_framing *framed)
{
    icn_mutex_lock(&framed->mutex);
    const uint32_t consumed = framed->consumed;
    framed->offered = 0;
    icn_mutex_unlock(&framed->mutex);
    return consumed;
}

static bool was_answered(icn_session_framing *framed)
{
    icn_mutex_lock(&framed->mutex);
    const bool answered = framed->answered;
    icn_mutex_unlock(&framed->mutex);
    return answered;
}

static ICN_RARE void close_for_overflow(icn_session *session)
{
    const icn_close close = {.reason = IOCPNET_CLOSE_RECEIVE_OVERFLOW, .origin = IOCPNET_ORIGIN_LIBRARY, .abort = true};
    icn_session_close(session, &close);
}

/* What was consumed goes; what is left waits for more, within the limit. */
static void settle(icn_session *session, icn_session_framing *framed, icn_rest *rest, uint32_t offered,
                   uint32_t consumed)
{
    icn_receive_buffer *kept = &framed->kept;
    if (icn_receive_buffer_bytes(kept) != 0) {
        icn_receive_buffer_consume(kept, consumed);
    } else {
        advance(rest, consumed);
    }
    framed->seen = offered - consumed;
    if (framed->seen > framed->framing.message_bytes_max && icn_u32_load(&framed->changed) == 0) {
        close_for_overflow(session);
    }
}

/* By batches the bytes stay here as well until the host has said what it consumed. */
static void offer_to_queue(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    if (rest->size != 0 && !keep(session, framed, rest, rest->size, UINT32_MAX)) {
        return;
    }
    framed->awaits = true;
    session->unanswered = true;
    begin_offer(framed, icn_receive_buffer_bytes(&framed->kept));
    hand_out(session, icn_receive_buffer_data(&framed->kept), icn_receive_buffer_bytes(&framed->kept), false);
    icn_session_update_receive(session);
}

/* False: the host has not answered yet. */
static bool take_answer(icn_session *session, icn_session_framing *framed)
{
    icn_rest none = {0};
    if (!was_answered(framed)) {
        return false;
    }
    framed->awaits = false;
    session->unanswered = false;
    const uint32_t offered = framed->offered;
    settle(session, framed, &none, offered, end_offer(framed));
    icn_session_update_receive(session);
    return true;
}

/* False: the host does not want to see what is received, and can consume nothing. */
static bool is_heard(const icn_loop *loop)
{
    return loop->deliver_received != NULL ? icn_loop_wants(loop, IOCPNET_EVENT_RECEIVED) : loop->on_received != NULL;
}

/* Offers all that is there, if there is more than the last time. True: look again. */
static bool offer(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    icn_receive_buffer *kept = &framed->kept;
    if (icn_receive_buffer_bytes(kept) != 0 && rest->size != 0 &&
        !keep(session, framed, rest, rest->size, UINT32_MAX)) {
        return false;
    }
    const bool is_kept = icn_receive_buffer_bytes(kept) != 0;
    const uint32_t size = is_kept ? icn_receive_buffer_bytes(kept) : rest->size;
    if (size <= framed->seen) {
        return false;
    }
    if (!is_heard(session->loop)) {
        settle(session, framed, rest, size, size);
        return false;
    }
    if (session->loop->deliver_received != NULL) {
        offer_to_queue(session, framed, rest);
        return false;
    }
    begin_offer(framed, size);
    hand_out(session, is_kept ? icn_receive_buffer_data(kept) : rest->data, size, true);
    settle(session, framed, rest, size, end_offer(framed));
    return icn_u32_load(&framed->changed) != 0;
}

static inline bool has_something(const icn_session_framing *framed, const icn_rest *rest)
{
    return rest->size != 0 || icn_receive_buffer_bytes(&framed->kept) != 0;
}

static void look_at_all(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    bool more = has_something(framed, rest);
    framed->waits = false;
    while (more) {
        /* A callback may have changed either. */
        if (framed->awaits && (!take_answer(session, framed) || !has_something(framed, rest))) {
            break;
        }
        if (icn_u32_load(&framed->changed) != 0) {
            take_change(session, framed);
        }
        if (!may_hand_out(session)) {
            framed->waits = has_something(framed, rest);
            break;
        }
        if (framed->framing.kind == IOCPNET_FRAMING_STREAM) {
            more = offer(session, framed, rest);
        } else if (icn_receive_buffer_bytes(&framed->kept) != 0) {
            more = look_at_kept(session, framed, rest);
        } else {
            more = look_at_received(session, framed, rest);
        }
        more = more && has_something(framed, rest);
    }
}

static void tidy(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    if (icn_session_is_closing(session)) {
        icn_receive_buffer_clear(&framed->kept);
    } else if (rest->size != 0) {
        (void)keep(session, framed, rest, rest->size, UINT32_MAX);
    }
    /* An idle session keeps no memory. */
    if (framed->kept.memory != NULL && icn_receive_buffer_bytes(&framed->kept) == 0) {
        icn_receive_buffer_clear(&framed->kept);
    }
}

/* What is kept is the beginning of a message, unless it waits for the host. */
static ICN_RARE void tell_guard(icn_session *session, icn_session_framing *framed)
{
    const bool cuts =
        framed->framing.kind == IOCPNET_FRAMING_LENGTH || framed->framing.kind == IOCPNET_FRAMING_DELIMITER;
    const uint32_t begun = cuts && !framed->waits ? icn_receive_buffer_bytes(&framed->kept) : 0;
    const uint32_t whole = cuts ? framed->messages : 0;
    framed->messages = 0;
    icn_guard_messages_came(session, icn_session_guard(session), whole, begun);
}

static void look(icn_session *session, icn_session_framing *framed, icn_rest *rest)
{
    look_at_all(session, framed, rest);
    tidy(session, framed, rest);
    if (icn_guard_counts_messages(icn_session_guard(session))) {
        tell_guard(session, framed);
    }
}

/* Most often all that came is one message. False: nothing was handed out. By batches it has to lie where it was received. */
static inline bool hand_out_whole(icn_session *session, const icn_session_framing *framed, const uint8_t *data,
                                  uint32_t size)
{
    uint32_t scanned = 0;
    if (framed->looks || icn_receive_buffer_bytes(&framed->kept) != 0 || icn_u32_load(&framed->changed) != 0 ||
        !may_hand_out(session)) {
        return false;
    }
    const icn_frame frame = icn_framing_look(&framed->framing, data, size, &scanned);
    if (frame.verdict != ICN_FRAME_WHOLE || frame.bytes != size) {
        return false;
    }
    icn_loop *loop = session->loop;
    if (loop->deliver_received == NULL) {
        hand_out(session, data + frame.begin, frame.size, true);
    } else if (frame.size != size) {
        return false;
    } else if (icn_loop_wants(loop, IOCPNET_EVENT_RECEIVED)) {
        loop->deliver_received(loop, session, data, size);
    }
    return true;
}

void icn_session_cut_into_messages(icn_session *session, const void *data, uint32_t size)
{
    icn_session_framing *framed = framing_of(session);
    ICN_CHECK(framed != NULL && size != 0);
    if (hand_out_whole(session, framed, data, size)) {
        return;
    }
    icn_rest rest = {.data = icn_session_make_way(session->loop, data, size), .size = size};
    look(session, framed, &rest);
}

void icn_session_cut_held(icn_session *session, const void *data, uint32_t size)
{
    icn_session_framing *framed = framing_of(session);
    ICN_CHECK(framed != NULL && size != 0);
    icn_rest rest = {.data = data, .size = size};
    look(session, framed, &rest);
}

void icn_session_look_at_kept(icn_session *session)
{
    icn_session_framing *framed = framing_of(session);
    if (framed == NULL || icn_session_state_now(session) != ICN_SESSION_OPEN) {
        return;
    }
    icn_rest rest = {0};
    look(session, framed, &rest);
    if (framed->end_untold && !framed->waits && !framed->awaits) {
        framed->end_untold = false;
        icn_session_tell_end_of_stream(session);
    }
}

bool icn_session_keeps_end(icn_session *session)
{
    icn_session_framing *framed = framing_of(session);
    /* With a change, the kick that follows it looks at what is kept, and then tells the end. */
    if (framed == NULL || (!framed->waits && !framed->awaits && icn_u32_load(&framed->changed) == 0)) {
        return false;
    }
    framed->end_untold = true;
    return true;
}
