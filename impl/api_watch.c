/* Exported: what a service tells of itself as text, and its last events. */
#include <stddef.h>

#include "api_support.h"
#include "base/utf8.h"
#include "service/dispatcher.h"
#include "service/metrics.h"
#include "service/statistics.h"
#include "util/handle.h"

#define NAME_BYTES_MAX 255

static bool name_is_valid(const char *name)
{
    size_t length;
    return name == NULL || (icn_utf8_prefix(name, NAME_BYTES_MAX, &length) == IOCPNET_OK && name[length] == 0);
}

int32_t IOCPNET_CALL iocpnet_service_metrics(iocpnet_service service, const char *name, char *text, uint32_t capacity)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t result = IOCPNET_E_INVALID_ARGUMENT;
    if ((text != NULL || capacity == 0) && name_is_valid(name)) {
        iocpnet_service_statistics now;
        icn_service_statistics(pinned, &now);
        result = (int32_t)icn_metrics_write(&now, name, text, capacity);
    }
    icn_handle_unpin(service);
    return icn_api_status(result);
}

int32_t IOCPNET_CALL iocpnet_service_trace(iocpnet_service service, uint32_t dispatcher, iocpnet_trace_record *records,
                                           uint32_t capacity)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t result = IOCPNET_E_INVALID_ARGUMENT;
    if (dispatcher < pinned->options.dispatcher_count && records != NULL && capacity >= 1 &&
        capacity <= IOCPNET_TRACE_RECORDS_MAX) {
        result = (int32_t)icn_trace_ring_read(&pinned->dispatchers[dispatcher].watch.trace, records, capacity);
    }
    icn_handle_unpin(service);
    return icn_api_status(result);
}
