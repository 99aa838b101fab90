/* Error codes of the system and ours. Any thread. */
#ifndef ICN_OS_ERROR_H
#define ICN_OS_ERROR_H

#include "base/result.h"

/* The result for a code of the system (errno, or a Winsock code); 0 gives IOCPNET_OK. */
icn_result icn_os_result(int32_t os_error);

/* The result for the code that the calling thread's last socket call left. Never IOCPNET_OK. */
icn_result icn_os_last_result(void);

#endif
