/* What the outcome of a request on a completion port means. Pure. */
#ifndef ICN_PORT_IOCP_ERROR_H
#define ICN_PORT_IOCP_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"

/* The Winsock code for OVERLAPPED.Internal, an NTSTATUS; 0 for success. One that has none is its own code. */
int32_t icn_iocp_error(uintptr_t ntstatus);

/* The result of an operation that ended with a Winsock code. `cancelling`: its cancel was asked for, and may be the cause. */
icn_result icn_iocp_outcome(int32_t os_error, bool cancelling);

#endif
