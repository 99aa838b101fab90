#include "invariants.hpp"

namespace sim_test
{

namespace
{

const Invariant table[] = {
    {invariant::connected_first, "the first event of a session is CONNECTED, or CONNECT_FAILED alone"},
    {invariant::disconnected_once, "CONNECTED is followed by DISCONNECTED exactly once, before destroy is done"},
    {invariant::events_overlap, "two events of one session, or of one dispatcher, never run at a time"},
    {invariant::event_after_end, "nothing follows DISCONNECTED or CONNECT_FAILED"},
    {invariant::event_fields, "an event names its service, dispatcher, listener and user value, and keeps its limits"},
    {invariant::callback_after_destroy, "no callback runs once destroy has returned, or a log callback was removed"},
    {invariant::received_bytes, "what the host received is a prefix of what the peer sent; all of it at PEER_CLOSED"},
    {invariant::sent_bytes, "what a peer received was accepted by send, each message once and in order"},
    {invariant::accepted_send_lost, "at a graceful end the peer received all that was given to the system"},
    {invariant::send_queue_limit, "a send queue never holds more than its limit, and refuses only when it would"},
    {invariant::memory_budget, "the budget of a service counts what its queues hold, and is never passed"},
    {invariant::would_block_without_writable, "WRITABLE follows WOULD_BLOCK once there is room"},
    {invariant::bytes_unsent, "bytes accepted = bytes given to the system + bytes_unsent"},
    {invariant::close_reason, "reason, origin, status, code and text of an end are those of something that happened"},
    {invariant::stop_result, "the result of stop counts the sessions and bytes that ended while it stopped"},
    {invariant::stopped_once, "SERVICE_STOPPED comes once, after every DISCONNECTED of the service"},
    {invariant::destroyed_once, "SERVICE_DESTROYED comes once if destroy returned PENDING, else never"},
    {invariant::status, "a function returns only what its documentation lists, and what the situation allows"},
    {invariant::statistics, "counters are those of what happened"},
    {invariant::sessions_limit, "never more live sessions than sessions_max"},
    {invariant::operations_in_flight, "operations are counted right, and none is left when its object ends"},
    {invariant::descriptor, "a descriptor is closed once and not used afterwards"},
    {invariant::leak, "at the end nothing is alive: objects, operations, buffers, descriptors, threads, memory"},
    {invariant::progress, "nobody waits for ever, and nothing that is due is left undone while all wait"},
    {invariant::lock, "locks are taken once and given back by their owner"},
    {invariant::one_thread, "a port is driven by one thread at a time"},
    {invariant::library_check, "no debug check of the library fails"},
    {invariant::memory, "memory is not written after it was released, nor released twice"},
    {invariant::messages,
     "an event of a session with a framing is one whole message, or offers more of a stream than the last"},
    {invariant::groups,
     "a broadcast to a group reaches and counts its members, and nobody else; they are those that were added"},
    {invariant::timers,
     "a timer comes when it is due, never early, as often as it was set, and not once it is cancelled"},
    {invariant::jobs, "a job that was accepted runs once, in order, before the end of whom it was posted to"},
    {invariant::admission,
     "who is accepted was let in by the filter, asked once, and is within the limits of its address"},
    {invariant::crash, "the process does not crash"},
};

} // namespace

const Invariant *all_invariants(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

} // namespace sim_test
