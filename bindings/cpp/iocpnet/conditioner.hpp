// A bad network, for tests.
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_CPP_CONDITIONER_HPP
#define IOCPNET_CPP_CONDITIONER_HPP

#include "values.hpp"

namespace iocpnet
{
inline namespace IOCPNET_CPP_VARIANT
{

// A value: iocpnet::conditioner().with_delay_us(50000).with_jitter_us(20000). The library checks it when it is used.
class conditioner
{
public:
    conditioner() noexcept { iocpnet_conditioner_init(&value_, sizeof value_); }

    conditioner &with_seed(std::uint64_t value) noexcept { return value_.seed = value, *this; }
    // IOCPNET_CONDITION_RECEIVE or IOCPNET_CONDITION_SEND.
    conditioner &with_directions(std::uint32_t value) noexcept { return value_.directions = value, *this; }
    conditioner &with_bytes_per_second(std::uint64_t value) noexcept { return value_.bytes_per_second = value, *this; }
    conditioner &with_delay_us(std::uint32_t value) noexcept { return value_.delay_us = value, *this; }
    conditioner &with_jitter_us(std::uint32_t value) noexcept { return value_.jitter_us = value, *this; }
    // Chances are per million pieces.
    conditioner &with_stalls(std::uint32_t ppm, std::uint32_t stall_us) noexcept
    {
        return value_.stall_ppm = ppm, value_.stall_us = stall_us, *this;
    }
    conditioner &with_coalesce_us(std::uint32_t value) noexcept { return value_.coalesce_us = value, *this; }
    conditioner &with_fragment_bytes(std::uint32_t value) noexcept { return value_.fragment_bytes = value, *this; }
    conditioner &with_reset_ppm(std::uint32_t value) noexcept { return value_.reset_ppm = value, *this; }
    conditioner &with_held_bytes_max(std::uint32_t value) noexcept { return value_.held_bytes_max = value, *this; }

    const iocpnet_conditioner &value() const noexcept { return value_; }

private:
    iocpnet_conditioner value_;
};

} // namespace IOCPNET_CPP_VARIANT
} // namespace iocpnet

#endif
