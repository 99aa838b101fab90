/* How the checks reach the services inside the library. */
#pragma once

#include "world.hpp"

extern "C" {
#include "base/interleave.h"
#include "service/service.h"
#include "util/handle.h"
}

namespace sim_test
{

/* Pins without changing when the next preemption comes. */
template <typename Object>
class Pinned
{
public:
    Pinned(uint64_t handle, icn_handle_kind kind) : handle_(handle), countdown_(icn_interleave_countdown)
    {
        icn_interleave_countdown = UINT32_MAX;
        object_ = static_cast<Object *>(icn_handle_pin(handle, kind));
    }
    Pinned(const Pinned &) = delete;
    Pinned &operator=(const Pinned &) = delete;
    ~Pinned()
    {
        if (object_ != nullptr) {
            icn_handle_unpin(handle_);
        }
        icn_interleave_countdown = countdown_;
    }
    Object *get() const { return object_; }

private:
    const uint64_t handle_;
    const uint32_t countdown_;
    Object *object_;
};

/* Calls `look` with each service that is there. */
template <typename Look>
void for_each_service(Look look)
{
    for (uint32_t i = 0; i < world.model.service_count(); i++) {
        Service &service = world.model.service(i);
        if (service.destroyed) {
            continue;
        }
        const Pinned<icn_service> pinned(service.handle, ICN_HANDLE_SERVICE);
        if (pinned.get() != nullptr) {
            look(service, *pinned.get());
        }
    }
}

} // namespace sim_test
