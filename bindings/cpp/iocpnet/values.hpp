// Enumerations, plain structs, and views of memory and text.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_VALUES_HPP
#define IOCPNET_CPP_VALUES_HPP

#include "status.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

enum class port : std::uint32_t {
    automatic = IOCPNET_PORT_AUTO,
    epoll = IOCPNET_PORT_EPOLL,
    io_uring = IOCPNET_PORT_IO_URING,
    iocp = IOCPNET_PORT_IOCP
};

enum class driving : std::uint32_t {
    library = IOCPNET_DRIVING_LIBRARY,
    host = IOCPNET_DRIVING_HOST
};

enum class delivery : std::uint32_t {
    callbacks = IOCPNET_DELIVERY_CALLBACKS,
    batches = IOCPNET_DELIVERY_BATCHES
};

enum class event_kind : std::uint32_t {
    connected = IOCPNET_EVENT_CONNECTED,
    received = IOCPNET_EVENT_RECEIVED,
    sent = IOCPNET_EVENT_SENT,
    writable = IOCPNET_EVENT_WRITABLE,
    disconnected = IOCPNET_EVENT_DISCONNECTED,
    connect_failed = IOCPNET_EVENT_CONNECT_FAILED,
    service_stopped = IOCPNET_EVENT_SERVICE_STOPPED,
    service_destroyed = IOCPNET_EVENT_SERVICE_DESTROYED,
    timer = IOCPNET_EVENT_TIMER,
    posted = IOCPNET_EVENT_POSTED
};

enum class close_origin : std::uint32_t {
    none = IOCPNET_ORIGIN_NONE,
    local = IOCPNET_ORIGIN_LOCAL,
    peer = IOCPNET_ORIGIN_PEER,
    library = IOCPNET_ORIGIN_LIBRARY
};

enum class close_reason : std::uint32_t {
    none = IOCPNET_CLOSE_NONE,
    requested = IOCPNET_CLOSE_REQUESTED,
    peer_closed = IOCPNET_CLOSE_PEER_CLOSED,
    reset = IOCPNET_CLOSE_RESET,
    aborted = IOCPNET_CLOSE_ABORTED,
    idle = IOCPNET_CLOSE_IDLE,
    handshake_timeout = IOCPNET_CLOSE_HANDSHAKE_TIMEOUT,
    frame_too_long = IOCPNET_CLOSE_FRAME_TOO_LONG,
    malformed = IOCPNET_CLOSE_MALFORMED,
    send_limit = IOCPNET_CLOSE_SEND_LIMIT,
    receive_overflow = IOCPNET_CLOSE_RECEIVE_OVERFLOW,
    no_resources = IOCPNET_CLOSE_NO_RESOURCES,
    service_stopped = IOCPNET_CLOSE_SERVICE_STOPPED,
    error = IOCPNET_CLOSE_ERROR,
    too_slow = IOCPNET_CLOSE_TOO_SLOW
};

enum class disconnect_mode : std::uint32_t {
    graceful = IOCPNET_DISCONNECT_GRACEFUL,
    abort = IOCPNET_DISCONNECT_ABORT
};

// What becomes of a session whose send queue has no room for a broadcast.
enum class when_full : std::uint32_t {
    skip = 0, // it misses this one, and on_writable follows
    disconnect = IOCPNET_BROADCAST_DISCONNECT_FULL
};

// What becomes of a session when a send finds no room in its queue.
enum class send_policy : std::uint32_t {
    refuse = IOCPNET_SEND_REFUSE, // it goes on, and on_writable follows
    disconnect = IOCPNET_SEND_DISCONNECT
};

enum class log_level : std::int32_t {
    none = IOCPNET_LOG_NONE,
    error = IOCPNET_LOG_ERROR,
    warning = IOCPNET_LOG_WARNING,
    notice = IOCPNET_LOG_NOTICE,
    debug = IOCPNET_LOG_DEBUG
};

// Plain structs of iocpnet.h, which describes their fields.
using service_statistics = iocpnet_service_statistics;
using service_details = iocpnet_service_details;
using session_details = iocpnet_session_details;
using stop_result = iocpnet_stop_result;
using broadcast_result = iocpnet_broadcast_result;
using live_objects = iocpnet_live_objects;
using trace_record = iocpnet_trace_record;

// "peer closed"
inline const char *name(close_reason reason) noexcept
{
    return iocpnet_close_reason_name(static_cast<std::uint32_t>(reason));
}

// "io_uring"
inline const char *name(port port) noexcept
{
    switch (port) {
    case port::automatic:
        return "auto";
    case port::epoll:
        return "epoll";
    case port::io_uring:
        return "io_uring";
    case port::iocp:
        return "iocp";
    }
    return "unknown";
}

// A view of memory that somebody else owns. It converts from and to std::span<const std::byte> where there is one.
class bytes
{
public:
    constexpr bytes() noexcept = default;
    bytes(const void *data, std::size_t size) noexcept : data_(static_cast<const std::byte *>(data)), size_(size) {}
    // The characters of a literal or a string, without the final zero.
    bytes(const char *text) noexcept : bytes(text, std::strlen(text)) {}
    // std::string, std::string_view, std::vector, std::array, std::span, ... of plain elements.
    template <typename Container,
              typename Element = std::remove_reference_t<decltype(*std::declval<const Container &>().data())>,
              typename = decltype(std::declval<const Container &>().size()),
              typename = std::enable_if_t<std::is_trivially_copyable_v<Element>>>
    bytes(const Container &container) noexcept : bytes(container.data(), container.size() * sizeof(Element))
    {
    }

    constexpr const std::byte *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const std::byte *begin() const noexcept { return data_; }
    constexpr const std::byte *end() const noexcept { return data_ + size_; }
    std::string_view text() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }

private:
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

// A string that ends with a zero byte: a literal or a std::string, borrowed for the duration of a call.
class zero_terminated
{
public:
    zero_terminated(const char *text) noexcept : text_(text) {}
    zero_terminated(const std::string &text) noexcept : text_(text.c_str()) {}
    const char *c_str() const noexcept { return text_; }

private:
    const char *text_;
};

// An address in canonical textual form: "127.0.0.1:40123", "[::1]:40123".
class address
{
public:
    const char *c_str() const noexcept { return text_; }
    operator std::string_view() const noexcept { return text_; }

    // `store` is one of the C functions that store an address in a buffer.
    static result<address> read(std::int32_t(IOCPNET_CALL *store)(std::uint64_t, char *, std::uint32_t),
                                std::uint64_t handle) noexcept
    {
        address stored;
        const std::int32_t length = store(handle, stored.text_, sizeof stored.text_);
        return length < 0 ? result<address>(status(length)) : result<address>(status(), stored);
    }

private:
    char text_[64] = {};
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
