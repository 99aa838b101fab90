/* What the simulated host receives: bytes as they come, whole messages, or a stream of which it takes what it wants. */
#include <algorithm>
#include <cstring>

#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
#include "os/thread.h"
}

namespace sim_test
{

namespace
{

constexpr uint32_t bytes_max = 65536; /* more than any message, and than any stream that is not consumed */

/* Of one draw: the smallest is less than most messages. */
uint32_t draw_bytes_max()
{
    static const uint32_t most[] = {bytes_max, 400, 40};
    return most[icn_sim_choose(3)];
}

} // namespace

Framing draw_framing()
{
    static const Cut cuts[] = {Cut::bytes, Cut::bytes, Cut::messages, Cut::stream, Cut::lines};
    const Cut cut = cuts[icn_sim_choose(5)];
    return {cut, cut == Cut::bytes ? bytes_max : draw_bytes_max()};
}

const iocpnet_framing *options_of(const Framing &framing, iocpnet_framing &options)
{
    if (framing.cut == Cut::bytes) {
        return nullptr;
    }
    static const uint32_t kinds[] = {IOCPNET_FRAMING_NONE, IOCPNET_FRAMING_LENGTH, IOCPNET_FRAMING_DELIMITER,
                                     IOCPNET_FRAMING_STREAM};
    (void)iocpnet_framing_init(&options, sizeof options, kinds[static_cast<int>(framing.cut)]);
    options.message_bytes_max = framing.bytes_max;
    if (framing.cut == Cut::lines) {
        options.flags = IOCPNET_FRAMING_KEEP;
        options.delimiter[0] = line_end;
    } else if (framing.cut == Cut::messages) {
        options.flags = IOCPNET_FRAMING_KEEP;
        options.header_bytes = header_bytes;
        options.length_offset = header_size_offset;
        options.length_width = 2;
        options.length_adjustment = -static_cast<int32_t>(header_bytes);
    }
    return &options;
}

void begin_framing(Session &session, const Framing &framing)
{
    session.framing = framing;
    session.was_framed = framing.cut != Cut::bytes;
    session.may_be_stream = framing.cut == Cut::stream;
    const bool whole = framing.cut == Cut::messages || framing.cut == Cut::lines;
    session.may_be_too_long = whole && framing.bytes_max < bytes_max;
}

namespace
{

/* A message can begin behind another one and nowhere else. */
bool may_cut_messages(const Session &session)
{
    const bool heard = world.model.service(session.service).wants(IOCPNET_EVENT_RECEIVED);
    return heard && is_between_events(session) && !session.framing_doubtful && session.received.is_between_messages();
}

/* By batches, what belongs to which offer is only known from the start of a stream. */
Cut draw_next_cut(const Session &session)
{
    const uint32_t drawn = icn_sim_choose(4);
    if (drawn == 3) {
        return is_between_events(session) ? Cut::lines : Cut::bytes;
    }
    if (drawn == 2) {
        return may_cut_messages(session) ? Cut::messages : Cut::bytes;
    }
    return drawn == 1 && !world.model.service(session.service).batches() ? Cut::stream : Cut::bytes;
}

void change_framing(Session &session, const Framing &framing)
{
    session.framing = framing;
    session.framed_from = session.received_bytes;
    session.unconsumed = 0;
    session.overflowed = false;
}

} // namespace

void set_framing(Session &session)
{
    iocpnet_framing options;
    const Framing wanted = {draw_next_cut(session), bytes_max};
    const bool known = is_between_events(session);
    session.framing_doubtful = session.framing_doubtful || !known;
    session.was_framed = session.was_framed || wanted.cut != Cut::bytes;
    session.may_be_stream = session.may_be_stream || wanted.cut == Cut::stream;
    icn_sim_trace("set framing begins", session.index, static_cast<uint64_t>(wanted.cut));
    session.framing_begun++;
    const int32_t status = iocpnet_session_set_framing(session.handle, options_of(wanted, options));
    session.framing_returned++;
    check_status("set framing", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_E_INVALID_HANDLE && !session.ended && !world.model.service(session.service).destroy_called) {
        wrong_status("set framing", status, "the session has not ended");
    }
    if (status == IOCPNET_OK && known) {
        change_framing(session, wanted);
    }
}

/* ---- events ---- */

namespace
{

[[noreturn]] void wrong_message(const Session &session, const iocpnet_event &event, const char *what)
{
    icn_sim_violation(invariant::messages, "session %u: an event of %llu bytes: %s", session.index,
                      static_cast<unsigned long long>(event.size), what);
}

/* All of it, nothing, or a part, perhaps in two calls. */
uint64_t draw_consumed(uint64_t size)
{
    const uint32_t drawn = icn_sim_choose(4);
    if (drawn == 3) {
        return icn_sim_choose(static_cast<uint32_t>(size) + 1);
    }
    return drawn == 2 ? 0 : size;
}

/* Returns what was taken of the event: all, when it was not of a stream. */
uint64_t consume(const iocpnet_event &event, Session &session)
{
    const uint64_t wanted = draw_consumed(event.size);
    icn_sim_trace("consume begins", session.index, wanted);
    session.answers = false;
    const int32_t status = iocpnet_session_consume(event.session, wanted);
    session.answers = true;
    check_status("consume", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE));
    const bool is_stream = session.framing.cut == Cut::stream && !session.framing_doubtful;
    if (status == IOCPNET_E_INVALID_STATE && is_stream) {
        wrong_status("consume", status, "it is a stream");
    }
    if (status == IOCPNET_E_INVALID_HANDLE) {
        session.received_all_known = false;
    }
    return status == IOCPNET_OK ? wanted : event.size;
}

void check_offer(const iocpnet_event &event, Session &session, uint64_t taken)
{
    if (session.framing.cut != Cut::stream || session.framing_doubtful) {
        return;
    }
    if (event.size <= session.unconsumed || session.overflowed) {
        wrong_message(session, event, "nothing has come since the last one, or too much was kept");
    }
    session.unconsumed = event.size - taken;
    session.overflowed = session.unconsumed > session.framing.bytes_max;
}

bool is_line(const iocpnet_event &event)
{
    const void *end = std::memchr(event.data, line_end, event.size);
    return end == static_cast<const uint8_t *>(event.data) + event.size - 1;
}

void check_message(const iocpnet_event &event, const Session &session, uint32_t completed)
{
    const bool known = !session.framing_doubtful;
    const bool whole = session.framing.cut == Cut::messages || session.framing.cut == Cut::lines;
    if (known && session.framing.cut == Cut::lines && !is_line(event)) {
        wrong_message(session, event, "not one line");
    }
    if (known && session.framing.cut == Cut::messages && (completed != 1 || !session.received.is_between_messages())) {
        wrong_message(session, event, "not one message");
    }
    if (known && whole && event.size > session.framing.bytes_max) {
        wrong_message(session, event, "longer than it may be");
    }
}

} // namespace

void note_received(const iocpnet_event &event, Session &session, bool data_known)
{
    const Service &service = world.model.service(session.service);
    const bool too_much = !session.was_framed && event.size > service.configuration->options.receive_buffer_bytes;
    if (event.size == 0 || event.data == nullptr || too_much) {
        icn_sim_violation(invariant::event_fields, "session %u: no bytes, or too many", session.index);
    }
    const uint64_t taken = session.may_be_stream ? consume(event, session) : event.size;
    check_offer(event, session, taken);
    session.received_bytes += taken;
    /* What waited for the rest of a message, for the host's poll, or in a conditioner, was received earlier. */
    const bool at_once = !service.batches() && !session.was_framed && !may_be_conditioned(session);
    session.received_ms = at_once ? icn_sim_now_ms() : 0;
    /* While it consumed, another thread may have begun to destroy the service, and its batches with it. */
    const bool data_lost = service.batches() && service.destroy_called;
    session.received_all_known = session.received_all_known && data_known && !data_lost;
    if (session.received_all_known) {
        check_message(event, session,
                      session.received.feed(world.model.ledger, static_cast<const uint8_t *>(event.data), taken));
    }
}

uint64_t bytes_not_told(const Session &session, const Peer &peer)
{
    if (session.framing_doubtful) {
        return 0;
    }
    if (session.framing.cut == Cut::stream) {
        return session.unconsumed;
    }
    if (session.framing.cut == Cut::lines) {
        return peer.written - std::max(peer.lines_written, session.framed_from);
    }
    return session.framing.cut == Cut::messages && peer.size != 0 ? peer.offset : 0;
}

} // namespace sim_test
