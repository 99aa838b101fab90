// What functions give back: a status, or a result with a value.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_STATUS_HPP
#define IOCPNET_CPP_STATUS_HPP

#include "iocpnet.h"

#include <cstdint>
#include <exception>
#include <utility>

#ifndef IOCPNET_CPP_EXCEPTIONS
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define IOCPNET_CPP_EXCEPTIONS 1
#else
#define IOCPNET_CPP_EXCEPTIONS 0
#endif
#endif

// Code with and without exceptions can be linked into one program: its inline functions have different names.
#if IOCPNET_CPP_EXCEPTIONS
#define IOCPNET_CPP_VARIANT with_exceptions
#else
#define IOCPNET_CPP_VARIANT without_exceptions
#endif

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// What a C function returned: a status code and the system's own code behind a failure.
class status
{
public:
    constexpr status() noexcept = default;
    constexpr status(std::int32_t code, std::int32_t os_error) noexcept : code_(code), os_error_(os_error) {}
    // Call it on the thread of the failure, straight after it.
    explicit status(std::int32_t code) noexcept : code_(code), os_error_(code < 0 ? iocpnet_last_os_error() : 0) {}

    // True for success, with or without a remark.
    explicit operator bool() const noexcept { return code_ >= 0; }
    bool pending() const noexcept { return code_ == IOCPNET_PENDING; }
    std::int32_t code() const noexcept { return code_; }
    std::int32_t os_error() const noexcept { return os_error_; }
    const char *name() const noexcept { return iocpnet_status_name(code_); }
    const char *text() const noexcept { return iocpnet_status_text(code_); }
    // Throws iocpnet::error if this is a failure; without exceptions it does nothing.
    void value() const;

private:
    std::int32_t code_ = IOCPNET_OK;
    std::int32_t os_error_ = 0;
};

#if IOCPNET_CPP_EXCEPTIONS
class error : public std::exception
{
public:
    explicit error(status cause) noexcept : cause_(cause) {}
    const char *what() const noexcept override { return cause_.text(); }
    status cause() const noexcept { return cause_; }

private:
    status cause_;
};

inline void status::value() const
{
    if (code_ < 0) {
        throw error(*this);
    }
}
#else
inline void status::value() const
{
}
#endif

// A status and, unless it is a failure, a value. `*` and `->` do not check.
template <typename T>
class result : public status
{
public:
    result(status failure) noexcept : status(failure) {}
    result(status outcome, T value) noexcept : status(outcome), value_(std::move(value)) {}

    // Throws iocpnet::error if this is a failure; without exceptions it gives an empty T.
    T &value() &
    {
        status::value();
        return value_;
    }
    const T &value() const &
    {
        status::value();
        return value_;
    }
    T value() &&
    {
        status::value();
        return std::move(value_);
    }
    T &operator*() noexcept { return value_; }
    const T &operator*() const noexcept { return value_; }
    T *operator->() noexcept { return &value_; }
    const T *operator->() const noexcept { return &value_; }

private:
    T value_{};
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
