#include "os/error.h"

#include <errno.h>

static int32_t status_of(int32_t os_error)
{
    switch (os_error) {
    case 0:
        return IOCPNET_OK;
    case EMFILE:
    case ENFILE:
        return IOCPNET_E_NO_DESCRIPTORS;
    case EAGAIN: /* pthread_create: the limit of threads; never seen as "would block", which no caller passes on */
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: /* epoll_ctl: the user's limit of watches */
        return IOCPNET_E_NO_MEMORY;
    case EADDRINUSE:
        return IOCPNET_E_ADDRESS_IN_USE;
    case EADDRNOTAVAIL:
    case ENODEV: /* bind: a scope without an interface */
        return IOCPNET_E_ADDRESS_NOT_AVAILABLE;
    case EACCES:
    case EPERM:
        return IOCPNET_E_ACCESS_DENIED;
    case EAFNOSUPPORT:
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
        return IOCPNET_E_NOT_SUPPORTED;
    case ECONNREFUSED:
        return IOCPNET_E_CONNECTION_REFUSED;
    case ECONNRESET:
    case ENOTCONN: /* a connection that was reset before it was looked at */
    case EPIPE:    /* sending after the reset was reported, or after FIN and RST */
        return IOCPNET_E_CONNECTION_RESET;
    case ECONNABORTED:
    case ENETRESET:
        return IOCPNET_E_CONNECTION_ABORTED;
    case ENETDOWN:
    case ENETUNREACH:
        return IOCPNET_E_NETWORK_UNREACHABLE;
    case EHOSTDOWN:
    case EHOSTUNREACH:
        return IOCPNET_E_HOST_UNREACHABLE;
    case ETIMEDOUT:
        return IOCPNET_E_TIMED_OUT;
    case ECANCELED:
        return IOCPNET_E_CANCELLED;
    default:
        return IOCPNET_E_SYSTEM;
    }
}

icn_result icn_os_result(int32_t os_error)
{
    return (icn_result){status_of(os_error), os_error};
}

icn_result icn_os_last_result(void)
{
    return errno != 0 ? icn_os_result(errno) : icn_failure(IOCPNET_E_SYSTEM);
}
