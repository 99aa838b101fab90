#include "host.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

/* Only a fault of the run explains these. */
bool is_explained(int32_t status)
{
    switch (status) {
    case IOCPNET_E_NO_MEMORY:
        return world.memory_fails();
    case IOCPNET_E_NO_DESCRIPTORS:
        return world.descriptors_fail();
    case IOCPNET_E_ACCESS_DENIED:
    case IOCPNET_E_NOT_SUPPORTED:
    case IOCPNET_E_SYSTEM:
        return world.system_fails();
    default:
        return true;
    }
}

} // namespace

void wrong_status(const char *function, int32_t status, const char *why)
{
    icn_sim_violation(invariant::status, "%s returned %s: %s", function, iocpnet_status_name(status), why);
}

void check_status(const char *function, int32_t status, Statuses documented)
{
    icn_sim_trace(function, static_cast<uint64_t>(static_cast<int64_t>(status)), 0);
    if (status < -25 || status > IOCPNET_PENDING || (documented & status_bit(status)) == 0) {
        wrong_status(function, status, "not documented for it");
    }
    if (!is_explained(status)) {
        wrong_status(function, status, "no resource was short");
    }
}

} // namespace sim_test
