/*
 * iocpnet: a TCP network service behind a stable C ABI.
 *
 * A host creates a service, registers callbacks or polls event batches, opens listeners and connects sessions.
 * One completion model on every platform: I/O completion ports on Windows, io_uring and epoll on Linux.
 *
 * Rules that hold for every function, unless its own text says otherwise:
 *   - it may be called from any thread, inside or outside a callback, and never runs a callback inline;
 *   - it returns IOCPNET_OK (0), a positive remark such as IOCPNET_PENDING, a count, or a negative status;
 *   - a negative status means that nothing was changed and nothing was lost;
 *   - structs that carry their size may be shorter or longer than the library's own, from 8 to 4,096 bytes in steps of 8:
 *     what is missing takes its default, an unknown tail has to be 0 or is filled with zeros;
 *   - strings are UTF-8 and end with a zero byte; memory that the caller passes in stays the caller's;
 *   - a stale, forged or wrong-kind handle gives IOCPNET_E_INVALID_HANDLE, never undefined behaviour.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef IOCPNET_H
#define IOCPNET_H

#include <stdint.h>

#if defined(_WIN32)
#define IOCPNET_CALL __cdecl
#else
#define IOCPNET_CALL
#endif

/* The library's own build defines IOCPNET_API; a host needs no import attribute. */
#ifndef IOCPNET_API
#define IOCPNET_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ version */

#define IOCPNET_VERSION_MAJOR 1
#define IOCPNET_VERSION_MINOR 0
#define IOCPNET_VERSION_PATCH 0

/* The version that this header describes: major * 1,000,000 + minor * 1,000 + patch. */
#define IOCPNET_VERSION (IOCPNET_VERSION_MAJOR * 1000000 + IOCPNET_VERSION_MINOR * 1000 + IOCPNET_VERSION_PATCH)

/* ------------------------------------------------------------------------------------------------ handles */

/* Handles hold a kind, a generation and an index. 0 is never valid. A handle is never re-used. */
typedef uint64_t iocpnet_service;
typedef uint64_t iocpnet_listener;
typedef uint64_t iocpnet_session;
typedef uint64_t iocpnet_buffer;
typedef uint64_t iocpnet_group;

/* ------------------------------------------------------------------------------------------- status codes */

/* The same number means the same thing on each platform. Positive: success with a remark. Negative: failure. */
enum {
    IOCPNET_OK = 0,
    IOCPNET_PENDING = 1, /* accepted; it finishes later, in the background */

    IOCPNET_E_INVALID_ARGUMENT = -1,       /* a NULL, a value out of its range, a set bit that is not defined */
    IOCPNET_E_INVALID_HANDLE = -2,         /* stale, forged, of another kind, or 0 */
    IOCPNET_E_INVALID_STRUCT_SIZE = -3,    /* struct_size is too small, or the unknown tail of a larger one is not 0 */
    IOCPNET_E_INVALID_STATE = -4,          /* not possible now: a service not started, or started already */
    IOCPNET_E_BUSY = -5,                   /* another thread drives or polls this dispatcher */
    IOCPNET_E_WOULD_BLOCK = -6,            /* the queue or the budget is full; IOCPNET_EVENT_WRITABLE follows */
    IOCPNET_E_CLOSED = -7,                 /* the session, listener or service is closing or closed */
    IOCPNET_E_TOO_LARGE = -8,              /* larger than the limit: it can never be accepted */
    IOCPNET_E_NO_MEMORY = -9,              /* out of memory, or of socket buffers */
    IOCPNET_E_NO_DESCRIPTORS = -10,        /* out of file descriptors or handles, of the process or the system */
    IOCPNET_E_LIMIT_REACHED = -11,         /* a limit of the options or of the library is reached */
    IOCPNET_E_NOT_SUPPORTED = -12,         /* not available on this system; the OS error says more */
    IOCPNET_E_INVALID_ADDRESS = -13,       /* not an address in textual form, or not a name that a host can have */
    IOCPNET_E_ADDRESS_IN_USE = -14,        /* another socket listens there */
    IOCPNET_E_ADDRESS_NOT_AVAILABLE = -15, /* not an address of this machine, or no port left */
    IOCPNET_E_ACCESS_DENIED = -16,         /* forbidden: a privileged port, a sandbox, a firewall */
    IOCPNET_E_CONNECTION_REFUSED = -17,
    IOCPNET_E_CONNECTION_RESET = -18,
    IOCPNET_E_CONNECTION_ABORTED = -19,
    IOCPNET_E_NETWORK_UNREACHABLE = -20,
    IOCPNET_E_HOST_UNREACHABLE = -21,
    IOCPNET_E_TIMED_OUT = -22,
    IOCPNET_E_CANCELLED = -23,
    IOCPNET_E_BUFFER_TOO_SMALL = -24, /* the length needed was stored; nothing else was */
    IOCPNET_E_SYSTEM = -25,           /* any other error of the system: iocpnet_last_os_error() */
    IOCPNET_E_NAME_NOT_FOUND = -26,   /* no host of this name, or it has no address */
    IOCPNET_E_NAME_NOT_RESOLVED = -27 /* no name server had an answer; it may have one later */
};

/* ------------------------------------------------------------------------------------------------- events */

/* Kinds of event. For one session: CONNECTED first, never two events at a time, DISCONNECTED exactly once and last. */
enum {
    IOCPNET_EVENT_CONNECTED = 1,      /* a session is open: accepted (listener is set) or connected */
    IOCPNET_EVENT_RECEIVED = 2,       /* data and size: bytes of the stream, at least one */
    IOCPNET_EVENT_SENT = 3,           /* size: bytes that went to the system since the last SENT */
    IOCPNET_EVENT_WRITABLE = 4,       /* after IOCPNET_E_WOULD_BLOCK: the queue fell to the low watermark */
    IOCPNET_EVENT_DISCONNECTED = 5,   /* the last event of a session that was CONNECTED; the close fields are set */
    IOCPNET_EVENT_CONNECT_FAILED = 6, /* the only event of a connect that failed; status and the close fields are set */
    IOCPNET_EVENT_SERVICE_STOPPED = 7,   /* every listener and session of the service has ended */
    IOCPNET_EVENT_SERVICE_DESTROYED = 8, /* after IOCPNET_PENDING from destroy: the last word, always a callback */
    IOCPNET_EVENT_TIMER =
        9, /* timer_id and timer_count: a timer is due; of a session, or of the service (session is 0) */
    IOCPNET_EVENT_POSTED = 10, /* data: the argument of a job; of a session, or of the dispatcher (session is 0) */
    IOCPNET_EVENT_KIND_COUNT = 11
};

/* Who ended a session. */
enum {
    IOCPNET_ORIGIN_NONE = 0,
    IOCPNET_ORIGIN_LOCAL = 1,  /* the host, by iocpnet_session_disconnect or by stopping the service */
    IOCPNET_ORIGIN_PEER = 2,   /* the other end */
    IOCPNET_ORIGIN_LIBRARY = 3 /* the library or the system: an error, a limit, a deadline */
};

/* Why a session ended. */
enum {
    IOCPNET_CLOSE_NONE = 0,
    IOCPNET_CLOSE_REQUESTED = 1,   /* iocpnet_session_disconnect */
    IOCPNET_CLOSE_PEER_CLOSED = 2, /* the peer ended the stream in order (FIN) */
    IOCPNET_CLOSE_RESET = 3,       /* the peer reset the connection (RST), or a conditioner did */
    IOCPNET_CLOSE_ABORTED = 4,     /* the system gave the connection up: unreachable, keep-alive, interface down */
    IOCPNET_CLOSE_IDLE = 5,        /* nothing came for the idle timeout */
    IOCPNET_CLOSE_HANDSHAKE_TIMEOUT = 6, /* no first bytes in time, or a connect that took too long */
    IOCPNET_CLOSE_FRAME_TOO_LONG = 7,
    IOCPNET_CLOSE_MALFORMED = 8,
    IOCPNET_CLOSE_SEND_LIMIT = 9,
    IOCPNET_CLOSE_RECEIVE_OVERFLOW = 10,
    IOCPNET_CLOSE_NO_RESOURCES = 11,    /* no memory, buffers or descriptors */
    IOCPNET_CLOSE_SERVICE_STOPPED = 12, /* iocpnet_service_stop or iocpnet_service_destroy */
    IOCPNET_CLOSE_ERROR = 13,           /* anything else; os_error says what */
    IOCPNET_CLOSE_TOO_SLOW = 14,        /* a message that had begun came at less than message_bytes_per_s */
    IOCPNET_CLOSE_REASON_COUNT = 15
};

/*
 * One event, the same for callbacks and for batches. 128 bytes on 64-bit, 112 on 32-bit systems, for ever.
 * Fields that a kind does not name are 0. Pointers are borrowed: in a callback until it returns, in a batch until the
 * next iocpnet_service_poll of the same dispatcher.
 */
typedef struct iocpnet_event {
    uint32_t kind;       /* IOCPNET_EVENT_* */
    uint32_t dispatcher; /* index of the dispatcher that serves the session */
    iocpnet_service service;
    iocpnet_listener listener; /* the listener that accepted the session; 0 for one that connected out */
    iocpnet_session session;
    uint64_t size;                /* bytes: received at data, or sent; with next_session: ms until its first attempt */
    int32_t status;               /* CONNECT_FAILED, DISCONNECTED: IOCPNET_OK or the error that ended it */
    int32_t os_error;             /* the system's own code for status; 0 when there is none */
    uint32_t close_reason;        /* IOCPNET_CLOSE_* */
    uint32_t close_origin;        /* IOCPNET_ORIGIN_* */
    int64_t close_code;           /* the host's own, from iocpnet_disconnect_options */
    uint64_t bytes_unsent;        /* accepted by send but never given to the system */
    uint64_t timer_id;            /* TIMER: the host's own number of it */
    uint64_t timer_count;         /* TIMER: times that it was due since its last event, 1 or more */
    iocpnet_session next_session; /* CONNECT_FAILED, DISCONNECTED: connects in place of this one; 0: none does */
    const void *data;             /* RECEIVED: the bytes; POSTED: the argument */
    void *user;                   /* the session's user value, see iocpnet_session_set_user */
    const char *close_text;       /* the host's own, from iocpnet_disconnect_options; NULL when there is none */
    const void *reserved_pointer; /* NULL */
} iocpnet_event;

/*
 * A callback. `user` is the pointer given at registration; the session's own is event->user.
 * Runs on the thread that drives the session's dispatcher, with no lock of the library held. It may call any function.
 * It must return: a callback that blocks stalls the sessions of its dispatcher. It must not unwind (no exception, no
 * longjmp) through the library.
 */
typedef void(IOCPNET_CALL *iocpnet_callback)(const iocpnet_event *event, void *user);

/* ---------------------------------------------------------------------------------------- process-wide */

/* Memory for the library: as malloc, realloc and free, called from any thread. `user` is handed to each. */
typedef struct iocpnet_allocator {
    uint32_t struct_size;                                      /* bytes, set by iocpnet_allocator_init */
    uint32_t reserved;                                         /* 0 */
    void *(IOCPNET_CALL *allocate)(uint64_t size, void *user); /* aligned to 16 bytes; NULL when there is none */
    void(IOCPNET_CALL *release)(void *memory, uint64_t size, void *user);
    void *user;
    void *reserved_pointer; /* NULL */
} iocpnet_allocator;

enum {
    IOCPNET_LOG_NONE = 0,
    IOCPNET_LOG_ERROR = 1,
    IOCPNET_LOG_WARNING = 2,
    IOCPNET_LOG_NOTICE = 3,
    IOCPNET_LOG_DEBUG = 4
};

/* A log line, without line end. Called on the library's own log thread, one call at a time, never on an I/O thread. */
typedef void(IOCPNET_CALL *iocpnet_log_callback)(int32_t level, const char *component, const char *text, void *user);

/*
 * Objects of the whole process that are alive now. All but `threads` are 0 once every service is destroyed and every
 * shared buffer released.
 */
typedef struct iocpnet_live_objects {
    uint64_t services;
    uint64_t listeners;
    uint64_t sessions;
    uint64_t operations;      /* asynchronous requests that the system still holds */
    uint64_t buffers;         /* send and event buffers in use or kept for re-use; each shared buffer is one */
    uint64_t descriptors;     /* sockets and port descriptors */
    uint64_t allocations;     /* blocks from the allocator, without the handle table, which is kept */
    uint64_t allocated_bytes; /* their sizes */
    uint64_t threads;         /* of the library's own */
} iocpnet_live_objects;

/*
 * The version of the library that is loaded, in the form of IOCPNET_VERSION. The same major version is compatible.
 * Since 1.0.
 */
IOCPNET_API uint32_t IOCPNET_CALL iocpnet_version(void);

/*
 * The name of a status code ("IOCPNET_E_WOULD_BLOCK"), or "unknown status". Static storage. Since 1.0.
 */
IOCPNET_API const char *IOCPNET_CALL iocpnet_status_name(int32_t status);

/*
 * A sentence in English that says what a status code means. Static storage. Since 1.0.
 */
IOCPNET_API const char *IOCPNET_CALL iocpnet_status_text(int32_t status);

/*
 * The name of a close reason without its prefix, in lower case ("peer closed"), or "unknown". Static storage.
 * Since 1.0.
 */
IOCPNET_API const char *IOCPNET_CALL iocpnet_close_reason_name(uint32_t reason);

/*
 * The system's own error code (errno, WSAGetLastError) behind the last failure that a function of this library
 * returned on the calling thread. 0 when that failure was the library's own. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_last_os_error(void);

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_allocator) of the caller.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_allocator_init(iocpnet_allocator *allocator, uint32_t size);

/*
 * Sets the allocator of the process, copied. Once, before the first service is created; both functions are needed.
 * Errors: INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_STATE (set already, or memory is in use). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_set_allocator(const iocpnet_allocator *allocator);

/*
 * Sends log lines up to `level` (IOCPNET_LOG_*) to `callback`; IOCPNET_LOG_NONE or a NULL callback turns them off,
 * which is the default. Lines are handed to a thread of their own; when its queue is full they are dropped and
 * counted. On return the previous callback no longer runs, unless this is called from inside it.
 * Errors: INVALID_ARGUMENT (level). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_set_log_callback(iocpnet_log_callback callback, int32_t level, void *user);

/*
 * Stores the counts of live objects. `size`: sizeof(iocpnet_live_objects) of the caller; a longer one is filled up
 * with zeros. The counts are read one after another, while others may change them.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE (under 8). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_count_live_objects(iocpnet_live_objects *counts, uint32_t size);

/*
 * The size of a public struct, or the offset and size of one of its fields, so that a binding can check its own
 * declarations when it loads the library. `name`: "iocpnet_event" or "iocpnet_event.close_reason".
 * `offset` (0 for a whole struct) and `size` are in bytes; either may be NULL.
 * Errors: INVALID_ARGUMENT (NULL or unknown name). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_layout(const char *name, uint32_t *offset, uint32_t *size);

/* ------------------------------------------------------------------------------------------------ service */

enum {
    IOCPNET_PORT_AUTO = 0,     /* Windows: IOCP. Linux: the faster one of those that the system allows */
    IOCPNET_PORT_EPOLL = 1,    /* Linux */
    IOCPNET_PORT_IO_URING = 2, /* Linux 6.1 or newer, where it is not forbidden */
    IOCPNET_PORT_IOCP = 3      /* Windows */
};

/* Who drives the dispatchers. */
enum {
    IOCPNET_DRIVING_LIBRARY = 0, /* threads of the library, one for each dispatcher */
    IOCPNET_DRIVING_HOST = 1 /* the host, by iocpnet_service_dispatch (callbacks) or iocpnet_service_poll (batches) */
};

/* How events reach the host. */
enum {
    IOCPNET_DELIVERY_CALLBACKS = 0, /* functions registered with iocpnet_service_set_callback */
    IOCPNET_DELIVERY_BATCHES = 1    /* structs, fetched with iocpnet_service_poll */
};

/* What becomes of a session when a send finds no room in its queue. The send is refused with WOULD_BLOCK in either case. */
enum {
    IOCPNET_SEND_REFUSE = 0,    /* it goes on; WRITABLE follows once there is room */
    IOCPNET_SEND_DISCONNECT = 1 /* it is aborted with IOCPNET_CLOSE_SEND_LIMIT */
};

enum {
    IOCPNET_SERVICE_CREATED = 1,
    IOCPNET_SERVICE_RUNNING = 2,
    IOCPNET_SERVICE_STOPPING = 3,
    IOCPNET_SERVICE_STOPPED = 4
};

/* `timeout_ms` for waiting without end. */
#define IOCPNET_INFINITE 0xFFFFFFFFu

/* The library chooses the dispatcher: the one with the fewest sessions. */
#define IOCPNET_DISPATCHER_ANY 0xFFFFFFFFu

/* At most this many dispatchers in one service. */
#define IOCPNET_DISPATCHERS_MAX 256

/* The bit of an event kind in iocpnet_service_options.batch_events. */
#define IOCPNET_EVENT_BIT(kind) (UINT64_C(1) << (kind))

/* Durations of callbacks are counted in so many classes. */
#define IOCPNET_CALLBACK_TIMES 24

/* At most this many events are kept by one dispatcher for iocpnet_service_trace, 32 bytes each. */
#define IOCPNET_TRACE_RECORDS_MAX 1048576

/* Give every field its default with iocpnet_service_options_init, then change what differs. */
typedef struct iocpnet_service_options {
    uint32_t struct_size;          /* bytes, set by the init function */
    uint32_t port;                 /* IOCPNET_PORT_*; default AUTO */
    uint32_t driving;              /* IOCPNET_DRIVING_*; default LIBRARY */
    uint32_t delivery;             /* IOCPNET_DELIVERY_*; default CALLBACKS */
    uint32_t dispatcher_count;     /* 1 to IOCPNET_DISPATCHERS_MAX; default 1 */
    uint32_t sessions_max;         /* live sessions; more are refused. 0, the default: no limit but the system's */
    uint32_t close_timeout_ms;     /* for a graceful close: to flush, and for the peer to close; default 5,000 */
    uint32_t receive_buffer_bytes; /* most bytes of one RECEIVED event, 1 KiB to 1 MiB; default 64 KiB */
    uint64_t send_queue_bytes_max; /* of one session, 1 B to 1 GiB; default 1 MiB */
    uint64_t send_queue_bytes_low; /* low watermark for WRITABLE, below the maximum; default 256 KiB */
    uint64_t
        event_queue_bytes_max; /* batches: of one dispatcher; above it its sessions stop receiving; default 4 MiB */
    uint64_t batch_events;     /* batches: kinds wanted, IOCPNET_EVENT_BIT; default all but SENT */
    uint32_t spin_us;     /* before a dispatcher sleeps, look for work for so long, in microseconds, up to 1,000: less
                                  latency for CPU time. Adapts: after long waits it sleeps at once. Default 0: never */
    uint32_t send_policy; /* IOCPNET_SEND_*: what a send without room in the queue does. Default REFUSE */
    uint32_t slow_callback_us; /* callbacks are timed, and those that take so long counted and logged. Default 0: not */
    uint32_t trace_records;    /* last events that each dispatcher keeps, see iocpnet_service_trace. Default 0: none */
    /* Of the addresses that listeners accept from, where all of an IPv6 /64 are one. 0, the default: no limit. */
    uint32_t sessions_per_address_max;  /* live sessions that were accepted */
    uint32_t accepts_per_address_per_s; /* connections in the long run, also those that something else refuses */
    uint32_t accepts_per_address_burst; /* at once after a while of none; default 0: as many as in a second */
    /* Remembered at a time, 64 bytes each. While all have live sessions, further addresses have no limit. */
    uint32_t addresses_max; /* 16 to 1,048,576; default 65,536 */
    /* Most bytes that all sessions together hold, accepted by send and not yet given to the system. Above it a send is */
    /* refused as by a full queue, and WRITABLE follows by turns. The last quarter is for sessions with little queued. */
    uint64_t memory_budget_bytes; /* 1 KiB to 1 TiB, at least 4 times send_queue_bytes_max. Default 0: no budget */
} iocpnet_service_options;

typedef struct iocpnet_stop_result {
    uint64_t sessions_drained; /* ended with everything sent */
    uint64_t sessions_aborted; /* cut off at the deadline, or failed while draining */
    uint64_t bytes_unsent;     /* accepted by send but never given to the system, over all sessions */
} iocpnet_stop_result;

/* Counters since the service was created; read while it runs, each by itself. */
typedef struct iocpnet_service_statistics {
    uint64_t accepts;         /* connections accepted and made a session */
    uint64_t accepts_refused; /* closed at once: a limit of the options was reached */
    uint64_t accepts_shed;    /* closed at once: out of descriptors or memory */
    uint64_t accept_backoffs; /* times that a listener paused because the system had no resources */
    uint64_t connects;        /* outbound connects that succeeded */
    uint64_t connects_failed;
    uint64_t disconnects; /* DISCONNECTED events */
    uint64_t bytes_received;
    uint64_t bytes_sent;      /* given to the system */
    uint64_t sends;           /* accepted calls of send and sendv */
    uint64_t sends_refused;   /* IOCPNET_E_WOULD_BLOCK */
    uint64_t send_operations; /* gathered sends submitted to the port */
    uint64_t events;          /* delivered to the host */
    uint64_t turns;           /* of all dispatchers: waits on a port that returned */
    uint64_t sessions_live;   /* now */
    uint64_t sessions_peak;
    uint64_t operations_live;           /* now: asynchronous requests that the system holds */
    uint64_t send_queue_bytes;          /* now, over all sessions */
    uint64_t event_queue_bytes;         /* now, over all dispatchers (batches) */
    uint64_t disconnects_by_reason[16]; /* indexed by IOCPNET_CLOSE_*, CONNECT_FAILED not counted */
    uint64_t broadcasts;                /* accepted calls of broadcast */
    uint64_t broadcast_sends;           /* times that a session got one */
    uint64_t broadcast_skips;           /* times that a session had no room for one, disconnected for it or not */
    uint64_t callbacks_slow;            /* that took slow_callback_us or longer */
    uint64_t callback_time_us;          /* all together, where slow_callback_us is set */
    uint64_t callback_times[IOCPNET_CALLBACK_TIMES]; /* callbacks by duration: [0] less than 1 us, [i] at least 2^(i-1)
                                                        and less than 2^i us, the last whatever is longer */
    uint64_t log_lines_dropped;           /* of the whole process: its queue was full, see iocpnet_set_log_callback */
    uint64_t accepts_refused_by_list;     /* of accepts_refused: the allow list or the deny list */
    uint64_t accepts_refused_by_filter;   /* the accept filter */
    uint64_t accepts_refused_by_sessions; /* sessions_per_address_max */
    uint64_t accepts_refused_by_rate;     /* accepts_per_address_per_s */
    uint64_t receive_throttles; /* times that a session stopped receiving for a limit of iocpnet_session_limits */
    uint64_t accepts_refused_by_trust;          /* of accepts_refused: no proxy of proxy_trusted */
    uint64_t accepts_refused_by_header;         /* a proxy's header was bad, or never whole */
    uint64_t accepts_refused_by_header_timeout; /* it was not whole in time */
    uint64_t memory_budget_used;                /* now: bytes of memory_budget_bytes; 0 without a budget */
    uint64_t sends_refused_by_budget;           /* of sends_refused: memory_budget_bytes */
    uint64_t sends_replaced;                    /* of sends: by a newer iocpnet_session_send_latest, before they left */
} iocpnet_service_statistics;

/* One event that was delivered, see iocpnet_service_trace. 48 bytes, for ever. */
typedef struct iocpnet_trace_record {
    uint64_t number;       /* of the events of its dispatcher, from 0 on: what is missing was overwritten */
    uint64_t time_us;      /* when it was delivered: microseconds of a clock that never jumps */
    uint64_t session;      /* handle, perhaps stale; 0: an event of the service */
    uint64_t size;         /* as in the event */
    uint32_t kind;         /* IOCPNET_EVENT_* */
    uint32_t close_reason; /* IOCPNET_CLOSE_* */
    uint64_t reserved;     /* 0 */
} iocpnet_trace_record;

typedef struct iocpnet_service_details {
    uint32_t state;            /* IOCPNET_SERVICE_* */
    uint32_t port;             /* the port in use: IOCPNET_PORT_*, never AUTO */
    int32_t fallback_status;   /* AUTO on Linux: why io_uring is not in use; IOCPNET_OK when it was not refused */
    int32_t fallback_os_error; /* the system's own code for it */
    uint32_t dispatcher_count;
    uint32_t driving;
    uint32_t delivery;
    uint32_t reserved; /* 0 */
} iocpnet_service_details;

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_service_options) of the caller.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_options_init(iocpnet_service_options *options, uint32_t size);

/*
 * Creates a service with its ports. It does nothing until it is started.
 * `options`: NULL for the defaults. `service`: receives the handle.
 * The caller owns the service and ends it with iocpnet_service_destroy.
 * Errors: INVALID_ARGUMENT, INVALID_STRUCT_SIZE, NOT_SUPPORTED (the port asked for), NO_MEMORY, NO_DESCRIPTORS,
 * LIMIT_REACHED (handles), SYSTEM. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_create(const iocpnet_service_options *options,
                                                        iocpnet_service *service);

/*
 * Registers the callback of one kind of event; NULL removes it. Before iocpnet_service_start only, so that a dispatcher
 * reads it without a lock. With delivery by batches only SERVICE_DESTROYED is a callback.
 * `kind`: IOCPNET_EVENT_*; one of POSTED never runs, for each job has its own. `user`: handed to the callback, never
 * touched.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (kind), INVALID_STATE (started). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_set_callback(iocpnet_service service, uint32_t kind,
                                                              iocpnet_callback callback, void *user);

/*
 * Starts the dispatchers, and with them the listeners that are open. With driving by the host no thread is made.
 * Errors: INVALID_HANDLE, INVALID_STATE (not in state CREATED), and of making threads NO_MEMORY, NO_DESCRIPTORS,
 * ACCESS_DENIED, SYSTEM. After an error of the system the service is as before. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_start(iocpnet_service service);

/*
 * Drives one dispatcher: waits for completions, at most `timeout_ms` (0: does not wait; IOCPNET_INFINITE), runs their
 * callbacks on the calling thread and returns. Driving by the host and delivery by callbacks only. Threads may take
 * turns, one at a time.
 * Returns the number of events delivered, 0 after the time-out or a wake; a value below 0 is an error.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher), INVALID_STATE (not started, another driving or delivery),
 * BUSY (a thread is in it, also the calling one, inside a callback), CLOSED (being destroyed), NO_MEMORY, SYSTEM (of the
 * port as a whole: nothing is lost, the next call tries again). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_dispatch(iocpnet_service service, uint32_t dispatcher,
                                                          uint32_t timeout_ms);

/*
 * Fetches a batch of events of one dispatcher; delivery by batches only. With driving by the host it does the I/O as
 * well. What the last batch of this dispatcher pointed to is given back first: a DISCONNECTED session's handle ends here.
 * `events`, `capacity`: an array of the caller, 1 to 65,536 structs. `timeout_ms`: how long to wait when there is no
 * event (0: not at all; IOCPNET_INFINITE).
 * Returns the number of events stored, at most `capacity`; what is left comes with the next call.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STATE (not started, another delivery), BUSY (a thread is in it),
 * CLOSED (being destroyed), NO_MEMORY, SYSTEM (as for iocpnet_service_dispatch). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_poll(iocpnet_service service, uint32_t dispatcher,
                                                      iocpnet_event *events, uint32_t capacity, uint32_t timeout_ms);

/*
 * Makes a thread that waits in iocpnet_service_dispatch or iocpnet_service_poll on this dispatcher return, or the next
 * such call return at once. Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_wake(iocpnet_service service, uint32_t dispatcher);

/*
 * Stops a service: listeners close, sessions flush and close gracefully; what remains after `drain_ms` milliseconds is
 * aborted (0: at once). The first call decides the deadline. A service does not start again.
 * `result`: NULL or where to store what became of the sessions; stored when IOCPNET_OK is returned.
 * Driving by the library and called outside callbacks: waits, and returns IOCPNET_OK when everything has ended.
 * Driving by the host, or called inside a callback of any service: returns IOCPNET_PENDING when it is not finished yet;
 * the host goes on driving, all dispatchers; IOCPNET_EVENT_SERVICE_STOPPED follows once, on dispatcher 0, after which a
 * further call returns IOCPNET_OK and the result. A service that was never started stops without that event.
 * Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_stop(iocpnet_service service, uint32_t drain_ms,
                                                      iocpnet_stop_result *result);

/*
 * Destroys a service: aborts what is still open and frees everything. When IOCPNET_OK is returned no callback runs and
 * none will ever run again. Each connected session gets its DISCONNECTED callback before that; with driving by the host
 * these callbacks run inside this call, on the calling thread, which drives the dispatchers to their end. With delivery
 * by batches events that were not fetched are discarded: stop first and poll until SERVICE_STOPPED to see them all.
 * Called inside a callback, of any service, it returns IOCPNET_PENDING at once and finishes in the background, on a
 * thread of the library; then the SERVICE_DESTROYED callback runs, the last of all.
 * Several threads may call it at once: each returns when it is done. If one of them was told IOCPNET_PENDING, the
 * SERVICE_DESTROYED callback runs before the others return. What a batch of events pointed to ends here as well.
 * Errors: INVALID_HANDLE (destroyed already). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_destroy(iocpnet_service service);

/*
 * Stores the counters of a service. `size`: sizeof(iocpnet_service_statistics) of the caller; a longer one is filled up
 * with zeros. Stops nothing. Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_stats(iocpnet_service service, iocpnet_service_statistics *statistics,
                                                       uint32_t size);

/*
 * Stores the state of a service and what it runs on. `size`: as for iocpnet_service_stats.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_info(iocpnet_service service, iocpnet_service_details *details,
                                                      uint32_t size);

/*
 * Stores the statistics of a service as text for Prometheus (exposition format 0.0.4; media type "text/plain;
 * version=0.0.4"), for a host to hand out over HTTP.
 * `name`: NULL, or a name for the label "service" of each sample, UTF-8 of at most 255 bytes, any characters.
 * `text`, `capacity` in bytes: a buffer of the caller, with room for the final zero; 16 KiB and 64 times the length of the
 * name suffice in this version. `text` may be NULL when `capacity` is 0.
 * Returns the length needed without the final zero; when it is not below `capacity` nothing was stored.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL, a name that is longer or not UTF-8). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_metrics(iocpnet_service service, const char *name, char *text,
                                                         uint32_t capacity);

/*
 * Stores the last events that one dispatcher delivered, the oldest first: with `trace_records` in the options, and stops
 * nothing. With batches an event is delivered when it is queued.
 * `records`, `capacity`: an array of the caller; the newest are stored when not all fit.
 * Returns how many were stored; 0 without `trace_records`. An event that is overwritten meanwhile is left out.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher, NULL, a capacity of 0 or above IOCPNET_TRACE_RECORDS_MAX).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_trace(iocpnet_service service, uint32_t dispatcher,
                                                       iocpnet_trace_record *records, uint32_t capacity);

/* ------------------------------------------------------------------------------------------------ framing */

/* How a stream of bytes is cut into messages. */
enum {
    IOCPNET_FRAMING_NONE = 0,      /* it is not: bytes are handed out as they come */
    IOCPNET_FRAMING_LENGTH = 1,    /* each message has a header with its length in it */
    IOCPNET_FRAMING_DELIMITER = 2, /* each message ends with certain bytes */
    IOCPNET_FRAMING_STREAM = 4,    /* bytes as they come; what is not consumed is offered again with more */
    IOCPNET_FRAMING_SIZE_ID = 3 /* iocpnet_framing_init only: LENGTH for {uint16_t size, uint16_t id} in little-endian
                                      order, where size counts the header too; the header is kept */
};

/* Flags of a framing. */
enum {
    IOCPNET_FRAMING_BIG_ENDIAN = 1, /* LENGTH: the field begins with its highest byte; else with its lowest */
    IOCPNET_FRAMING_KEEP = 2 /* header or delimiter are part of the messages of the host; else they are stripped */
};

#define IOCPNET_FRAMING_HEADER_MAX 64                   /* bytes of a header */
#define IOCPNET_FRAMING_DELIMITER_MAX 16                /* bytes of a delimiter */
#define IOCPNET_FRAMING_MESSAGE_MAX (UINT32_C(1) << 30) /* most that message_bytes_max can be */

/*
 * A framing, for iocpnet_listener_options, iocpnet_connect_options and iocpnet_session_set_framing. Each message that came is
 * one RECEIVED, whatever pieces it came in; event->size may be 0 when it was empty but for what is stripped.
 * LENGTH: the header is followed by as many bytes as the length field says, plus length_adjustment.
 * A message longer than message_bytes_max closes the session with IOCPNET_CLOSE_FRAME_TOO_LONG, one of less than 0 bytes with
 * IOCPNET_CLOSE_MALFORMED, as soon as its header came. Memory is only used for bytes that came. When the peer ends its stream
 * inside a message the beginning of it is dropped, and the session closes with IOCPNET_CLOSE_PEER_CLOSED as ever.
 */
typedef struct iocpnet_framing {
    uint32_t struct_size;       /* bytes, set by iocpnet_framing_init */
    uint32_t kind;              /* IOCPNET_FRAMING_*, but SIZE_ID */
    uint32_t flags;             /* IOCPNET_FRAMING_BIG_ENDIAN, IOCPNET_FRAMING_KEEP; default 0 */
    uint32_t message_bytes_max; /* without what is stripped, 1 to IOCPNET_FRAMING_MESSAGE_MAX; default 65,536 */
    uint32_t length_offset;     /* of the length field in the header; it ends within the first 16 bytes. Default 0 */
    uint32_t length_width;      /* bytes of the length field: 1, 2 or 4, the default */
    int32_t length_adjustment;  /* added to the field: -header_bytes when that counts the header too. Default 0 */
    uint32_t header_bytes;      /* at least to the end of the field, at most IOCPNET_FRAMING_HEADER_MAX; default 4 */
    uint32_t delimiter_bytes;   /* 1, the default, to IOCPNET_FRAMING_DELIMITER_MAX */
    uint32_t reserved;          /* 0 */
    uint8_t delimiter[IOCPNET_FRAMING_DELIMITER_MAX]; /* default a line feed */
} iocpnet_framing;

/*
 * Gives every field its default for a kind (IOCPNET_FRAMING_*) and sets struct_size. `size`: sizeof(iocpnet_framing) of the
 * caller. Errors: INVALID_ARGUMENT (NULL, kind), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_framing_init(iocpnet_framing *framing, uint32_t size, uint32_t kind);

/* ----------------------------------------------------------------------------------------------- listener */

/* Options of a socket, for each session of a listener or for one that connects out. Frozen size; 0 is the default. */
typedef struct iocpnet_socket_options {
    uint32_t keep_alive_idle_s;     /* silence until the first keep-alive probe, up to 32,767; 0: no keep-alive */
    uint32_t keep_alive_interval_s; /* from one probe to the next, up to 32,767; 0: the system's own */
    uint32_t
        keep_alive_count; /* probes without an answer before IOCPNET_CLOSE_ABORTED, up to 127; 0, and where Windows does not know it: its own */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF, up to 1 GiB; 0: the system's own, which adapts itself */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF, up to 1 GiB; 0: the same */
    uint32_t linger_ms;            /* of a graceful close: to flush, and for the peer to close. 0: close_timeout_ms of
                                       the service. Closing never blocks, and never cuts off what is queued before */
    uint32_t reserved[2];          /* 0 */
} iocpnet_socket_options;

/* What happens to a session that receives more than its limits. */
enum {
    IOCPNET_RECEIVE_THROTTLE = 0,  /* it receives nothing until it is within them again: TCP holds the peer back */
    IOCPNET_RECEIVE_DISCONNECT = 1 /* it is aborted with IOCPNET_CLOSE_RECEIVE_OVERFLOW */
};

/*
 * Deadlines and limits of each session of a listener, or of one that connects out. Frozen size; 0 is the default: none.
 * Time during which the session does not receive (paused, throttled, or its event queue is full) does not count.
 * A message's second begins with its first piece, then one behind the other, as long as the same message is not whole.
 * Streams, and sessions without a framing, have no messages.
 */
typedef struct iocpnet_session_limits {
    uint32_t first_bytes_timeout_ms; /* from CONNECTED to the first bytes; then aborted: HANDSHAKE_TIMEOUT */
    uint32_t idle_timeout_ms;     /* nothing received for so long, or up to a quarter longer; closed gracefully: IDLE */
    uint64_t receive_bytes_per_s; /* on average, up to 2^40; as much as for a second may come at once */
    uint32_t receive_events_per_s;   /* pieces received, of which each may hold several messages; the same */
    uint32_t receive_policy;         /* IOCPNET_RECEIVE_*: what happens above one of these three rates */
    uint32_t receive_messages_per_s; /* that the framing has cut; the same */
    uint32_t message_bytes_per_s;    /* at least, in each second of a message; else aborted: TOO_SLOW */
    uint32_t reserved[2];            /* 0 */
} iocpnet_session_limits;

/* What an accept filter is asked about. Pointers are borrowed until it returns. */
typedef struct iocpnet_accept_request {
    uint32_t struct_size; /* bytes that the library filled */
    uint32_t family;      /* 4 or 6: of remote_ip. An IPv4 peer of a dual-stack listener is IPv4 */
    iocpnet_service service;
    iocpnet_listener listener;
    uint8_t remote_ip[16]; /* in network order; of an IPv4 address the first four */
    const char *remote;    /* in canonical textual form, "192.0.2.1:40123" */
    const char *local;     /* the same of this end; "" when the connection has gone already */
} iocpnet_accept_request;

/*
 * Asked before a session is made of a connection: anything but 0 accepts it, 0 refuses it, which resets it at once.
 * Runs on the thread that drives the listener's dispatcher, with no lock of the library held, one call at a time for one
 * listener; behind a proxy on the one that drives the session's, at the same time as others, and perhaps after the listener
 * was closed. It may call any function. The rules of callbacks hold: it must not block, and not unwind.
 */
typedef int32_t(IOCPNET_CALL *iocpnet_accept_filter)(const iocpnet_accept_request *request, void *user);

/* Whether connections begin with a header of the PROXY protocol. */
enum {
    IOCPNET_PROXY_OFF = 0,
    /*
     * All of them, and they come from proxies that are trusted. Versions 1 and 2. The address in the header is that of the
     * session, and the one that lists, limits and the filter see; a header without one (LOCAL, UNKNOWN, UNSPEC) leaves that of
     * the connection. The host hears of a session once its header is whole; it is to be so within first_bytes_timeout_ms,
     * or without that within 10 seconds. Who is not trusted, or sends no header of at most 4,096 bytes, is reset.
     */
    IOCPNET_PROXY_REQUIRED = 1
};

typedef struct iocpnet_listener_options {
    uint32_t struct_size;           /* bytes, set by the init function */
    uint32_t backlog;               /* connections that the system queues; 0, the default: the system's maximum */
    uint32_t accept_count;          /* accepts kept posted, 1 to 1,024 (completion ports); default 16 */
    uint32_t dispatcher;            /* that accepts; default IOCPNET_DISPATCHER_ANY */
    uint32_t ipv6_only;             /* 1: an IPv6 listener does not take IPv4. Default 0: "[::]:port" takes both */
    uint32_t no_delay;              /* 1, the default: TCP_NODELAY on accepted sessions */
    uint64_t reserved[2];           /* 0 */
    const iocpnet_framing *framing; /* of accepted sessions, copied; default NULL: none */
    void *reserved_pointer;         /* NULL */
    iocpnet_socket_options socket;
    iocpnet_session_limits limits;
    uint32_t reuse_port;      /* 1: SO_REUSEPORT, for several listeners on one address; Linux. Default 0 */
    uint32_t reserved_number; /* 0 */
    /*
     * Networks, as "10.0.0.0/8, 192.168.1.1 2001:db8::/32": separated by commas, blanks or line ends, and copied. The
     * longest prefix that an address is in decides, at equal length deny does. An address in none is accepted if there is
     * no allow list. NULL, the default: no list. At most 4,096 networks in each.
     */
    const char *allow;
    const char *deny;
    iocpnet_accept_filter accept_filter; /* asked last; default NULL: none */
    void *accept_filter_user;            /* handed to it, never touched */
    uint32_t proxy_protocol;             /* IOCPNET_PROXY_*; default OFF */
    uint32_t reserved_proxy;             /* 0 */
    const char *proxy_trusted;    /* REQUIRED: networks of proxies, as in `allow`, copied; OFF: NULL, the default */
    void *reserved_proxy_pointer; /* NULL */
} iocpnet_listener_options;

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_listener_options) of the caller.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_listener_options_init(iocpnet_listener_options *options, uint32_t size);

/*
 * Binds and listens; accepts once the service is started. The service owns the listener.
 * `address`: "127.0.0.1:7000", "[::1]:7000", "[fe80::1%2]:7000", "[::]:0"; port 0 takes any free one, which
 * iocpnet_listener_address tells. `options`: NULL for the defaults. `listener`: receives the handle.
 * The address is taken exclusively: on Windows by SO_EXCLUSIVEADDRUSE, on Linux with SO_REUSEADDR, which there only
 * ignores connections in TIME_WAIT (socket(7)).
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_ADDRESS (also of a network in a list, or one
 * with bits set behind its prefix), TOO_LARGE (a list), ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, ACCESS_DENIED,
 * NOT_SUPPORTED (no IPv6, or an option that this system does not have), NO_MEMORY, NO_DESCRIPTORS, LIMIT_REACHED, CLOSED
 * (stopping), SYSTEM. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_listener_open(iocpnet_service service, const char *address,
                                                       const iocpnet_listener_options *options,
                                                       iocpnet_listener *listener);

/*
 * Closes a listener. Its sessions live on. The handle ends with this call; the address is free again when the dispatcher
 * has let go of it: a moment later, or, while the service is not started, when it is started or destroyed. Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_listener_close(iocpnet_listener listener);

/*
 * Stores the address that the listener is bound to, in canonical textual form, "127.0.0.1:40123".
 * `text`, `capacity`: a buffer of the caller in bytes, with room for the final zero; 64 always suffice. `text` may be
 * NULL when `capacity` is 0.
 * Returns the length needed without the final zero; when it is not below `capacity` nothing was stored.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_listener_address(iocpnet_listener listener, char *text, uint32_t capacity);

/* ------------------------------------------------------------------------------------------------ session */

enum {
    IOCPNET_SESSION_CONNECTING = 1,
    IOCPNET_SESSION_OPEN = 2,
    IOCPNET_SESSION_CLOSING = 3,
    IOCPNET_SESSION_CLOSED = 4
};

enum {
    IOCPNET_DISCONNECT_GRACEFUL = 0, /* flush what is queued, end the stream (FIN), wait for the peer's end */
    IOCPNET_DISCONNECT_ABORT = 1     /* drop what is queued and reset the connection (RST) */
};

/* The close text is cut after this many bytes. */
#define IOCPNET_CLOSE_TEXT_MAX 255

/* A piece of memory to gather from. */
typedef struct iocpnet_iovec {
    uint64_t size; /* bytes; 0 is skipped */
    const void *data;
#if UINTPTR_MAX == 0xFFFFFFFFu
    uint32_t padding; /* keeps arrays of it alike on every 32-bit system */
#endif
} iocpnet_iovec;

/* At most this many pieces in one iocpnet_session_sendv. */
#define IOCPNET_IOVEC_MAX 1024

/*
 * What follows when a session that connected out, or tried to, has ended by anything but iocpnet_session_disconnect and the
 * end of the service: another one with the same address and options, on the same dispatcher, with the user value that the
 * ended one had. Its handle is next_session of the last event; when it is 0 there was no memory for one, or attempts_max is
 * reached. It begins after a delay, in the state CONNECTING; iocpnet_session_disconnect of it ends the row.
 * The delay is initial_delay_ms for the first attempt of a row, for each further one factor_percent of that before, up to
 * delay_max_ms; of that the jitter takes off an even share, so that clients of one server do not come all at once.
 * In iocpnet_connect_options. Frozen size.
 */
typedef struct iocpnet_reconnect {
    uint32_t initial_delay_ms; /* 0, the default: no other session follows */
    uint32_t delay_max_ms;     /* at least initial_delay_ms; default 30,000 */
    uint32_t factor_percent;   /* 100 to 10,000; default 200: each delay is twice that before */
    uint32_t jitter_percent;   /* 0 to 100: the largest share of the delay that is left out; default 50 */
    uint32_t attempts_max;     /* in a row; default 0: no limit */
    uint32_t lasted_ms;        /* a connection that was open so long ends the row; default 10,000 */
    uint64_t reserved;         /* 0 */
} iocpnet_reconnect;

typedef struct iocpnet_connect_options {
    uint32_t struct_size;           /* bytes, set by the init function */
    uint32_t timeout_ms;            /* to find the name and connect; 0: as long as the system tries; default 10,000 */
    uint32_t dispatcher;            /* that will serve the session; default IOCPNET_DISPATCHER_ANY */
    uint32_t no_delay;              /* 1, the default: TCP_NODELAY */
    uint64_t reserved[2];           /* 0 */
    void *user;                     /* the session's user value from the start; default NULL */
    const iocpnet_framing *framing; /* copied; default NULL: none */
    const char *local_address;      /* to connect from, "192.0.2.1:0", port 0 takes any; default NULL: any address */
    void *reserved_pointer;         /* NULL */
    iocpnet_socket_options socket;
    iocpnet_session_limits limits;
    uint32_t attempt_delay_ms; /* of a name: until its next address is tried, too; default 250 */
    uint32_t reserved_number;  /* 0 */
    iocpnet_reconnect reconnect;
} iocpnet_connect_options;

typedef struct iocpnet_disconnect_options {
    uint32_t struct_size;   /* bytes, set by the init function */
    uint32_t mode;          /* IOCPNET_DISCONNECT_*; default GRACEFUL */
    uint32_t timeout_ms;    /* graceful: until it is aborted; default 0, the service's close_timeout_ms */
    uint32_t reserved;      /* 0 */
    int64_t code;           /* the host's own, given back as event->close_code; default 0 */
    const char *text;       /* the host's own, copied, up to IOCPNET_CLOSE_TEXT_MAX bytes; default NULL */
    void *reserved_pointer; /* NULL */
} iocpnet_disconnect_options;

typedef struct iocpnet_session_details {
    uint32_t state;      /* IOCPNET_SESSION_* */
    uint32_t dispatcher; /* index */
    iocpnet_service service;
    iocpnet_listener listener; /* 0 for a session that connected out */
    uint64_t bytes_received;
    uint64_t bytes_sent;       /* given to the system */
    uint64_t send_queue_bytes; /* accepted by send and not yet given to the system */
    uint32_t receive_paused;   /* 1: iocpnet_session_pause_receive is in force */
    uint32_t reserved;         /* 0 */
    uint64_t age_ms;           /* since it was connected, give or take 16 ms; 0 when it never was */
    uint32_t group_count;      /* groups that it is in */
    uint32_t writable_owed;    /* 1: a send was refused, and WRITABLE follows */
} iocpnet_session_details;

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_connect_options) of the caller.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_connect_options_init(iocpnet_connect_options *options, uint32_t size);

/*
 * Connects out. The service must be started. Returns at once; one event follows: CONNECTED, or CONNECT_FAILED with the
 * status, after which the handle is stale. iocpnet_session_disconnect gives an attempt up, and so does the timeout,
 * whatever the system is busy with.
 * `address`: as for iocpnet_listener_open, the port not 0; or "name:port", a host's name in UTF-8, of at most 253 bytes. A
 * name is looked up by the system on a thread of the service, made for the first one. The addresses that it has are tried
 * in the system's order, IPv6 and IPv4 by turns, each attempt_delay_ms after the one before or at once when that failed
 * (RFC 8305); the first that is connected is the session's. iocpnet_service_destroy waits for lookups that the system has
 * begun, which nothing can cut short.
 * `options`: NULL for the defaults. `session`: receives the handle, before any event of the session can be seen.
 * CONNECT_FAILED, besides the errors of connecting: NAME_NOT_FOUND, NAME_NOT_RESOLVED; with a name or `reconnect` also the
 * errors of making the socket.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_ADDRESS, INVALID_STATE (not started), CLOSED
 * (stopping), ACCESS_DENIED, NOT_SUPPORTED (no IPv6, or an option that this system does not have), ADDRESS_IN_USE and
 * ADDRESS_NOT_AVAILABLE (local_address), NO_MEMORY, NO_DESCRIPTORS, LIMIT_REACHED (too many lookups wait, too), SYSTEM.
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_connect(iocpnet_service service, const char *address,
                                                         const iocpnet_connect_options *options,
                                                         iocpnet_session *session);

/*
 * Queues `size` bytes at `data`, which need not outlive the call: a copy of them, or, while they are lent anyway, the
 * bytes of an event themselves. So event->data, which is const, must not be written to after it was sent on. All or
 * nothing. Sends of one thread keep their order; sends that happen after another (in the sense of the C memory model)
 * leave after it. What one batch of events queues leaves in one gathered send.
 * Size 0 queues nothing; the result tells whether the session can send.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), WOULD_BLOCK (the queue would exceed its limit; WRITABLE follows, or
 * with IOCPNET_SEND_DISCONNECT the end), TOO_LARGE (more than the limit), CLOSED, INVALID_STATE (still connecting), NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_send(iocpnet_session session, const void *data, uint64_t size);

/*
 * As iocpnet_session_send for `count` pieces, 0 to IOCPNET_IOVEC_MAX, one after another: all of them or none.
 * Errors: as iocpnet_session_send. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_sendv(iocpnet_session session, const iocpnet_iovec *pieces,
                                                       uint32_t count);

/*
 * Sets how the session's stream is cut into messages, for those that it sends too. `framing`: copied; NULL: no longer.
 * Inside a RECEIVED callback of the session it applies to what comes behind the bytes of that event; called elsewhere, to
 * what no event was made of when the dispatcher learns of it, the beginning of a message that is not whole included.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, CLOSED, NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_set_framing(iocpnet_session session, const iocpnet_framing *framing);

/*
 * Says how many bytes, from the front, the host took of the last RECEIVED of a session with IOCPNET_FRAMING_STREAM. The
 * others are kept and offered again, in front of what follows, once more has come. More than message_bytes_max bytes that
 * are not consumed close the session with IOCPNET_CLOSE_RECEIVE_OVERFLOW.
 * Callbacks: inside that of the event, any number of times; without a call nothing is consumed.
 * Batches: once for each event, perhaps with 0, at any time: the session receives nothing more until then.
 * Errors: INVALID_HANDLE, INVALID_STATE (no such event), INVALID_ARGUMENT (more than is left of the event). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_consume(iocpnet_session session, uint64_t bytes);

/*
 * Sends one message by the framing that was set last: as iocpnet_session_send, with header or delimiter. All or nothing.
 * LENGTH: puts a header in front, in which all but the length field is 0. With IOCPNET_FRAMING_KEEP `data` begins with
 * the header, and what is sent is a copy of it with the length field filled in.
 * DELIMITER: puts the delimiter behind. With IOCPNET_FRAMING_KEEP `data` ends with it.
 * Errors: as iocpnet_session_send; INVALID_STATE (no framing, too), INVALID_ARGUMENT (it would not be one message: shorter
 * than its header or the adjustment, or a delimiter before its end), TOO_LARGE (for the framing or the field, too).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_send_message(iocpnet_session session, const void *data, uint64_t size);

/* Flags of iocpnet_session_send_latest. */
enum {
    IOCPNET_LATEST_MESSAGE = 1 /* with the header or delimiter of the session's framing */
};

/*
 * Sends state, of which only the newest is of use: as iocpnet_session_send, but what was sent before with the same `key`,
 * and has not left yet, is replaced, in its place. So a peer that reads slowly gets fewer messages, not older ones.
 * It leaves behind what was sent before the first of those that it replaces, and may leave before what was sent between that
 * one and itself. It can be replaced until the send that it is part of begins, of which each takes some 16 KiB from the front
 * of the queue.
 * `key`: the host's own, of this session: what the message is about. `data`: copied.
 * `flags`: 0, or IOCPNET_LATEST_MESSAGE: framed as by iocpnet_session_send_message.
 * While it can be replaced a message counts as 256 bytes more than it has for the limit of the queue and the budget. One that
 * is as long as the one that it replaces always has room; one without room is refused, and the older one stays.
 * Errors: as iocpnet_session_send; with the flag also as iocpnet_session_send_message; INVALID_ARGUMENT (flags).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_send_latest(iocpnet_session session, uint64_t key, const void *data,
                                                             uint64_t size, uint32_t flags);

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_disconnect_options) of the caller.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_disconnect_options_init(iocpnet_disconnect_options *options, uint32_t size);

/*
 * Ends a session. The first call, or the first end by peer or library, decides the reason; further calls are IOCPNET_OK
 * and change nothing, but an abort cuts a graceful close short. No RECEIVED follows but one that runs or is fetched
 * already; DISCONNECTED follows, once (CONNECT_FAILED when it was still connecting).
 * `options`: NULL for a graceful close.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE. When there is no memory for the text it is left out.
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_disconnect(iocpnet_session session,
                                                            const iocpnet_disconnect_options *options);

/*
 * Stops receiving, so that the peer is held back by TCP's own window; what had been received already may still come.
 * The end of the stream and errors are then seen when receiving resumes or a send fails. Idempotent.
 * Errors: INVALID_HANDLE, CLOSED. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_pause_receive(iocpnet_session session);

/*
 * Receives again. Idempotent. Errors: INVALID_HANDLE, CLOSED. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_resume_receive(iocpnet_session session);

/*
 * Sets the value that events of the session carry in event->user. The library never touches what it points to.
 * Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_set_user(iocpnet_session session, void *user);

/*
 * Stores the session's user value. Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_get_user(iocpnet_session session, void **user);

/*
 * Stores the address of this end, in canonical textual form. `text`, `capacity` and result: as iocpnet_listener_address.
 * An IPv4 peer of a dual-stack listener is printed as IPv4.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), INVALID_STATE (still connecting), CLOSED (the socket is gone).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_local_address(iocpnet_session session, char *text, uint32_t capacity);

/*
 * Stores the address of the other end, behind a proxy that of the client. As iocpnet_session_local_address, but known as
 * long as the handle is valid.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), INVALID_STATE (its proxy has not told it: before CONNECTED). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_remote_address(iocpnet_session session, char *text, uint32_t capacity);

/*
 * Stores the state and the counters of a session. `size`: as for iocpnet_service_stats.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_info(iocpnet_session session, iocpnet_session_details *details,
                                                      uint32_t size);

/* ---------------------------------------------------------------------------------------- shared buffers */

/* Most bytes of a shared buffer. */
#define IOCPNET_BUFFER_BYTES_MAX (UINT64_C(1) << 30)

/* Flags of iocpnet_service_broadcast. */
enum {
    IOCPNET_BROADCAST_EXCEPT = 1,         /* to all sessions of the service but those listed; else to those listed */
    IOCPNET_BROADCAST_DISCONNECT_FULL = 2 /* a session without room is disconnected; else it misses this one */
};

/* At most this many sessions are listed with IOCPNET_BROADCAST_EXCEPT. */
#define IOCPNET_BROADCAST_EXCEPT_MAX 1000

/* What became of a broadcast within the call. What pending dispatchers do is in the statistics of the service. */
typedef struct iocpnet_broadcast_result {
    uint64_t queued;       /* sessions whose send queue has it */
    uint64_t skipped;      /* sessions that miss it, for want of room or memory; after want of room WRITABLE follows */
    uint64_t disconnected; /* sessions without room, with IOCPNET_BROADCAST_DISCONNECT_FULL */
    uint64_t gone;         /* of those listed: stale, closing, still connecting, or of another service */
    uint64_t pending;      /* dispatchers that queue it at their sessions when they look next */
} iocpnet_broadcast_result;

/*
 * Makes a shared buffer: a copy of `size` bytes at `data`, to be sent to any number of sessions of any service without
 * another copy for each. Its bytes never change. `buffer`: receives the handle. The caller owns it and ends it with
 * iocpnet_buffer_release; the library keeps the bytes until the last send queue has let them go.
 * Size 0 is allowed: sending it queues nothing.
 * Errors: INVALID_ARGUMENT (NULL), TOO_LARGE (above IOCPNET_BUFFER_BYTES_MAX), NO_MEMORY, LIMIT_REACHED (handles).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_buffer_create(const void *data, uint64_t size, iocpnet_buffer *buffer);

/*
 * One more owner: the handle ends when iocpnet_buffer_release was called once more than this.
 * Errors: INVALID_HANDLE, LIMIT_REACHED (2^32 - 1 owners). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_buffer_retain(iocpnet_buffer buffer);

/*
 * One owner less. With the last one the handle ends; what was queued before is still sent.
 * Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_buffer_release(iocpnet_buffer buffer);

/*
 * As iocpnet_session_send for all bytes of a shared buffer: in the same order with other sends, all or nothing, counted
 * with all bytes in the limit of the send queue. Small ones are copied, for that costs less.
 * Errors: INVALID_HANDLE (of either), and as iocpnet_session_send. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_send_buffer(iocpnet_session session, iocpnet_buffer buffer);

/*
 * Sends a shared buffer to many sessions of a service: never waits, whoever of them is slow.
 * `sessions`, `count`: the handles of those that get it (one that is listed twice gets it twice); with
 * IOCPNET_BROADCAST_EXCEPT of those that do not, at most IOCPNET_BROADCAST_EXCEPT_MAX. NULL when `count` is 0.
 * `flags`: 0 or IOCPNET_BROADCAST_*. `result`: NULL, or receives what is known now, unless an error is returned.
 * With IOCPNET_BROADCAST_EXCEPT every session gets it whose CONNECTED the host had seen before the call and that is not
 * closing; one that connects meanwhile may. For each session it is in order with the calling thread's other sends.
 * A session without room in its send queue misses it, and gets WRITABLE as after IOCPNET_E_WOULD_BLOCK; or, with
 * IOCPNET_BROADCAST_DISCONNECT_FULL, it is aborted with IOCPNET_CLOSE_SEND_LIMIT.
 * Returns IOCPNET_OK, or IOCPNET_PENDING when other dispatchers have still to look (result->pending).
 * Errors, after which no session gets it: INVALID_HANDLE (of the service or the buffer), INVALID_ARGUMENT, TOO_LARGE (more
 * than a send queue may hold), INVALID_STATE (not started), CLOSED (stopping), NO_MEMORY, WOULD_BLOCK (EXCEPT only: a
 * dispatcher has not looked for so long that earlier broadcasts fill a send queue; no event follows). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_broadcast(iocpnet_service service, iocpnet_buffer buffer,
                                                           const iocpnet_session *sessions, uint32_t count,
                                                           uint32_t flags, iocpnet_broadcast_result *result);

/* --------------------------------------------------------------------------------------- timers and jobs */

/* At most this many timers are set on one session, and on one dispatcher for its service. */
#define IOCPNET_TIMERS_MAX 1024

/* At most this many jobs wait on one dispatcher. */
#define IOCPNET_JOBS_MAX 65536

/*
 * Sets a timer on a session: TIMER comes in the session's order, `delay_ms` milliseconds from now, never earlier and as a
 * rule less than 10 ms later; then every `period_ms` milliseconds, counted from when it was due, or never again (0). A
 * session that was late, or stopped by the system, gets one event for all that was missed, which timer_count tells.
 * `timer_id`: the host's own, any number; a timer of this session that has it already is set anew.
 * The clock is one that never jumps. Timers end when the session begins to close: no TIMER comes after that.
 * Errors: INVALID_HANDLE, INVALID_STATE (still connecting), CLOSED, LIMIT_REACHED (IOCPNET_TIMERS_MAX), NO_MEMORY. With
 * batches, a session whose event finds no memory is closed with IOCPNET_CLOSE_NO_RESOURCES. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_set_timer(iocpnet_session session, uint64_t timer_id,
                                                           uint32_t delay_ms, uint32_t period_ms);

/*
 * Ends a timer. IOCPNET_OK also when there is none. Called in an event of the session: no TIMER of it comes any more, but
 * one that is in a batch already, or queued for one. Called elsewhere: one may be on its way.
 * Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_cancel_timer(iocpnet_session session, uint64_t timer_id);

/*
 * Sets a timer on a dispatcher, as iocpnet_session_set_timer does on a session: TIMER comes there, its session is 0. It
 * ends when the service stops. With batches, one event that finds no memory is left out.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher), INVALID_STATE (not started), CLOSED (stopping), LIMIT_REACHED,
 * NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_set_timer(iocpnet_service service, uint32_t dispatcher,
                                                           uint64_t timer_id, uint32_t delay_ms, uint32_t period_ms);

/*
 * Ends a timer of a dispatcher, as iocpnet_session_cancel_timer. Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_cancel_timer(iocpnet_service service, uint32_t dispatcher,
                                                              uint64_t timer_id);

/*
 * Posts a job to a session, from any thread: with callbacks `function` runs in the session's order, on the thread that
 * drives its dispatcher, with an event POSTED and with `argument`; with batches `function` is NULL, and the event POSTED
 * carries the argument in `data`. Never inside this call. Jobs of one thread keep their order.
 * A job that was accepted runs exactly once, before DISCONNECTED. The library never touches what `argument` points to.
 * With batches two things may lose it: the service is destroyed before the event is fetched, or there is no memory for the
 * event, or for CONNECTED before it, and then the session is closed with IOCPNET_CLOSE_NO_RESOURCES.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (a function with batches, NULL with callbacks), INVALID_STATE (still
 * connecting, or batch_events without POSTED), CLOSED, WOULD_BLOCK (IOCPNET_JOBS_MAX wait; no event follows), NO_MEMORY.
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_post(iocpnet_session session, iocpnet_callback function,
                                                      void *argument);

/*
 * Posts a job to a dispatcher, as iocpnet_session_post does to a session; the session of its event is 0. A job that was
 * accepted runs before SERVICE_STOPPED; with batches it is lost when there is no memory for its event.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (dispatcher; as iocpnet_session_post), INVALID_STATE (not started, or
 * batch_events without POSTED), CLOSED (stopping), WOULD_BLOCK, NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_dispatcher_post(iocpnet_service service, uint32_t dispatcher,
                                                         iocpnet_callback function, void *argument);

/* ------------------------------------------------------------------------------------------- conditioner */

#define IOCPNET_CONDITION_US_MAX 60000000 /* most that each of the times of a conditioner can be */

/* Directions that a conditioner acts on. */
enum {
    IOCPNET_CONDITION_RECEIVE = 1,
    IOCPNET_CONDITION_SEND = 2
};

/*
 * A bad network, for tests: how the bytes of a session are held back between the host and the system, in each of its
 * directions. All bytes still come, once and in order, however they are cut; only a reset loses any.
 * A piece is what was received, or queued to be sent, at one time. Chances are drawn for each piece, from a generator that
 * the seed sets off: the same seed and the same pieces give the same decisions.
 * Times are never shorter than asked for. They are longer by up to 8 ms, the ticks of a dispatcher's timers, and by up to a
 * forty-eighth of the sum of all delays, so that a conditioner needs little memory however much it delays.
 */
typedef struct iocpnet_conditioner {
    uint32_t struct_size;      /* bytes, set by iocpnet_conditioner_init */
    uint32_t directions;       /* IOCPNET_CONDITION_*; default both */
    uint64_t seed;             /* 0, the default: one is made up, and logged (IOCPNET_LOG_NOTICE) */
    uint64_t bytes_per_second; /* of each direction, up to 2^40, a cap; default 0: none */
    uint32_t delay_us;         /* of every byte; default 0, as all that follow */
    uint32_t jitter_us;        /* added to the delay of a piece: 0 to so much, evenly */
    uint32_t stall_ppm;        /* chance of a piece, per million, to wait for stall_us longer, and all behind it */
    uint32_t stall_us;
    uint32_t coalesce_us;    /* what comes within this time of a first piece goes on together with it */
    uint32_t fragment_bytes; /* most that go on at once: 1 makes RECEIVED, and sends to the system, of one byte */
    uint32_t reset_ppm;      /* chance of a piece, per million, to reset the connection: to both ends as if the network
                                did, but that close_origin is IOCPNET_ORIGIN_LIBRARY here */
    uint32_t
        held_bytes_max; /* received bytes that are held before the session stops reading, up to 2^30; default 1 MiB */
} iocpnet_conditioner;

/*
 * Gives every field its default and sets struct_size. `size`: sizeof(iocpnet_conditioner) of the caller. Errors:
 * INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_conditioner_init(iocpnet_conditioner *conditioner, uint32_t size);

/*
 * Gives all sessions that open from now on, accepted or connected, a conditioner, each with a seed that is drawn from this
 * one's; NULL: none any more. Sessions that are open keep what they have. Copied; in every state of the service.
 * Sessions that find no memory for theirs end with IOCPNET_CLOSE_NO_RESOURCES.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_service_set_conditioner(iocpnet_service service,
                                                                 const iocpnet_conditioner *conditioner);

/*
 * Gives a session a conditioner, in place of the one that it has; NULL: none any more, and what is held goes on at once.
 * Inside a callback of its dispatcher it acts on what is sent and comes from then on; elsewhere as soon as the dispatcher
 * learns of it. What is held stays due as it was. About 4 KiB of memory, and what is held.
 * Accepted bytes that wait count as queued: WOULD_BLOCK, WRITABLE, SENT and a graceful close, with its deadline, are as
 * ever. A received byte counts as such when it comes from the system; those that are held are dropped when the session
 * closes, but for the peer's end of the stream, which comes behind all of them.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT, INVALID_STRUCT_SIZE, INVALID_STATE (still connecting), CLOSED, NO_MEMORY.
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_session_set_conditioner(iocpnet_session session,
                                                                 const iocpnet_conditioner *conditioner);

/* ------------------------------------------------------------------------------------------------ groups */

/*
 * Makes a group of sessions, empty: a chat room, a map, a team. It has members on all dispatchers of the service, and a
 * session may be in many groups. `group`: receives the handle. The caller owns it and ends it with iocpnet_group_destroy,
 * or with the service. In every state of the service.
 * Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL), CLOSED (being destroyed), NO_MEMORY, LIMIT_REACHED (handles). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_create(iocpnet_service service, iocpnet_group *group);

/*
 * Ends a group and its handle. Its sessions live on; what was broadcast before is still sent.
 * Errors: INVALID_HANDLE. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_destroy(iocpnet_group group);

/*
 * Makes a session a member; one that is a member already stays so. Membership ends by itself before the host sees
 * DISCONNECTED. About 24 bytes of memory each.
 * Errors: INVALID_HANDLE (of either), INVALID_ARGUMENT (the session is of another service), INVALID_STATE (still
 * connecting), CLOSED (the session is closing), NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_add(iocpnet_group group, iocpnet_session session);

/*
 * Ends a membership. IOCPNET_OK also when there was none. A broadcast that runs meanwhile may still reach the session.
 * Errors: INVALID_HANDLE (of either). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_remove(iocpnet_group group, iocpnet_session session);

/*
 * Stores the number of members. Errors: INVALID_HANDLE, INVALID_ARGUMENT (NULL). Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_count(iocpnet_group group, uint64_t *count);

/*
 * Sends a shared buffer to all members of a group, as iocpnet_service_broadcast does to those that are listed. Who is
 * added or removed while it runs may get it or not; all others get it once, or are counted.
 * `flags`: 0 or IOCPNET_BROADCAST_DISCONNECT_FULL. `result`: NULL, or receives the counts, unless an error is returned;
 * `gone` counts members that are closing, `pending` is 0.
 * Errors, after which no session gets it: INVALID_HANDLE (of either), INVALID_ARGUMENT (flags), TOO_LARGE, INVALID_STATE
 * (not started), CLOSED (stopping), NO_MEMORY. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_broadcast(iocpnet_group group, iocpnet_buffer buffer, uint32_t flags,
                                                         iocpnet_broadcast_result *result);

/*
 * The same, to all members but those of `count` sessions, at most IOCPNET_BROADCAST_EXCEPT_MAX; those that are no members
 * or stale mean nothing. `sessions` may be NULL when `count` is 0.
 * Errors: as iocpnet_group_broadcast. Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_group_broadcast_except(iocpnet_group group, iocpnet_buffer buffer,
                                                                const iocpnet_session *sessions, uint32_t count,
                                                                uint32_t flags, iocpnet_broadcast_result *result);

/* ------------------------------------------------------------------------------------- loading by hand */

/* Every function above, for hosts that load the library with dlopen or LoadLibrary. New ones are appended. */
typedef struct iocpnet_api {
    uint32_t struct_size; /* bytes that the library filled */
    uint32_t version;     /* of the library, as iocpnet_version */
    uint32_t(IOCPNET_CALL *version_number)(void);
    const char *(IOCPNET_CALL *status_name)(int32_t status);
    const char *(IOCPNET_CALL *status_text)(int32_t status);
    const char *(IOCPNET_CALL *close_reason_name)(uint32_t reason);
    int32_t(IOCPNET_CALL *last_os_error)(void);
    int32_t(IOCPNET_CALL *allocator_init)(iocpnet_allocator *allocator, uint32_t size);
    int32_t(IOCPNET_CALL *set_allocator)(const iocpnet_allocator *allocator);
    int32_t(IOCPNET_CALL *set_log_callback)(iocpnet_log_callback callback, int32_t level, void *user);
    int32_t(IOCPNET_CALL *count_live_objects)(iocpnet_live_objects *counts, uint32_t size);
    int32_t(IOCPNET_CALL *layout)(const char *name, uint32_t *offset, uint32_t *size);
    int32_t(IOCPNET_CALL *service_options_init)(iocpnet_service_options *options, uint32_t size);
    int32_t(IOCPNET_CALL *service_create)(const iocpnet_service_options *options, iocpnet_service *service);
    int32_t(IOCPNET_CALL *service_set_callback)(iocpnet_service service, uint32_t kind, iocpnet_callback callback,
                                                void *user);
    int32_t(IOCPNET_CALL *service_start)(iocpnet_service service);
    int32_t(IOCPNET_CALL *service_dispatch)(iocpnet_service service, uint32_t dispatcher, uint32_t timeout_ms);
    int32_t(IOCPNET_CALL *service_poll)(iocpnet_service service, uint32_t dispatcher, iocpnet_event *events,
                                        uint32_t capacity, uint32_t timeout_ms);
    int32_t(IOCPNET_CALL *service_wake)(iocpnet_service service, uint32_t dispatcher);
    int32_t(IOCPNET_CALL *service_stop)(iocpnet_service service, uint32_t drain_ms, iocpnet_stop_result *result);
    int32_t(IOCPNET_CALL *service_destroy)(iocpnet_service service);
    int32_t(IOCPNET_CALL *service_stats)(iocpnet_service service, iocpnet_service_statistics *statistics,
                                         uint32_t size);
    int32_t(IOCPNET_CALL *service_info)(iocpnet_service service, iocpnet_service_details *details, uint32_t size);
    int32_t(IOCPNET_CALL *listener_options_init)(iocpnet_listener_options *options, uint32_t size);
    int32_t(IOCPNET_CALL *listener_open)(iocpnet_service service, const char *address,
                                         const iocpnet_listener_options *options, iocpnet_listener *listener);
    int32_t(IOCPNET_CALL *listener_close)(iocpnet_listener listener);
    int32_t(IOCPNET_CALL *listener_address)(iocpnet_listener listener, char *text, uint32_t capacity);
    int32_t(IOCPNET_CALL *connect_options_init)(iocpnet_connect_options *options, uint32_t size);
    int32_t(IOCPNET_CALL *session_connect)(iocpnet_service service, const char *address,
                                           const iocpnet_connect_options *options, iocpnet_session *session);
    int32_t(IOCPNET_CALL *session_send)(iocpnet_session session, const void *data, uint64_t size);
    int32_t(IOCPNET_CALL *session_sendv)(iocpnet_session session, const iocpnet_iovec *pieces, uint32_t count);
    int32_t(IOCPNET_CALL *disconnect_options_init)(iocpnet_disconnect_options *options, uint32_t size);
    int32_t(IOCPNET_CALL *session_disconnect)(iocpnet_session session, const iocpnet_disconnect_options *options);
    int32_t(IOCPNET_CALL *session_pause_receive)(iocpnet_session session);
    int32_t(IOCPNET_CALL *session_resume_receive)(iocpnet_session session);
    int32_t(IOCPNET_CALL *session_set_user)(iocpnet_session session, void *user);
    int32_t(IOCPNET_CALL *session_get_user)(iocpnet_session session, void **user);
    int32_t(IOCPNET_CALL *session_local_address)(iocpnet_session session, char *text, uint32_t capacity);
    int32_t(IOCPNET_CALL *session_remote_address)(iocpnet_session session, char *text, uint32_t capacity);
    int32_t(IOCPNET_CALL *session_info)(iocpnet_session session, iocpnet_session_details *details, uint32_t size);
    int32_t(IOCPNET_CALL *buffer_create)(const void *data, uint64_t size, iocpnet_buffer *buffer);
    int32_t(IOCPNET_CALL *buffer_retain)(iocpnet_buffer buffer);
    int32_t(IOCPNET_CALL *buffer_release)(iocpnet_buffer buffer);
    int32_t(IOCPNET_CALL *session_send_buffer)(iocpnet_session session, iocpnet_buffer buffer);
    int32_t(IOCPNET_CALL *service_broadcast)(iocpnet_service service, iocpnet_buffer buffer,
                                             const iocpnet_session *sessions, uint32_t count, uint32_t flags,
                                             iocpnet_broadcast_result *result);
    int32_t(IOCPNET_CALL *service_metrics)(iocpnet_service service, const char *name, char *text, uint32_t capacity);
    int32_t(IOCPNET_CALL *service_trace)(iocpnet_service service, uint32_t dispatcher, iocpnet_trace_record *records,
                                         uint32_t capacity);
    int32_t(IOCPNET_CALL *group_create)(iocpnet_service service, iocpnet_group *group);
    int32_t(IOCPNET_CALL *group_destroy)(iocpnet_group group);
    int32_t(IOCPNET_CALL *group_add)(iocpnet_group group, iocpnet_session session);
    int32_t(IOCPNET_CALL *group_remove)(iocpnet_group group, iocpnet_session session);
    int32_t(IOCPNET_CALL *group_count)(iocpnet_group group, uint64_t *count);
    int32_t(IOCPNET_CALL *group_broadcast)(iocpnet_group group, iocpnet_buffer buffer, uint32_t flags,
                                           iocpnet_broadcast_result *result);
    int32_t(IOCPNET_CALL *group_broadcast_except)(iocpnet_group group, iocpnet_buffer buffer,
                                                  const iocpnet_session *sessions, uint32_t count, uint32_t flags,
                                                  iocpnet_broadcast_result *result);
    int32_t(IOCPNET_CALL *framing_init)(iocpnet_framing *framing, uint32_t size, uint32_t kind);
    int32_t(IOCPNET_CALL *session_set_framing)(iocpnet_session session, const iocpnet_framing *framing);
    int32_t(IOCPNET_CALL *session_send_message)(iocpnet_session session, const void *data, uint64_t size);
    int32_t(IOCPNET_CALL *session_set_timer)(iocpnet_session session, uint64_t timer_id, uint32_t delay_ms,
                                             uint32_t period_ms);
    int32_t(IOCPNET_CALL *session_cancel_timer)(iocpnet_session session, uint64_t timer_id);
    int32_t(IOCPNET_CALL *service_set_timer)(iocpnet_service service, uint32_t dispatcher, uint64_t timer_id,
                                             uint32_t delay_ms, uint32_t period_ms);
    int32_t(IOCPNET_CALL *service_cancel_timer)(iocpnet_service service, uint32_t dispatcher, uint64_t timer_id);
    int32_t(IOCPNET_CALL *session_post)(iocpnet_session session, iocpnet_callback function, void *argument);
    int32_t(IOCPNET_CALL *dispatcher_post)(iocpnet_service service, uint32_t dispatcher, iocpnet_callback function,
                                           void *argument);
    int32_t(IOCPNET_CALL *session_consume)(iocpnet_session session, uint64_t bytes);
    int32_t(IOCPNET_CALL *conditioner_init)(iocpnet_conditioner *conditioner, uint32_t size);
    int32_t(IOCPNET_CALL *service_set_conditioner)(iocpnet_service service, const iocpnet_conditioner *conditioner);
    int32_t(IOCPNET_CALL *session_set_conditioner)(iocpnet_session session, const iocpnet_conditioner *conditioner);
    int32_t(IOCPNET_CALL *session_send_latest)(iocpnet_session session, uint64_t key, const void *data, uint64_t size,
                                               uint32_t flags);
} iocpnet_api;

/*
 * Fills a table with the functions of the library. `version`: IOCPNET_VERSION of the caller; the major version must be
 * the library's. `size`: sizeof(iocpnet_api) of the caller; what the library does not know is filled with zeros.
 * Errors: INVALID_ARGUMENT (NULL), INVALID_STRUCT_SIZE, NOT_SUPPORTED (another major version, or a newer minor one).
 * Since 1.0.
 */
IOCPNET_API int32_t IOCPNET_CALL iocpnet_get_api(uint32_t version, uint32_t size, iocpnet_api *table);

#ifdef __cplusplus
}
#endif

#endif
