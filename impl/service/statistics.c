#include "service/statistics.h"

#include <string.h>

#include "net/budget.h"
#include "service/dispatcher.h"
#include "util/live.h"
#include "util/log.h"
#include "util/memory.h"

static void add(uint64_t *sum, const icn_atomic_u64 *counter)
{
    *sum += icn_u64_load_relaxed(counter);
}

static void add_traffic(const icn_loop *loop, iocpnet_service_statistics *statistics)
{
    const icn_loop_counters *counters = &loop->counters;
    add(&statistics->receive_throttles, &counters->receive_throttles);
    add(&statistics->bytes_received, &counters->bytes_received);
    add(&statistics->bytes_sent, &counters->bytes_sent);
    add(&statistics->sends, &counters->sends);
    add(&statistics->sends, &loop->inbox.sends);
    add(&statistics->sends, &loop->latest.sends);
    add(&statistics->sends_replaced, &loop->latest.replaced);
    add(&statistics->sends_refused, &counters->foreign_refusals);
    add(&statistics->send_operations, &counters->send_operations);
    add(&statistics->events, &counters->events);
    add(&statistics->turns, &counters->turns);
}

static void add_connections(const icn_loop_counters *counters, iocpnet_service_statistics *statistics)
{
    add(&statistics->accepts, &counters->accepts);
    add(&statistics->accepts_refused, &counters->accepts_refused);
    add(&statistics->accepts_refused_by_list, &counters->accepts_refused_by[ICN_REFUSAL_BY_LIST]);
    add(&statistics->accepts_refused_by_filter, &counters->accepts_refused_by[ICN_REFUSAL_BY_FILTER]);
    add(&statistics->accepts_refused_by_sessions, &counters->accepts_refused_by[ICN_REFUSAL_BY_SESSIONS]);
    add(&statistics->accepts_refused_by_rate, &counters->accepts_refused_by[ICN_REFUSAL_BY_RATE]);
    add(&statistics->accepts_refused_by_trust, &counters->accepts_refused_by[ICN_REFUSAL_BY_TRUST]);
    add(&statistics->accepts_refused_by_header, &counters->accepts_refused_by[ICN_REFUSAL_BY_HEADER]);
    add(&statistics->accepts_refused_by_header_timeout, &counters->accepts_refused_by[ICN_REFUSAL_BY_HEADER_TIMEOUT]);
    add(&statistics->accepts_shed, &counters->accepts_shed);
    add(&statistics->accept_backoffs, &counters->accept_backoffs);
    add(&statistics->connects, &counters->connects);
    add(&statistics->connects_failed, &counters->connects_failed);
    add(&statistics->disconnects, &counters->disconnects);
    for (uint32_t reason = 0; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        add(&statistics->disconnects_by_reason[reason], &counters->disconnects_by_reason[reason]);
    }
}

/* What left is read first, so that the difference is never below 0. */
static uint64_t send_queue_bytes(const icn_loop *loop)
{
    const icn_loop_counters *counters = &loop->counters;
    uint64_t left = icn_u64_load(&counters->bytes_sent) + icn_u64_load(&counters->bytes_dropped) +
                    icn_u64_load(&loop->latest.bytes_replaced);
    uint64_t accepted =
        icn_u64_load(&counters->bytes_accepted) + icn_u64_load(&loop->inbox.bytes) + icn_u64_load(&loop->latest.bytes);
    return accepted > left ? accepted - left : 0;
}

static void add_callbacks(const icn_watch *watch, iocpnet_service_statistics *statistics)
{
    add(&statistics->callbacks_slow, &watch->slow);
    add(&statistics->callback_time_us, &watch->time_us);
    for (uint32_t i = 0; i < IOCPNET_CALLBACK_TIMES; i++) {
        add(&statistics->callback_times[i], &watch->times[i]);
    }
}

static void add_budget(const icn_budget *budget, iocpnet_service_statistics *statistics)
{
    if (budget != NULL) {
        add(&statistics->memory_budget_used, &budget->used);
        add(&statistics->sends_refused_by_budget, &budget->refused);
    }
}

void icn_service_statistics(icn_service *service, iocpnet_service_statistics *statistics)
{
    memset(statistics, 0, sizeof *statistics);
    for (uint32_t i = 0; i < service->options.dispatcher_count; i++) {
        const icn_dispatcher *dispatcher = &service->dispatchers[i];
        add_traffic(&dispatcher->loop, statistics);
        add_connections(&dispatcher->loop.counters, statistics);
        add_callbacks(&dispatcher->watch, statistics);
        add(&statistics->operations_live, &dispatcher->loop.counters.operations_live);
        statistics->send_queue_bytes += send_queue_bytes(&dispatcher->loop);
        statistics->event_queue_bytes += icn_event_queue_bytes(&dispatcher->queue);
    }
    add_budget(service->roster.budget, statistics);
    statistics->sessions_live = icn_u64_load_relaxed(&service->roster.sessions_live);
    statistics->sessions_peak = icn_u64_load_relaxed(&service->roster.sessions_peak);
    statistics->log_lines_dropped = icn_log_dropped();
    statistics->broadcasts = icn_u64_load_relaxed(&service->roster.broadcasts);
    statistics->broadcast_sends = icn_u64_load_relaxed(&service->roster.broadcast_sends);
    statistics->broadcast_skips = icn_u64_load_relaxed(&service->roster.broadcast_skips);
}

void icn_count_live_objects(iocpnet_live_objects *counts)
{
    memset(counts, 0, sizeof *counts);
    counts->services = icn_live_count(ICN_LIVE_SERVICES);
    counts->listeners = icn_live_count(ICN_LIVE_LISTENERS);
    counts->sessions = icn_live_count(ICN_LIVE_SESSIONS);
    counts->operations = icn_live_count(ICN_LIVE_OPERATIONS);
    counts->descriptors = icn_live_count(ICN_LIVE_DESCRIPTORS);
    counts->threads = icn_live_count(ICN_LIVE_THREADS);
    counts->buffers = icn_memory_blocks(ICN_MEMORY_SEND_BUFFER) + icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER);
    for (int tag = ICN_MEMORY_HANDLES + 1; tag < ICN_MEMORY_TAG_COUNT; tag++) {
        counts->allocations += icn_memory_blocks((icn_memory_tag)tag);
        counts->allocated_bytes += icn_memory_bytes((icn_memory_tag)tag);
    }
}
