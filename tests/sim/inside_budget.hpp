/* The budget of a service, while all wait. */
#pragma once

struct icn_service;
struct icn_session;

namespace sim_test
{

struct Service;

/* It was refused for the budget, and nobody has told it that there is room. */
bool waits_for_budget(const icn_session &session);
void check_budget(const Service &service, const icn_service &inside);

} // namespace sim_test
