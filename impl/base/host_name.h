/* A host's name with a port, as a host gives it. Pure: no system call, the same on every platform. */
#ifndef ICN_BASE_HOST_NAME_H
#define ICN_BASE_HOST_NAME_H

#include <stdint.h>

/* Bytes of a name, with the final zero: 253, and a last dot that says that it is complete (RFC 1035). */
#define ICN_HOST_NAME_SIZE 255

/*
 * Reads "name:port", the port not 0. A name: labels of 1 to 63 bytes with dots between them, of letters, digits, '_', '-'
 * inside of a label, and UTF-8. Not one whose last label is a number: systems take "1.2.3" or "0x7f.1" for addresses, and
 * no two of them agree. Returns IOCPNET_OK, or IOCPNET_E_INVALID_ADDRESS with nothing stored that may be used.
 */
int32_t icn_host_name_parse(const char *text, char name[ICN_HOST_NAME_SIZE], uint16_t *port);

#endif
