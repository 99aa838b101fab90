/* The outcome of something that the system may refuse: our status and the system's own code. */
#ifndef ICN_BASE_RESULT_H
#define ICN_BASE_RESULT_H

#include <stdint.h>

#include "iocpnet.h"

typedef struct icn_result {
    int32_t status;   /* IOCPNET_OK or IOCPNET_E_* */
    int32_t os_error; /* errno or WSAGetLastError; 0 when the failure is the library's own */
} icn_result;

static inline icn_result icn_ok(void)
{
    icn_result result = {IOCPNET_OK, 0};
    return result;
}

static inline icn_result icn_failure(int32_t status)
{
    icn_result result = {status, 0};
    return result;
}

#endif
