// A shared buffer: bytes that are copied once and sent to many sessions.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_BUFFER_HPP
#define IOCPNET_CPP_BUFFER_HPP

#include "session.hpp"

#include <initializer_list>

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// An owner of a shared buffer; a copy is one more owner of the same bytes, which never change. It may go while sessions
// still send them. An empty one can not be sent.
class buffer
{
public:
    buffer() noexcept = default;
    buffer(const buffer &other) noexcept : handle_(other.retain()) {}
    buffer(buffer &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
    buffer &operator=(buffer other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~buffer() { release(); }

    // Copies the bytes.
    [[nodiscard]] static result<buffer> create(bytes data) noexcept
    {
        buffer made;
        const status outcome(iocpnet_buffer_create(data.data(), data.size(), &made.handle_));
        return {outcome, std::move(made)};
    }

    iocpnet_buffer handle() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != 0; }

private:
    iocpnet_buffer retain() const noexcept
    {
        return handle_ != 0 && iocpnet_buffer_retain(handle_) == IOCPNET_OK ? handle_ : 0;
    }
    // Without a call for an empty object: it would hide the error of the system behind an earlier failure.
    void release() noexcept
    {
        if (handle_ != 0) {
            iocpnet_buffer_release(handle_);
        }
    }

    iocpnet_buffer handle_ = 0;
};

// A view of sessions that somebody else holds: {a, b}, a std::vector, a std::array, ...
class session_list
{
public:
    constexpr session_list() noexcept = default;
    session_list(const session *sessions, std::size_t count) noexcept : sessions_(sessions), count_(count) {}
    // Lives as long as the call that it is an argument of.
    session_list(std::initializer_list<session> sessions) noexcept : session_list(sessions.begin(), sessions.size()) {}
    template <
        typename Container,
        typename = std::enable_if_t<std::is_same_v<
            std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const Container &>().data())>>, session>>>
    session_list(const Container &sessions) noexcept : session_list(sessions.data(), sessions.size())
    {
    }

    // As the C functions take them: a session is its handle and nothing else.
    const iocpnet_session *handles() const noexcept { return reinterpret_cast<const iocpnet_session *>(sessions_); }
    constexpr std::size_t size() const noexcept { return count_; }

private:
    const session *sessions_ = nullptr;
    std::size_t count_ = 0;
};

inline status session::send(const buffer &data) const noexcept
{
    return status(iocpnet_session_send_buffer(handle_, data.handle()));
}

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
