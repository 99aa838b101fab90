// A bad network that a sample pretends to have.
#ifndef SAMPLE_CONDITIONS_HPP
#define SAMPLE_CONDITIONS_HPP

#include "arguments.hpp"

#include <iocpnet.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace sample
{

class conditions
{
public:
    void add_to(arguments &arguments)
    {
        arguments.add_list("--conditioner", "LIST",
                           "pretend to have a bad network, such as delay-ms=80,jitter-ms=60,fragment=7",
                           "seed, delay-ms, jitter-ms, stall-ppm, stall-ms, coalesce-ms, fragment, rate or reset-ppm, "
                           "each with a number that is not too large, and commas between them",
                           [this](const std::string &name, std::uint64_t value) { return set(name, value); });
    }

    // Before the service has sessions.
    void apply(iocpnet::service &service) const
    {
        if (wanted_) {
            service.set_conditioner(*wanted_).value();
        }
    }

private:
    bool set(const std::string &name, std::uint64_t value)
    {
        iocpnet::conditioner changed = wanted_.value_or(iocpnet::conditioner());
        if (!set(changed, name, value)) {
            return false;
        }
        wanted_ = changed;
        return true;
    }

    bool set(iocpnet::conditioner &changed, const std::string &name, std::uint64_t value)
    {
        return set_anything(changed, name, value) || set_time(changed, name, value) || set_chance(changed, name, value);
    }

    static bool set_anything(iocpnet::conditioner &changed, const std::string &name, std::uint64_t value)
    {
        if (name == "seed") {
            changed.with_seed(value);
        } else if (name == "rate" && value <= rate_max) {
            changed.with_bytes_per_second(value);
        } else if (name == "fragment" && value <= UINT32_MAX) {
            changed.with_fragment_bytes(static_cast<std::uint32_t>(value));
        } else {
            return false;
        }
        return true;
    }

    bool set_time(iocpnet::conditioner &changed, const std::string &name, std::uint64_t ms)
    {
        if (ms > IOCPNET_CONDITION_US_MAX / 1000) {
            return false;
        }
        const auto us = static_cast<std::uint32_t>(ms * 1000);
        if (name == "delay-ms") {
            changed.with_delay_us(us);
        } else if (name == "jitter-ms") {
            changed.with_jitter_us(us);
        } else if (name == "coalesce-ms") {
            changed.with_coalesce_us(us);
        } else if (name == "stall-ms") {
            stall_us_ = us;
            changed.with_stalls(stall_ppm_, stall_us_);
        } else {
            return false;
        }
        return true;
    }

    bool set_chance(iocpnet::conditioner &changed, const std::string &name, std::uint64_t ppm)
    {
        if (ppm > 1000000) {
            return false;
        }
        if (name == "reset-ppm") {
            changed.with_reset_ppm(static_cast<std::uint32_t>(ppm));
        } else if (name == "stall-ppm") {
            stall_ppm_ = static_cast<std::uint32_t>(ppm);
            changed.with_stalls(stall_ppm_, stall_us_);
        } else {
            return false;
        }
        return true;
    }

    static constexpr std::uint64_t rate_max = std::uint64_t{1} << 40;

    std::optional<iocpnet::conditioner> wanted_;
    std::uint32_t stall_ppm_ = 0;
    std::uint32_t stall_us_ = 0;
};

} // namespace sample

#endif
