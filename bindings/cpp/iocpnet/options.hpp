// Options: what is not set has the library's default, which iocpnet.h names.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_OPTIONS_HPP
#define IOCPNET_CPP_OPTIONS_HPP

#include "conditioner.hpp"
#include "framing.hpp"
#include "values.hpp"

#include <optional>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

struct service_options {
    iocpnet::port port = iocpnet::port::automatic;
    iocpnet::driving driving = iocpnet::driving::library;
    iocpnet::delivery delivery = iocpnet::delivery::callbacks;
    std::optional<std::uint32_t> dispatchers = {};
    std::optional<std::uint32_t> sessions_max = {};
    std::optional<std::uint32_t> close_timeout_ms = {};
    std::optional<std::uint32_t> receive_buffer_bytes = {};
    std::optional<std::uint64_t> send_queue_bytes_max = {};
    std::optional<std::uint64_t> send_queue_bytes_low = {};
    std::optional<std::uint64_t> event_queue_bytes_max = {};
    std::optional<std::uint32_t> spin_us = {};
    iocpnet::send_policy send_policy = iocpnet::send_policy::refuse;
    std::optional<std::uint32_t> slow_callback_us = {};
    std::optional<std::uint32_t> trace_records = {};
    std::optional<std::uint64_t> batch_events = {}; // IOCPNET_EVENT_BIT(IOCPNET_EVENT_...) | ...

    // Of the addresses that listeners accept from.
    std::optional<std::uint32_t> sessions_per_address_max = {};
    std::optional<std::uint32_t> accepts_per_address_per_s = {};
    std::optional<std::uint32_t> accepts_per_address_burst = {};
    std::optional<std::uint32_t> addresses_max = {};

    std::optional<std::uint64_t> memory_budget_bytes = {}; // of all send queues

    service_options &with_port(iocpnet::port value) noexcept { return port = value, *this; }
    service_options &with_driving(iocpnet::driving value) noexcept { return driving = value, *this; }
    service_options &with_delivery(iocpnet::delivery value) noexcept { return delivery = value, *this; }
    service_options &with_dispatchers(std::uint32_t value) noexcept { return dispatchers = value, *this; }
    service_options &with_sessions_max(std::uint32_t value) noexcept { return sessions_max = value, *this; }
    service_options &with_close_timeout_ms(std::uint32_t value) noexcept { return close_timeout_ms = value, *this; }
    service_options &with_receive_buffer_bytes(std::uint32_t value) noexcept
    {
        return receive_buffer_bytes = value, *this;
    }
    service_options &with_send_queue_bytes_max(std::uint64_t value) noexcept
    {
        return send_queue_bytes_max = value, *this;
    }
    service_options &with_send_queue_bytes_low(std::uint64_t value) noexcept
    {
        return send_queue_bytes_low = value, *this;
    }
    service_options &with_event_queue_bytes_max(std::uint64_t value) noexcept
    {
        return event_queue_bytes_max = value, *this;
    }
    service_options &with_spin_us(std::uint32_t value) noexcept { return spin_us = value, *this; }
    service_options &with_send_policy(iocpnet::send_policy value) noexcept { return send_policy = value, *this; }
    service_options &with_slow_callback_us(std::uint32_t value) noexcept { return slow_callback_us = value, *this; }
    service_options &with_trace_records(std::uint32_t value) noexcept { return trace_records = value, *this; }
    service_options &with_sessions_per_address_max(std::uint32_t value) noexcept
    {
        return sessions_per_address_max = value, *this;
    }
    service_options &with_accepts_per_address_per_s(std::uint32_t value) noexcept
    {
        return accepts_per_address_per_s = value, *this;
    }
    service_options &with_accepts_per_address_burst(std::uint32_t value) noexcept
    {
        return accepts_per_address_burst = value, *this;
    }
    service_options &with_addresses_max(std::uint32_t value) noexcept { return addresses_max = value, *this; }
    service_options &with_memory_budget_bytes(std::uint64_t value) noexcept
    {
        return memory_budget_bytes = value, *this;
    }
    service_options &with_batch_events(std::uint64_t value) noexcept { return batch_events = value, *this; }
};

struct listener_options {
    std::optional<std::uint32_t> backlog = {};
    std::optional<std::uint32_t> accept_count = {};
    std::optional<std::uint32_t> dispatcher = {};
    bool ipv6_only = false;
    bool no_delay = true;
    std::optional<iocpnet::framing> framing = {}; // of accepted sessions
    iocpnet_socket_options socket = {};           // 0: the system's own
    iocpnet_session_limits limits = {};           // 0: none
    bool reuse_port = false;
    const char *allow = nullptr; // networks, "10.0.0.0/8, 2001:db8::/32", copied
    const char *deny = nullptr;
    iocpnet_accept_filter accept_filter = nullptr; // must not throw
    void *accept_filter_user = nullptr;
    const char *proxy_trusted = nullptr; // networks of proxies: all connections begin with a PROXY header; copied
};

// What follows when a session that connects out has ended; event::next_session is its handle.
struct reconnect {
    std::uint32_t initial_delay_ms = 1000;
    std::optional<std::uint32_t> delay_max_ms = {};
    std::optional<std::uint32_t> factor_percent = {};
    std::optional<std::uint32_t> jitter_percent = {};
    std::optional<std::uint32_t> attempts_max = {};
    std::optional<std::uint32_t> lasted_ms = {};
};

struct connect_options {
    std::optional<std::uint32_t> timeout_ms = {};
    std::optional<std::uint32_t> dispatcher = {};
    bool no_delay = true;
    void *user = nullptr; // the session's user value from the start
    std::optional<iocpnet::framing> framing = {};
    const char *local_address = nullptr; // to connect from, "192.0.2.1:0"
    iocpnet_socket_options socket = {};  // 0: the system's own
    iocpnet_session_limits limits = {};  // 0: none
    std::optional<std::uint32_t> attempt_delay_ms = {};
    std::optional<iocpnet::reconnect> reconnect = {}; // none: when the session has ended no other one follows
};

struct disconnect_options {
    disconnect_mode mode = disconnect_mode::graceful;
    std::uint32_t timeout_ms = 0; // graceful: until it is aborted; 0: the service's close_timeout_ms
    std::int64_t code = 0;        // the host's own, given back by event::close_code
    const char *text = nullptr;   // the host's own, copied
};

namespace detail
{

template <typename Field, typename Value>
void assign(Field &field, const std::optional<Value> &value) noexcept
{
    if (value) {
        field = *value;
    }
}

inline iocpnet_service_options to_c(const service_options &options) noexcept
{
    iocpnet_service_options made;
    iocpnet_service_options_init(&made, sizeof made);
    made.port = static_cast<std::uint32_t>(options.port);
    made.driving = static_cast<std::uint32_t>(options.driving);
    made.delivery = static_cast<std::uint32_t>(options.delivery);
    assign(made.dispatcher_count, options.dispatchers);
    assign(made.sessions_max, options.sessions_max);
    assign(made.close_timeout_ms, options.close_timeout_ms);
    assign(made.receive_buffer_bytes, options.receive_buffer_bytes);
    assign(made.send_queue_bytes_max, options.send_queue_bytes_max);
    assign(made.send_queue_bytes_low, options.send_queue_bytes_low);
    assign(made.event_queue_bytes_max, options.event_queue_bytes_max);
    assign(made.batch_events, options.batch_events);
    assign(made.spin_us, options.spin_us);
    assign(made.sessions_per_address_max, options.sessions_per_address_max);
    assign(made.accepts_per_address_per_s, options.accepts_per_address_per_s);
    assign(made.accepts_per_address_burst, options.accepts_per_address_burst);
    assign(made.addresses_max, options.addresses_max);
    assign(made.memory_budget_bytes, options.memory_budget_bytes);
    made.send_policy = static_cast<std::uint32_t>(options.send_policy);
    assign(made.slow_callback_us, options.slow_callback_us);
    assign(made.trace_records, options.trace_records);
    return made;
}

// Points into the options.
inline iocpnet_listener_options to_c(const listener_options &options) noexcept
{
    iocpnet_listener_options made;
    iocpnet_listener_options_init(&made, sizeof made);
    assign(made.backlog, options.backlog);
    assign(made.accept_count, options.accept_count);
    assign(made.dispatcher, options.dispatcher);
    made.ipv6_only = options.ipv6_only;
    made.no_delay = options.no_delay;
    made.framing = options.framing ? &options.framing->value() : nullptr;
    made.socket = options.socket;
    made.limits = options.limits;
    made.reuse_port = options.reuse_port;
    made.allow = options.allow;
    made.deny = options.deny;
    made.accept_filter = options.accept_filter;
    made.accept_filter_user = options.accept_filter_user;
    made.proxy_protocol = options.proxy_trusted != nullptr ? IOCPNET_PROXY_REQUIRED : IOCPNET_PROXY_OFF;
    made.proxy_trusted = options.proxy_trusted;
    return made;
}

inline void assign(iocpnet_reconnect &made, const reconnect &wanted) noexcept
{
    made.initial_delay_ms = wanted.initial_delay_ms;
    assign(made.delay_max_ms, wanted.delay_max_ms);
    assign(made.factor_percent, wanted.factor_percent);
    assign(made.jitter_percent, wanted.jitter_percent);
    assign(made.attempts_max, wanted.attempts_max);
    assign(made.lasted_ms, wanted.lasted_ms);
}

// Points into the options.
inline iocpnet_connect_options to_c(const connect_options &options) noexcept
{
    iocpnet_connect_options made;
    iocpnet_connect_options_init(&made, sizeof made);
    assign(made.timeout_ms, options.timeout_ms);
    assign(made.dispatcher, options.dispatcher);
    made.no_delay = options.no_delay;
    made.user = options.user;
    made.framing = options.framing ? &options.framing->value() : nullptr;
    made.local_address = options.local_address;
    made.socket = options.socket;
    made.limits = options.limits;
    assign(made.attempt_delay_ms, options.attempt_delay_ms);
    if (options.reconnect) {
        assign(made.reconnect, *options.reconnect);
    }
    return made;
}

inline iocpnet_disconnect_options to_c(const disconnect_options &options) noexcept
{
    iocpnet_disconnect_options made;
    iocpnet_disconnect_options_init(&made, sizeof made);
    made.mode = static_cast<std::uint32_t>(options.mode);
    made.timeout_ms = options.timeout_ms;
    made.code = options.code;
    made.text = options.text;
    return made;
}

} // namespace detail
} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
