/* What the exported functions share: checking and translating. Any thread. */
#ifndef ICN_API_SUPPORT_H
#define ICN_API_SUPPORT_H

#include <stdint.h>

#include "base/result.h"

/* Remembers the system's code of a failure for iocpnet_last_os_error, and returns the status. */
int32_t icn_api_return(icn_result result);
int32_t icn_api_status(int32_t status);

/*
 * Structs carry their size, a multiple of 8, from 8 to 4,096 bytes.
 * init: copies `defaults` into a struct of `size` bytes of the caller, and stores its size.
 */
int32_t icn_api_init(void *target, uint32_t size, void *defaults, uint32_t known);

/* Reads a struct of the caller over `options`, which hold the defaults. `given`: NULL leaves them. */
int32_t icn_api_read(const void *given, void *options, uint32_t known);

/* Checks the caller's pointer and size for a struct that is to be filled; then fills it, with zeros behind what is known. */
int32_t icn_api_check_output(const void *target, uint32_t size);
void icn_api_write(void *target, uint32_t size, const void *source, uint32_t known);

/* Stores a text as iocpnet_listener_address does; returns its length. */
int32_t icn_api_write_text(char *target, uint32_t capacity, const char *text, uint32_t length);

/* Copies handles in ascending order. */
void icn_api_sort_handles(const uint64_t *handles, uint32_t count, uint64_t *sorted);

#endif
