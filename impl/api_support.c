#include "api_support.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "os/thread.h"

#define STRUCT_SIZE_MIN 8
#define STRUCT_SIZE_MAX 4096

int32_t icn_api_return(icn_result result)
{
    if (result.status < 0) {
        icn_thread_set_last_os_error(result.os_error);
    }
    return result.status;
}

int32_t icn_api_status(int32_t status)
{
    return icn_api_return(icn_failure(status));
}

static int32_t check_size(uint32_t size)
{
    bool valid = size >= STRUCT_SIZE_MIN && size <= STRUCT_SIZE_MAX && size % 8 == 0;
    return valid ? IOCPNET_OK : IOCPNET_E_INVALID_STRUCT_SIZE;
}

int32_t icn_api_init(void *target, uint32_t size, void *defaults, uint32_t known)
{
    int32_t status = icn_api_check_output(target, size);
    if (status == IOCPNET_OK) {
        /* Every such struct begins with its size. */
        memcpy(defaults, &size, sizeof size);
        icn_api_write(target, size, defaults, known);
    }
    return status;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

int32_t icn_api_read(const void *given, void *options, uint32_t known)
{
    if (given == NULL) {
        return IOCPNET_OK;
    }
    uint32_t size;
    memcpy(&size, given, sizeof size);
    if (check_size(size) != IOCPNET_OK) {
        return IOCPNET_E_INVALID_STRUCT_SIZE;
    }
    if (size > known && !is_zero((const uint8_t *)given + known, size - known)) {
        return IOCPNET_E_INVALID_STRUCT_SIZE;
    }
    memcpy(options, given, size < known ? size : known);
    return IOCPNET_OK;
}

int32_t icn_api_check_output(const void *target, uint32_t size)
{
    return target == NULL ? IOCPNET_E_INVALID_ARGUMENT : check_size(size);
}

void icn_api_write(void *target, uint32_t size, const void *source, uint32_t known)
{
    memcpy(target, source, size < known ? size : known);
    if (size > known) {
        memset((uint8_t *)target + known, 0, size - known);
    }
}

int32_t icn_api_write_text(char *target, uint32_t capacity, const char *text, uint32_t length)
{
    if (length < capacity) {
        memcpy(target, text, length);
        target[length] = 0;
    }
    return (int32_t)length;
}

static int compare_handles(const void *one, const void *other)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, one, sizeof a);
    memcpy(&b, other, sizeof b);
    return (a > b) - (a < b);
}

void icn_api_sort_handles(const uint64_t *handles, uint32_t count, uint64_t *sorted)
{
    if (count != 0) {
        memcpy(sorted, handles, count * sizeof sorted[0]);
        qsort(sorted, count, sizeof sorted[0], compare_handles);
    }
}
