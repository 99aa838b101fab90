/* What is counted, and the limits of send queues: after every step, or while all wait. */
#include "inside.hpp"
#include "inside_services.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "net/budget.h"
#include "net/listener.h"
#include "net/session.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "service/dispatcher.h"
#include "util/live.h"
}

namespace sim_test
{

namespace
{

void check_send_queue(const Session &session)
{
    const uint64_t most = world.model.service(session.service).configuration->options.send_queue_bytes_max;
    const Pinned<icn_session> pinned(session.handle, ICN_HANDLE_SESSION);
    if (pinned.get() != nullptr && pinned.get()->send_queue.bytes.value > most) {
        icn_sim_violation(invariant::send_queue_limit, "session %u: %llu bytes are queued", session.index,
                          static_cast<unsigned long long>(pinned.get()->send_queue.bytes.value));
    }
    const icn_budget *budget = pinned.get() != nullptr ? pinned.get()->loop->roster->budget : nullptr;
    if (budget != nullptr && budget->used.value > budget->bytes_max) {
        icn_sim_violation(invariant::memory_budget, "service %u: %llu of %llu bytes are held", session.service,
                          static_cast<unsigned long long>(budget->used.value),
                          static_cast<unsigned long long>(budget->bytes_max));
    }
}

/* Without changing when the next preemption comes. */
uint64_t count_live(icn_live_kind kind)
{
    const uint32_t countdown = icn_interleave_countdown;
    icn_interleave_countdown = UINT32_MAX;
    const uint64_t live = icn_live_count(kind);
    icn_interleave_countdown = countdown;
    return live;
}

/* Descriptors that loops know of. */
struct Descriptors {
    uint64_t attached = 0; /* to their ports */
    uint64_t others = 0;
    bool all_wait = true; /* all loops do: there are no others */
};

void add_descriptors(const icn_loop &loop, Descriptors &sum)
{
    for (icn_list_node *node = loop.sessions.next; node != &loop.sessions; node = node->next) {
        const bool attached = ICN_CONTAINER(node, icn_session, loop_node)->attached;
        (attached ? sum.attached : sum.others)++;
    }
    for (icn_list_node *node = loop.listeners.next; node != &loop.listeners; node = node->next) {
        const icn_listener &listener = *ICN_CONTAINER(node, icn_listener, loop_node);
        (listener.attached ? sum.attached : sum.others)++;
        sum.others += listener.reserve != ICN_OS_SOCKET_NONE ? 1 : 0;
    }
    const bool waits = loop.driver.value != 0 && loop.sleeping.value != 0 && loop.kicks.value == nullptr;
    sum.all_wait = sum.all_wait && waits;
}

/* Between the two counts of one operation a thread may be left, in each loop. */
void check_operations(uint64_t live)
{
    uint64_t counted = 0;
    uint64_t loops = 0;
    for_each_service([&](const Service &, const icn_service &inside) {
        for (uint32_t j = 0; j < inside.options.dispatcher_count; j++) {
            counted += inside.dispatchers[j].loop.counters.operations_live.value;
        }
        loops += inside.options.dispatcher_count;
    });
    if (live > counted + loops || counted > live + loops) {
        icn_sim_violation(invariant::operations_in_flight, "%llu operations are alive, %llu are counted",
                          static_cast<unsigned long long>(live), static_cast<unsigned long long>(counted));
    }
}

} // namespace

void check_descriptors()
{
    Descriptors known;
    for_each_service([&](const Service &, const icn_service &inside) {
        known.all_wait = known.all_wait && inside.started;
        for (uint32_t j = 0; j < inside.options.dispatcher_count; j++) {
            add_descriptors(inside.dispatchers[j].loop, known);
        }
    });
    const uint64_t live = count_live(ICN_LIVE_DESCRIPTORS);
    const uint32_t open = icn_sim_descriptors_open();
    if (live != known.attached || (known.all_wait && open != known.attached + known.others)) {
        icn_sim_violation(invariant::descriptor, "%u are open, %llu are counted; %llu are attached, and %llu others",
                          open, static_cast<unsigned long long>(live), static_cast<unsigned long long>(known.attached),
                          static_cast<unsigned long long>(known.others));
    }
}

void check_step()
{
    for (const uint32_t index : world.model.touched()) {
        check_send_queue(world.model.session(index));
    }
    world.model.forget_untouched();
    const uint64_t live = count_live(ICN_LIVE_OPERATIONS);
    if (live != world.operations) {
        world.operations = live;
        check_operations(live);
    }
}

} // namespace sim_test
