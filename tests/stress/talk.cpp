#include "stress/talk.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "stress/check.hpp"

namespace stress
{

namespace
{

thread_local uint32_t forbidden = 0;

const char *const state_names[] = {"made", "connected", "ended", "failed"};

std::string address_of(int32_t(IOCPNET_CALL *function)(uint64_t, char *, uint32_t), iocpnet_session session)
{
    char text[64] = "";
    const int32_t length = function(session, text, sizeof text);
    return length > 0 ? text : "";
}

uint32_t payload_size(Random &random, uint64_t bytes_max)
{
    const uint32_t size = random.chance(80) ? random.below(2000) : random.below(60000);
    const uint64_t most = bytes_max > header_bytes ? bytes_max - header_bytes : 0;
    return size <= most || random.chance(2) ? size : random.below(most + 1);
}

} // namespace

NoCallbacks::NoCallbacks()
{
    forbidden++;
}

NoCallbacks::~NoCallbacks()
{
    forbidden--;
}

bool NoCallbacks::in_force()
{
    return forbidden != 0;
}

/* Some longer than the limit. */
std::string close_text(int64_t code)
{
    return "code " + std::to_string(code) + std::string(static_cast<size_t>(code % 300), 'x');
}

void Talk::violate(const std::string &text) const
{
    stress::violate(text + ": " + describe());
}

std::string Talk::name() const
{
    char handle[32];
    std::snprintf(handle, sizeof handle, "%016llx", static_cast<unsigned long long>(session_));
    return std::string(outbound_ ? "outbound" : "accepted") + " session " + handle + ", " + state_names[state_] +
           ", accepted " + std::to_string(accepted_);
}

std::string Talk::describe() const
{
    return name() + ", sent " + std::to_string(sent_) + ", received " + std::to_string(received_) + ", close reason " +
           iocpnet_close_reason_name(last_.close_reason) + ", status " + iocpnet_status_name(last_.status) +
           ", unsent " + std::to_string(last_.bytes_unsent) + ", " + local_ + " - " + remote_;
}

void Talk::begin_event(const iocpnet_event &event)
{
    if (in_event_.exchange(true)) {
        violate("two events at a time");
    }
    const bool first = event.kind == IOCPNET_EVENT_CONNECTED || event.kind == IOCPNET_EVENT_CONNECT_FAILED;
    if (state_ != (first ? made : connected)) {
        violate("event " + std::to_string(event.kind) + " out of order");
    }
    if (!first && event.dispatcher != dispatcher_) {
        violate("an event on another dispatcher");
    }
    if (outbound_ != (event.listener == 0)) {
        violate("a session that was not connected, or accepted by no listener");
    }
    switch (event.kind) {
    case IOCPNET_EVENT_CONNECTED:
        connected_event(event);
        break;
    case IOCPNET_EVENT_RECEIVED:
        received_event(event);
        break;
    case IOCPNET_EVENT_SENT:
        sent_ += event.size;
        break;
    case IOCPNET_EVENT_WRITABLE:
        writables_++;
        break;
    default:
        last_event(event);
        break;
    }
}

void Talk::end_event()
{
    in_event_ = false;
}

void Talk::connected_event(const iocpnet_event &event)
{
    state_ = connected;
    dispatcher_ = event.dispatcher;
    remote_ = address_of(iocpnet_session_remote_address, session_);
    local_ = address_of(iocpnet_session_local_address, session_);
}

void Talk::received_event(const iocpnet_event &event)
{
    received_ += event.size;
    if (event.size == 0) {
        violate("RECEIVED without bytes");
    }
    if (reader_.error().empty() && !reader_.feed(event.data, static_cast<size_t>(event.size))) {
        violate("received " + reader_.error());
    }
}

void Talk::last_event(const iocpnet_event &event)
{
    const bool disconnected = event.kind == IOCPNET_EVENT_DISCONNECTED;
    last_ = event;
    state_ = disconnected ? ended : failed;
    if (event.close_reason == IOCPNET_CLOSE_NONE || event.close_reason >= IOCPNET_CLOSE_REASON_COUNT ||
        event.close_origin == IOCPNET_ORIGIN_NONE) {
        violate("an end without a reason");
    }
    if (!disconnected && event.status >= 0) {
        violate("CONNECT_FAILED without a status");
    }
    if (event.close_code != 0 && event.close_reason != IOCPNET_CLOSE_REQUESTED) {
        violate("a close code that no call of disconnect brought");
    }
    if (event.close_text != nullptr &&
        close_text(event.close_code).substr(0, IOCPNET_CLOSE_TEXT_MAX) != event.close_text) {
        violate("another close text than was given");
    }
}

/* As one piece, or cut at random; the buffers are gone right after the call. */
int32_t Talk::send_pieces(Random &random, const std::string &bytes) const
{
    const NoCallbacks none;
    std::string copy = bytes;
    int32_t status;
    if (random.chance(60)) {
        status = iocpnet_session_send(session_, copy.data(), copy.size());
    } else {
        std::vector<iocpnet_iovec> pieces(random.between(1, 5));
        size_t begin = 0;
        for (size_t i = 0; i < pieces.size(); i++) {
            const size_t left = copy.size() - begin;
            pieces[i].size = i + 1 == pieces.size() ? left : random.below(left + 1);
            pieces[i].data = copy.data() + begin;
            begin += static_cast<size_t>(pieces[i].size);
        }
        status = iocpnet_session_sendv(session_, pieces.data(), static_cast<uint32_t>(pieces.size()));
    }
    std::fill(copy.begin(), copy.end(), '\xEE');
    return status;
}

int32_t Talk::send(Random &random, uint32_t writer, uint64_t bytes_max)
{
    const uint32_t count = random.chance(80) ? 1 : random.between(2, 5);
    const uint64_t writables = writables_;
    std::string bytes;
    for (uint32_t i = 0; i < count; i++) {
        bytes += make_message(session_, writer, numbers_[writer] + i, payload_size(random, bytes_max / count));
    }
    const int32_t status = send_pieces(random, bytes);
    if (status == IOCPNET_OK) {
        numbers_[writer] += count;
        accepted_ += bytes.size();
        sends_++;
    } else if (status == IOCPNET_E_WOULD_BLOCK) {
        /* A WRITABLE that came meanwhile may have been for this refusal. */
        uint64_t due = writable_due_;
        while (due < writables + 1 && !writable_due_.compare_exchange_weak(due, writables + 1)) {
        }
    }
    return status;
}

void Talk::note_disconnect(bool graceful)
{
    if (graceful) {
        graceful_asked_ = true;
    }
    disconnect_asked_ = true;
}

void Talk::settle(Ledger &ledger, bool sent_events) const
{
    const bool over = state_ == ended;
    if (last_.bytes_unsent > accepted_) {
        violate("more is unsent than was accepted");
        return;
    }
    if (over && sent_events && sent_ + last_.bytes_unsent != accepted_) {
        violate("what was accepted was neither sent nor told as unsent");
    }
    End end;
    end.who = describe();
    end.local = local_;
    end.remote = remote_;
    end.sent = accepted_ - (over ? last_.bytes_unsent : 0);
    end.sent_final = over;
    end.aborted = over && last_.close_reason == IOCPNET_CLOSE_REQUESTED && !graceful_asked_;
    end.received = received_;
    end.saw_end = over && last_.close_reason == IOCPNET_CLOSE_PEER_CLOSED;
    ledger.add(end);
}

} // namespace stress
