/* UTF-8, as far as the library needs it. Pure. */
#ifndef ICN_BASE_UTF8_H
#define ICN_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Stores the length in bytes of the longest prefix of `text` that has at most `length_max` bytes and ends between two
 * characters. Reads no more than that. IOCPNET_E_INVALID_ARGUMENT when it is not well-formed UTF-8 (RFC 3629).
 */
int32_t icn_utf8_prefix(const char *text, size_t length_max, size_t *length);

#endif
