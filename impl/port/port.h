/*
 * The port: a completion port for one dispatcher. One contract; behind it IOCP, io_uring and epoll.
 *
 * Threads: one thread at a time drives a port (its owner), not always the same one; the owner alone may call any function
 * here, with two exceptions: wake, and close, which runs when no thread can call anything any more.
 *
 * Operations: an endpoint has one for reading and one for writing. From the call that starts one until its last completion
 * the operation belongs to the port.
 * Each operation that was started gets one last completion, with more == false: success, error or cancel. Completions
 * are delivered by icn_port_run alone, never inside the call that started the operation: a start that fails at once
 * becomes a completion that is queued. In a completion the owner may start, cancel and attach, but not detach.
 *
 * Receive and accept go on until they are cancelled or fail: each completion with more == true hands over one piece.
 */
#ifndef ICN_PORT_PORT_H
#define ICN_PORT_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/list.h"
#include "base/result.h"
#include "os/socket.h"

typedef struct icn_port icn_port;
typedef struct icn_operation icn_operation;

typedef struct icn_completion {
    int32_t status;   /* IOCPNET_OK, IOCPNET_E_CANCELLED or another error */
    int32_t os_error; /* the system's own code for it */
    bool more;        /* the operation goes on; false: this was the last completion */
    uint32_t size;    /* receive: bytes at data, 0 with IOCPNET_OK and more == false: the peer ended its stream.
                               send: bytes that the system took, perhaps fewer than offered, even 0: send the rest again */
    const void *data; /* receive: borrowed until the function returns */
    const icn_address *remote; /* accept: where the connection comes from; NULL: the socket knows. Borrowed like data */
    icn_os_socket accepted;    /* accept: the new socket, the callee's from here on; else ICN_OS_SOCKET_NONE */
} icn_completion;

typedef enum icn_operation_state {
    ICN_OPERATION_IDLE = 0,
    ICN_OPERATION_IN_FLIGHT,
    ICN_OPERATION_CANCELLING, /* cancel was asked for; the last completion is still to come */
    ICN_OPERATION_COMPLETED   /* its last completion is queued in the port */
} icn_operation_state;

typedef enum icn_operation_kind {
    ICN_OPERATION_NONE = 0,
    ICN_OPERATION_ACCEPT,
    ICN_OPERATION_CONNECT,
    ICN_OPERATION_RECEIVE,
    ICN_OPERATION_SEND
} icn_operation_kind;

#define ICN_OPERATION_KINDS 5

/* The owner's, one for each kind of operation: runs with each of its completions. */
typedef void icn_operation_complete(icn_operation *operation, const icn_completion *completion);

/* Half of an endpoint, for one request after another. Zero is idle. */
struct icn_operation {
    icn_list_node
        node;      /* of the reader: the port's; of the writer: while it is idle, in a list of its owner's or in none */
    uint8_t state; /* icn_operation_state; set by the port */
    uint8_t kind;  /* icn_operation_kind; set by the port */
    uint8_t error; /* the port's: of a queued completion, minus its status */
    uint8_t flags; /* the port's */
    int32_t outcome; /* the port's: of a queued completion, the size, or with an error the system's code */
#if defined(_WIN32)
    uint64_t storage[10]; /* the port's: an OVERLAPPED and what goes with it */
#endif
};

/* A socket on a port. Owned by a session or listener. */
typedef struct icn_endpoint {
    icn_operation reader; /* the accept or receive */
    icn_operation writer; /* the connect or send */
    icn_os_socket socket;
    uint16_t ready; /* the port's: readiness seen */
    uint8_t family; /* icn_address_family, set by whoever made the socket (ConnectEx binds first) */
    uint8_t mark;   /* the owner's; no port looks at it */
#if defined(_WIN32)
    void *extra; /* the port's: an accept pool */
#endif
} icn_endpoint;

static inline void icn_endpoint_init(icn_endpoint *endpoint, icn_os_socket socket, uint8_t family)
{
    icn_list_init(&endpoint->reader.node);
    icn_list_init(&endpoint->writer.node);
    endpoint->reader.state = ICN_OPERATION_IDLE;
    endpoint->writer.state = ICN_OPERATION_IDLE;
    endpoint->socket = socket;
    endpoint->family = family;
}

typedef struct icn_port_options {
    uint32_t receive_buffer_bytes;           /* most bytes of one receive completion */
    bool one_thread;                         /* every run comes from the thread that runs first */
    icn_operation_complete *const *complete; /* by icn_operation_kind */
} icn_port_options;

typedef struct icn_port_functions {
    uint32_t kind;            /* IOCPNET_PORT_* */
    bool auto_for_one_thread; /* `auto` takes it for one thread only: others are faster when threads share it */
    icn_result (*open)(const icn_port_options *options, icn_port **port);
    void (*close)(icn_port *port);
    icn_result (*attach)(icn_port *port, icn_endpoint *endpoint);
    void (*detach)(icn_port *port, icn_endpoint *endpoint);
    void (*move)(icn_port *port, icn_endpoint *from, icn_endpoint *to); /* before the socket itself is handed on */
    void (*accept)(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, uint32_t count);
    void (*connect)(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const icn_address *address);
    void (*receive)(icn_port *port, icn_endpoint *endpoint, icn_operation *operation);
    void (*send)(icn_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                 uint32_t count);
    bool sends_now; /* a socket of this port may be sent to at once, by icn_port_send_now */
    void (*cancel)(icn_port *port, icn_operation *operation);
    icn_result (*run)(icn_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered);
    icn_result (*submit)(icn_port *port);
    void (*wake)(icn_port *port);
} icn_port_functions;

/* Every port's own struct begins with this. */
struct icn_port {
    const icn_port_functions *functions;
    /* By icn_operation_kind. Those of the options; the owner may change them before anything is started. */
    icn_operation_complete *complete[ICN_OPERATION_KINDS];
    bool running; /* inside icn_port_run; only checks read it */
    /*
     * Where the next receive goes: memory of receive_buffer_bytes, at first the port's own, `landing_own`. The owner may
     * change it, also inside a completion. NULL: this port has its own ways.
     */
    void *landing;
    void *landing_own;
};

/* The ports of this platform that can be tried, best first for `auto`; ends with NULL. */
extern const icn_port_functions *const icn_ports[];

#define ICN_PORT_PIECES_MAX ICN_OS_PIECES_MAX

/*
 * Opens a port of a kind (IOCPNET_PORT_*). AUTO takes the first one of icn_ports that suits and opens; `refused` then tells
 * why an earlier one did not, IOCPNET_OK when none was refused. Errors: NOT_SUPPORTED, NO_MEMORY, NO_DESCRIPTORS, SYSTEM.
 */
icn_result icn_port_open(uint32_t kind, const icn_port_options *options, icn_port **port, icn_result *refused);

/* Frees the port. No operation is in flight and no endpoint is attached. */
void icn_port_close(icn_port *port);

/* Ties a socket to the port, before anything is started on it. */
icn_result icn_port_attach(icn_port *port, icn_endpoint *endpoint);

/* Unties the socket and closes it. Nothing is in flight on it. Not inside a completion. */
void icn_port_detach(icn_port *port, icn_endpoint *endpoint);

/*
 * The socket of `from`, with its tie to the port, is that of `to` from here on, which has none. Nothing is in flight on
 * either, and nothing but a connect has been. Not inside a completion.
 */
void icn_port_move(icn_port *port, icn_endpoint *from, icn_endpoint *to);

/* Accepts until cancelled. `count`: accepts kept posted, where the system posts them one by one. An error completion with
 * more == false ends it (NO_DESCRIPTORS, NO_MEMORY, ...): the owner starts it again, at once or later. */
void icn_port_accept(icn_port *port, icn_endpoint *endpoint, uint32_t count);

void icn_port_connect(icn_port *port, icn_endpoint *endpoint, const icn_address *address);

/* Receives until cancelled, the end of the stream, or an error. */
void icn_port_receive(icn_port *port, icn_endpoint *endpoint);

/* Sends what it can of `count` pieces, 1 or more, taken in order. The array is read during the call only; what the pieces
 * point to belongs to the port until the completion. */
void icn_port_send(icn_port *port, icn_endpoint *endpoint, const iocpnet_iovec *pieces, uint32_t count);

/*
 * Sends at once what the system takes of `count` pieces, without an operation and its completion. Returns the bytes taken.
 * 0: the system takes none now, or refuses, or this port sends by operations only: start a send, which waits or tells.
 * No send is in flight on the endpoint.
 */
uint32_t icn_port_send_now(icn_port *port, const icn_endpoint *endpoint, const iocpnet_iovec *pieces, uint32_t count);

/* False: icn_port_send_now never takes anything. */
static inline bool icn_port_sends_now(const icn_port *port)
{
    return port->functions->sends_now;
}

/* A request only: the operation completes as cancelled, or as what happened before. Does nothing when it is idle or its
 * last completion is queued. What an accept had taken already is still handed over, with more == true. */
void icn_port_cancel(icn_port *port, icn_operation *operation);

/*
 * Hands what was started to the system, then delivers completions, at most `budget` of them, and returns as soon as one
 * was delivered, a wake came, or `timeout_ms` passed (0: does not wait; IOCPNET_INFINITE). What exceeds the budget comes
 * with the next call. May return early with none delivered. `delivered`: how many. Errors of the port itself only
 * (NO_MEMORY, SYSTEM); nothing is lost by one.
 */
icn_result icn_port_run(icn_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered);

/* Hands what was started to the system, without waiting or delivering: before the owner goes away for a while. Errors as
 * those of icn_port_run. */
icn_result icn_port_submit(icn_port *port);

/* Makes a run that waits return, or the next one return at once. Any thread; any number of wakes are one. */
void icn_port_wake(icn_port *port);

#endif
