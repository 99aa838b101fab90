/* What is inside a conditioner, while its loop waits. */
#pragma once

extern "C" {
#include "net/session.h"
}

namespace sim_test
{

/* The session sends later, by the conditioner's timer. */
bool is_sent_later(const icn_session &session);
/* It does not receive, for its conditioner is full. */
bool holds_all_it_may(const icn_session &session);
/* Received bytes, or the end of the stream, and no timer is set for them. */
bool holds_what_nobody_hands_on(const icn_session &session);
/* The time of the conditioner's timer has passed. */
bool is_conditioner_late(const icn_session &session);

} // namespace sim_test
