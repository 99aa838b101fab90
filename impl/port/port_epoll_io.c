#include "port/port_epoll_io.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "os/error.h"
#include "os/linux/sockaddr.h"
#include "port/operation.h"

enum {
    RECEIVES_MAX = 4, /* full buffers from one endpoint before others have their turn */
    ACCEPTS_MAX = 32  /* likewise, sockets from one listener */
};

static bool goes_on(const icn_operation *operation)
{
    return operation->state == ICN_OPERATION_IN_FLIGHT;
}

static void put_off(icn_epoll_port *port, icn_endpoint *endpoint)
{
    ICN_CHECK((endpoint->ready & ICN_EPOLL_READABLE) != 0);
    if (!icn_list_holds(&endpoint->node)) {
        icn_list_append(&port->readable, &endpoint->node);
    }
}

static void finish_reading(icn_epoll_port *port, icn_operation *operation, icn_result result)
{
    ICN_CHECK(port->budget > 0);
    --port->budget;
    icn_operation_finish_with(operation, result, 0);
}

static void give_data(icn_epoll_port *port, icn_operation *operation, uint32_t size)
{
    const icn_completion completion = {
        .more = true, .size = size, .data = port->buffer, .accepted = ICN_OS_SOCKET_NONE};
    --port->budget;
    icn_operation_give(operation, &completion);
}

/* The readiness stays: a receive that is started after the end finds the end again. */
static void end_stream(icn_epoll_port *port, icn_endpoint *endpoint)
{
    /* An error that was pending and is gone was taken by a send: this is no orderly end. */
    const bool was_reset = (endpoint->ready & ICN_EPOLL_ERROR) != 0;
    finish_reading(port, endpoint->reader, was_reset ? icn_os_result(ECONNRESET) : icn_ok());
}

static void receive_failed(icn_epoll_port *port, icn_endpoint *endpoint)
{
    if (errno == EAGAIN) {
        endpoint->ready = 0;
    } else {
        finish_reading(port, endpoint->reader, icn_os_last_result());
    }
}

static void receive(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = endpoint->reader;

    for (uint32_t i = 0; i < RECEIVES_MAX && port->budget > 0; ++i) {
        const ssize_t size = recv((int)endpoint->socket, port->buffer, port->buffer_size, MSG_DONTWAIT);
        if (size < 0) {
            receive_failed(port, endpoint);
            return;
        }
        if (size == 0) {
            end_stream(port, endpoint);
            return;
        }
        /* Nothing is left after a short read; what comes later raises a new edge. */
        if ((uint32_t)size < port->buffer_size && (endpoint->ready & ICN_EPOLL_EXHAUSTIVE) == 0) {
            endpoint->ready = 0;
            give_data(port, operation, (uint32_t)size);
            return;
        }
        give_data(port, operation, (uint32_t)size);
        if (!goes_on(operation)) {
            return;
        }
    }
    put_off(port, endpoint);
}

/* accept(2): errors that belong to the connection that was waiting, which is gone then. */
static bool is_of_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static void give_socket(icn_epoll_port *port, icn_operation *operation, int accepted)
{
    const icn_completion completion = {.more = true, .accepted = accepted};
    --port->budget;
    icn_operation_give(operation, &completion);
}

/* Without descriptors or memory the accept ends and the readiness stays: the owner chooses when to try again. */
static void accept_waiting(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = endpoint->reader;

    for (uint32_t i = 0; i < ACCEPTS_MAX && port->budget > 0; ++i) {
        const int accepted = accept4((int)endpoint->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            give_socket(port, operation, accepted);
            if (!goes_on(operation)) {
                return;
            }
        } else if (errno == EAGAIN) {
            endpoint->ready = 0;
            return;
        } else if (!is_of_one_connection(errno)) {
            finish_reading(port, operation, icn_os_last_result());
            return;
        }
    }
    put_off(port, endpoint);
}

void icn_epoll_read(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = endpoint->reader;

    if (operation == NULL || !goes_on(operation) || endpoint->ready == 0) {
        return;
    }
    if (operation->kind == ICN_OPERATION_RECEIVE) {
        receive(port, endpoint);
    } else {
        ICN_CHECK(operation->kind == ICN_OPERATION_ACCEPT);
        accept_waiting(port, endpoint);
    }
}

void icn_epoll_start_reading(icn_epoll_port *port, icn_endpoint *endpoint)
{
    /* Its edge has passed already: without this nothing would come. */
    if ((endpoint->ready & ICN_EPOLL_READABLE) != 0) {
        put_off(port, endpoint);
    }
}

static icn_result connect_result(icn_os_socket socket)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt((int)socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    return icn_os_result(error);
}

void icn_epoll_write(icn_epoll_port *port, icn_endpoint *endpoint)
{
    icn_operation *operation = endpoint->writer;
    icn_result result = icn_ok();

    ICN_CHECK(operation != NULL && goes_on(operation));
    if (operation->kind == ICN_OPERATION_CONNECT) {
        result = connect_result(endpoint->socket);
    }
    --port->budget;
    icn_operation_finish_with(operation, result, 0);
}

void icn_epoll_connect(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation,
                       const icn_address *address)
{
    struct sockaddr_storage storage;
    const socklen_t length = icn_os_sockaddr_write(address, &storage);

    endpoint->ready = 0; /* a socket that is not connected reads as hung up */
    if (connect((int)endpoint->socket, (const struct sockaddr *)&storage, length) == 0) {
        icn_operation_queue(&port->queue, operation, icn_ok(), 0);
    } else if (errno != EINPROGRESS && errno != EINTR) {
        icn_operation_queue(&port->queue, operation, icn_os_last_result(), 0);
    }
}

static ssize_t send_gathered(icn_os_socket socket, const iocpnet_iovec *pieces, uint32_t count)
{
    struct iovec vectors[ICN_PORT_PIECES_MAX];
    struct msghdr message = {.msg_iov = vectors};

    message.msg_iovlen = count < ICN_PORT_PIECES_MAX ? count : ICN_PORT_PIECES_MAX;
    for (size_t i = 0; i < message.msg_iovlen; ++i) {
        /* The system's vector is also for reading, hence without const; sending changes nothing. */
        vectors[i].iov_base = (void *)(uintptr_t)pieces[i].data;
        vectors[i].iov_len = (size_t)pieces[i].size;
    }
    return sendmsg((int)socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t send_one(icn_os_socket socket, const iocpnet_iovec *piece)
{
    return send((int)socket, piece->data, (size_t)piece->size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void icn_epoll_send(icn_epoll_port *port, icn_endpoint *endpoint, icn_operation *operation, const iocpnet_iovec *pieces,
                    uint32_t count)
{
    const ssize_t size =
        count == 1 ? send_one(endpoint->socket, pieces) : send_gathered(endpoint->socket, pieces, count);

    if (size >= 0) {
        icn_operation_queue(&port->queue, operation, icn_ok(), (uint32_t)size);
    } else if (errno == EINTR) {
        icn_operation_queue(&port->queue, operation, icn_ok(), 0);
    } else if (errno != EAGAIN) { /* else the edge of EPOLLOUT completes it */
        icn_operation_queue(&port->queue, operation, icn_os_last_result(), 0);
    }
}
