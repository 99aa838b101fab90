/* The names of what must hold in every simulated run. A planted bug is known by the invariant that it breaks. */
#pragma once

#include <cstddef>

namespace sim_test
{

namespace invariant
{
inline constexpr char connected_first[] = "connected first";
inline constexpr char disconnected_once[] = "disconnected once";
inline constexpr char events_overlap[] = "events overlap";
inline constexpr char event_after_end[] = "event after end";
inline constexpr char event_fields[] = "event fields";
inline constexpr char callback_after_destroy[] = "callback after destroy";
inline constexpr char received_bytes[] = "received bytes";
inline constexpr char sent_bytes[] = "sent bytes";
inline constexpr char accepted_send_lost[] = "accepted send lost";
inline constexpr char send_queue_limit[] = "send queue limit";
inline constexpr char memory_budget[] = "memory budget";
inline constexpr char would_block_without_writable[] = "would block without writable";
inline constexpr char bytes_unsent[] = "bytes unsent";
inline constexpr char close_reason[] = "close reason";
inline constexpr char stop_result[] = "stop result";
inline constexpr char stopped_once[] = "stopped once";
inline constexpr char destroyed_once[] = "destroyed once";
inline constexpr char status[] = "status";
inline constexpr char statistics[] = "statistics";
inline constexpr char sessions_limit[] = "sessions limit";
inline constexpr char operations_in_flight[] = "operations in flight";
inline constexpr char descriptor[] = "descriptor";
inline constexpr char leak[] = "leak";
inline constexpr char progress[] = "progress";
inline constexpr char lock[] = "lock";
inline constexpr char one_thread[] = "one thread";
inline constexpr char library_check[] = "library check";
inline constexpr char memory[] = "memory";
inline constexpr char messages[] = "messages";
inline constexpr char groups[] = "groups";
inline constexpr char timers[] = "timers";
inline constexpr char jobs[] = "jobs";
inline constexpr char admission[] = "admission";
inline constexpr char crash[] = "crash";
} // namespace invariant

struct Invariant {
    const char *name;
    const char *rule;
};

/* All of them; `count` is stored. */
const Invariant *all_invariants(size_t *count);

} // namespace sim_test
