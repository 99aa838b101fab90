#include "inside_conditioned.hpp"

extern "C" {
#include "net/conditioner_state.h"
#include "os/sim/scheduler.h"
}

namespace sim_test
{

namespace
{

constexpr uint64_t late_ms = 1000; /* the clock may have moved while the loop was about to wait */

/* Without a look that another thread could come in at. NULL: it has none in use. */
const icn_conditioner *conditioner_of(const icn_session &session)
{
    if (!session.conditioned) {
        return nullptr;
    }
    return static_cast<const icn_extension *>(session.extension.value)->conditioner;
}

} // namespace

bool is_sent_later(const icn_session &session)
{
    const icn_conditioner *conditioner = conditioner_of(session);
    return conditioner != nullptr && conditioner->outgoing.count != 0 && icn_timer_is_set(&conditioner->timer);
}

bool holds_all_it_may(const icn_session &session)
{
    const icn_conditioner *conditioner = conditioner_of(session);
    return conditioner != nullptr &&
           icn_receive_buffer_bytes(&conditioner->held) >= conditioner->settings.hold_bytes_max;
}

bool holds_what_nobody_hands_on(const icn_session &session)
{
    const icn_conditioner *conditioner = conditioner_of(session);
    return conditioner != nullptr && (conditioner->incoming.count != 0 || conditioner->holds_end) &&
           !icn_timer_is_set(&conditioner->timer);
}

bool is_conditioner_late(const icn_session &session)
{
    const icn_conditioner *conditioner = conditioner_of(session);
    return conditioner != nullptr && icn_timer_is_set(&conditioner->timer) &&
           conditioner->timer.deadline_ms + late_ms < icn_sim_now_ms();
}

} // namespace sim_test
