/* Sessions of the simulated host whose bytes come late, in pieces, slowly, or whose connection is reset for it. */
#include "host.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

struct DrawnConditioner {
    bool on;
    iocpnet_conditioner settings;
};

/* All of it is short: peers wait for 50 ms and more. One draw a statement. */
DrawnConditioner draw_conditioner()
{
    static const uint32_t delays[] = {3000, 0, 40000, 500};
    static const uint32_t jitters[] = {0, 0, 25000};
    static const uint32_t fragments[] = {0, 1, 7, 0};
    static const uint32_t coalesced[] = {0, 0, 0, 20000};
    static const uint64_t rates[] = {0, 0, 20000, 1500};
    static const uint32_t held[] = {1 << 20, 1 << 20, 1, 64};
    static const uint32_t resets[] = {0, 0, 0, 0, 0, 200000};
    DrawnConditioner drawn = {};
    iocpnet_conditioner &settings = drawn.settings;
    (void)iocpnet_conditioner_init(&settings, sizeof settings);
    drawn.on = icn_sim_choose(4) != 3;
    if (!drawn.on) {
        return drawn;
    }
    settings.seed = 1 + icn_sim_choose(250);
    settings.delay_us = delays[icn_sim_choose(4)];
    settings.jitter_us = jitters[icn_sim_choose(3)];
    settings.fragment_bytes = fragments[icn_sim_choose(4)];
    settings.coalesce_us = coalesced[icn_sim_choose(4)];
    settings.bytes_per_second = rates[icn_sim_choose(4)];
    settings.held_bytes_max = held[icn_sim_choose(4)];
    settings.reset_ppm = resets[icn_sim_choose(6)];
    settings.stall_ppm = icn_sim_choose(4) == 1 ? 300000 : 0;
    settings.stall_us = 150000;
    settings.directions = 1 + (2 + icn_sim_choose(3)) % 3;
    return drawn;
}

} // namespace

bool may_be_conditioned(const Session &session)
{
    return session.conditioned || world.model.service(session.service).conditioned;
}

bool may_be_reset_by_conditioner(const Session &session)
{
    return session.conditioner_resets || world.model.service(session.service).conditioner_resets;
}

void condition_session(Session &session)
{
    const DrawnConditioner drawn = draw_conditioner();
    const bool was_connected = session.connected;
    session.conditioned = session.conditioned || drawn.on;
    session.conditioner_resets = session.conditioner_resets || (drawn.on && drawn.settings.reset_ppm != 0);
    icn_sim_trace("set conditioner begins", session.index, drawn.on);
    const int32_t status = iocpnet_session_set_conditioner(session.handle, drawn.on ? &drawn.settings : nullptr);
    check_status(
        "set conditioner", status,
        statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_E_INVALID_HANDLE && !session.ended && !world.model.service(session.service).destroy_called) {
        wrong_status("set conditioner", status, "the session has not ended");
    }
    if (status == IOCPNET_E_INVALID_STATE && was_connected) {
        wrong_status("set conditioner", status, "CONNECTED had been seen");
    }
}

void condition_service(Service &service)
{
    const DrawnConditioner drawn = draw_conditioner();
    service.conditioned = service.conditioned || drawn.on;
    service.conditioner_resets = service.conditioner_resets || (drawn.on && drawn.settings.reset_ppm != 0);
    icn_sim_trace("set service conditioner begins", service.index, drawn.on);
    const int32_t status = iocpnet_service_set_conditioner(service.handle, drawn.on ? &drawn.settings : nullptr);
    check_status("set service conditioner", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_E_INVALID_HANDLE && !service.destroy_called) {
        wrong_status("set service conditioner", status, "nobody destroyed the service");
    }
}

} // namespace sim_test
