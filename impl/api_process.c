/* Exported: the version, names, and what belongs to the whole process. */
#include <stddef.h>

#include "api_support.h"
#include "base/status.h"
#include "os/thread.h"
#include "service/statistics.h"
#include "util/log.h"
#include "util/memory.h"

uint32_t IOCPNET_CALL iocpnet_version(void)
{
    return IOCPNET_VERSION;
}

const char *IOCPNET_CALL iocpnet_status_name(int32_t status)
{
    return icn_status_name(status);
}

const char *IOCPNET_CALL iocpnet_status_text(int32_t status)
{
    return icn_status_text(status);
}

const char *IOCPNET_CALL iocpnet_close_reason_name(uint32_t reason)
{
    return icn_close_reason_name(reason);
}

int32_t IOCPNET_CALL iocpnet_last_os_error(void)
{
    return icn_thread_last_os_error();
}

int32_t IOCPNET_CALL iocpnet_allocator_init(iocpnet_allocator *allocator, uint32_t size)
{
    iocpnet_allocator defaults = {0};
    return icn_api_status(icn_api_init(allocator, size, &defaults, sizeof defaults));
}

int32_t IOCPNET_CALL iocpnet_set_allocator(const iocpnet_allocator *allocator)
{
    if (allocator == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    iocpnet_allocator copy = {0};
    int32_t status = icn_api_read(allocator, &copy, sizeof copy);
    if (status != IOCPNET_OK) {
        return icn_api_status(status);
    }
    if (copy.allocate == NULL || copy.release == NULL || copy.reserved != 0 || copy.reserved_pointer != NULL) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    return icn_api_status(icn_memory_set_allocator(&copy));
}

int32_t IOCPNET_CALL iocpnet_set_log_callback(iocpnet_log_callback callback, int32_t level, void *user)
{
    if (level < IOCPNET_LOG_NONE || level > IOCPNET_LOG_DEBUG) {
        return icn_api_status(IOCPNET_E_INVALID_ARGUMENT);
    }
    return icn_api_status(icn_log_set_callback(callback, level, user));
}

int32_t IOCPNET_CALL iocpnet_count_live_objects(iocpnet_live_objects *counts, uint32_t size)
{
    int32_t status = icn_api_check_output(counts, size);
    if (status == IOCPNET_OK) {
        iocpnet_live_objects now;
        icn_count_live_objects(&now);
        icn_api_write(counts, size, &now, sizeof now);
    }
    return icn_api_status(status);
}
