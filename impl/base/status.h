/* Names and texts of status codes and close reasons. Static storage; any thread. */
#ifndef ICN_BASE_STATUS_H
#define ICN_BASE_STATUS_H

#include <stdint.h>

/* "IOCPNET_E_WOULD_BLOCK"; "unknown status" for a number that is none. */
const char *icn_status_name(int32_t status);

/* An English sentence. */
const char *icn_status_text(int32_t status);

/* "peer closed"; "unknown" for a number that is none. */
const char *icn_close_reason_name(uint32_t reason);

/* "received"; "unknown" for a number that is none. */
const char *icn_event_name(uint32_t kind);

#endif
