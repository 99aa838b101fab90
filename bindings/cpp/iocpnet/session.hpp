// A session: one TCP connection, by its handle.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_SESSION_HPP
#define IOCPNET_CPP_SESSION_HPP

#include "options.hpp"

#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

namespace detail
{

template <typename Function>
void IOCPNET_CALL run_job(const iocpnet_event *, void *argument) noexcept
{
    auto *job = static_cast<Function *>(argument);
    (*job)();
    delete job;
}

// `post`: a function of the C interface, called with `to`. The job is freed when it has run, or here when it was refused.
template <typename Function, typename Post, typename... To>
status post_job(Function &&function, Post post, To... to) noexcept
{
    using job_type = std::decay_t<Function>;
    auto *job = new (std::nothrow) job_type(std::forward<Function>(function));
    if (job == nullptr) {
        return status(IOCPNET_E_NO_MEMORY);
    }
    const status outcome(post(to..., run_job<job_type>, job));
    if (!outcome) {
        delete job;
    }
    return outcome;
}

} // namespace detail

class buffer;

// One TCP connection, by its handle: copy it, keep it, use it from any thread; a stale one only gives errors.
class session
{
public:
    constexpr session() noexcept = default;
    constexpr explicit session(iocpnet_session handle) noexcept : handle_(handle) {}

    constexpr iocpnet_session handle() const noexcept { return handle_; }
    constexpr explicit operator bool() const noexcept { return handle_ != 0; }

    // Queues a copy, all or nothing. IOCPNET_E_WOULD_BLOCK: the queue is full, on_writable follows.
    status send(bytes data) const noexcept { return status(iocpnet_session_send(handle_, data.data(), data.size())); }
    // State: replaces what was sent with the same key and has not left. `message`: as send_message.
    status send_latest(std::uint64_t key, bytes data, bool message = false) const noexcept
    {
        return status(iocpnet_session_send_latest(handle_, key, data.data(), data.size(),
                                                  message ? static_cast<std::uint32_t>(IOCPNET_LATEST_MESSAGE) : 0u));
    }
    // With the header or delimiter of the session's framing.
    status send_message(bytes data) const noexcept
    {
        return status(iocpnet_session_send_message(handle_, data.data(), data.size()));
    }
    status set_framing(const framing &how) const noexcept
    {
        return status(iocpnet_session_set_framing(handle_, &how.value()));
    }
    // Of the last event of a framing::stream: how many of its bytes were taken.
    status consume(std::uint64_t size) const noexcept { return status(iocpnet_session_consume(handle_, size)); }
    status remove_framing() const noexcept { return status(iocpnet_session_set_framing(handle_, nullptr)); }

    // Queues copies of several pieces, one after another: session.sendv({header, body}).
    template <std::size_t Count>
    status sendv(const bytes (&pieces)[Count]) const noexcept
    {
        static_assert(Count <= IOCPNET_IOVEC_MAX, "too many pieces for one send");
        iocpnet_iovec list[Count] = {};
        for (std::size_t i = 0; i < Count; ++i) {
            list[i].data = pieces[i].data();
            list[i].size = pieces[i].size();
        }
        return sendv(list, static_cast<std::uint32_t>(Count));
    }
    status sendv(const iocpnet_iovec *pieces, std::uint32_t count) const noexcept
    {
        return status(iocpnet_session_sendv(handle_, pieces, count));
    }

    // Queues all bytes of a shared buffer, which is not copied unless it is small.
    inline status send(const buffer &data) const noexcept;

    // Graceful unless the options say otherwise; on_disconnected follows, with the reason of the first end.
    status disconnect(const disconnect_options &options = {}) const noexcept
    {
        const iocpnet_disconnect_options wanted = detail::to_c(options);
        return status(iocpnet_session_disconnect(handle_, &wanted));
    }
    // Drops what is queued and resets the connection.
    status abort() const noexcept
    {
        disconnect_options options;
        options.mode = disconnect_mode::abort;
        return disconnect(options);
    }

    // Makes the network of this session a bad one, for tests.
    status set_conditioner(const conditioner &how) const noexcept
    {
        return status(iocpnet_session_set_conditioner(handle_, &how.value()));
    }
    status remove_conditioner() const noexcept { return status(iocpnet_session_set_conditioner(handle_, nullptr)); }

    status pause_receive() const noexcept { return status(iocpnet_session_pause_receive(handle_)); }
    status resume_receive() const noexcept { return status(iocpnet_session_resume_receive(handle_)); }

    // on_timer follows after `delay_ms`, then every `period_ms`, or never again. The number is the host's own.
    status set_timer(std::uint64_t timer_id, std::uint32_t delay_ms, std::uint32_t period_ms = 0) const noexcept
    {
        return status(iocpnet_session_set_timer(handle_, timer_id, delay_ms, period_ms));
    }
    status cancel_timer(std::uint64_t timer_id) const noexcept
    {
        return status(iocpnet_session_cancel_timer(handle_, timer_id));
    }

    // Runs `function()` once in the order of the session, before on_disconnected. Delivery by callbacks only. It must not
    // throw.
    template <typename Function>
    status post(Function function) const noexcept
    {
        return detail::post_job(std::move(function), iocpnet_session_post, handle_);
    }
    // The same where delivery is by batches: an event posted, with the argument.
    status post_event(void *argument) const noexcept
    {
        return status(iocpnet_session_post(handle_, nullptr, argument));
    }

    // The host's own pointer, given back by event::user. The library never touches what it points to.
    status set_user(void *user) const noexcept { return status(iocpnet_session_set_user(handle_, user)); }
    template <typename T = void>
    result<T *> user() const noexcept
    {
        void *stored = nullptr;
        const status outcome(iocpnet_session_get_user(handle_, &stored));
        return {outcome, static_cast<T *>(stored)};
    }

    result<address> local_address() const noexcept { return address::read(iocpnet_session_local_address, handle_); }
    result<address> remote_address() const noexcept { return address::read(iocpnet_session_remote_address, handle_); }
    result<session_details> info() const noexcept
    {
        session_details details = {};
        const status outcome(iocpnet_session_info(handle_, &details, sizeof details));
        return {outcome, details};
    }

    friend constexpr bool operator==(session a, session b) noexcept { return a.handle_ == b.handle_; }
    friend constexpr bool operator!=(session a, session b) noexcept { return a.handle_ != b.handle_; }
    friend constexpr bool operator<(session a, session b) noexcept { return a.handle_ < b.handle_; }

private:
    iocpnet_session handle_ = 0;
};

static_assert(std::is_trivially_copyable_v<session> && sizeof(session) == sizeof(iocpnet_session));

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

template <>
struct std::hash<iocpnet::session> {
    std::size_t operator()(iocpnet::session session) const noexcept
    {
        return std::hash<iocpnet_session>()(session.handle());
    }
};

#endif
