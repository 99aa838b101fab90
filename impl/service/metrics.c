#include "service/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/status.h"

/* Longer than any piece that is formatted at once. */
#define PIECE_BYTES 256

typedef struct writer {
    char *text;
    uint32_t capacity; /* 0: only the length is wanted */
    uint32_t length;
    const char *name; /* of the service; NULL: none */
} writer;

typedef struct family {
    const char *name;
    const char *help;
    const char *type;
    size_t offset; /* in the statistics */
} family;

#define COUNTER(name, field, help)                                                                                     \
    {                                                                                                                  \
        name "_total", help, "counter", offsetof(iocpnet_service_statistics, field)                                    \
    }
#define GAUGE(name, field, help)                                                                                       \
    {                                                                                                                  \
        name, help, "gauge", offsetof(iocpnet_service_statistics, field)                                               \
    }

static const family families[] = {
    COUNTER("iocpnet_accepts", accepts, "Connections accepted and made a session."),
    COUNTER("iocpnet_accepts_refused", accepts_refused, "Connections closed at once: a limit of the options."),
    COUNTER("iocpnet_accepts_refused_by_list", accepts_refused_by_list, "Of those: by the allow or deny list."),
    COUNTER("iocpnet_accepts_refused_by_filter", accepts_refused_by_filter, "Of those: by the accept filter."),
    COUNTER("iocpnet_accepts_refused_by_sessions", accepts_refused_by_sessions, "Of those: sessions of one address."),
    COUNTER("iocpnet_accepts_refused_by_rate", accepts_refused_by_rate, "Of those: an address connects too fast."),
    COUNTER("iocpnet_accepts_refused_by_trust", accepts_refused_by_trust, "Of those: no proxy that is trusted."),
    COUNTER("iocpnet_accepts_refused_by_header", accepts_refused_by_header, "Of those: no header of a proxy."),
    COUNTER("iocpnet_accepts_refused_by_header_timeout", accepts_refused_by_header_timeout,
            "Of those: no header of a proxy in time."),
    COUNTER("iocpnet_receive_throttles", receive_throttles, "Times that a session received too much, and waits."),
    COUNTER("iocpnet_accepts_shed", accepts_shed, "Connections closed at once: out of descriptors or memory."),
    COUNTER("iocpnet_accept_backoffs", accept_backoffs, "Times that a listener paused for want of resources."),
    COUNTER("iocpnet_connects", connects, "Outbound connects that succeeded."),
    COUNTER("iocpnet_connects_failed", connects_failed, "Outbound connects that failed."),
    COUNTER("iocpnet_received_bytes", bytes_received, "Bytes received."),
    COUNTER("iocpnet_sent_bytes", bytes_sent, "Bytes given to the system."),
    COUNTER("iocpnet_sends", sends, "Sends that were accepted."),
    COUNTER("iocpnet_sends_refused", sends_refused, "Sends refused: the queue was full."),
    COUNTER("iocpnet_sends_refused_by_budget", sends_refused_by_budget, "Sends refused: the memory budget was used."),
    COUNTER("iocpnet_sends_replaced", sends_replaced, "Sends of state that a newer one replaced before they left."),
    COUNTER("iocpnet_send_operations", send_operations, "Gathered sends given to the system."),
    COUNTER("iocpnet_events", events, "Events delivered."),
    COUNTER("iocpnet_turns", turns, "Turns of the dispatchers."),
    COUNTER("iocpnet_broadcasts", broadcasts, "Broadcasts that were accepted."),
    COUNTER("iocpnet_broadcast_sends", broadcast_sends, "Times that a session got a broadcast."),
    COUNTER("iocpnet_broadcast_skips", broadcast_skips, "Times that a session had no room for a broadcast."),
    COUNTER("iocpnet_callbacks_slow", callbacks_slow, "Callbacks that took as long as slow_callback_us."),
    COUNTER("iocpnet_log_lines_dropped", log_lines_dropped, "Log lines of the process that were dropped."),
    GAUGE("iocpnet_sessions", sessions_live, "Sessions alive."),
    GAUGE("iocpnet_sessions_peak", sessions_peak, "Most sessions alive at once."),
    GAUGE("iocpnet_operations", operations_live, "Asynchronous requests that the system holds."),
    GAUGE("iocpnet_send_queue_bytes", send_queue_bytes, "Bytes in send queues."),
    GAUGE("iocpnet_memory_budget_used", memory_budget_used, "Bytes of the memory budget."),
    GAUGE("iocpnet_event_queue_bytes", event_queue_bytes, "Bytes in event queues."),
};

static void put(writer *page, const char *bytes, size_t size)
{
    if (page->capacity != 0) {
        ICN_CHECK(size < page->capacity - page->length);
        memcpy(page->text + page->length, bytes, size);
    }
    page->length += (uint32_t)size;
}

#if defined(__GNUC__)
static void print(writer *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif

static void print(writer *page, const char *format, ...)
{
    char piece[PIECE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    ICN_CHECK(length > 0 && (size_t)length < sizeof piece);
    put(page, piece, (size_t)length);
}

/* Label values escape the backslash, the quote and the line feed; every other byte stands for itself. */
static void put_escaped(writer *page, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\n') {
            put(page, "\\n", 2);
        } else {
            put(page, "\\", *text == '\\' || *text == '"');
            put(page, text, 1);
        }
    }
}

/* {service="NAME",label="value"}: without either, what is left; without both nothing. */
static void put_labels(writer *page, const char *label, const char *value)
{
    if (page->name == NULL && label == NULL) {
        return;
    }
    put(page, "{", 1);
    if (page->name != NULL) {
        print(page, "service=\"");
        put_escaped(page, page->name);
        put(page, "\"", 1);
    }
    if (label != NULL) {
        print(page, "%s%s=\"%s\"", page->name != NULL ? "," : "", label, value);
    }
    put(page, "}", 1);
}

static void put_head(writer *page, const char *name, const char *help, const char *type)
{
    print(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(writer *page, const char *name, const char *label, const char *value, uint64_t number)
{
    print(page, "%s", name);
    put_labels(page, label, value);
    print(page, " %" PRIu64 "\n", number);
}

static void put_families(writer *page, const iocpnet_service_statistics *statistics)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const family *one = &families[i];
        uint64_t number;
        memcpy(&number, (const char *)statistics + one->offset, sizeof number);
        put_head(page, one->name, one->help, one->type);
        put_sample(page, one->name, NULL, NULL, number);
    }
}

static void put_disconnects(writer *page, const iocpnet_service_statistics *statistics)
{
    const char *name = "iocpnet_disconnects_total";
    put_head(page, name, "Sessions that ended, by reason.", "counter");
    for (uint32_t reason = IOCPNET_CLOSE_NONE + 1; reason < IOCPNET_CLOSE_REASON_COUNT; reason++) {
        put_sample(page, name, "reason", icn_close_reason_name(reason), statistics->disconnects_by_reason[reason]);
    }
}

/* Bucket i holds what took less than 2^i microseconds; Prometheus wants each with what is in those before it. */
static void put_callback_times(writer *page, const iocpnet_service_statistics *statistics)
{
    char bound[32];
    uint64_t count = 0;
    put_head(page, "iocpnet_callback_seconds", "Duration of callbacks, where slow_callback_us is set.", "histogram");
    for (uint32_t i = 0; i < IOCPNET_CALLBACK_TIMES - 1; i++) {
        uint32_t bound_us = UINT32_C(1) << i;
        count += statistics->callback_times[i];
        snprintf(bound, sizeof bound, "%u.%06u", (unsigned)(bound_us / 1000000), (unsigned)(bound_us % 1000000));
        put_sample(page, "iocpnet_callback_seconds_bucket", "le", bound, count);
    }
    count += statistics->callback_times[IOCPNET_CALLBACK_TIMES - 1];
    put_sample(page, "iocpnet_callback_seconds_bucket", "le", "+Inf", count);
    print(page, "iocpnet_callback_seconds_sum");
    put_labels(page, NULL, NULL);
    print(page, " %" PRIu64 ".%06u\n", statistics->callback_time_us / 1000000,
          (unsigned)(statistics->callback_time_us % 1000000));
    put_sample(page, "iocpnet_callback_seconds_count", NULL, NULL, count);
}

static uint32_t put_page(const iocpnet_service_statistics *statistics, const char *name, char *text, uint32_t capacity)
{
    writer page = {.text = text, .capacity = capacity, .name = name};
    put_families(&page, statistics);
    put_disconnects(&page, statistics);
    put_callback_times(&page, statistics);
    return page.length;
}

uint32_t icn_metrics_write(const iocpnet_service_statistics *statistics, const char *name, char *text,
                           uint32_t capacity)
{
    uint32_t length = put_page(statistics, name, NULL, 0);
    if (length < capacity) {
        (void)put_page(statistics, name, text, capacity);
        text[length] = 0;
    }
    return length;
}
