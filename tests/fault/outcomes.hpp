/* What the documentation promises for each error of the system that a call of the library can have. Linux only. */
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "iocpnet.h"

namespace fault_test
{

struct Outcome {
    int error;
    int32_t status;
    uint32_t reason; /* of a session that the error ends */
};

inline const std::vector<Outcome> &outcomes()
{
    static const std::vector<Outcome> table = {
        {EMFILE, IOCPNET_E_NO_DESCRIPTORS, IOCPNET_CLOSE_NO_RESOURCES},
        {ENFILE, IOCPNET_E_NO_DESCRIPTORS, IOCPNET_CLOSE_NO_RESOURCES},
        {EAGAIN, IOCPNET_E_NO_MEMORY, IOCPNET_CLOSE_NO_RESOURCES},
        {ENOBUFS, IOCPNET_E_NO_MEMORY, IOCPNET_CLOSE_NO_RESOURCES},
        {ENOMEM, IOCPNET_E_NO_MEMORY, IOCPNET_CLOSE_NO_RESOURCES},
        {ENOSPC, IOCPNET_E_NO_MEMORY, IOCPNET_CLOSE_NO_RESOURCES},
        {EADDRINUSE, IOCPNET_E_ADDRESS_IN_USE, IOCPNET_CLOSE_ERROR},
        {EADDRNOTAVAIL, IOCPNET_E_ADDRESS_NOT_AVAILABLE, IOCPNET_CLOSE_ERROR},
        {ENODEV, IOCPNET_E_ADDRESS_NOT_AVAILABLE, IOCPNET_CLOSE_ERROR},
        {EACCES, IOCPNET_E_ACCESS_DENIED, IOCPNET_CLOSE_ERROR},
        {EPERM, IOCPNET_E_ACCESS_DENIED, IOCPNET_CLOSE_ERROR},
        {EAFNOSUPPORT, IOCPNET_E_NOT_SUPPORTED, IOCPNET_CLOSE_ERROR},
        {EOPNOTSUPP, IOCPNET_E_NOT_SUPPORTED, IOCPNET_CLOSE_ERROR},
        {EPROTONOSUPPORT, IOCPNET_E_NOT_SUPPORTED, IOCPNET_CLOSE_ERROR},
        {ECONNREFUSED, IOCPNET_E_CONNECTION_REFUSED, IOCPNET_CLOSE_RESET},
        {ECONNRESET, IOCPNET_E_CONNECTION_RESET, IOCPNET_CLOSE_RESET},
        {ENOTCONN, IOCPNET_E_CONNECTION_RESET, IOCPNET_CLOSE_RESET},
        {EPIPE, IOCPNET_E_CONNECTION_RESET, IOCPNET_CLOSE_RESET},
        {ECONNABORTED, IOCPNET_E_CONNECTION_ABORTED, IOCPNET_CLOSE_ABORTED},
        {ENETRESET, IOCPNET_E_CONNECTION_ABORTED, IOCPNET_CLOSE_ABORTED},
        {ENETDOWN, IOCPNET_E_NETWORK_UNREACHABLE, IOCPNET_CLOSE_ABORTED},
        {ENETUNREACH, IOCPNET_E_NETWORK_UNREACHABLE, IOCPNET_CLOSE_ABORTED},
        {EHOSTDOWN, IOCPNET_E_HOST_UNREACHABLE, IOCPNET_CLOSE_ABORTED},
        {EHOSTUNREACH, IOCPNET_E_HOST_UNREACHABLE, IOCPNET_CLOSE_ABORTED},
        {ETIMEDOUT, IOCPNET_E_TIMED_OUT, IOCPNET_CLOSE_ABORTED},
    };
    return table;
}

/* Errors without a status of their own are errors of the system. */
inline Outcome outcome_of(int error)
{
    const auto &table = outcomes();
    const auto row = std::find_if(table.begin(), table.end(), [=](const Outcome &each) { return each.error == error; });
    return row != table.end() ? *row : Outcome{error, IOCPNET_E_SYSTEM, IOCPNET_CLOSE_ERROR};
}

} // namespace fault_test
