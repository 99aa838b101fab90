#include "os/linux/accept_error.h"

#include <errno.h>

/* Not EPERM, although accept(2) has it for a firewall: a security module gives it and leaves the connection waiting. */
bool icn_os_accept_error_is_of_one_connection(int32_t os_error)
{
    switch (os_error) {
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
