// The few things that differ between systems: Ctrl-C, the terminal, the limit of open descriptors.
#ifndef SAMPLE_PLATFORM_HPP
#define SAMPLE_PLATFORM_HPP

#include <atomic>
#include <cstdio>

#ifdef _WIN32
#include <windows.h>
#include <io.h>
#else
#include <csignal>
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace sample
{

// Set by the handlers below, which may do nothing else.
inline std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

#ifdef _WIN32

inline BOOL WINAPI on_console_event(DWORD) noexcept
{
    interrupted.store(true);
    return TRUE;
}

inline void catch_interrupts() noexcept
{
    SetConsoleCtrlHandler(on_console_event, TRUE);
}

inline bool is_terminal() noexcept
{
    return _isatty(_fileno(stdout)) != 0;
}

inline void raise_descriptor_limit() noexcept
{
}

#else

extern "C" inline void sample_on_signal(int)
{
    interrupted.store(true);
}

inline void catch_interrupts() noexcept
{
    std::signal(SIGINT, sample_on_signal);
    std::signal(SIGTERM, sample_on_signal);
}

inline bool is_terminal() noexcept
{
    return isatty(STDOUT_FILENO) != 0;
}

// Thousands of sessions need thousands of descriptors; the limit that shells set is often 1,024.
inline void raise_descriptor_limit() noexcept
{
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

#endif

} // namespace sample

#endif
