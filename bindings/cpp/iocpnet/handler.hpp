// How handlers of the host are kept and called. Nothing here is for the host itself.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_HANDLER_HPP
#define IOCPNET_CPP_HANDLER_HPP

#include "event.hpp"

#include <atomic>
#include <memory>
#include <mutex>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{
namespace detail
{

struct handler_base {
    virtual ~handler_base() = default;
};

struct exception_handler_base : handler_base {
    virtual void call(session session, const std::exception_ptr &cause) = 0;
};

template <typename Function>
struct exception_handler final : exception_handler_base {
    explicit exception_handler(Function &&made) noexcept : function(std::move(made)) {}
    void call(session session, const std::exception_ptr &cause) override { function(session, cause); }
    Function function;
};

// What callbacks need, at an address of its own, so that the service object can move. It is freed by whoever leaves
// last: the service object, or the SERVICE_DESTROYED callback after a destroy from inside a callback.
struct service_core {
    std::unique_ptr<handler_base> handlers[IOCPNET_EVENT_KIND_COUNT];
    std::unique_ptr<exception_handler_base> on_exception;
    iocpnet_callback on_destroyed = nullptr;
    std::atomic<bool> left{false};
    std::mutex mutex;
    std::exception_ptr first_exception; // under the mutex

    // True for the second of the two. The exchange orders what the first one did before the deletion by the second.
    bool leave() noexcept { return left.exchange(true); }

    static void IOCPNET_CALL destroyed(const iocpnet_event *raw, void *user) noexcept
    {
        auto *core = static_cast<service_core *>(user);
        if (core->on_destroyed) {
            core->on_destroyed(raw, core->handlers[IOCPNET_EVENT_SERVICE_DESTROYED].get());
        }
        if (core->leave()) {
            delete core;
        }
    }

#if IOCPNET_CPP_EXCEPTIONS
    // Inside a catch block, on the thread of the handler.
    void report(session session) noexcept
    {
        const std::exception_ptr cause = std::current_exception();
        disconnect_options options;
        options.mode = disconnect_mode::abort;
        options.text = "unhandled exception";
        session.disconnect(options);
        try {
            keep_first(cause);
            if (on_exception) {
                on_exception->call(session, cause);
            }
        } catch (...) {
            // There is nobody left to tell.
        }
    }

    void keep_first(const std::exception_ptr &cause)
    {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!first_exception) {
            first_exception = cause;
        }
    }
#endif
};

template <std::uint32_t Kind, typename Function>
void invoke(Function &function, const event &event)
{
    if constexpr (std::is_invocable_v<Function &, const iocpnet::event &>) {
        function(event);
    } else if constexpr (Kind == IOCPNET_EVENT_RECEIVED) {
        function(event.session(), event.data());
    } else if constexpr (Kind == IOCPNET_EVENT_SENT) {
        function(event.session(), event.size());
    } else if constexpr (Kind == IOCPNET_EVENT_TIMER) {
        function(event.session(), event.raw().timer_id);
    } else if constexpr (Kind == IOCPNET_EVENT_DISCONNECTED) {
        function(event.session(), event.reason());
    } else if constexpr (Kind == IOCPNET_EVENT_CONNECT_FAILED) {
        function(event.session(), event.status());
    } else if constexpr (Kind == IOCPNET_EVENT_CONNECTED || Kind == IOCPNET_EVENT_WRITABLE) {
        function(event.session());
    } else {
        function();
    }
}

// A handler of the host; `run` is the C callback of exactly this handler, so that nothing is looked up per event.
template <std::uint32_t Kind, typename Function>
struct handler final : handler_base {
    handler(service_core &owner, Function &&made) noexcept : core(owner), function(std::move(made)) {}

    static void IOCPNET_CALL run(const iocpnet_event *raw, void *user) noexcept
    {
        auto &self = static_cast<handler &>(*static_cast<handler_base *>(user));
#if IOCPNET_CPP_EXCEPTIONS
        try {
            invoke<Kind>(self.function, event::from(*raw));
        } catch (...) {
            self.core.report(session(raw->session));
        }
#else
        invoke<Kind>(self.function, event::from(*raw));
#endif
    }

    service_core &core;
    Function function;
};

} // namespace detail
} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
