// A group of sessions: one call sends to all of them.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_GROUP_HPP
#define IOCPNET_CPP_GROUP_HPP

#include "buffer.hpp"
#include "service.hpp"

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// Owner of a group; it ends with this object, or with its service. Its sessions live on.
class group
{
public:
    group() noexcept = default;
    group(group &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
    group &operator=(group &&other) noexcept
    {
        if (this != &other) {
            end();
            handle_ = std::exchange(other.handle_, 0);
        }
        return *this;
    }
    ~group() { end(); }

    [[nodiscard]] static result<group> create(const service &owner) noexcept
    {
        group made;
        const status outcome(iocpnet_group_create(owner.handle(), &made.handle_));
        return {outcome, std::move(made)};
    }

    iocpnet_group handle() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != 0; }

    status add(session member) noexcept { return status(iocpnet_group_add(handle_, member.handle())); }
    status remove(session member) noexcept { return status(iocpnet_group_remove(handle_, member.handle())); }
    result<std::uint64_t> count() const noexcept
    {
        std::uint64_t members = 0;
        const status outcome(iocpnet_group_count(handle_, &members));
        return {outcome, members};
    }

    // Sends a shared buffer to all members, or to all but some. It never waits.
    result<broadcast_result> broadcast(const buffer &data, when_full policy = when_full::skip) noexcept
    {
        return broadcast_except(data, {}, policy);
    }
    result<broadcast_result> broadcast_except(const buffer &data, session_list others,
                                              when_full policy = when_full::skip) noexcept
    {
        broadcast_result told = {};
        const std::size_t most = 0xFFFFFFFFu;
        const auto listed = static_cast<std::uint32_t>(others.size() < most ? others.size() : most);
        const status outcome(iocpnet_group_broadcast_except(handle_, data.handle(), others.handles(), listed,
                                                            static_cast<std::uint32_t>(policy), &told));
        return {outcome, told};
    }

private:
    void end() noexcept
    {
        if (handle_ != 0) {
            iocpnet_group_destroy(handle_);
        }
    }

    iocpnet_group handle_ = 0;
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
