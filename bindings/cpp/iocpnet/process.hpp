// What concerns the whole process: version, live objects, allocator, log.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_PROCESS_HPP
#define IOCPNET_CPP_PROCESS_HPP

#include "values.hpp"

#include <atomic>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// The version of the library that is loaded, in the form of IOCPNET_VERSION.
inline std::uint32_t version() noexcept
{
    return iocpnet_version();
}

// What is alive in the whole process: all but threads is 0 once every service is destroyed.
inline live_objects count_live_objects() noexcept
{
    live_objects counts = {};
    iocpnet_count_live_objects(&counts, sizeof counts);
    return counts;
}

// Once, before the first service.
inline status set_allocator(const iocpnet_allocator &allocator) noexcept
{
    return status(iocpnet_set_allocator(&allocator));
}

// A log line; called on the library's own log thread. A lambda without captures will do.
using log_handler = void (*)(log_level level, std::string_view component, std::string_view text);

namespace detail
{

inline std::atomic<log_handler> current_log_handler{nullptr};

inline void IOCPNET_CALL log_line(std::int32_t level, const char *component, const char *text, void *) noexcept
{
    const log_handler handler = current_log_handler.load(std::memory_order_relaxed);
#if IOCPNET_CPP_EXCEPTIONS
    try {
        handler(static_cast<log_level>(level), component, text);
    } catch (...) {
        // A line that can not be logged is lost.
    }
#else
    handler(static_cast<log_level>(level), component, text);
#endif
}

} // namespace detail

// Sends log lines up to a level to a handler of the process; nullptr or log_level::none turns them off.
inline status set_log_handler(log_handler handler, log_level level) noexcept
{
    if (!handler) {
        return status(iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
    }
    detail::current_log_handler.store(handler, std::memory_order_relaxed);
    return status(iocpnet_set_log_callback(detail::log_line, static_cast<std::int32_t>(level), nullptr));
}

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
