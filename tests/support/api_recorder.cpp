#include "support/api_recorder.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "support/api_environment.hpp"

namespace api_test
{

namespace
{

bool ends_session(uint32_t kind)
{
    return kind == IOCPNET_EVENT_DISCONNECTED || kind == IOCPNET_EVENT_CONNECT_FAILED;
}

/* Those of timers and jobs may be of a session or of none. */
bool is_of_either(uint32_t kind)
{
    return kind == IOCPNET_EVENT_TIMER || kind == IOCPNET_EVENT_POSTED;
}

bool is_session_event(const iocpnet_event &event)
{
    return event.kind <= IOCPNET_EVENT_CONNECT_FAILED || (is_of_either(event.kind) && event.session != 0);
}

bool has_size(uint32_t kind)
{
    return kind == IOCPNET_EVENT_RECEIVED || kind == IOCPNET_EVENT_SENT;
}

bool has_close_fields(const iocpnet_event &event)
{
    return event.status != 0 || event.os_error != 0 || event.close_reason != 0 || event.close_origin != 0 ||
           event.close_code != 0 || event.bytes_unsent != 0 || event.close_text != nullptr;
}

} // namespace

Event::Event(const iocpnet_event &event)
    : fields(event), data(event.data == nullptr ? "" : static_cast<const char *>(event.data),
                          event.data == nullptr ? 0 : static_cast<size_t>(event.size)),
      close_text(event.close_text == nullptr ? "" : event.close_text), has_close_text(event.close_text != nullptr),
      thread(std::this_thread::get_id())
{
    fields.data = nullptr;
    fields.close_text = nullptr;
}

uint64_t SessionRecord::count(uint32_t kind) const
{
    return static_cast<uint64_t>(std::count(kinds.begin(), kinds.end(), kind));
}

uint64_t Records::received_bytes() const
{
    uint64_t sum = 0;
    for (const auto &entry : sessions) {
        sum += entry.second.received_bytes;
    }
    return sum;
}

std::string field_violation(const iocpnet_event &event)
{
    const uint32_t kind = event.kind;
    if (kind < IOCPNET_EVENT_CONNECTED || kind >= IOCPNET_EVENT_KIND_COUNT) {
        return "unknown kind";
    }
    if (event.service == 0 || (event.session != 0) != is_session_event(event)) {
        return "service and session do not fit the kind";
    }
    if ((kind != IOCPNET_EVENT_POSTED && (event.data != nullptr) != (kind == IOCPNET_EVENT_RECEIVED)) ||
        (event.size != 0 && !has_size(kind) && event.next_session == 0) ||
        (event.size == 0 && kind == IOCPNET_EVENT_SENT)) {
        return "data and size do not fit the kind";
    }
    if (!ends_session(kind) && has_close_fields(event)) {
        return "close fields in an event that ends nothing";
    }
    if (ends_session(kind) && (event.close_reason == IOCPNET_CLOSE_NONE || event.close_origin == IOCPNET_ORIGIN_NONE ||
                               event.close_reason >= IOCPNET_CLOSE_REASON_COUNT)) {
        return "no close reason, or no origin";
    }
    if (kind == IOCPNET_EVENT_CONNECT_FAILED && event.status >= 0) {
        return "CONNECT_FAILED without an error";
    }
    if ((event.timer_count != 0) != (kind == IOCPNET_EVENT_TIMER) ||
        (event.timer_id != 0 && kind != IOCPNET_EVENT_TIMER)) {
        return "timer fields do not fit the kind";
    }
    if (event.next_session != 0 && !ends_session(kind)) {
        return "another session follows before the end";
    }
    if (event.reserved_pointer != nullptr) {
        return "reserved fields are not 0";
    }
    return "";
}

void Recorder::note_session_event(const iocpnet_event &event)
{
    const auto inserted = records_.sessions.emplace(event.session, SessionRecord());
    SessionRecord &record = inserted.first->second;
    if (inserted.second) {
        records_.order.push_back(event.session);
        record.first = Event(event);
        if (event.kind != IOCPNET_EVENT_CONNECTED && event.kind != IOCPNET_EVENT_CONNECT_FAILED) {
            records_.violations.push_back("first event of a session has kind " + std::to_string(event.kind));
        }
    } else if (event.kind == IOCPNET_EVENT_CONNECTED || event.kind == IOCPNET_EVENT_CONNECT_FAILED) {
        records_.violations.push_back("a session was connected twice");
    }
    if (record.in_event) {
        records_.violations.push_back("two events of a session at a time");
    }
    if (record.ended) {
        records_.violations.push_back("event of kind " + std::to_string(event.kind) + " after the last one");
    }
    if (record.first.fields.dispatcher != event.dispatcher || record.first.fields.listener != event.listener) {
        records_.violations.push_back("a session changed its dispatcher or its listener");
    }
    record.in_event = true;
    record.begun++;
    if (event.kind == IOCPNET_EVENT_RECEIVED) {
        record.received_bytes += event.size;
        if (keep_data_) {
            record.received.append(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
        }
    } else if (event.kind == IOCPNET_EVENT_SENT) {
        record.sent_bytes += event.size;
    } else {
        record.kinds.push_back(event.kind);
    }
    if (event.kind == IOCPNET_EVENT_CONNECTED) {
        record.connected = true;
    }
    if (ends_session(event.kind)) {
        record.last = Event(event);
        record.ended = true;
    }
}

void Recorder::begin(const iocpnet_event &event)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::string violation = field_violation(event);
    if (!violation.empty()) {
        records_.violations.push_back(violation + ", kind " + std::to_string(event.kind));
    }
    if (is_session_event(event)) {
        note_session_event(event);
    }
}

void Recorder::end(const iocpnet_event &event)
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (event.kind < IOCPNET_EVENT_KIND_COUNT) {
            records_.counts[event.kind]++;
        }
        if (is_session_event(event)) {
            records_.sessions[event.session].in_event = false;
        }
        changed_.notify_all();
    }
}

void Recorder::violate(const std::string &text)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    records_.violations.push_back(text);
}

bool Recorder::wait(const Condition &condition)
{
    std::unique_lock<std::mutex> lock(mutex_);
    const auto deadline = Clock::now() + wait_limit;
    if (changed_.wait_until(lock, deadline, [&] { return condition(records_); }) &&
        changed_.wait_until(lock, deadline, [this, now = under_way()] { return has_ended(now); })) {
        return true;
    }
    std::fprintf(stderr, "waited in vain; so far: %s\n", describe(records_).c_str());
    return false;
}

Recorder::UnderWay Recorder::under_way() const
{
    UnderWay events;
    for (const auto &entry : records_.sessions) {
        if (entry.second.in_event) {
            events.emplace_back(entry.first, entry.second.begun);
        }
    }
    return events;
}

bool Recorder::has_ended(const UnderWay &events) const
{
    return std::none_of(events.begin(), events.end(), [this](const auto &event) {
        const SessionRecord &record = records_.sessions.at(event.first);
        return record.in_event && record.begun == event.second;
    });
}

SessionRecord Recorder::session(iocpnet_session session)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = records_.sessions.find(session);
    return found == records_.sessions.end() ? SessionRecord() : found->second;
}

iocpnet_session Recorder::nth(size_t n)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return n < records_.order.size() ? records_.order[n] : 0;
}

size_t Recorder::session_count()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return records_.order.size();
}

uint64_t Recorder::received_bytes()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return records_.received_bytes();
}

Records Recorder::copy()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return records_;
}

std::string describe(const Records &records)
{
    static const char *const names[] = {"",          "connected",    "received",       "sent",
                                        "writable",  "disconnected", "connect failed", "stopped",
                                        "destroyed", "timer",        "posted"};
    static_assert(sizeof names / sizeof names[0] == IOCPNET_EVENT_KIND_COUNT, "every kind has its name");
    std::ostringstream text;
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        text << names[kind] << ' ' << records.counts[kind] << ", ";
    }
    text << records.received_bytes() << " bytes received";
    for (const auto &entry : records.sessions) {
        const iocpnet_event &end = entry.second.last.fields;
        if (entry.second.ended && end.status != IOCPNET_OK) {
            text << "; ended by " << iocpnet_close_reason_name(end.close_reason) << ", "
                 << iocpnet_status_name(end.status) << ", OS error " << end.os_error;
        }
    }
    for (const std::string &violation : records.violations) {
        text << "; VIOLATION: " << violation;
    }
    return text.str();
}

} // namespace api_test
