/* What an error of accept tells. For the ports of Linux. Any thread. */
#ifndef ICN_OS_LINUX_ACCEPT_ERROR_H
#define ICN_OS_LINUX_ACCEPT_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* True when the error belongs to the connection that was waiting, which is gone then: the next one may be whole. */
bool icn_os_accept_error_is_of_one_connection(int32_t os_error);

#endif
