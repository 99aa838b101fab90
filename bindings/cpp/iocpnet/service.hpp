// The owners: a service and its listeners.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_SERVICE_HPP
#define IOCPNET_CPP_SERVICE_HPP

#include "buffer.hpp"
#include "handler.hpp"

#include <new>
#include <string>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// An address that a service accepts on; it closes with this object. Sessions that it accepted live on.
class listener
{
public:
    listener() noexcept = default;
    explicit listener(iocpnet_listener handle) noexcept : handle_(handle) {}
    listener(listener &&other) noexcept : handle_(other.release()) {}
    listener &operator=(listener &&other) noexcept
    {
        if (this != &other) {
            end();
            handle_ = other.release();
        }
        return *this;
    }
    ~listener() { end(); }

    iocpnet_listener handle() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != 0; }
    // The address that it is bound to, with the port that the system chose for port 0.
    result<iocpnet::address> address() const noexcept
    {
        return iocpnet::address::read(iocpnet_listener_address, handle_);
    }
    status close() noexcept { return status(iocpnet_listener_close(release())); }
    // Leaves the listener to its service, which closes it when it stops.
    iocpnet_listener release() noexcept { return std::exchange(handle_, 0); }

private:
    // Without a call for an empty object: it would hide the error of the system behind an earlier failure.
    void end() noexcept
    {
        if (handle_ != 0) {
            close();
        }
    }

    iocpnet_listener handle_ = 0;
};

// Owner of a service. The object must stay where it is while handlers refer to it; they themselves do not mind a move.
// If it can not be created, status() and every other function give the reason.
class service
{
public:
    explicit service(const service_options &options = {}) noexcept : status_(create(options)) {}
    service(service &&other) noexcept { take(other); }
    service &operator=(service &&other) noexcept
    {
        if (this != &other) {
            destroy();
            take(other);
        }
        return *this;
    }
    ~service() { destroy(); }

    // IOCPNET_OK, or why the service could not be created.
    iocpnet::status status() const noexcept { return status_; }
    iocpnet_service handle() const noexcept { return handle_; }

    // Handlers, each set before start(). In parentheses: the arguments, if it does not take `const event &`.
    template <typename Function> // (session)
    iocpnet::status on_connected(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_CONNECTED>(std::move(function));
    }
    template <typename Function> // (session, bytes)
    iocpnet::status on_received(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_RECEIVED>(std::move(function));
    }
    template <typename Function> // (session, std::uint64_t size)
    iocpnet::status on_sent(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_SENT>(std::move(function));
    }
    template <typename Function> // (session)
    iocpnet::status on_writable(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_WRITABLE>(std::move(function));
    }
    template <typename Function> // (session, close_reason)
    iocpnet::status on_disconnected(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_DISCONNECTED>(std::move(function));
    }
    template <typename Function> // (session, status)
    iocpnet::status on_connect_failed(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_CONNECT_FAILED>(std::move(function));
    }
    template <typename Function> // (session, std::uint64_t timer_id); of the service: an empty session
    iocpnet::status on_timer(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_TIMER>(std::move(function));
    }
    template <typename Function> // ()
    iocpnet::status on_stopped(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_SERVICE_STOPPED>(std::move(function));
    }
    template <typename Function> // (); after a destroy from inside a handler: the last one of all
    iocpnet::status on_destroyed(Function function) noexcept
    {
        return set_handler<IOCPNET_EVENT_SERVICE_DESTROYED>(std::move(function));
    }
    template <typename Function> // (session, std::exception_ptr)
    iocpnet::status on_unhandled_exception(Function function) noexcept;

    // The first exception that left a handler; none without exceptions.
    std::exception_ptr first_unhandled_exception() const noexcept
    {
        if (!core_) {
            return nullptr;
        }
        const std::lock_guard<std::mutex> lock(core_->mutex);
        return core_->first_exception;
    }

    iocpnet::status start() noexcept { return call(iocpnet_service_start); }

    // Listens until the listener object goes; accepts once the service is started.
    [[nodiscard]] result<listener> listen(zero_terminated address, const listener_options &options = {}) noexcept
    {
        iocpnet_listener made = 0;
        const iocpnet_listener_options wanted = detail::to_c(options);
        const auto outcome = call(iocpnet_listener_open, address.c_str(), &wanted, &made);
        return {outcome, listener(made)};
    }

    // Connects out, in the background: on_connected or on_connect_failed follows.
    result<session> connect(zero_terminated address, const connect_options &options = {}) noexcept
    {
        iocpnet_session made = 0;
        const iocpnet_connect_options wanted = detail::to_c(options);
        const auto outcome = call(iocpnet_session_connect, address.c_str(), &wanted, &made);
        return {outcome, session(made)};
    }

    // Sends a shared buffer to all sessions, to all but some, or to some. It never waits. pending() when dispatchers have
    // still to look (iocpnet.h).
    result<broadcast_result> broadcast(const buffer &data, when_full policy = when_full::skip) noexcept
    {
        return broadcast_except(data, {}, policy);
    }
    result<broadcast_result> broadcast_except(const buffer &data, session_list others,
                                              when_full policy = when_full::skip) noexcept
    {
        return broadcast(data, others, IOCPNET_BROADCAST_EXCEPT | static_cast<std::uint32_t>(policy));
    }
    result<broadcast_result> broadcast_to(const buffer &data, session_list sessions,
                                          when_full policy = when_full::skip) noexcept
    {
        return broadcast(data, sessions, static_cast<std::uint32_t>(policy));
    }

    // Driving by the host, delivery by callbacks: runs the handlers that are due. Gives the number of events.
    result<std::uint32_t> dispatch(std::uint32_t dispatcher = 0, std::uint32_t timeout_ms = IOCPNET_INFINITE) noexcept
    {
        return count(iocpnet_service_dispatch, dispatcher, timeout_ms);
    }

    // Delivery by batches: fetches events. Gives their number, which the batch holds too.
    template <std::size_t Capacity>
    result<std::uint32_t> poll(event_batch<Capacity> &batch, std::uint32_t dispatcher = 0,
                               std::uint32_t timeout_ms = IOCPNET_INFINITE) noexcept
    {
        auto *raw = reinterpret_cast<iocpnet_event *>(batch.events_);
        auto fetched = poll(raw, static_cast<std::uint32_t>(Capacity), dispatcher, timeout_ms);
        batch.count_ = *fetched;
        return fetched;
    }
    result<std::uint32_t> poll(iocpnet_event *events, std::uint32_t capacity, std::uint32_t dispatcher,
                               std::uint32_t timeout_ms) noexcept
    {
        return count(iocpnet_service_poll, dispatcher, events, capacity, timeout_ms);
    }

    // Timers of a dispatcher, as those of a session: on_timer comes with an empty session.
    iocpnet::status set_timer(std::uint32_t dispatcher, std::uint64_t timer_id, std::uint32_t delay_ms,
                              std::uint32_t period_ms = 0) noexcept
    {
        return call(iocpnet_service_set_timer, dispatcher, timer_id, delay_ms, period_ms);
    }
    iocpnet::status cancel_timer(std::uint32_t dispatcher, std::uint64_t timer_id) noexcept
    {
        return call(iocpnet_service_cancel_timer, dispatcher, timer_id);
    }

    // Runs `function()` once on the thread of a dispatcher, as session::post.
    template <typename Function>
    iocpnet::status post(std::uint32_t dispatcher, Function function) noexcept
    {
        return status_ ? detail::post_job(std::move(function), iocpnet_dispatcher_post, handle_, dispatcher) : status_;
    }
    // The same where delivery is by batches: an event posted, with the argument and an empty session.
    iocpnet::status post_event(std::uint32_t dispatcher, void *argument) noexcept
    {
        return call(iocpnet_dispatcher_post, dispatcher, iocpnet_callback(), argument);
    }

    // Makes a thread that waits in dispatch or poll return.
    iocpnet::status wake(std::uint32_t dispatcher = 0) noexcept { return call(iocpnet_service_wake, dispatcher); }

    // Closes listeners and sessions, with time to flush; pending() when it goes on in the background (iocpnet.h).
    result<stop_result> stop(std::uint32_t drain_ms) noexcept
    {
        stop_result stopped = {};
        const auto outcome = call(iocpnet_service_stop, drain_ms, &stopped);
        return {outcome, stopped};
    }

    // Ends the service, as the destructor does. Inside a handler of any service it is pending(): this object may go at
    // once, and the handlers are freed after on_destroyed.
    iocpnet::status destroy() noexcept
    {
        if (!core_) {
            return no_core();
        }
        // The handle stays: handlers that use this object meanwhile get errors from it.
        const auto outcome = call(iocpnet_service_destroy);
        detail::service_core *core = std::exchange(core_, nullptr);
        if (!outcome.pending() || core->leave()) {
            delete core;
        }
        return outcome;
    }

    // Of sessions that open from now on: a bad network, for tests.
    iocpnet::status set_conditioner(const conditioner &how) noexcept
    {
        return call(iocpnet_service_set_conditioner, &how.value());
    }
    iocpnet::status remove_conditioner() noexcept
    {
        return call(iocpnet_service_set_conditioner, static_cast<const iocpnet_conditioner *>(nullptr));
    }

    result<service_statistics> statistics() const noexcept
    {
        service_statistics counters = {};
        const auto outcome = call(iocpnet_service_stats, &counters, std::uint32_t{sizeof counters});
        return {outcome, counters};
    }
    // Text for Prometheus; `name` is the label "service" of each sample. Throws std::bad_alloc when there is no memory.
    result<std::string> metrics(const char *name = nullptr) const
    {
        std::string text;
        auto length = count(iocpnet_service_metrics, name, static_cast<char *>(nullptr), std::uint32_t{0});
        while (length && length.value() >= text.size()) {
            text.resize(std::size_t{length.value()} + 16); // the numbers may grow meanwhile
            length = count(iocpnet_service_metrics, name, text.data(), static_cast<std::uint32_t>(text.size()));
        }
        if (!length) {
            return iocpnet::status(length);
        }
        text.resize(length.value());
        return {iocpnet::status(), std::move(text)};
    }
    // Stores the last events of a dispatcher in an array of the caller, the oldest first; how many there were.
    result<std::uint32_t> trace(std::uint32_t dispatcher, trace_record *records, std::uint32_t capacity) const noexcept
    {
        return count(iocpnet_service_trace, dispatcher, records, capacity);
    }
    result<service_details> info() const noexcept
    {
        service_details details = {};
        const auto outcome = call(iocpnet_service_info, &details, std::uint32_t{sizeof details});
        return {outcome, details};
    }

private:
    iocpnet::status create(const service_options &options) noexcept
    {
        core_ = new (std::nothrow) detail::service_core;
        if (!core_) {
            return {IOCPNET_E_NO_MEMORY, 0};
        }
        const iocpnet_service_options wanted = detail::to_c(options);
        iocpnet::status outcome(iocpnet_service_create(&wanted, &handle_));
        if (outcome) {
            outcome = claim_destroyed();
        }
        if (!outcome) {
            iocpnet_service_destroy(handle_);
            delete std::exchange(core_, nullptr);
        }
        return outcome;
    }

    // The last callback is the core's own; the library refuses it once the service is started.
    iocpnet::status claim_destroyed() noexcept
    {
        return iocpnet::status(iocpnet_service_set_callback(handle_, IOCPNET_EVENT_SERVICE_DESTROYED,
                                                            detail::service_core::destroyed, core_));
    }

    result<broadcast_result> broadcast(const buffer &data, session_list sessions, std::uint32_t flags) noexcept
    {
        broadcast_result told = {};
        // No list is longer than 32 bits can say: it would be 32 GiB.
        const auto count = static_cast<std::uint32_t>(sessions.size());
        const auto outcome = call(iocpnet_service_broadcast, data.handle(), sessions.handles(), count, flags, &told);
        return {outcome, told};
    }

    // Why there is nothing to set a handler on: never created, moved from, or destroyed.
    iocpnet::status no_core() const noexcept
    {
        return status_ ? iocpnet::status(IOCPNET_E_INVALID_HANDLE, 0) : status_;
    }

    void take(service &other) noexcept
    {
        handle_ = std::exchange(other.handle_, 0);
        core_ = std::exchange(other.core_, nullptr);
        status_ = std::exchange(other.status_, iocpnet::status(IOCPNET_E_INVALID_HANDLE, 0));
    }

    template <std::uint32_t Kind, typename Function>
    iocpnet::status set_handler(Function function) noexcept
    {
        using handler = detail::handler<Kind, Function>;
        static_assert(std::is_nothrow_move_constructible_v<Function>, "moving a handler must not throw");
        if (!core_) {
            return no_core();
        }
        std::unique_ptr<detail::handler_base> made(new (std::nothrow) handler(*core_, std::move(function)));
        if (!made) {
            return {IOCPNET_E_NO_MEMORY, 0};
        }
        const auto outcome = register_handler<Kind>(handler::run, made.get());
        if (outcome) {
            core_->handlers[Kind] = std::move(made);
        }
        return outcome;
    }

    template <std::uint32_t Kind>
    iocpnet::status register_handler(iocpnet_callback run, detail::handler_base *handler) noexcept
    {
        if constexpr (Kind == IOCPNET_EVENT_SERVICE_DESTROYED) {
            const auto outcome = claim_destroyed();
            if (outcome) {
                core_->on_destroyed = run;
            }
            return outcome;
        } else {
            return call(iocpnet_service_set_callback, Kind, run, handler);
        }
    }

    template <typename CFunction, typename... Arguments>
    iocpnet::status call(CFunction function, Arguments... arguments) const noexcept
    {
        return status_ ? iocpnet::status(function(handle_, arguments...)) : status_;
    }

    template <typename CFunction, typename... Arguments>
    result<std::uint32_t> count(CFunction function, Arguments... arguments) const noexcept
    {
        if (!status_) {
            return status_;
        }
        const std::int32_t counted = function(handle_, arguments...);
        if (counted < 0) {
            return iocpnet::status(counted);
        }
        return {iocpnet::status(), static_cast<std::uint32_t>(counted)};
    }

    iocpnet_service handle_ = 0;
    detail::service_core *core_ = nullptr;
    iocpnet::status status_;
};

template <typename Function>
iocpnet::status service::on_unhandled_exception(Function function) noexcept
{
    using handler = detail::exception_handler<Function>;
    static_assert(std::is_nothrow_move_constructible_v<Function>, "moving a handler must not throw");
    if (!core_) {
        return no_core();
    }
    std::unique_ptr<detail::exception_handler_base> made(new (std::nothrow) handler(std::move(function)));
    if (!made) {
        return {IOCPNET_E_NO_MEMORY, 0};
    }
    const auto outcome = claim_destroyed();
    if (outcome) {
        core_->on_exception = std::move(made);
    }
    return outcome;
}

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
