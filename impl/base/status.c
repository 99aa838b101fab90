#include "base/status.h"

#include "iocpnet.h"

typedef struct status_words {
    const char *name;
    const char *text;
} status_words;

#define WORDS(code, text) [IOCPNET_PENDING - (code)] = {#code, text}

/* From IOCPNET_PENDING down to the last failure. */
static const status_words words[] = {
    WORDS(IOCPNET_PENDING, "Accepted; it finishes later, in the background."),
    WORDS(IOCPNET_OK, "Success."),
    WORDS(IOCPNET_E_INVALID_ARGUMENT, "An argument is NULL, out of its range, or has a bit set that is not defined."),
    WORDS(IOCPNET_E_INVALID_HANDLE, "The handle is not one of a live object of this kind."),
    WORDS(IOCPNET_E_INVALID_STRUCT_SIZE, "The size of a struct is too small, or its unknown tail is not zero."),
    WORDS(IOCPNET_E_INVALID_STATE, "This is not possible in the present state."),
    WORDS(IOCPNET_E_BUSY, "Another thread drives or polls this dispatcher."),
    WORDS(IOCPNET_E_WOULD_BLOCK, "The send queue is full."),
    WORDS(IOCPNET_E_CLOSED, "The session, listener or service is closing or closed."),
    WORDS(IOCPNET_E_TOO_LARGE, "This is larger than the limit and can never be accepted."),
    WORDS(IOCPNET_E_NO_MEMORY, "Out of memory, or of socket buffers."),
    WORDS(IOCPNET_E_NO_DESCRIPTORS, "Out of file descriptors or handles."),
    WORDS(IOCPNET_E_LIMIT_REACHED, "A limit of the options or of the library is reached."),
    WORDS(IOCPNET_E_NOT_SUPPORTED, "This is not available on this system."),
    WORDS(IOCPNET_E_INVALID_ADDRESS, "The text is not an address with a port."),
    WORDS(IOCPNET_E_ADDRESS_IN_USE, "The address is in use."),
    WORDS(IOCPNET_E_ADDRESS_NOT_AVAILABLE, "The address is not one of this machine, or no port is left."),
    WORDS(IOCPNET_E_ACCESS_DENIED, "The system forbids it."),
    WORDS(IOCPNET_E_CONNECTION_REFUSED, "The peer refused the connection."),
    WORDS(IOCPNET_E_CONNECTION_RESET, "The peer reset the connection."),
    WORDS(IOCPNET_E_CONNECTION_ABORTED, "The system gave the connection up."),
    WORDS(IOCPNET_E_NETWORK_UNREACHABLE, "The network can not be reached."),
    WORDS(IOCPNET_E_HOST_UNREACHABLE, "The host can not be reached."),
    WORDS(IOCPNET_E_TIMED_OUT, "It took too long."),
    WORDS(IOCPNET_E_CANCELLED, "It was cancelled."),
    WORDS(IOCPNET_E_BUFFER_TOO_SMALL, "The buffer is too small."),
    WORDS(IOCPNET_E_NAME_NOT_FOUND, "There is no host of this name, or it has no address."),
    WORDS(IOCPNET_E_NAME_NOT_RESOLVED, "No name server had an answer; it may have one later."),
    WORDS(IOCPNET_E_SYSTEM, "The system reported an error; its own code says which."),
};

static const char *const reasons[] = {
    [IOCPNET_CLOSE_NONE] = "none",
    [IOCPNET_CLOSE_REQUESTED] = "requested",
    [IOCPNET_CLOSE_PEER_CLOSED] = "peer closed",
    [IOCPNET_CLOSE_RESET] = "reset",
    [IOCPNET_CLOSE_ABORTED] = "aborted",
    [IOCPNET_CLOSE_IDLE] = "idle",
    [IOCPNET_CLOSE_HANDSHAKE_TIMEOUT] = "handshake timeout",
    [IOCPNET_CLOSE_FRAME_TOO_LONG] = "frame too long",
    [IOCPNET_CLOSE_MALFORMED] = "malformed",
    [IOCPNET_CLOSE_SEND_LIMIT] = "send limit",
    [IOCPNET_CLOSE_RECEIVE_OVERFLOW] = "receive overflow",
    [IOCPNET_CLOSE_NO_RESOURCES] = "no resources",
    [IOCPNET_CLOSE_SERVICE_STOPPED] = "service stopped",
    [IOCPNET_CLOSE_TOO_SLOW] = "too slow",
    [IOCPNET_CLOSE_ERROR] = "error",
};

static const char *const events[] = {
    [0] = "unknown",
    [IOCPNET_EVENT_CONNECTED] = "connected",
    [IOCPNET_EVENT_RECEIVED] = "received",
    [IOCPNET_EVENT_SENT] = "sent",
    [IOCPNET_EVENT_WRITABLE] = "writable",
    [IOCPNET_EVENT_DISCONNECTED] = "disconnected",
    [IOCPNET_EVENT_CONNECT_FAILED] = "connect failed",
    [IOCPNET_EVENT_SERVICE_STOPPED] = "service stopped",
    [IOCPNET_EVENT_SERVICE_DESTROYED] = "service destroyed",
    [IOCPNET_EVENT_TIMER] = "timer",
    [IOCPNET_EVENT_POSTED] = "posted",
};

_Static_assert(sizeof words / sizeof words[0] == IOCPNET_PENDING - IOCPNET_E_NAME_NOT_RESOLVED + 1,
               "every status has its words");
_Static_assert(sizeof reasons / sizeof reasons[0] == IOCPNET_CLOSE_REASON_COUNT, "every close reason has its name");
_Static_assert(sizeof events / sizeof events[0] == IOCPNET_EVENT_KIND_COUNT, "every kind of event has its name");

static const status_words *words_of(int32_t status)
{
    static const status_words unknown = {"unknown status", "This is not a status code of the library."};

    if (status > IOCPNET_PENDING || status < IOCPNET_E_NAME_NOT_RESOLVED) {
        return &unknown;
    }
    return &words[IOCPNET_PENDING - status];
}

const char *icn_status_name(int32_t status)
{
    return words_of(status)->name;
}

const char *icn_status_text(int32_t status)
{
    return words_of(status)->text;
}

const char *icn_close_reason_name(uint32_t reason)
{
    return reason < IOCPNET_CLOSE_REASON_COUNT ? reasons[reason] : "unknown";
}

const char *icn_event_name(uint32_t kind)
{
    return kind < IOCPNET_EVENT_KIND_COUNT ? events[kind] : "unknown";
}
