// Events and batches of them.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_EVENT_HPP
#define IOCPNET_CPP_EVENT_HPP

#include "session.hpp"

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// One event, as it lies in the library's batches. What it points to is borrowed: in a handler until it returns, in a
// batch until the next poll of the same dispatcher.
class event
{
public:
    static const event &from(const iocpnet_event &raw) noexcept { return reinterpret_cast<const event &>(raw); }

    event_kind kind() const noexcept { return static_cast<event_kind>(raw_.kind); }
    std::uint32_t dispatcher() const noexcept { return raw_.dispatcher; }
    iocpnet::session session() const noexcept { return iocpnet::session(raw_.session); }
    // received: the bytes.
    bytes data() const noexcept { return {raw_.data, static_cast<std::size_t>(raw_.size)}; }
    // received, sent: how many bytes.
    std::uint64_t size() const noexcept { return raw_.size; }
    // timer: the host's own number of it, and how often it was due since its last event.
    std::uint64_t timer_id() const noexcept { return raw_.timer_id; }
    std::uint64_t timer_count() const noexcept { return raw_.timer_count; }
    // posted: the argument that was handed over.
    template <typename T>
    T *argument() const noexcept
    {
        return static_cast<T *>(const_cast<void *>(raw_.data));
    }
    // disconnected, connect_failed: why. The status may be a success.
    iocpnet::status status() const noexcept { return {raw_.status, raw_.os_error}; }
    close_reason reason() const noexcept { return static_cast<close_reason>(raw_.close_reason); }
    close_origin origin() const noexcept { return static_cast<close_origin>(raw_.close_origin); }
    std::int64_t close_code() const noexcept { return raw_.close_code; }
    std::string_view close_text() const noexcept { return raw_.close_text ? raw_.close_text : std::string_view(); }
    std::uint64_t bytes_unsent() const noexcept { return raw_.bytes_unsent; }
    // disconnected, connect_failed: the session that connects in place of this one, after so many ms; or an empty one.
    iocpnet::session next_session() const noexcept { return iocpnet::session(raw_.next_session); }
    std::uint64_t next_delay_ms() const noexcept { return raw_.next_session != 0 ? raw_.size : 0; }
    // The session's user value.
    template <typename T>
    T *user() const noexcept
    {
        return static_cast<T *>(raw_.user);
    }
    const iocpnet_event &raw() const noexcept { return raw_; }

private:
    iocpnet_event raw_;
};

static_assert(std::is_standard_layout_v<event> && sizeof(event) == sizeof(iocpnet_event));

// Room for the events that service::poll fetches: for (const iocpnet::event &event : batch) ...
template <std::size_t Capacity = 256>
class event_batch
{
public:
    const event *begin() const noexcept { return events_; }
    const event *end() const noexcept { return events_ + count_; }
    std::size_t size() const noexcept { return count_; }

private:
    friend class service;
    static_assert(Capacity >= 1 && Capacity <= 65536, "the capacity of a batch is 1 to 65,536 events");
    event events_[Capacity];
    std::size_t count_ = 0;
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
