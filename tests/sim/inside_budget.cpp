#include "inside_budget.hpp"

#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "net/budget.h"
#include "net/extension.h"
#include "net/session.h"
#include "os/sim/scheduler.h"
#include "service/dispatcher.h"
#include "service/service.h"
}

namespace sim_test
{

namespace
{

struct Queues {
    uint64_t bytes = 0;
    bool told = false;    /* somebody is to have WRITABLE, and the next one after it */
    bool all_wait = true; /* no loop is about to count what its queues hold */
};

void add_queues(const icn_loop &loop, Queues &sum)
{
    const bool waits = loop.driver.value != 0 && loop.sleeping.value != 0 && loop.kicks.value == nullptr;
    sum.all_wait = sum.all_wait && waits;
    for (icn_list_node *node = loop.sessions.next; node != &loop.sessions; node = node->next) {
        const icn_session &session = *ICN_CONTAINER(node, icn_session, loop_node);
        const bool open = session.state.value < ICN_SESSION_ENDING;
        sum.bytes += session.send_queue.bytes.value;
        sum.told = sum.told || (open && session.send_queue.writable_below.value != 0);
    }
}

} // namespace

bool waits_for_budget(const icn_session &session)
{
    const bool limited = session.loop->roster->budget != nullptr;
    const auto *extension = limited ? static_cast<const icn_extension *>(session.extension.value) : nullptr;
    return extension != nullptr && icn_list_holds(&extension->budget.node);
}

void check_budget(const Service &service, const icn_service &inside)
{
    const icn_budget *budget = inside.roster.budget;
    Queues queues;
    for (uint32_t j = 0; budget != nullptr && j < inside.options.dispatcher_count; j++) {
        add_queues(inside.dispatchers[j].loop, queues);
    }
    if (budget == nullptr || !queues.all_wait) {
        return;
    }
    if (budget->used.value != queues.bytes) {
        icn_sim_violation(invariant::memory_budget, "service %u: %llu bytes are queued, %llu are counted",
                          service.index, static_cast<unsigned long long>(queues.bytes),
                          static_cast<unsigned long long>(budget->used.value));
    }
    if (budget->waiting.value != 0 && !queues.told && budget->used.value <= ICN_BUDGET_LOW(budget->bytes_max)) {
        icn_sim_violation(invariant::would_block_without_writable,
                          "service %u: %u sessions wait for the budget, %llu are held", service.index,
                          budget->waiting.value, static_cast<unsigned long long>(budget->used.value));
    }
}

} // namespace sim_test
